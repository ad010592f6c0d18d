"""The simulated national platform keeps to its contract."""

import hashlib
import json
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from infra.local import platform as simulated
from infra.local.keys import KeyPair
from infra.local.platform import Ledger, NotTaken, Platform

SERVICE_KEY = OKPKey.generate_key("Ed25519", {"kid": "exchange-1", "alg": "Ed25519", "use": "sig"})


def a_platform(folder: Path) -> Platform:
    pem = ECKey.generate_key("P-256").as_pem(private=True).decode()
    return Platform(Ledger(folder), KeyPair("platform-local", pem))


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [SERVICE_KEY.as_dict(private=False)]}))
    monkeypatch.setattr(simulated, "SERVICE_KEYS_FILE", keys)
    return a_platform(tmp_path / "platform")


def a_message(message_id: str = "msg_1", subject: str = "vch_1") -> bytes:
    message = {
        "message_id": message_id,
        "subject": subject,
        "sequence": 1,
        "event": "voucher.issued",
        "body": {},
        "occurred_at": "2026-11-23T08:00:00+08:00",
    }
    return json.dumps(message).encode()


def signed(raw: bytes, message_id: str = "msg_1", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "voucher-service",
        "aud": "national-platform",
        "iat": now,
        "exp": now + 60,
        "jti": message_id,
        "body_sha256": hashlib.sha256(raw).hexdigest(),
    } | changes
    return jwt.encode({"alg": "Ed25519", "kid": SERVICE_KEY.kid}, claims, SERVICE_KEY, algorithms=["Ed25519"])


def test_a_signed_message_is_taken_and_waits_for_its_acknowledgement(platform: Platform) -> None:
    raw = a_message()
    assert platform.receive(raw, signed(raw)) == {"status": "accepted", "message_id": "msg_1"}
    assert platform.ledger.pending() == ["msg_1"]


def test_a_repeat_is_told_and_not_recorded_again(platform: Platform) -> None:
    raw = a_message()
    platform.receive(raw, signed(raw))
    assert platform.receive(raw, signed(raw))["status"] == "repeat"
    assert len(platform.ledger.received) == 1


def test_repeats_are_known_after_a_restart(platform: Platform, tmp_path: Path) -> None:
    raw = a_message()
    platform.receive(raw, signed(raw))
    platform.ledger.settle(["msg_1"], "accepted")
    restarted = a_platform(tmp_path / "platform")
    assert restarted.receive(raw, signed(raw))["status"] == "repeat"
    assert restarted.ledger.pending() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"jti": "msg_2"},
        {"body_sha256": hashlib.sha256(b"other").hexdigest()},
        {"exp": int(time.time()) - 1},
        {"exp": int(time.time()) + 3600},
    ],
)
def test_a_wrong_claim_is_refused(platform: Platform, changes: dict[str, Any]) -> None:
    raw = a_message()
    with pytest.raises(NotTaken) as refused:
        platform.receive(raw, signed(raw, **changes))
    assert refused.value.status == HTTPStatus.UNAUTHORIZED
    assert platform.ledger.received == []


def test_a_message_without_signature_is_refused(platform: Platform) -> None:
    with pytest.raises(NotTaken) as refused:
        platform.receive(a_message(), "")
    assert refused.value.status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"null"])
def test_a_malformed_message_is_refused(platform: Platform, raw: bytes) -> None:
    with pytest.raises(NotTaken) as refused:
        platform.receive(raw, signed(raw))
    assert refused.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("reject", 422)])
def test_it_fails_on_demand(platform: Platform, mode: str, status: int) -> None:
    platform.mode = mode
    raw = a_message()
    with pytest.raises(NotTaken) as refused:
        platform.receive(raw, signed(raw))
    assert refused.value.status == status
