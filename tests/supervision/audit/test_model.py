from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.supervision.audit.model import (
    AuditRecord,
    ChainHead,
    changed,
    entry_of,
    follows,
    head_after,
    link,
)

AT = datetime(2026, 9, 1, 1, 0, 0, 123456, tzinfo=UTC)
EMPTY = ChainHead(chain="3401")
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def record(**facts: Any) -> AuditRecord:
    values: dict[str, Any] = {
        "subject": "vch_a",
        "entry": "00000001",
        "chain": "3401",
        "seq": 0,
        "table": "vouchers",
        "division": "340111",
        "at": AT,
        "actor": "acc_x",
        "role": "clerk",
        "action": "voucher.revoke",
        "request_id": "req_1",
        "reason": "why",
        "before": {"status": "issued"},
        "after": {"status": "revoked"},
    }
    return AuditRecord(**{**values, **facts})


def test_a_record_holds_the_digest_of_the_one_before_it() -> None:
    first = link(record(), EMPTY)
    second = link(record(entry="00000002"), head_after(first))
    assert (first.seq, second.seq) == (1, 2)
    assert follows(first, EMPTY)
    assert follows(second, head_after(first))
    assert not follows(second, EMPTY)


@pytest.mark.parametrize(
    "field", [name for name in AuditRecord.__struct_fields__ if name not in ("seq", "hash")]
)
def test_no_fact_of_a_record_can_be_altered(field: str) -> None:
    linked = link(record(), EMPTY)
    value = getattr(linked, field)
    other: Any = {"x": 1} if isinstance(value, dict) else f"{value}x"
    if isinstance(value, datetime):
        other = value.replace(microsecond=0)
    assert not follows(msgspec.structs.replace(linked, **{field: other}), EMPTY)


@given(plain_json)
def test_a_record_read_back_from_the_table_still_holds(value: Any) -> None:
    linked = link(record(after={"field": value}), EMPTY)
    stored = msgspec.json.decode(msgspec.json.encode(linked), type=AuditRecord)
    assert follows(stored, EMPTY)


def test_only_what_changed_is_kept_and_secrets_are_not() -> None:
    before = {
        "status": "issued",
        "same": 1,
        "sealed_name": "v1.a",
        "name_digest": "d1",
        "op_id": "o1",
        "version": 1,
        "last_change": {"actor": "x"},
        "password_hash": "h1",
        "trainers": [{"name": "张*", "sealed": "v1.x"}],
        "digest": "of a file",
    }
    after = {
        **before,
        "status": "claimed",
        "sealed_name": "v1.b",
        "name_digest": "d2",
        "op_id": "o2",
        "version": 2,
        "password_hash": "h2",
        "trainers": [{"name": "李*", "sealed": "v1.y"}],
        "claimed_at": AT,
        "valid_through": date(2027, 9, 1),
        "redeem_nonce": "n",
        "digest": "of another",
    }
    assert changed(before, after) == (
        {
            "digest": "of a file",
            "name_digest": "***",
            "sealed_name": "***",
            "status": "issued",
            "trainers": [{"name": "张*", "sealed": "***"}],
        },
        {
            "claimed_at": "2026-09-01T09:00:00.123456+08:00",
            "digest": "of another",
            "name_digest": "***",
            "redeem_nonce": "***",
            "sealed_name": "***",
            "status": "claimed",
            "trainers": [{"name": "李*", "sealed": "***"}],
            "valid_through": "2027-09-01",
        },
    )


def test_what_is_too_large_is_named_by_its_digest() -> None:
    _, after = changed(None, {"lessons": ["x" * 100] * 1000})
    assert after["lessons"]["bytes"] > 100_000
    assert len(after["lessons"]["sha256"]) == 64


def test_entries_stand_in_the_order_of_their_versions() -> None:
    entries = [entry_of("", version, "9") for version in (1, 2, 10, 100)]
    assert entries == sorted(entries)
    assert entry_of("plan", 1, "9") != entry_of("head", 1, "9")
    assert entry_of("", None, "8") != entry_of("", None, "9")
