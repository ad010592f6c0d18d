"""HTTP of renames: the rows of a list that give another name to who is known."""

from datetime import datetime

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionBody, VersionReason
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.reasons import error
from chalicelib.people.lists.renames.model import RenameStatus
from chalicelib.people.renaming import service

api = Api(__name__)


class RenameAnswer(Answer):
    """A row that renames somebody; both names are told while it waits for a second person."""

    import_id: str
    row: int
    status: RenameStatus
    known_name: str | None
    name: str | None
    id_number: str | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    version: int
    allowed_actions: list[str]


@api.endpoint(
    "GET",
    "/v1/imports/{import_id}/renames",
    action="import.read",
    query=PageQuery,
    answer=Listing[RenameAnswer],
    summary="List the rows of a list that give another name to who is known, for a second person to decide",
)
def list_renames(call: Call[None, PageQuery], import_id: str) -> Listing[RenameAnswer]:
    return call.listing(service.list_renames(call.context, import_id, call.page_request()), _answer)


@api.endpoint(
    "POST",
    "/v1/imports/{import_id}/renames/{row}/confirm",
    action="import.confirm_rename",
    body=VersionBody,
    answer=RenameAnswer,
    summary="Confirm that the name of a list's row counts",
)
def confirm_rename(call: Call[VersionBody, NoQuery], import_id: str, row: str) -> RenameAnswer:
    body = call.body
    shown = service.decide(
        call.context, import_id, _number(row), "confirm", version=body.version, reason=body.comment
    )
    return _answer(shown)


@api.endpoint(
    "POST",
    "/v1/imports/{import_id}/renames/{row}/refuse",
    action="import.refuse_rename",
    body=VersionReason,
    answer=RenameAnswer,
    summary="Refuse the name of a list's row: the one that is known stays",
)
def refuse_rename(call: Call[VersionReason, NoQuery], import_id: str, row: str) -> RenameAnswer:
    body = call.body
    shown = service.decide(
        call.context, import_id, _number(row), "refuse", version=body.version, reason=body.reason
    )
    return _answer(shown)


_DIGITS_MAX = 7


def _number(row: str) -> int:
    if not (row.isascii() and row.isdecimal() and len(row) <= _DIGITS_MAX):
        raise error("not_found")
    return int(row)


def _answer(shown: service.ShownRename) -> RenameAnswer:
    rename = shown.rename
    return RenameAnswer(
        import_id=rename.import_id,
        row=rename.row,
        status=rename.status,
        known_name=shown.known_name,
        name=shown.name,
        id_number=shown.id_number,
        proposed_by=rename.proposed_by,
        proposed_at=rename.proposed_at,
        decided_by=rename.decided_by,
        decided_at=rename.decided_at,
        decision_reason=rename.decision_reason,
        version=rename.version,
        allowed_actions=shown.allowed_actions,
    )
