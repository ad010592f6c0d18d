"""An issuance batch by itself, without any table: who decides, what it is worth, when it has stalled."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.kernel.principal import Change, Role
from chalicelib.vouchers.batches.model import (
    INLINE_ROWS_MAX,
    IssuanceBatch,
    IssuanceBatchStatus,
    Tally,
    sum_of,
    why_not,
)

NOW = datetime(2026, 9, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_batch(status="proposed", **facts):
    known = {
        "id": "iss_a",
        "program_id": "prg_a",
        "import_id": "imp_a",
        "status": IssuanceBatchStatus(status),
        "proposed_by": "acc_jia",
        "proposed_at": NOW,
        "policy_version": 1,
        "eligible": 1,
    }
    return IssuanceBatch(**{**known, **facts})


@pytest.mark.parametrize(
    ("action", "batch", "who", "code"),
    [
        ("approve", a_batch(), "acc_yi", None),
        ("approve", a_batch(), "acc_jia", "self_approval"),
        ("reject", a_batch(), "acc_jia", "self_approval"),
        ("reject", a_batch(policy_version=None), "acc_yi", None),
        ("approve", a_batch(policy_version=None), "acc_yi", "batch_not_pinned"),
        ("approve", a_batch(eligible=0), "acc_yi", "nothing_to_issue"),
        ("reject", a_batch(eligible=0), "acc_yi", None),
        ("approve", a_batch("issuing"), "acc_yi", "wrong_state"),
        ("approve", a_batch(version=2), "acc_yi", "version_conflict"),
    ],
)
def test_a_batch_is_decided_on_by_another_than_who_proposed_it(action, batch, who, code):
    refusal = why_not(action, batch, {who}, version=1)
    assert (None if refusal is None else refusal.code) == code


def test_whoever_read_no_version_is_not_held_to_one():
    assert why_not("approve", a_batch(version=2), {"acc_yi"}) is None


def test_tallies_add_up_by_what_became_of_rows():
    one = Tally(issued=1, already_held=2, refused=3, reasons={"b": 1, "a": 2})
    assert sum_of([one, one, Tally()]) == Tally(issued=2, already_held=4, refused=6, reasons={"a": 4, "b": 2})
    assert list(sum_of([one]).reasons) == ["a", "b"]
    assert sum_of([]) == Tally(issued=0, already_held=0, refused=0, reasons={})


def test_it_is_worth_what_its_vouchers_are_worth():
    assert a_batch(eligible=3, face_value_fen=600_000).amount_fen == 1_800_000
    fresh = IssuanceBatch(
        id="iss_a",
        program_id="prg_a",
        import_id="imp_a",
        status=IssuanceBatchStatus.PROPOSED,
        proposed_by="acc_jia",
        proposed_at=NOW,
    )
    assert (fresh.eligible, fresh.refused, fresh.already_held, fresh.issued) == (0, 0, 0, 0)
    assert (fresh.face_value_fen, fresh.validity_months, fresh.chunks, fresh.version) == (0, 0, 0, 1)
    assert INLINE_ROWS_MAX == 5_000


def test_workers_are_asked_again_for_what_has_not_moved_in_a_quarter_of_an_hour():
    moved = Change(actor="x", role=Role.SYSTEM, action="a", request_id="r", at=NOW + 10 * MINUTE)
    for status in IssuanceBatchStatus:
        at_work = status.value in ("counting", "issuing")
        assert a_batch(status).has_stalled(NOW + 15 * MINUTE) is at_work
        assert a_batch(status).has_stalled(NOW + 14 * MINUTE) is False
        assert a_batch(status, last_change=moved).has_stalled(NOW + 24 * MINUTE) is False
        assert a_batch(status, last_change=moved).has_stalled(NOW + 25 * MINUTE) is at_work
