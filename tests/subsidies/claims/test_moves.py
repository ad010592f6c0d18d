"""What becomes of a claim, as the examples in `claims.moves` and `claims.model` tell it."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.subsidies.claims.model import why_not
from chalicelib.subsidies.claims.moves import (
    approval_withdrawn,
    batched_after,
    changed,
    claim_without,
    closed,
    paid_after,
    publicised,
    rejected,
    returned,
    reviewed,
    sent_back,
    taken_out_after,
    unpaid_after,
)
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from tests.subsidies.claims.test_states_shown import LAST_DAY, claim_of

NOW = datetime(2026, 9, 1, 1, tzinfo=UTC)
THREE = msgspec.structs.replace(
    claim_of("clm_a", ClaimStatus.PUBLICISED, was_public=True, objections=0), line_count=3, amount_fen=540_000
)


class FailedLine(msgspec.Struct):
    """As much of a line as leaves its mark on the claim."""

    status: LineStatus = LineStatus.PAYMENT_FAILED
    amount_fen: int = 180_000


@pytest.mark.parametrize(("paid", "status"), [(1, ClaimStatus.BATCHED), (2, ClaimStatus.PAID)])
def test_a_claim_that_waited_for_a_line_alone_goes_on_without_it(paid: int, status: ClaimStatus) -> None:
    failed: Any = FailedLine()
    before = paid_after(batched_after(THREE, lines=3), lines=paid)
    assert before.status is ClaimStatus.BATCHED
    after = claim_without(before, failed)
    assert (after.status, after.line_count, after.batched_count) == (status, 2, 2)
    assert after.amount_fen == 360_000


def test_a_claim_waits_until_its_last_line_is_in_a_batch_and_is_closed_after_its_last_is_paid() -> None:
    part = batched_after(THREE, lines=2)
    assert (part.status, part.due_city) == (ClaimStatus.PAYABLE, "3401")
    whole = batched_after(part, lines=1)
    assert (whole.status, whole.due_city, whole.due_on) == (ClaimStatus.BATCHED, None, None)
    paid = paid_after(whole, lines=3)
    assert (paid.status, paid.due_city, paid.due_on) == (ClaimStatus.PAID, "3401", "0000-00-00#clm_a")
    assert (closed(paid).due_city, closed(paid).version) == (None, paid.version + 1)


def test_settlement_may_take_a_claim_the_day_after_its_publicity() -> None:
    begun = publicised(
        THREE,
        approved_by="acc_b",
        approved_on=date(2026, 9, 1),
        ends_on=date(2026, 9, 8),
        payee_id="pay_a",
    )
    assert begun["due_on"] == "2026-09-09#clm_a"
    assert begun["publicity_ends_on"] == LAST_DAY


def test_the_first_reviewer_may_send_a_claim_back_but_not_approve_it() -> None:
    claim = changed(THREE, reviewed("acc_jia", NOW))
    refusals = {action: why_not(action, claim, {"acc_jia"}) for action in ("approve", "return", "reject")}
    codes = {action: refusal and refusal.code for action, refusal in refusals.items()}
    assert codes == {"approve": "self_approval", "return": None, "reject": None}
    assert why_not("approve", claim, {"acc_yi"}) is None
    back = changed(claim, returned("补充材料", NOW))
    assert (back.status, back.reviewed_by, back.reviewed_at) == (ClaimStatus.RETURNED, None, None)


def test_of_several_reasons_ones_own_work_is_told_first_then_the_version_then_the_state() -> None:
    claim = changed(THREE, {"status": ClaimStatus.PAID})

    def code(actor: str, version: int) -> str:
        refusal = why_not("approve", claim, {actor}, version=version)
        assert refusal is not None
        return refusal.code

    assert code("acc_school", claim.version - 1) == "self_approval"
    assert code("acc_yi", claim.version - 1) == "version_conflict"
    assert code("acc_yi", claim.version) == "wrong_state"


def test_lines_that_leave_a_batch_make_settlement_look_at_the_claim_anew() -> None:
    whole = batched_after(THREE, lines=3)
    out = taken_out_after(whole, lines=2)
    assert (out.status, out.batched_count, out.due_city) == (ClaimStatus.PAYABLE, 1, "3401")
    assert (out.due_on, out.version) == ("2026-09-09#clm_a", whole.version + 1)


def test_a_paid_line_that_is_to_be_paid_again_takes_the_claim_back_and_leaves_its_class() -> None:
    paid = paid_after(batched_after(THREE, lines=3), lines=3)
    again = unpaid_after(paid)
    assert (again.status, again.paid_count, again.due_city, again.due_on) == (
        ClaimStatus.BATCHED,
        2,
        None,
        None,
    )
    assert again.class_closed is False
    assert unpaid_after(closed(paid)).class_closed is True
    partly = paid_after(batched_after(THREE, lines=3), lines=1)
    assert unpaid_after(partly) == changed(partly, {"paid_count": 0})
    over = paid_after(unpaid_after(closed(paid)), lines=1)
    assert (over.status, over.due_city, over.due_on) == (ClaimStatus.PAID, None, None), "its class is closed"


def test_a_claim_loses_its_lines_one_by_one_and_ends_with_the_last() -> None:
    held: Any = FailedLine(status=LineStatus.HELD)
    two = claim_without(THREE, held)
    assert (two.status, two.line_count, two.amount_fen, two.batched_count) == (
        ClaimStatus.PUBLICISED,
        2,
        360_000,
        0,
    )
    assert (two.due_city, two.version) == ("3401", THREE.version + 1)
    none = claim_without(claim_without(two, held), held)
    assert (none.status, none.line_count, none.amount_fen) == (ClaimStatus.REJECTED, 0, 0)
    assert (none.due_city, none.due_on, none.queued_at) == ("3401", "0000-00-00#clm_a", None)
    waiting = claim_without(batched_after(THREE, lines=2), held)
    assert (waiting.status, waiting.due_city, waiting.due_on) == (ClaimStatus.BATCHED, None, None)


def test_a_withdrawn_approval_leaves_the_first_review_and_nothing_of_publicity() -> None:
    claim = changed(THREE, {"reviewed_by": "acc_jia", "reviewed_at": NOW})
    back = changed(claim, approval_withdrawn(claim, NOW))
    assert (back.status, back.reviewed_by, back.reviewed_at, back.queued_at) == (
        ClaimStatus.REVIEWED,
        "acc_jia",
        NOW,
        NOW,
    )
    gone = (back.approved_by, back.payee_id, back.approved_on, back.budget_year, back.publicity_ends_on)
    assert (*gone, back.due_city, back.due_on) == (None,) * 7


def test_an_upheld_objection_sends_back_what_is_not_over() -> None:
    back = changed(THREE, sent_back(THREE, "属实", NOW))
    assert (back.status, back.decision_reason, back.queued_at) == (ClaimStatus.RETURNED, "属实", NOW)
    assert (back.approved_by, back.publicity_ends_on, back.due_city) == (None, None, None)
    for status in (ClaimStatus.PAID, ClaimStatus.RETURNED, ClaimStatus.REJECTED):
        assert sent_back(changed(THREE, {"status": status}), "属实", NOW) == {}


def test_a_rejected_claim_is_worth_nothing() -> None:
    over = changed(THREE, rejected("不符合条件"))
    assert (over.status, over.line_count, over.amount_fen) == (ClaimStatus.REJECTED, 0, 0)
    assert (over.decision_reason, over.queued_at) == ("不符合条件", None)


def test_what_a_reviewer_and_publicity_leave_on_a_claim() -> None:
    claim = changed(THREE, reviewed("acc_jia", NOW))
    assert (claim.status, claim.reviewed_by, claim.reviewed_at, claim.queued_at) == (
        ClaimStatus.REVIEWED,
        "acc_jia",
        NOW,
        NOW,
    )
    begun = publicised(
        claim, approved_by="acc_b", approved_on=date(2026, 12, 31), ends_on=LAST_DAY, payee_id="pay_a"
    )
    public = changed(claim, begun)
    assert (public.status, public.approved_by, public.payee_id) == (ClaimStatus.PUBLICISED, "acc_b", "pay_a")
    assert (public.budget_year, public.due_city, public.queued_at) == (2026, "3401", None)
