"""HTTP of inspections."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.edge.cursors import write_cursor
from chalicelib.edge.endpoints import Call, LinkAnswer, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Comment, Form, Version
from chalicelib.edge.http import Api
from chalicelib.kernel.ids import new_id
from chalicelib.sheets.downloads import link_to_xlsx
from chalicelib.supervision.inspections import service
from chalicelib.supervision.inspections.model import (
    Drawn,
    Inspection,
    InspectionEntry,
    InspectionOutcome,
    InspectionScope,
    NextSeed,
)

api = Api(__name__)

_PHONES = (
    ("报名编号", "班级编号", "姓名", "手机号", "结果", "备注"),
    ("enrolment", "class", "name", "phone", "outcome", "note"),
)


class InspectionRequest(Form):
    """What is inspected, where, which share of it; a word only if one was drawn in public."""

    scope: InspectionScope
    division: Annotated[str, Meta(min_length=2, max_length=6)]
    share: Annotated[float, Meta(gt=0, le=1)]
    seed: Annotated[str, Meta(min_length=8, max_length=128, pattern=r"^[!-~]+$(?!\n)")] | None = None


class InspectionQuery(PageQuery):
    """Whose inspections to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


class PhonesQuery(Form):
    """Whether names and phones are to be read in full."""

    opened: bool = False


class InspectionEntryRequest(Form):
    """What was found; a first entry has no version, one that replaces another has that of the other."""

    outcome: InspectionOutcome
    note: Comment | None = None
    version: Version | None = None


class EarlierEntryAnswer(Answer):
    """What somebody entered of a subject, and another person replaced."""

    outcome: InspectionOutcome
    note: str | None
    entered_by: str
    entered_at: datetime
    version: int


class InspectionEntryAnswer(Answer):
    """What was found of a subject, what was entered before it, and the case that a deviation opened."""

    subject: str
    outcome: InspectionOutcome
    note: str | None
    entered_by: str
    entered_at: datetime
    earlier: list[EarlierEntryAnswer]
    case_id: str | None
    version: int


class DrawnAnswer(Answer):
    """A subject that was drawn, by which lot, and the minutes of a lesson to watch."""

    subject: str
    class_id: str
    institution: str
    division: str
    lots: int
    lot: str
    lesson: str | None
    minutes: list[datetime]
    entry: InspectionEntryAnswer | None
    allowed_actions: list[str]


class InspectionHead(Answer):
    """An inspection; `commitment` is the SHA-256 of its seed, published beforehand at `committed_at`."""

    id: str
    scope: InspectionScope
    division: str
    share: float
    seed: str
    seed_given: bool
    public_word: str | None
    commitment: str
    committed_at: datetime | None
    population: int
    population_digest: str
    count: int
    created_by: str
    created_at: datetime


class InspectionAnswer(InspectionHead):
    """An inspection with its sample and what was found."""

    items: list[DrawnAnswer]


class NextCommitment(Answer):
    """The SHA-256 of the seed by which the division's next sample is drawn."""

    division: str
    commitment: str
    committed_at: datetime


class InspectionsAnswer(Answer):
    """Inspections, and what is committed to for the next one of the division."""

    items: list[InspectionHead]
    next: str | None
    next_commitment: NextCommitment | None


@api.endpoint(
    "POST",
    "/v1/inspections",
    action="inspection.create",
    body=InspectionRequest,
    answer=InspectionAnswer,
    status_code=201,
    summary="Draw a sample by the seed that was committed to, with a word drawn in public mixed in if wanted",
)
def draw_inspection(call: Call[InspectionRequest, NoQuery]) -> InspectionAnswer:
    body = call.body
    inspection = service.create(
        call.context, scope=body.scope, division=body.division, share=body.share, public_word=body.seed
    )
    return _answer(call, service.Inspected(inspection, ()))


@api.endpoint(
    "GET",
    "/v1/inspections",
    action="inspection.read",
    query=InspectionQuery,
    answer=InspectionsAnswer,
    summary="List inspections, with the commitment to the next seed",
)
def list_inspections(call: Call[None, InspectionQuery]) -> InspectionsAnswer:
    division = call.query.division
    page = service.list_inspections(call.context, call.page_request(), division=division)
    return InspectionsAnswer(
        items=[InspectionHead(**_head(inspection)) for inspection in page.items],
        next=write_cursor(page.after, place=call.place),
        next_commitment=_committed(service.next_commitment(call.context, division), call.context.now),
    )


@api.endpoint(
    "GET",
    "/v1/inspections/{inspection_id}",
    action="inspection.read",
    answer=InspectionAnswer,
    summary="An inspection with its sample and what was found",
)
def read_inspection(call: Call[None, NoQuery], inspection_id: str) -> InspectionAnswer:
    return _answer(call, service.read(call.context, inspection_id))


@api.endpoint(
    "GET",
    "/v1/inspections/{inspection_id}/phones",
    action="inspection.read",
    query=PhonesQuery,
    answer=LinkAnswer,
    summary="A sheet of whom to call, masked unless it is asked for; who looked is recorded",
    refuses=[409],
)
def get_inspection_phones(call: Call[None, PhonesQuery], inspection_id: str) -> LinkAnswer:
    callees = service.phones(call.context, inspection_id, opened=call.query.opened)
    rows = [(who.enrolment_id, who.class_id, who.name, who.phone, None, None) for who in callees]
    title = "phones" if call.english else "电话抽查表"
    key = f"reports/{new_id('rpt')}.xlsx"
    url = link_to_xlsx(title, _PHONES[call.english], rows, key=key, filename=f"{inspection_id}.xlsx")
    return LinkAnswer(url=url)


@api.endpoint(
    "PUT",
    "/v1/inspections/{inspection_id}/entries/{subject}",
    action="inspection.record",
    body=InspectionEntryRequest,
    answer=InspectionEntryAnswer,
    summary="Enter what was found of one subject, or replace what another person entered",
)
def enter_inspection_result(
    call: Call[InspectionEntryRequest, NoQuery], inspection_id: str, subject: str
) -> InspectionEntryAnswer:
    body = call.body
    entry = service.enter(
        call.context, inspection_id, subject, version=body.version, outcome=body.outcome, note=body.note
    )
    return _entry(entry)


def _head(inspection: Inspection) -> dict[str, Any]:
    names = InspectionHead.__struct_fields__
    same = {name: getattr(inspection, name) for name in names if hasattr(inspection, name)}
    return {**same, "count": len(inspection.items)}


def _answer(call: Call[Any, Any], inspected: service.Inspected) -> InspectionAnswer:
    found = {entry.subject: entry for entry in inspected.entries}
    offered = service.allowed_on(call.context, inspected)
    items = [
        _drawn(item, found.get(item.subject), offered[item.subject]) for item in inspected.inspection.items
    ]
    return InspectionAnswer(**_head(inspected.inspection), items=items)


def _drawn(item: Drawn, entry: InspectionEntry | None, offered: list[str]) -> DrawnAnswer:
    return DrawnAnswer(
        subject=item.subject,
        class_id=item.class_id,
        institution=item.institution,
        division=item.division,
        lots=item.lots,
        lot=item.lot,
        lesson=item.lesson,
        minutes=item.minutes,
        entry=_entry(entry) if entry is not None else None,
        allowed_actions=offered,
    )


def _entry(entry: InspectionEntry) -> InspectionEntryAnswer:
    return InspectionEntryAnswer(
        subject=entry.subject,
        outcome=entry.outcome,
        note=entry.note,
        entered_by=entry.entered_by,
        entered_at=entry.entered_at,
        earlier=[
            EarlierEntryAnswer(
                outcome=earlier.outcome,
                note=earlier.note,
                entered_by=earlier.entered_by,
                entered_at=earlier.entered_at,
                version=earlier.version,
            )
            for earlier in entry.earlier
        ],
        case_id=entry.case_id,
        version=entry.version,
    )


def _committed(held: NextSeed, now: datetime) -> NextCommitment:
    return NextCommitment(
        division=held.division, commitment=held.commitment, committed_at=held.committed_at or now
    )
