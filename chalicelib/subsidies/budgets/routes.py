"""HTTP of budgets."""

from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer, Form, Version, malformed
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fault
from chalicelib.subsidies.budgets import service as budgets_service
from chalicelib.subsidies.budgets.model import Budget

api = Api(__name__)

AMOUNT_MAX = 1_000_000_000_000
YEAR_MIN, YEAR_MAX = 2000, 2199
ProgramKey = Annotated[str, Meta(min_length=1, max_length=80)]


class BudgetRequest(Form):
    """What a division may spend on a program in a year."""

    program_id: ProgramKey
    appropriated_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    version: Version | None = None


class BudgetQuery(Form):
    """Which program's budget to read; needed where the division has several."""

    program_id: ProgramKey | None = None


class BudgetAnswer(Answer):
    """A budget."""

    division: str
    year: int
    program_id: str
    appropriated_fen: int
    reserved_fen: int
    spent_fen: int
    receivable_fen: int
    available_fen: int
    version: int


@api.endpoint(
    "PUT",
    "/v1/budgets/{division}/{year}",
    action="budget.write",
    body=BudgetRequest,
    answer=BudgetAnswer,
    summary="Enter or change a division's budget of a year for a program",
)
def put_budget(call: Call[BudgetRequest, NoQuery], division: str, year: str) -> BudgetAnswer:
    body = call.body
    budget = budgets_service.set_budget(
        call.context,
        division,
        _year(year),
        program_id=body.program_id,
        appropriated_fen=body.appropriated_fen,
        version=body.version,
    )
    return _budget(budget)


@api.endpoint(
    "GET",
    "/v1/budgets/{division}/{year}",
    action="budget.read",
    query=BudgetQuery,
    answer=BudgetAnswer,
    summary="Read a division's budget of a year for a program",
)
def read_budget(call: Call[None, BudgetQuery], division: str, year: str) -> BudgetAnswer:
    budgets = budgets_service.read_budgets(
        call.context, division, _year(year), program_id=call.query.program_id
    )
    if len(budgets) > 1:
        raise malformed([Fault("missing_field", field="program_id")])
    return _budget(budgets[0])


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == len(str(YEAR_MIN))):
        raise malformed([Fault("wrong_type", field="year")])
    year = int(text)
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise malformed([Fault("wrong_type", field="year")])
    return year


def _budget(budget: Budget) -> BudgetAnswer:
    return BudgetAnswer(
        division=budget.division,
        year=budget.year,
        program_id=budget.program_id,
        appropriated_fen=budget.appropriated_fen,
        reserved_fen=budget.reserved_fen,
        spent_fen=budget.spent_fen,
        receivable_fen=budget.receivable_fen,
        available_fen=budget.available_fen,
        version=budget.version,
    )
