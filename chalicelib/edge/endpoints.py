"""What an endpoint is: who may call it, what it reads, what it answers, and the common shapes of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Protocol, TypeVar

from msgspec import Meta

from chalicelib.edge.cursors import read_cursor, write_cursor
from chalicelib.edge.forms import Answer, Comment, Form, Reason, Version
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, Page, PageRequest
from chalicelib.kernel.principal import Context, Principal
from chalicelib.kernel.targets import Target
from chalicelib.sheets.content_types import BYTES, CSV, XLSX
from chalicelib.sheets.layouts import Layout

JSON_BYTES_MAX = 1_000_000
SHEET_BYTES_MAX = 4_500_000
"""The gateway hands a sheet to the function as base64, in a request of 6,291,456 bytes at most."""
PUBLIC = "public"
COMMA_SEPARATED = f"{CSV}; charset=utf-8"
HEALTH = "/healthz"
ON_BEHALF_OF = "x-on-behalf-of"
"""In which software names the account of the person it changes something for."""
JSON = "application/json"
FIELDS = "application/x-www-form-urlencoded"
"""How clients of OAuth 2.0 send what a token is asked for with (RFC 6749, appendix B)."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""On every answer; pages add their own content policy. `infra/deployment/template.py` gives them to the
gateway's."""

BodyType = TypeVar("BodyType", covariant=True)  # noqa: PLC0105 - reads better in Call[…]
QueryType = TypeVar("QueryType", covariant=True)  # noqa: PLC0105
Item = TypeVar("Item")
Rendered = TypeVar("Rendered")


class Empty(Form):
    """A body without fields: `{}`."""


class NoQuery(Form):
    """No query parameters."""


class PageQuery(Form):
    """The query of every list."""

    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, Meta(max_length=2000)] | None = None


class VersionBody(Form):
    """A decision on a version, with an optional remark."""

    version: Version
    comment: Comment | None = None


class VersionReason(Form):
    """A decision on a version, with its reason."""

    version: Version
    reason: Reason


class ReasonBody(Form):
    """A change of a thing with a natural key, with its reason."""

    reason: Reason


class SheetQuery(Form):
    """The query of an endpoint that also reads sheets."""

    version: Version | None = None
    dry_run: bool = False
    partial: bool = False


class Listing(Answer, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True)
class SheetBody:
    """A sheet sent in the body instead of JSON."""

    content_type: str
    raw: bytes


class LinkAnswer(Answer):
    """Where a sheet can be fetched for ten minutes."""

    url: str


@dataclass(frozen=True)
class Reply:
    """An answer with its own status, type or headers, one of those that its endpoint declares."""

    body: Any
    status_code: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Call(Generic[BodyType, QueryType]):
    """One request as an endpoint sees it: proven, parsed, timed.

    `source` is the address it came from, `device_id` the phone that a card says it runs on, `address` that of
    the service as it was called, with its stage. A `brief` one is a page's, which asks several endpoints.
    """

    context: Context
    body: BodyType
    query: QueryType
    english: bool
    place: str
    source: str = ""
    device_id: str | None = None
    address: str = ""
    brief: bool = False

    def page_request(self) -> PageRequest:
        """Read the page that the query asks for (its type is a `PageQuery`)."""
        query = self.query
        assert isinstance(query, PageQuery)
        after = read_cursor(query.cursor, place=self.place)
        return PageRequest(limit=query.limit, after=after, brief=self.brief)

    def listing(self, page: Page[Item], render: Callable[[Item], Rendered]) -> Listing[Rendered]:
        """Render one page with the cursor to the next."""
        after = page.after
        return Listing(
            items=[render(item) for item in page.items], next=write_cursor(after, place=self.place)
        )


class Guard(Protocol):
    """Proves callers and knows who may do what; given by `accounts`, installed in `app.py`."""

    def authenticate(
        self, headers: Mapping[str, str], raw_body: bytes, *, target: Target | None, changes: bool = False
    ) -> Principal:
        """Prove the caller, who wants to change something or only to read, or raise `Unauthenticated`.

        A signature is good for the target alone; without one, none is.
        """
        ...

    def on_behalf_of(
        self, principal: Principal, action: str, name: str | None, *, request_id: str
    ) -> Principal:
        """Give software with the person it changes something for, or refuse."""
        ...

    def admit(self, principal: Principal, action: str) -> None:
        """Raise `Forbidden` if this role may not do this at all."""
        ...

    def note_refused(self, context: Context, action: str, *, subject: str, failure: Forbidden) -> None:
        """Keep that staff tried what is not theirs to do."""
        ...

    def note_left_out(self, context: Context, count: int) -> None:
        """Keep that so many attempts of a caller in this hour were not kept each."""
        ...

    def is_watched(self, action: str) -> bool:
        """Tell whether reading is kept where it is refused: of people, of others' doing, of the audit."""
        ...

    def knows(self, action: str) -> bool:
        """Tell whether the table of rights has this action."""
        ...


@dataclass(frozen=True)
class AnswerKind:
    """One kind of answer of an endpoint; `answer` is the type of its JSON, or `str` for text as it is."""

    answer: Any
    status_code: int = 200
    content_type: str = JSON


AS_SHEETS = (AnswerKind(LinkAnswer), AnswerKind(str, content_type=COMMA_SEPARATED))
"""What `?format=` asks for beside JSON: a link to the xlsx, the csv itself."""


@dataclass(frozen=True)
class Leaving:
    """That nobody should begin to use an endpoint any more (RFC 9745); until when it answers (RFC 8594)."""

    since: datetime
    until: datetime | None = None
    instead: str = ""
    """The operation to call in its place."""


@dataclass(frozen=True)
class Endpoint:
    """What is known of an endpoint: the OpenAPI document and the rights tests are made from it."""

    method: str
    path: str
    action: str
    summary: str
    body: Any
    query: Any
    answer: Any
    status_code: int
    sheet: bool
    also: tuple[AnswerKind, ...] = ()
    content_type: str = JSON
    layouts: tuple[Layout, ...] = ()
    """The sheets that it reads, or takes an upload of."""
    knows_caller: bool = False
    """Whether a public endpoint shows more to who proves themselves; a bad token is ignored."""
    name: str = ""
    """Of its view, unique in the program: generated clients call it by this (`operationId`)."""
    module: str = ""
    """Where its view stands."""
    names_device: bool = False
    """Whether it reads the phone that a card runs on, `X-Device-Id`."""
    refuses: tuple[int, ...] = ()
    """Of one that reads: with which statuses it refuses besides 400 and 404."""
    leaves: Leaving | None = None
    """Since when nobody should begin to use it, and until when it answers."""
    takes_fields: bool = False
    """Whether its body may come as `FIELDS` too, of texts alone."""

    @property
    def reads(self) -> tuple[str, ...]:
        """List the content types of a body: JSON where it has a form, sheets where it reads them."""
        json = (JSON,) if self.body is not None else ()
        return (*json, *((FIELDS,) if self.takes_fields else ()), *((XLSX, CSV, BYTES) if self.sheet else ()))

    @property
    def is_kept(self) -> bool:
        """Tell whether its answer is everybody's, so that a client may keep it and ask if it has changed."""
        return self.method == "GET" and self.action == PUBLIC and self.path != HEALTH

    @property
    def answers(self) -> tuple[AnswerKind, ...]:
        """List every kind of answer, the usual one first."""
        return (AnswerKind(self.answer, self.status_code, self.content_type), *self.also)


ENDPOINTS: list[Endpoint] = []


class UndeclaredAction(RuntimeError):
    """An endpoint names an action that the table of rights does not have: it must not start."""
