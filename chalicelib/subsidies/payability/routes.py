"""HTTP of payability."""

from datetime import datetime
from typing import Literal

from chalicelib.edge.endpoints import Call
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fact
from chalicelib.subsidies.claims.checks import CheckName
from chalicelib.subsidies.payability import service
from chalicelib.subsidies.payability.model import PayabilityCheck, totals_of
from chalicelib.subsidies.payability.service import ComparedPayability

api = Api(__name__)


class CheckAnswer(Answer):
    """One condition of payment."""

    name: CheckName
    passed: bool
    evidence: dict[str, Fact]


class DifferenceAnswer(Answer):
    """What became of one check since the claim was submitted."""

    name: CheckName
    before: CheckAnswer
    now: CheckAnswer


class PayabilityLine(Answer):
    """One trainee's payability; `differences` are those since the claim was submitted, if it was.

    `newest_amount_fen` is told where today's policy or project would give another amount. It never counts.
    """

    enrolment_id: str
    voucher_id: str
    payable: bool
    held: bool
    amount_fen: int
    newest_amount_fen: int | None
    checks: list[CheckAnswer]
    compared_with: datetime | None
    differences: list[DifferenceAnswer]


class TermsAnswer(Answer):
    """What a class is paid by: its policy version, and its project's version and fee."""

    policy_version: int
    project_version: int
    fee_fen: int


class PayabilityAnswer(Answer):
    """A class's payability by the terms pinned at its approval; `newest_terms` where those are others now."""

    count: int
    amount_fen: int
    terms: TermsAnswer
    newest_terms: TermsAnswer | None
    lines: list[PayabilityLine]


class PayabilityQuery(Form):
    """Which other subsidies of a trainee count: those filed, or at a glance those approved."""

    others: Literal["filed", "approved"] = "filed"


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/payability",
    action="payability.read",
    query=PayabilityQuery,
    answer=PayabilityAnswer,
    summary="What is payable for a class, trainee by trainee, and why",
)
def read_payability(call: Call[None, PayabilityQuery], class_id: str) -> PayabilityAnswer:
    shown = service.payability_of(call.context, class_id, glance=call.query.others == "approved")
    count, amount_fen = totals_of([trainee.payability for trainee in shown.trainees])
    return PayabilityAnswer(
        count=count,
        amount_fen=amount_fen,
        terms=_terms(shown.terms),
        newest_terms=_terms(shown.newest) if shown.newest is not None else None,
        lines=[_payability(trainee) for trainee in shown.trainees],
    )


def _terms(terms: service.Terms) -> TermsAnswer:
    project = terms.project
    return TermsAnswer(
        policy_version=terms.policy_version, project_version=project.version, fee_fen=project.fee_fen
    )


def _payability(compared: ComparedPayability) -> PayabilityLine:
    payability = compared.payability
    return PayabilityLine(
        enrolment_id=payability.enrolment_id,
        voucher_id=payability.voucher_id,
        payable=payability.payable,
        held=payability.held,
        amount_fen=payability.amount_fen,
        newest_amount_fen=compared.newest_amount_fen,
        checks=[_check(check) for check in payability.checks],
        compared_with=compared.compared_with,
        differences=[
            DifferenceAnswer(
                name=difference.name, before=_check(difference.before), now=_check(difference.now)
            )
            for difference in compared.differences
        ],
    )


def _check(check: PayabilityCheck) -> CheckAnswer:
    return CheckAnswer(name=check.name, passed=check.passed, evidence=check.evidence)
