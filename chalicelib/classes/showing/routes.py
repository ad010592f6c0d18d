"""HTTP of classes: lists, and one whole."""

from datetime import date, timedelta
from typing import Annotated

from msgspec import Meta

from chalicelib.classes.lists.store import Picked
from chalicelib.classes.model import ClassStatus
from chalicelib.classes.showing import service
from chalicelib.classes.showing.answers import ClassAnswer, ClassSummary, class_answer, class_facts
from chalicelib.edge.endpoints import Call, Listing, PageQuery
from chalicelib.edge.forms import Form, line
from chalicelib.edge.http import Api
from chalicelib.kernel.calendar import start_of_day

api = Api(__name__)


class ClassQuery(PageQuery):
    """Which classes to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: ClassStatus | None = None
    institution: Annotated[str, Meta(max_length=18)] | None = None
    opens_from: date | None = None
    opens_until: date | None = None
    named: Annotated[str, line(50)] | None = None


@api.endpoint(
    "GET",
    "/v1/classes",
    action="class.read",
    query=ClassQuery,
    answer=Listing[ClassSummary],
    summary="List classes",
)
def list_classes(call: Call[None, ClassQuery]) -> Listing[ClassSummary]:
    query = call.query
    page = service.list_classes(
        call.context,
        call.page_request(),
        division=query.division,
        picked=Picked(
            status=query.status,
            opens_from=start_of_day(_bounded(query.opens_from)) if query.opens_from is not None else None,
            opens_before=(
                start_of_day(_bounded(query.opens_until) + timedelta(days=1))
                if query.opens_until is not None
                else None
            ),
            text=query.named,
        ),
        institution=query.institution,
    )
    undecided = service.undecided_in_list(call.context, page.items)
    return call.listing(
        page, lambda head: ClassSummary(**class_facts(call, head, undecided.get(head.id, ()), closely=False))
    )


def _bounded(day: date) -> date:
    """Give a day that a clock can be set to, a day later and in another zone too; no class lies beyond."""
    return min(max(day, date(1950, 1, 1)), date(2950, 1, 1))


class OneClassQuery(Form):
    """Whether all is read that a decision needs: what it breaks, its open change and evidence, subsidies."""

    closely: bool = True


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}",
    action="class.read",
    query=OneClassQuery,
    answer=ClassAnswer,
    summary="Read a class",
)
def read_class(call: Call[None, OneClassQuery], class_id: str) -> ClassAnswer:
    return class_answer(call, service.show_class(call.context, class_id, closely=call.query.closely))
