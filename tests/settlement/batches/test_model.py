"""The states of a batch, without any table."""

from datetime import UTC, datetime

import msgspec
import pytest

from chalicelib.kernel.errors import Refused
from chalicelib.settlement.batches.model import (
    BATCH_LINES_MAX,
    BATCH_TRANSITIONS,
    Batch,
    BatchStatus,
    Member,
    batch_after,
    batch_id_of,
    batch_without,
    next_batch,
    status_after,
    why_not,
)
from chalicelib.settlement.set_off.model import DebtPart

CELLS = {
    "seal": {"sealing": "sealed"},
    "export": {"sealed": "exported"},
    "empty": {"sealed": "closed"},
    "reconcile": {"exported": "reconciled"},
    "close": {"exported": "closed", "reconciled": "closed"},
    "reopen": {"closed": "reconciled"},
}


@pytest.mark.parametrize("action", sorted(BATCH_TRANSITIONS.steps))
@pytest.mark.parametrize("state", list(BatchStatus))
def test_each_batch_action_is_lawful_in_its_states_only(action: str, state: BatchStatus) -> None:
    expected = CELLS[action].get(state.value)
    if expected is None:
        with pytest.raises(Refused):
            BATCH_TRANSITIONS.require(action, state)
    else:
        assert BATCH_TRANSITIONS.require(action, state) == expected


def batch(status: BatchStatus, *, results: int = 0, paid: int = 0) -> Batch:
    return Batch(
        id=batch_id_of("3401", 1),
        division="3401",
        number=1,
        status=status,
        opened_at=datetime(2026, 9, 1, tzinfo=UTC),
        line_count=3,
        result_count=results,
        paid_count=paid,
    )


@pytest.mark.parametrize(
    ("status", "known", "more", "after"),
    [
        ("exported", (0, 0), (2, 2), "exported"),
        ("exported", (0, 0), (3, 2), "reconciled"),
        ("exported", (0, 0), (3, 3), "closed"),
        ("exported", (2, 2), (1, 0), "reconciled"),
        ("reconciled", (3, 2), (0, 1), "closed"),
        ("reconciled", (3, 1), (0, 1), "reconciled"),
    ],
)
def test_a_batch_is_reconciled_with_every_result_and_closed_with_every_payment(
    status: str, known: tuple[int, int], more: tuple[int, int], after: str
) -> None:
    before = batch(BatchStatus(status), results=known[0], paid=known[1])
    assert status_after(before, results=more[0], paid=more[1]) == after
    moved = batch_after(before, results=more[0], paid=more[1])
    assert (moved.result_count, moved.paid_count) == (known[0] + more[0], known[1] + more[1])
    assert (moved.withdrawn_count, moved.version) == (0, before.version + 1)


def test_a_batch_is_known_by_its_division_and_number() -> None:
    assert batch_id_of("3401", 1) == batch_id_of("3401", 1)
    assert len({batch_id_of("3401", 1), batch_id_of("3401", 2), batch_id_of("3402", 1)}) == 3


def test_a_batch_whose_payment_came_back_is_open_again_and_one_that_lost_lines_is_closed() -> None:
    closed = msgspec.structs.replace(batch(BatchStatus.CLOSED, results=3, paid=3), withdrawn_count=0)
    assert status_after(closed, results=0, paid=-1) == "reconciled"
    assert status_after(closed, results=0, paid=0) == "closed"
    rest = batch(BatchStatus.RECONCILED, results=3, paid=2)
    assert status_after(rest, results=0, paid=0, withdrawn=1) == "closed"
    moved = batch_after(rest, withdrawn=1)
    assert (moved.withdrawn_count, moved.paid_count, moved.result_count) == (1, 2, 3)
    assert batch_after(moved, withdrawn=1).withdrawn_count == 2
    assert status_after(msgspec.structs.replace(rest, withdrawn_count=1), results=0, paid=0) == "closed"
    assert status_after(batch(BatchStatus.SEALED, results=3, paid=3), results=0, paid=0) == "sealed"


def test_lines_that_are_taken_out_take_their_money_with_them_and_the_file_is_written_anew() -> None:
    whole = msgspec.structs.replace(
        batch(BatchStatus.SEALED), amount_fen=300, digest="d", workbook_digest="w", version=4
    )
    left = batch_without(whole, count=2, amount_fen=200)
    assert (left.status, left.line_count, left.amount_fen, left.version) == (BatchStatus.SEALED, 1, 100, 5)
    assert (left.digest, left.workbook_digest) == (None, None)
    empty = batch_without(left, count=1, amount_fen=100)
    assert (empty.status, empty.line_count, empty.amount_fen) == (BatchStatus.CLOSED, 0, 0)


@pytest.mark.parametrize("own_work", [False, True])
@pytest.mark.parametrize(
    ("action", "refusals"),
    [
        ("export", {"sealing": "wrong_state"}),
        ("results", {"sealing": "not_exported", "sealed": "not_exported"}),
    ],
)
def test_a_batch_is_exported_once_sealed_and_answered_once_exported(
    action: str, refusals: dict[str, str], *, own_work: bool
) -> None:
    for status in BatchStatus:
        refusal = why_not(action, batch(status), own_work=own_work)
        expected = refusals.get(status.value) or ("self_approval" if own_work else None)
        assert (None if refusal is None else refusal.code) == expected, status


def test_a_batch_that_lost_every_line_has_no_file() -> None:
    empty = msgspec.structs.replace(batch(BatchStatus.CLOSED), line_count=0)
    refusal = why_not("export", empty, own_work=False)
    assert refusal is not None
    assert refusal.code == "hold_open"
    assert why_not("results", empty, own_work=False) is None
    assert (
        why_not("export", msgspec.structs.replace(empty, status=BatchStatus.SEALED), own_work=False) is None
    )


def test_the_next_batch_is_empty_and_not_stored() -> None:
    now = datetime(2026, 9, 2, tzinfo=UTC)
    fresh = next_batch("3401", after=0, now=now)
    assert fresh == msgspec.structs.replace(
        batch(BatchStatus.SEALING), opened_at=now, line_count=0, version=0
    )
    assert (fresh.chunks, fresh.amount_fen, fresh.result_count, fresh.paid_count) == (0, 0, 0, 0)
    assert (fresh.withdrawn_count, fresh.number, next_batch("3401", after=7, now=now).number) == (0, 1, 8)
    assert BATCH_LINES_MAX == 5_000
    assert batch(BatchStatus.SEALED).version == 1


def test_what_is_settled_for_a_line_is_what_the_bank_pays_and_what_is_set_off() -> None:
    parts = [DebtPart("lin_b-01", 30), DebtPart("lin_c-01", 20)]  # type: ignore[arg-type]
    member = Member("lin_a-01", "enr_a", "vch_a", "x", "prg_a", 2026, 50, set_offs=parts)  # type: ignore[arg-type]
    assert member.whole_fen == 100
