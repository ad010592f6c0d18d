"""HTTP of what waits for the caller."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.cursors import write_cursor
from chalicelib.edge.endpoints import Call, PageQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.clocks import Flag
from chalicelib.supervision.waiting import service
from chalicelib.supervision.waiting.model import Kind, ShownWaiting

api = Api(__name__)


class WaitingThingsQuery(PageQuery):
    """Of what waits for the caller: one kind, one institution's, what is late or overdue."""

    kind: Kind | None = None
    institution: Annotated[str, Meta(max_length=18)] | None = None
    flag: Flag | None = None


class WaitingItem(Answer):
    """A thing that waits. `due` is when the next thing happens to it by itself, null where nothing does.

    `version` is what a decision on it sends: of a change it is the class's. `within` is what it stands in,
    where its address names that too: of a change the class, of a check-in the lesson, of a rename the list,
    of an issuance batch the program.
    """

    kind: Kind
    subject: str
    within: str | None
    name: str
    institution: str | None
    division: str
    since: datetime
    due: datetime | None
    flags: list[Flag]
    version: int
    allowed_actions: list[str]


class WaitingFigures(Answer):
    """How much of a kind waits, and since when the oldest; `more`: at least so much."""

    count: int
    oldest: datetime
    more: bool


class WaitingAnswer(Answer):
    """A page of what waits for the caller, oldest first, and how much there is of each kind.

    `computed_at` is as of when that is told which the caller only looks after; null where all is as of now.
    """

    items: list[WaitingItem]
    counts: dict[Kind, WaitingFigures]
    computed_at: datetime | None
    next: str | None


@api.endpoint(
    "GET",
    "/v1/waiting",
    action="waiting.read",
    query=WaitingThingsQuery,
    answer=WaitingAnswer,
    summary="What waits for the caller, oldest first, with how much and how old",
)
def list_waiting(call: Call[None, WaitingThingsQuery]) -> WaitingAnswer:
    query = call.query
    page, figures, computed_at = service.list_waiting(
        call.context, call.page_request(), kind=query.kind, institution=query.institution, flag=query.flag
    )
    return WaitingAnswer(
        items=[_item(shown) for shown in page.items],
        counts={
            kind: WaitingFigures(count=figure.count, oldest=figure.oldest, more=figure.more)
            for kind, figure in figures.items()
        },
        computed_at=computed_at,
        next=write_cursor(page.after, place=call.place),
    )


def _item(shown: ShownWaiting) -> WaitingItem:
    waiting = shown.waiting
    return WaitingItem(
        kind=waiting.kind,
        subject=shown.subject,
        within=shown.within,
        name=shown.name,
        institution=shown.institution,
        division=shown.division,
        since=waiting.since,
        due=waiting.due,
        flags=list(waiting.flags),
        version=shown.version,
        allowed_actions=list(shown.allowed_actions),
    )
