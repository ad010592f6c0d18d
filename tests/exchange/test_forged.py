"""Inbound messages: forged, stale, replayed or altered ones change nothing.

`FORGERIES` says how many are tried: 10000 were, for the decision.
"""

import base64
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from chalicelib.accounts.guard import RequestGuard
from chalicelib.exchange import jobs, store
from chalicelib.exchange.model import message_id_of
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import system_context
from chalicelib.kernel.targets import Target
from tests.support import keys
from tests.support.depth import size_of
from tests.support.streams import NOW, handed_over, stream_event, voucher_changes

FORGERIES = size_of("FORGERIES", usual=300, full=1_000)
Forged = tuple[bytes, str]
STRANGER = ECKey.generate_key("P-256", {"kid": "platform-1", "alg": "ES256", "use": "sig"})


def a_body(outcome: str = "accepted") -> bytes:
    return json.dumps({"items": [{"message_id": message_id_of("vch_aaaa", 1), "outcome": outcome}]}).encode()


def _flip(chance: random.Random, raw: bytes) -> bytes:
    place = chance.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ (1 << chance.randrange(8))]) + raw[place + 1 :]


HERE = Target("POST", keys.ACKNOWLEDGEMENTS, {})


def _other_body(chance: random.Random) -> Forged:
    raw = a_body()
    return _flip(chance, raw), keys.signed_by_platform(raw)


def _other_signature(chance: random.Random) -> Forged:
    raw = a_body()
    head, claims, signature = keys.signed_by_platform(raw).split(".")
    bits = _flip(chance, base64.urlsafe_b64decode(signature + "=="))
    return raw, f"{head}.{claims}.{base64.urlsafe_b64encode(bits).decode().rstrip('=')}"


def _other_claims(chance: random.Random) -> Forged:
    raw = a_body()
    head, claims, signature = keys.signed_by_platform(raw).split(".")
    known = json.loads(base64.urlsafe_b64decode(claims + "=="))
    name = chance.choice(sorted(known))
    known[name] = chance.choice([None, "", 0, "x", [], {}, 10**12, -1])
    told = base64.urlsafe_b64encode(json.dumps(known).encode()).decode().rstrip("=")
    return raw, f"{head}.{told}.{signature}"


def _wrong_claims(chance: random.Random) -> Forged:
    raw, now = a_body(), int(time.time())
    wrong: dict[str, Any] = chance.choice(
        [
            {"iss": "voucher-service"},
            {"iss": "https://card.example"},
            {"aud": "national-platform"},
            {"aud": ["voucher-service"]},
            {"exp": now - chance.randrange(1, 10**6)},
            {"exp": now + chance.randrange(301, 10**6)},
            {"iat": now - 10_000},
            {"nbf": now + chance.randrange(60, 10**6)},
            {"body_sha256": None},
            {"method": "GET"},
            {"method": None},
            {"path": "/v1/exchange/check-ins"},
            {"path": "/v1/exchange/acknowledgements/"},
            {"path": None},
            {"query": {"a": "b"}},
            {"query": ""},
            {"query": None},
            {"body_sha256": ""},
            {"exp": None},
            {"exp": float("inf")},
        ]
    )
    return raw, keys.signed_by_platform(raw, **wrong)


def _stranger(_: random.Random) -> Forged:
    raw = a_body()
    claims = json.loads(base64.urlsafe_b64decode(keys.signed_by_platform(raw).split(".")[1] + "=="))
    return raw, jwt.encode({"alg": "ES256", "kid": "platform-1"}, claims, STRANGER, algorithms=["ES256"])


def _other_key(chance: random.Random) -> Forged:
    """Signed by a key that is ours, or the card's, or the one for sealing."""
    raw = a_body()
    claims = json.loads(base64.urlsafe_b64decode(keys.signed_by_platform(raw).split(".")[1] + "=="))
    key = chance.choice([keys.CARD_KEY, keys.SEALING_KEY])
    signing = ECKey.import_key(key.as_dict(private=True) | {"use": "sig", "alg": "ES256"})
    kid = chance.choice([key.kid, "platform-1"])
    return raw, jwt.encode({"alg": "ES256", "kid": kid}, claims, signing, algorithms=["ES256"])


def _other_algorithm(chance: random.Random) -> Forged:
    raw = a_body()
    _, claims, _ = keys.signed_by_platform(raw).split(".")
    if chance.random() < 0.5:
        head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"platform-1"}').decode().rstrip("=")
        return raw, f"{head}.{claims}."
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    secret = OctKey.import_key(json.dumps(keys.PLATFORM_KEY.as_dict(private=False)))
    return raw, jwt.encode({"alg": "HS256", "kid": "platform-1"}, told, secret, algorithms=["HS256"])


def _rubbish(chance: random.Random) -> Forged:
    size = chance.randrange(0, 400)
    return a_body(), "".join(chance.choice("abc.{}-_=\"' é") for _ in range(size)).encode(
        "ascii", "ignore"
    ).decode()


WAYS: tuple[Callable[[random.Random], Forged], ...] = (
    _other_body,
    _other_signature,
    _other_claims,
    _wrong_claims,
    _stranger,
    _other_key,
    _other_algorithm,
    _rubbish,
)


def test_no_forged_message_is_taken_for_the_platforms(cloud: Any) -> None:
    chance, guard = random.Random(20), RequestGuard()
    taken: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for number in range(FORGERIES):
        way = WAYS[number % len(WAYS)]
        raw, signature = way(chance)
        try:
            guard.authenticate({"x-message-signature": signature}, raw, target=HERE)
        except DomainError as refused:
            told[refused.code] += 1
        else:
            taken[way.__name__] += 1
    assert not taken
    assert set(told) <= {"unauthenticated", "signature_invalid", "token_stale"}
    raw = a_body()
    headers = {"x-message-signature": keys.signed_by_platform(raw)}
    assert guard.authenticate(headers, raw, target=HERE).actor == "platform:national", "the right one passes"


def test_a_message_passes_once_however_it_is_sent_again(cloud: Any) -> None:
    guard, chance = RequestGuard(), random.Random(21)
    for _ in range(FORGERIES // 20):
        raw = a_body()
        signature = keys.signed_by_platform(raw)
        guard.authenticate({"x-message-signature": signature}, raw, target=HERE)
        copies = [signature]
        head, claims, signed = signature.split(".")
        bits = base64.urlsafe_b64decode(signed + "==")
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        second = (order - int.from_bytes(bits[32:])).to_bytes(32)  # the other right signature of the same
        copies.append(f"{head}.{claims}.{base64.urlsafe_b64encode(bits[:32] + second).decode().rstrip('=')}")
        for copy in chance.sample(copies, len(copies)):
            with pytest.raises(DomainError) as refused:
                guard.authenticate({"x-message-signature": copy}, raw, target=HERE)
            assert refused.value.code == "message_replayed"


def test_a_message_whose_mark_was_written_and_not_heard_of_is_no_replay(
    cloud: Any, lose_answers: Any
) -> None:
    raw = a_body()
    lose_answers(1)
    RequestGuard().authenticate({"x-message-signature": keys.signed_by_platform(raw)}, raw, target=HERE)


def test_over_http_a_forged_word_changes_nothing_and_a_replay_is_told_to_be_signed_anew(
    api: Any, cloud: Any
) -> None:
    context = system_context("exchange", now=NOW, request_id="req_test")
    jobs.return_changes(stream_event(*voucher_changes()), context)
    handed_over("vch_aaaa", 1)
    chance, path = random.Random(22), "/v1/exchange/acknowledgements"
    for way in WAYS * 3:
        raw, signature = way(chance)
        answer = api().post(path, raw=raw, headers={"X-Message-Signature": signature})
        assert answer.status == 401, (way, answer.text)
    assert [delivery.state.value for delivery in store.deliveries_of("vch_aaaa")] == ["sent"]
    raw = a_body()
    headers = {"X-Message-Signature": keys.signed_by_platform(raw)}
    assert api().post(path, raw=raw, headers=headers).json["applied"] == 1
    again = api().post(path, raw=raw, headers=headers)
    assert (again.status, again.json["code"]) == (401, "message_replayed")
    anew = {"X-Message-Signature": keys.signed_by_platform(raw)}
    assert api().post(path, raw=raw, headers=anew).json["applied"] == 1, "signed anew, a repeat is harmless"
    elsewhere = {"X-Message-Signature": keys.signed_by_platform(raw)}
    led = api().post("/v1/exchange/check-ins", raw=raw, headers=elsewhere)
    assert (led.status, led.json["code"]) == (401, "signature_invalid"), "it is good for its own call alone"
    asked = api().post(f"{path}?a=b", raw=raw, headers=elsewhere)
    assert (asked.status, asked.json["code"]) == (401, "signature_invalid")
    own = {"X-Message-Signature": keys.signed_by_platform(raw, "/v1/exchange/check-ins")}
    assert api().post("/v1/exchange/check-ins", raw=raw, headers=own).status == 400
