"""One call of a program's server: to a public address and nowhere else, by TLS, short, and never led on."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.aws.settings import ReceiverForbidden, read_settings
from chalicelib.exchange.model import WEBHOOK, Delivery, DeliveryState, Reception
from chalicelib.exchange.receivers import Receiver, Wire, is_public
from tests.support.receiver import FakeReceiver

HOST = "hooks.example.com"
URL = f"https://{HOST}/told"


def message() -> Delivery:
    return Delivery(
        subject="whk_a",
        sequence=1,
        message_id="msg_a-whk1",
        event="class.approved",
        area="cli_a",
        division="340111",
        occurred_at=datetime.now(UTC),
        state=DeliveryState.SENT,
        queue="",
        audience=WEBHOOK,
        body={"type": "class.approved", "timestamp": "", "data": {"id": "cls_a", "version": 3}},
    )


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's certificate for `HOST`, and whom a caller trusts then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, secret)
    return serving, ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def server(identity: tuple[ssl.SSLContext, ssl.SSLContext], cloud: Any) -> Iterator[FakeReceiver]:
    fake = FakeReceiver(identity[0])
    yield fake
    fake.close()


@pytest.fixture
def wire(identity: tuple[ssl.SSLContext, ssl.SSLContext], server: FakeReceiver) -> Wire:
    """The world outside, where the name leads to the test's server, and that counts as public."""
    return Wire(
        places_of=lambda _: ["127.0.0.1"],
        is_public=lambda _: True,
        trusted=lambda: identity[1],
        port=server.port,
    )


def test_a_message_is_posted_by_tls_to_the_name_that_was_confirmed(server: FakeReceiver, wire: Wire) -> None:
    assert Receiver(URL, wire).send(message()).reception is Reception.ACCEPTED
    (taken,) = server.taken
    assert (taken["path"], taken["headers"]["webhook-id"]) == ("/told", "msg_a-whk1")
    assert taken["headers"]["Host"].startswith(HOST)


def test_who_has_no_certificate_for_the_name_is_told_nothing(server: FakeReceiver, wire: Wire) -> None:
    other = Receiver("https://other.example.com/told", wire).send(message())
    assert (other.reception, other.failure) == (Reception.NOT_NOW, "tls_failed")
    strangers = replace(wire, trusted=ssl.create_default_context)
    assert Receiver(URL, strangers).send(message()).failure == "tls_failed"
    assert server.asked == 0


def test_a_name_that_leads_inside_is_not_called(server: FakeReceiver, wire: Wire) -> None:
    inside = replace(wire, is_public=is_public)
    answer = Receiver(URL, inside).send(message())
    assert (answer.reception, answer.failure) == (Reception.NOT_NOW, "address_not_public")
    both = replace(inside, places_of=lambda _: ["93.184.216.34", "169.254.169.254"])
    assert Receiver(URL, both).send(message()).failure == "address_not_public"
    assert (
        Receiver(URL, replace(inside, places_of=lambda _: [])).send(message()).failure == "address_not_public"
    )
    assert server.asked == 0


@pytest.mark.parametrize(
    "place",
    [
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "fd00::1",
        "64:ff9b::a9fe:a9fe",
        "::ffff:10.0.0.1",
        "hooks.example.com",
    ],
)
def test_addresses_that_are_nobodys_outside_are_not_public(place: str) -> None:
    assert not is_public(place)
    assert is_public(str(IPv4Address("93.184.216.34")))


def test_it_is_not_led_on(server: FakeReceiver, wire: Wire) -> None:
    server.always, server.location = 302, f"https://{HOST}/elsewhere"
    answer = Receiver(URL, wire).send(message())
    assert (answer.reception, answer.failure, server.asked) == (Reception.NOT_NOW, "status_302", 1)


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_whatever_is_no_success_is_tried_again(server: FakeReceiver, wire: Wire, status: int) -> None:
    server.always = status
    answer = Receiver(URL, wire).send(message())
    assert (answer.reception, answer.failure) == (Reception.NOT_NOW, f"status_{status}")


def test_who_is_slow_or_drips_is_not_waited_for(server: FakeReceiver, wire: Wire) -> None:
    server.drips = True
    began = time.monotonic()
    answer = Receiver(URL, replace(wire, seconds=0.5)).send(message())
    assert answer.reception is Reception.NOT_NOW
    assert time.monotonic() - began < 3
    server.drips, server.pause_seconds = False, 3.0
    began = time.monotonic()
    assert Receiver(URL, replace(wire, seconds=0.5)).send(message()).reception is Reception.NOT_NOW
    assert time.monotonic() - began < 2


def test_nobody_there_is_tried_again(wire: Wire, server: FakeReceiver) -> None:
    server.close()
    assert Receiver(URL, wire).send(message()).failure == "not_reached"


def test_only_where_there_is_no_outside_may_every_webhook_go_to_one_place() -> None:
    told = {"WEBHOOK_RECEIVER": "127.0.0.1:9"}
    assert read_settings({**told, "STAGE": "local"}).webhook_receiver == "127.0.0.1:9"
    with pytest.raises(ReceiverForbidden):
        read_settings({**told, "STAGE": "prod"})
