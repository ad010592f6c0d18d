"""HTTP of overrides."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionReason
from chalicelib.edge.forms import Answer, Comment, Form, Reason, Version
from chalicelib.edge.http import Api
from chalicelib.programs.model import OverridableCheck
from chalicelib.subsidies.overrides import service as overrides
from chalicelib.subsidies.overrides.model import Override, OverrideStatus

api = Api(__name__)


class OverrideRequest(Form):
    """A failed check to let pass until a day, inclusive."""

    enrolment_id: Annotated[str, Meta(min_length=1, max_length=80)]
    check: OverridableCheck
    reason: Reason
    expires_on: date


class ConfirmRequest(Form):
    """A second person's consent."""

    version: Version
    comment: Comment | None = None


class OverrideAnswer(Answer):
    """An override."""

    id: str
    class_id: str
    enrolment_id: str
    check: OverridableCheck
    status: OverrideStatus
    reason: str
    expires_on: date
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    version: int
    allowed_actions: list[str]


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/overrides",
    action="override.ask",
    body=OverrideRequest,
    answer=OverrideAnswer,
    status_code=201,
    summary="Ask that a failed check of a trainee be let pass",
)
def request_override(call: Call[OverrideRequest, NoQuery], class_id: str) -> OverrideAnswer:
    body = call.body
    asked = overrides.ask(
        call.context,
        class_id,
        enrolment_id=body.enrolment_id,
        check=body.check,
        reason=body.reason,
        expires_on=body.expires_on,
    )
    return _answer(asked)


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/overrides",
    action="override.read",
    query=PageQuery,
    answer=Listing[OverrideAnswer],
    summary="List the overrides of a class",
)
def list_overrides(call: Call[None, PageQuery], class_id: str) -> Listing[OverrideAnswer]:
    page = overrides.list_overrides(call.context, class_id, call.page_request())
    return call.listing(page, lambda offered: _answer(offered.override, offered.allowed_actions))


@api.endpoint(
    "POST",
    "/v1/overrides/{override_id}/confirm",
    action="override.decide",
    body=ConfirmRequest,
    answer=OverrideAnswer,
    summary="Let the check pass; a second person does",
)
def confirm_override(call: Call[ConfirmRequest, NoQuery], override_id: str) -> OverrideAnswer:
    body = call.body
    decided = overrides.decide(
        call.context, override_id, "confirm", version=body.version, reason=body.comment
    )
    return _answer(decided)


@api.endpoint(
    "POST",
    "/v1/overrides/{override_id}/refuse",
    action="override.decide",
    body=VersionReason,
    answer=OverrideAnswer,
    summary="Leave the check as it is",
)
def refuse_override(call: Call[VersionReason, NoQuery], override_id: str) -> OverrideAnswer:
    body = call.body
    decided = overrides.decide(call.context, override_id, "refuse", version=body.version, reason=body.reason)
    return _answer(decided)


def _answer(override: Override, allowed: Sequence[str] = ()) -> OverrideAnswer:
    """Show an override; who asked or has decided may do nothing more with it."""
    same = {
        name: getattr(override, name)
        for name in OverrideAnswer.__struct_fields__
        if name != "allowed_actions"
    }
    return OverrideAnswer(**same, allowed_actions=list(allowed))
