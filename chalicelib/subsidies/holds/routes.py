"""HTTP of holds: stop a payment, let it go, list what is stopped."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionReason
from chalicelib.edge.forms import Answer, Form, Reason
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import Role
from chalicelib.subsidies.holds import service
from chalicelib.subsidies.holds.model import Hold, HoldCode, HoldStatus, SubjectKind

api = Api(__name__)

_Id = Annotated[str, Meta(min_length=1, max_length=80)]


class HoldSubject(Form):
    """What is held: a claim's line, a whole claim, or all payments of an institution (by its USCC)."""

    kind: Literal["line", "claim", "institution"]
    id: _Id


class HoldRequest(Form):
    """A stop of payment, and why."""

    subject: HoldSubject
    reason: Reason


class HeldSubject(Answer):
    """What is held."""

    kind: SubjectKind
    id: str


class HoldRecordAnswer(Answer):
    """A hold; `lifted_by` are the roles that may release it."""

    id: str
    subject: HeldSubject
    institution: str
    division: str
    code: HoldCode
    reason: str
    evidence: str | None
    status: HoldStatus
    since: datetime
    placed_by: str
    lifted_by: list[Role]
    released_by: str | None
    released_at: datetime | None
    release_reason: str | None
    version: int
    allowed_actions: list[str]


class PlacedHoldAnswer(HoldRecordAnswer):
    """A hold as placed; the lines that the bank has to pay already are `too_late`."""

    too_late: list[str]


class HoldQuery(PageQuery):
    """Which holds to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    institution: Annotated[str, Meta(max_length=18)] | None = None
    status: HoldStatus = HoldStatus.OPEN


@api.endpoint(
    "POST",
    "/v1/holds",
    action="hold.place",
    body=HoldRequest,
    answer=PlacedHoldAnswer,
    status_code=201,
    summary="Stop the payment of a line, a claim or an institution",
)
def place_hold(call: Call[HoldRequest, NoQuery]) -> PlacedHoldAnswer:
    body = call.body
    placed = service.stop_payment(
        call.context, SubjectKind(body.subject.kind), body.subject.id, reason=body.reason
    )
    return PlacedHoldAnswer(**_facts(call, placed.hold), too_late=placed.too_late)  # type: ignore[arg-type]


@api.endpoint(
    "GET",
    "/v1/holds",
    action="hold.read",
    query=HoldQuery,
    answer=Listing[HoldRecordAnswer],
    summary="List the holds that somebody has to decide on, oldest first",
)
def list_holds(call: Call[None, HoldQuery]) -> Listing[HoldRecordAnswer]:
    query = call.query
    page = service.list_holds(
        call.context,
        call.page_request(),
        division=query.division,
        institution=query.institution,
        status=query.status,
    )
    return call.listing(page, lambda hold: _answer(call, hold))


@api.endpoint(
    "POST",
    "/v1/holds/{hold_id}/release",
    action="hold.release",
    body=VersionReason,
    answer=HoldRecordAnswer,
    summary="Let go what is held; somebody else does where a rule placed it",
)
def release_hold(call: Call[VersionReason, NoQuery], hold_id: str) -> HoldRecordAnswer:
    body = call.body
    return _answer(call, service.release(call.context, hold_id, version=body.version, reason=body.reason))


def _answer(call: Call[object, object], hold: Hold) -> HoldRecordAnswer:
    return HoldRecordAnswer(**_facts(call, hold))  # type: ignore[arg-type]


def _facts(call: Call[object, object], hold: Hold) -> dict[str, object]:
    same = {name: getattr(hold, name) for name in HoldRecordAnswer.__struct_fields__ if hasattr(hold, name)}
    return {
        **same,
        "code": HoldCode(hold.code),
        "subject": HeldSubject(kind=hold.subject_kind, id=hold.subject_id),
        "since": hold.placed_at,
        "allowed_actions": service.allowed_on_hold(call.context, hold),
    }
