"""HTTP of payability."""

from datetime import datetime

from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fact
from chalicelib.subsidies.payability import service as payabilities
from chalicelib.subsidies.payability.model import Check, totals_of

api = Api(__name__)


class CheckAnswer(Answer):
    """One condition of payment."""

    name: str
    passed: bool
    evidence: dict[str, Fact]


class DifferenceAnswer(Answer):
    """What became of one check since the claim was submitted."""

    name: str
    before: CheckAnswer
    now: CheckAnswer


class PayabilityLine(Answer):
    """One trainee's payability; `differences` are those since the claim was submitted, if it was."""

    enrolment_id: str
    voucher_id: str
    payable: bool
    held: bool
    amount_fen: int
    checks: list[CheckAnswer]
    compared_with: datetime | None
    differences: list[DifferenceAnswer]


class PayabilityAnswer(Answer):
    """A class's payability."""

    count: int
    amount_fen: int
    lines: list[PayabilityLine]


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/payability",
    action="payability.read",
    answer=PayabilityAnswer,
    summary="What is payable for a class, trainee by trainee, and why",
)
def payability(call: Call[None, NoQuery], class_id: str) -> PayabilityAnswer:
    found = payabilities.payability_of(call.context, class_id)
    count, amount_fen = totals_of([one.outcome for one in found])
    return PayabilityAnswer(count=count, amount_fen=amount_fen, lines=[_payability(one) for one in found])


def _payability(looked: payabilities.Looked) -> PayabilityLine:
    one = looked.outcome
    return PayabilityLine(
        enrolment_id=one.enrolment_id,
        voucher_id=one.voucher_id,
        payable=one.payable,
        held=one.held,
        amount_fen=one.amount_fen,
        checks=[_check(check) for check in one.checks],
        compared_with=looked.compared_with,
        differences=[
            DifferenceAnswer(name=each.name, before=_check(each.before), now=_check(each.now))
            for each in looked.differences
        ],
    )


def _check(check: Check) -> CheckAnswer:
    return CheckAnswer(name=check.name, passed=check.passed, evidence=check.evidence)
