"""What becomes of a claim, as the examples in `claims.moves` and `claims.model` tell it."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.subsidies.claims.model import ClaimStatus, LineStatus, why_not
from chalicelib.subsidies.claims.moves import (
    batched_after,
    changed,
    claim_without,
    closed,
    paid_after,
    publicised,
    returned,
    reviewed,
)
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
