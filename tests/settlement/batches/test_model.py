"""The states of a batch, without any table."""

from datetime import UTC, datetime

import pytest

from chalicelib.kernel.errors import Refused
from chalicelib.settlement.batches.model import (
    BATCH_TRANSITIONS,
    Batch,
    BatchStatus,
    batch_after,
    batch_id_of,
    status_after,
)

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
    assert moved.version == before.version + 1


def test_a_batch_is_known_by_its_division_and_number() -> None:
    assert batch_id_of("3401", 1) == batch_id_of("3401", 1)
    assert len({batch_id_of("3401", 1), batch_id_of("3401", 2), batch_id_of("3402", 1)}) == 3
