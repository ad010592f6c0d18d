"""A school's server is told what happens, on the deployed template: written from the words of /docs alone.

Nothing here knows the service: a server of the standard library, and Ed25519 of `cryptography`.
"""

import base64
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.jwk import ECKey

from infra.demo.client import Caller, Service
from tests.support.receiver import FakeReceiver

pytestmark = pytest.mark.cloud

Json = dict[str, Any]
CITY = "3402"
"""A city of which no other test's money or classes are."""
WAIT_SECONDS = 120.0
CLOCK_SECONDS = 300


def verified(keys: list[Json], message: Json, client_id: str) -> bool:
    """Check a message as /docs says: any of its signatures, its moment, and whom it is for."""
    headers = {name.lower(): value for name, value in message["headers"].items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + message["raw"]
    on_time = abs(time.time() - int(headers["webhook-timestamp"])) <= CLOCK_SECONDS
    return on_time and message["client_id"] == client_id and _is_signed(keys, headers, signed)


def _is_signed(keys: list[Json], headers: Json, signed: bytes) -> bool:
    for signature in headers["webhook-signature"].split(" "):
        version, _, encoded = signature.partition(",")
        for key in keys:
            raw = base64.b64decode(key["whpk"].removeprefix("whpk_"))
            try:
                Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(encoded), signed)
            except InvalidSignature:
                continue
            return bool(version == "v1a")
    return False


def staff_of(service: Service, role: str) -> tuple[Caller, Json]:
    account = next(
        one for one in service.stack["accounts"] if one["role"] == role and one["division"].startswith(CITY)
    )
    return service.staff(account["account"]), account


def told_program(school: Caller, clerk: Caller, events: list[str]) -> str:
    key = ECKey.generate_key("P-256").as_dict(private=False)
    wish = {
        "name": f"事件接收 {uuid.uuid4().hex[:6]}",
        "purpose": "接收本机构事件",
        "scopes": ["class.read"],
        "public_key": {**key, "kid": "2026", "alg": "ES256"},
        "webhook": {"url": "https://hooks.example.com/told", "events": events},
    }
    asked = school.post("/v1/clients", wish).wanted
    confirmed = clerk.post(f"/v1/clients/{asked['id']}/confirm", {"version": asked["version"]}).wanted
    assert confirmed["status"] == "active"
    return str(asked["id"])


def move(clerk: Caller, uscc: str, verb: str) -> None:
    version = clerk.get(f"/v1/institutions/{uscc}").wanted["version"]
    done = clerk.post(f"/v1/institutions/{uscc}/{verb}", {"version": version, "reason": "现场核查"})
    assert done.wanted["status"]


def until_taken(receiver: FakeReceiver, client_id: str, count: int) -> list[Json]:
    began = time.monotonic()
    while time.monotonic() - began < WAIT_SECONDS:
        taken = [message for message in receiver.taken if message["client_id"] == client_id]
        if len(taken) >= count:
            return taken
        time.sleep(0.2)
    raise AssertionError(f"{len(receiver.taken)} messages in {WAIT_SECONDS} s")


def test_a_schools_server_is_told_in_order_and_verifies_each_message(facts: Json) -> None:
    receiver = FakeReceiver(place=facts["webhook_receiver"])
    try:
        with Service(facts) as service:
            _told_in_order(service, receiver)
    finally:
        receiver.close()


def _told_in_order(service: Service, receiver: FakeReceiver) -> None:
    (school, account), (clerk, _) = staff_of(service, "institution"), staff_of(service, "clerk")
    uscc, began = account["institution"], datetime.now(UTC)
    client_id = told_program(school, clerk, ["institution.suspended", "institution.reinstated"])
    receiver.answers = [503]  # the first try is in vain: the same message comes again, and before the next
    move(clerk, uscc, "suspend")
    move(clerk, uscc, "reinstate")
    taken = until_taken(receiver, client_id, 2)
    assert [message["type"] for message in taken] == ["institution.suspended", "institution.reinstated"]
    assert [message["data"]["id"] for message in taken] == [uscc, uscc]
    assert taken[1]["data"]["version"] == taken[0]["data"]["version"] + 1
    assert datetime.fromisoformat(taken[0]["timestamp"]) >= began.replace(microsecond=0)
    assert receiver.asked >= len(taken) + 1
    keys = service.anyone().get("/v1/webhook-keys").wanted["keys"]
    for message in taken:
        assert message["path"] == "/told"
        assert verified(keys, message, client_id)
        assert not verified(keys, {**message, "raw": message["raw"].replace(b"34", b"35")}, client_id)
        assert not verified(keys, message, "cli_another"), "one that was handed on by another program"
    where = f"/v1/clients/{client_id}/webhook"
    shown = school.get(f"{where}/deliveries", state="acknowledged").wanted["items"]
    assert sorted(one["event"] for one in shown) == ["institution.reinstated", "institution.suspended"]
    version = school.get(f"/v1/clients/{client_id}").wanted["version"]
    over = school.post(f"/v1/clients/{client_id}/revoke", {"version": version, "reason": "测试结束"})
    assert over.wanted["status"] == "disabled"
