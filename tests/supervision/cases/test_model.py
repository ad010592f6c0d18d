"""Who takes a case up, and from whom."""

from datetime import UTC, datetime

import pytest

from chalicelib.kernel.principal import Principal, Role
from chalicelib.supervision.cases.model import CaseStatus, RiskCase, why_not
from chalicelib.supervision.records.model import FindingKind, Severity

UNDER_REVIEW = RiskCase(
    id="rsk_a",
    rule="claim_burst",
    severity=Severity.HOLD,
    status=CaseStatus.UNDER_REVIEW,
    subject_kind=FindingKind.CLASS,
    subject_id="cls_a",
    division="340111",
    opened_at=datetime(2026, 9, 1, tzinfo=UTC),
    taken_by="acc_colleague",
)


def who(*, own: frozenset[str] = frozenset(), hands: frozenset[str] = frozenset()) -> Principal:
    return Principal(actor="acc_s", role=Role.SUPERVISOR, own=own, hands=hands)


COLLEAGUE = frozenset({"acc_colleague"})


@pytest.mark.parametrize(
    ("supervisor", "told"),
    [
        (who(), None),
        (who(hands=COLLEAGUE), None),  # confirmed the colleague's account last week
        (who(own=COLLEAGUE), "wrong_state"),  # has it already, under another account
    ],
)
def test_a_case_is_taken_over_by_whoever_does_not_have_it(supervisor: Principal, told: str | None) -> None:
    refusal = why_not("take", UNDER_REVIEW, supervisor, hands_in_it=frozenset())
    assert (None if refusal is None else refusal.code) == told


def test_a_tie_to_who_prepared_it_bars_all_the_same() -> None:
    refusal = why_not("take", UNDER_REVIEW, who(hands=frozenset({"acc_x"})), hands_in_it={"acc_x"})
    assert refusal is not None
    assert refusal.code == "self_approval"
