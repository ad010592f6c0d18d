"""Claims and lines without any table: their states, ids, and what stands against a step."""

from typing import Any

import pytest

from chalicelib.kernel.errors import Refused
from chalicelib.subsidies.claims.model import (
    CLAIM_TRANSITIONS,
    LINE_TRANSITIONS,
    claim_id_of,
    claim_of_line,
    class_of_line,
    line_id_of,
)
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus

CLAIM_CELLS = {
    "submit": {"returned": "submitted"},
    "review": {"submitted": "reviewed"},
    "approve": {"reviewed": "approved"},
    "publicise": {"approved": "publicised"},
    "open_payment": {"publicised": "payable", "payable": "payable"},
    "batch": {"publicised": "batched", "payable": "batched"},
    "take_out": {"payable": "payable", "batched": "payable"},
    "pay": {"batched": "paid"},
    "unpay": {"paid": "batched"},
    "withdraw_approval": {"publicised": "reviewed"},
    "return": {"submitted": "returned", "reviewed": "returned"},
    "uphold_objection": {"submitted": "returned", "reviewed": "returned", "publicised": "returned"},
    "give_up": {
        "submitted": "rejected",
        "reviewed": "rejected",
        "returned": "rejected",
        "publicised": "rejected",
        "payable": "rejected",
        "batched": "rejected",
    },
    "reject": {"submitted": "rejected", "reviewed": "rejected", "returned": "rejected"},
}
LINE_CELLS = {
    "hold": {"pending": "held"},
    "lift": {"held": "pending"},
    "reject": {"pending": "rejected", "held": "rejected"},
    "restore": {"rejected": "pending"},
    "drop": {"pending": "rejected", "held": "rejected", "payment_failed": "rejected"},
    "batch": {"pending": "batched", "payment_failed": "batched"},
    "take_out": {"batched": "held"},
    "pay": {"batched": "paid"},
    "fail": {"batched": "payment_failed"},
    "correct_to_paid": {"payment_failed": "paid"},
    "pay_back": {"paid": "payment_failed"},
    "reverse": {"paid": "reversed"},
}


@pytest.mark.parametrize("action", sorted(CLAIM_TRANSITIONS.steps))
@pytest.mark.parametrize("state", list(ClaimStatus))
def test_each_claim_action_is_lawful_in_its_states_only(action: str, state: ClaimStatus) -> None:
    check_cell(CLAIM_TRANSITIONS, CLAIM_CELLS, action, state)


@pytest.mark.parametrize("action", sorted(LINE_TRANSITIONS.steps))
@pytest.mark.parametrize("state", list(LineStatus))
def test_each_line_action_is_lawful_in_its_states_only(action: str, state: LineStatus) -> None:
    check_cell(LINE_TRANSITIONS, LINE_CELLS, action, state)


def check_cell(table: Any, cells: dict[str, dict[str, str]], action: str, state: Any) -> None:
    expected = cells[action].get(state.value)
    if expected is None:
        with pytest.raises(Refused):
            table.require(action, state)
    else:
        assert table.require(action, state) == expected


def test_ids_of_claims_lines_and_classes_lead_to_each_other() -> None:
    claim_id = claim_id_of("cls_abcd")
    line_id = line_id_of(claim_id, 7)
    assert (claim_id, line_id) == ("clm_abcd", "lin_abcd-07")
    assert claim_of_line(line_id) == claim_id
    assert class_of_line(line_id) == "cls_abcd"
    assert claim_of_line("nonsense") == ""
