"""HTTP of enrolments: list and read them."""

from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.http import Api
from chalicelib.enrolments import service
from chalicelib.enrolments.answers import EnrolmentAnswer, enrolment_answer, enrolment_answers
from chalicelib.kernel.paging import Page

api = Api(__name__)


class EnrolmentQuery(PageQuery):
    """Which enrolments to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


@api.endpoint(
    "GET",
    "/v1/enrolments",
    action="enrolment.read",
    query=EnrolmentQuery,
    answer=Listing[EnrolmentAnswer],
    summary="List enrolments",
)
def list_enrolments(call: Call[None, EnrolmentQuery]) -> Listing[EnrolmentAnswer]:
    page = service.list_enrolments(call.context, call.page_request(), division=call.query.division)
    answers = Page(items=enrolment_answers(call, page.items), after=page.after)
    return call.listing(answers, lambda answer: answer)


@api.endpoint(
    "GET",
    "/v1/enrolments/{enrolment_id}",
    action="enrolment.read",
    answer=EnrolmentAnswer,
    summary="Read an enrolment",
)
def read_enrolment(call: Call[None, NoQuery], enrolment_id: str) -> EnrolmentAnswer:
    return enrolment_answer(call, service.read_enrolment(call.context, enrolment_id))
