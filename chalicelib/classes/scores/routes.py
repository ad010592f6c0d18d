"""HTTP of marks and their sheets."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from chalicelib.classes.marks import Marks
from chalicelib.classes.scores import service
from chalicelib.classes.scores.template import scores_template as make_template
from chalicelib.classes.trainee_sheets.forms import (
    ROWS_MAX,
    RosterRowForm,
    error_sheet_of,
    give_back_sheet,
    row_errors,
    row_notices,
    rows_of,
)
from chalicelib.classes.trainee_sheets.rows import SCORES
from chalicelib.edge.endpoints import Call, LinkAnswer, Listing, NoQuery, SheetBody, SheetQuery
from chalicelib.edge.forms import Answer, Form, Reason, Version
from chalicelib.edge.http import Api
from chalicelib.edge.notices import NoticeAnswer
from chalicelib.edge.problems import RowFault
from chalicelib.kernel.errors import DomainError

api = Api(__name__)


class ScoreRowForm(RosterRowForm, kw_only=True):
    """A trainee's marks, 0 to 100."""

    theory: int
    practice: int


class ScoresRequest(Form):
    """The marks of all trainees; recorded again they need the reason of the correction."""

    version: Version
    rows: Annotated[list[ScoreRowForm], Meta(max_length=ROWS_MAX)]
    reason: Reason | None = None


class ScoresQuery(SheetQuery):
    """The query of marks sent as a sheet: a correction gives its reason here."""

    reason: Reason | None = None


class ScoresAnswer(Answer, omit_defaults=True):
    """What an upload of marks did."""

    version: int
    passed: int
    failed: int
    errors: list[RowFault]
    notices: list[NoticeAnswer]
    error_sheet: str | None = None


class MarkAnswer(Answer):
    """One trainee's marks, and whether they passed; `share` is of the hours attended, 0 to 1."""

    theory: int
    practice: int
    share: Decimal
    passed: bool


class ScoreRowAnswer(MarkAnswer):
    """One trainee's marks in one recording, and those of the one before; null the first time."""

    enrolment_id: str
    before: MarkAnswer | None


class ScoreSheetAnswer(Answer):
    """One recording of a class's marks: who, when, why; `version` is the class's that it made."""

    version: int
    scored_by: str
    scored_at: datetime
    reason: str | None
    passed: int
    failed: int
    rows: list[ScoreRowAnswer]


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}/scores",
    action="scores.write",
    body=ScoresRequest,
    query=ScoresQuery,
    answer=ScoresAnswer,
    sheet=True,
    layouts=[SCORES],
    summary="Record all marks, by JSON, xlsx or csv",
)
def record_scores(call: Call[ScoresRequest | SheetBody, ScoresQuery], class_id: str) -> ScoresAnswer:
    version, rows = rows_of(call, SCORES)
    body = call.body
    reason = call.query.reason if isinstance(body, SheetBody) else body.reason
    try:
        outcome = service.record_scores(
            call.context, class_id, rows, version=version, dry_run=call.query.dry_run, reason=reason
        )
    except DomainError as error:
        give_back_sheet(call, rows, error)
        raise
    return ScoresAnswer(
        version=outcome.version,
        passed=outcome.passed,
        failed=outcome.failed,
        errors=row_errors(call, outcome.faults),
        notices=row_notices(call, rows),
        error_sheet=error_sheet_of(call, rows, outcome.faults),
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/scores",
    action="scores.read",
    answer=Listing[ScoreSheetAnswer],
    summary="List every recording of the marks, newest first",
)
def read_scores(call: Call[None, NoQuery], class_id: str) -> Listing[ScoreSheetAnswer]:
    _, sheets = service.score_history(call.context, class_id)
    before: Mapping[str, Marks] = {}
    shown = []
    for sheet in sheets:
        shown.append(
            ScoreSheetAnswer(
                version=sheet.version,
                scored_by=sheet.scored_by,
                scored_at=sheet.scored_at,
                reason=sheet.reason,
                passed=sum(mark.passed for mark in sheet.marks),
                failed=sum(not mark.passed for mark in sheet.marks),
                rows=[_score_row(mark, before.get(mark.enrolment_id)) for mark in sheet.marks],
            )
        )
        before = {mark.enrolment_id: mark for mark in sheet.marks}
    return Listing(items=shown[::-1], next=None)


def _score_row(mark: Marks, before: Marks | None) -> ScoreRowAnswer:
    earlier = None
    if before is not None:
        earlier = MarkAnswer(
            theory=before.theory, practice=before.practice, share=before.share, passed=before.passed
        )
    return ScoreRowAnswer(
        enrolment_id=mark.enrolment_id,
        theory=mark.theory,
        practice=mark.practice,
        share=mark.share,
        passed=mark.passed,
        before=earlier,
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/scores/template",
    action="scores.template",
    answer=LinkAnswer,
    summary="Get a link to the xlsx form of marks, prefilled",
    refuses=[409],
)
def get_scores_template(call: Call[None, NoQuery], class_id: str) -> LinkAnswer:
    return LinkAnswer(url=make_template(call.context, class_id))
