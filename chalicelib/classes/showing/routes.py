"""HTTP of classes: lists, and one whole."""

from typing import Annotated

from msgspec import Meta

from chalicelib.classes.model import ClassStatus
from chalicelib.classes.showing import service
from chalicelib.classes.showing.answers import ClassAnswer, ClassSummary, class_answer, class_facts
from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.http import Api

api = Api(__name__)


class ClassQuery(PageQuery):
    """Which classes to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: ClassStatus | None = None


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
        call.context, call.page_request(), division=query.division, status=query.status
    )
    undecided = service.undecided_in_list(call.context, page.items)
    return call.listing(
        page, lambda head: ClassSummary(**class_facts(call, head, undecided.get(head.id, ())))
    )


@api.endpoint(
    "GET", "/v1/classes/{class_id}", action="class.read", answer=ClassAnswer, summary="Read a class"
)
def read_class(call: Call[None, NoQuery], class_id: str) -> ClassAnswer:
    return class_answer(call, service.show_class(call.context, class_id))
