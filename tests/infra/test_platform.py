"""The simulated national platform keeps to its contract, and knows nothing of the service but that."""

import hashlib
import json
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, OKPKey

from infra.local.platform.ledger import Ledger
from infra.local.platform.rules import LineCut, NotTaken, Platform

SERVICE_KEY = OKPKey.generate_key("Ed25519", {"kid": "exchange-1", "alg": "Ed25519", "use": "sig"})
SIGNING = ECKey.generate_key("P-256", {"kid": "platform-1", "alg": "ES256", "use": "sig"})
OPENING = ECKey.generate_key("P-256", {"kid": "platform-2", "use": "enc"})
BODY = {
    "id": "vch_1",
    "program_id": "prg_a",
    "person_key": "prs_a",
    "division": "340111",
    "status": "issued",
    "face_value_fen": 600_000,
    "issued_at": "2026-09-01T09:00:00+08:00",
    "expires_at": "2027-09-02T00:00:00+08:00",
    "valid_through": "2027-09-01",
}


def a_platform(folder: Path) -> Platform:
    keys = {"keys": [SERVICE_KEY.as_dict(private=False)]}
    return Platform(
        Ledger(folder), signing=SIGNING, opening=OPENING, service_keys=lambda: keys, slow_seconds=0
    )


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return a_platform(tmp_path / "platform")


def a_message(sequence: int = 1, subject: str = "vch_1", **body: Any) -> bytes:
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": OPENING.kid}
    plain = json.dumps({**BODY, "id": subject, **body}).encode()
    message = {
        "message_id": f"msg_{subject}_{sequence}",
        "subject": subject,
        "sequence": sequence,
        "event": "voucher.issued",
        "form": "voucher.1",
        "sealed_body": jwe.encrypt_compact(header, plain, OPENING, algorithms=["ECDH-ES+A256KW", "A256GCM"]),
        "occurred_at": "2026-11-23T08:00:00+08:00",
        "told_at": "2026-11-23T08:00:01+08:00",
    }
    return json.dumps(message).encode()


def signed(raw: bytes, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "voucher-service",
        "aud": "national-platform",
        "iat": now,
        "exp": now + 60,
        "jti": json.loads(raw)["message_id"] if raw.startswith(b'{"m') else "x",
        "method": "POST",
        "path": "/messages",
        "query": {},
        "body_sha256": hashlib.sha256(raw).hexdigest(),
    } | changes
    return jwt.encode({"alg": "Ed25519", "kid": SERVICE_KEY.kid}, claims, SERVICE_KEY, algorithms=["Ed25519"])


def sent(platform: Platform, raw: bytes) -> str:
    return platform.receive(raw, signed(raw))["status"]


def told(platform: Platform) -> list[tuple[str, str]]:
    words = platform.words()
    for batch in words:
        platform.told(batch)
    return [(word["message_id"], word["outcome"]) for batch in words for word in batch]


def test_it_imports_nothing_of_the_services_own_program() -> None:
    code = "import sys, infra.local.platform.__main__; print([n for n in sys.modules if 'chalice' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_signed_message_is_opened_and_waits_for_its_word(platform: Platform) -> None:
    assert sent(platform, a_message()) == "accepted"
    assert platform.ledger.received[0]["body"] == BODY
    assert "sealed_body" not in platform.ledger.received[0]
    assert told(platform) == [("msg_vch_1_1", "accepted")]
    assert told(platform) == []
    assert platform.ledger.history == {"vch_1": [1]}


def test_a_repeat_is_told_again_and_not_recorded_again(platform: Platform) -> None:
    raw = a_message()
    sent(platform, raw)
    told(platform)
    assert sent(platform, a_message()) == "repeat"
    assert len(platform.ledger.received) == 1
    assert told(platform) == [("msg_vch_1_1", "accepted")]


def test_what_came_is_known_after_a_restart(platform: Platform, tmp_path: Path) -> None:
    sent(platform, a_message())
    told(platform)
    restarted = a_platform(tmp_path / "platform")
    assert sent(restarted, a_message()) == "repeat"
    assert restarted.figures()["figures"] == platform.figures()["figures"] != []


def test_what_comes_after_a_later_number_is_named(platform: Platform) -> None:
    sent(platform, a_message(2))
    told(platform)
    sent(platform, a_message(1))
    told(platform)
    assert platform.state()["disorder"] == ["msg_vch_1_1"]
    assert platform.ledger.subjects["vch_1"]["sequence"] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"jti": "msg_2"},
        {"method": "GET"},
        {"path": "/vouchers"},
        {"query": {"division": "3401"}},
        {"query": None},
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


def test_a_body_that_is_not_of_its_form_is_refused_with_where(platform: Platform) -> None:
    raw = a_message(status="lost")
    with pytest.raises(NotTaken) as refused:
        platform.receive(raw, signed(raw))
    assert (refused.value.status, refused.value.code[:8]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "$.status")


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("500", 500), ("reject", 422)])
def test_it_fails_on_demand(platform: Platform, mode: str, status: int) -> None:
    platform.mode = mode
    raw = a_message()
    with pytest.raises(NotTaken) as refused:
        platform.receive(raw, signed(raw))
    assert refused.value.status == status


def test_it_hangs_up_before_or_after_it_took_a_message(platform: Platform) -> None:
    platform.mode = "drop"
    for number in range(40):
        with pytest.raises(LineCut):
            sent(platform, a_message(subject=f"vch_{number}"))
    assert 0 < len(platform.ledger.received) < 40


def test_it_forgets_and_refuses_a_share(platform: Platform) -> None:
    platform.mode = "forget"
    assert {sent(platform, a_message(subject=f"vch_{number}")) for number in range(40)} == {"accepted"}
    taken = len(platform.ledger.received)
    assert 0 < taken < 40
    platform.mode = "refuse_some"
    for number in range(40, 80):
        sent(platform, a_message(subject=f"vch_{number}"))
    words = [word for batch in platform.words() for word in batch]
    refused = [word for word in words if word["outcome"] == "refused"]
    assert 0 < len(refused) < len(words) - taken
    assert all(word["reason"] for word in refused)
    platform.mode = "ok"
    name = refused[0]["message_id"]
    platform.told(words)
    assert sent(platform, a_message(subject=name.split("msg_")[1].rpartition("_")[0])) == "accepted"
    assert told(platform) == [(name, "accepted")]


def test_it_tells_a_word_twice_or_late(platform: Platform) -> None:
    platform.mode = "duplicate_acks"
    sent(platform, a_message())
    assert told(platform) == [("msg_vch_1_1", "accepted")] * 2
    platform.mode = "late_acks"
    for number in range(40):
        sent(platform, a_message(subject=f"vch_{number}x"))
    assert 0 < len(told(platform)) < 40


def test_it_counts_by_itself(platform: Platform) -> None:
    for number in range(3):
        sent(platform, a_message(subject=f"vch_{number}"))
    sent(platform, a_message(2, subject="vch_0", status="settled", paid_fen=5))
    told(platform)
    figures = {(f["division"], f["status"]): f for f in platform.figures()["figures"]}
    assert figures["340111", "issued"]["count"] == 2
    assert figures["340111", "settled"] == {
        "division": "340111",
        "status": "settled",
        "count": 1,
        "face_value_fen": 600_000,
        "paid_fen": 5,
        "reversed_fen": 0,
    }
    held = platform.vouchers("340111", "vch_0")
    assert [(voucher["id"], voucher["sequence"]) for voucher in held["vouchers"]] == [
        ("vch_1", 1),
        ("vch_2", 1),
    ]
    platform.ledger.forget_subject("vch_1")
    assert [voucher["id"] for voucher in platform.vouchers("340111", "")["vouchers"]] == ["vch_0", "vch_2"]
