"""Sheets of rosters and marks: forms to fill in, and uploads given back with what is wrong in them.

People are masked, as an institution sees them; the row's 报名编号 says whom it means.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from chalicelib.aws import objects
from chalicelib.classes.model import ROSTER_MAX, ClassStatus, TrainingClass
from chalicelib.classes.rosters.service import require_open_roster, roster_of
from chalicelib.classes.service import require_class
from chalicelib.classes.trainee_sheets.rows import JOINS, STAYS_OUT
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import enrolments_at
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error, fault_sentence
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.downloads import link_to
from chalicelib.sheets.forms import Column, with_reasons, write_form
from chalicelib.sheets.reading import REASON_COLUMN, SheetRow

_LOOKED_AT_MAX = 2000
"""So many of the institution's newest enrolments are looked through for those that may join."""
_ID_HINT = "18 位身份证号"
_WHO = (
    Column(header="报名编号"),
    Column(header="姓名"),
    Column(header="身份证号", hint=_ID_HINT),
)
_ROSTER = (*_WHO, Column(header="入班", open=True, choices=(JOINS, STAYS_OUT), hint="填“是”或“否”"))
_MARK_HINT = "0 到 100 的整数"
_SCORES = (
    *_WHO,
    Column(header="理论成绩", open=True, whole_from=0, whole_to=100, hint=_MARK_HINT),
    Column(header="实操成绩", open=True, whole_from=0, whole_to=100, hint=_MARK_HINT),
)


def roster_template(context: Context, class_id: str) -> str:
    """Give a link to the roster's form: who is on it, who could join, and lines for others.

    Raises:
        Refused: `class_not_approved` or `roster_closed`.

    """
    found = require_class(context, "roster.template", class_id)
    require_open_roster(found)
    _, rostered = roster_of(context, class_id)
    room = min(found.policy.class_size_max, ROSTER_MAX)
    rows = [(*_who(one), JOINS) for one in rostered]
    for one in _could_join(found):
        if len(rows) >= ROSTER_MAX:
            break
        rows.append((*_who(one), JOINS if len(rows) < room else STAYS_OUT))
    return _link(write_form("花名册", _ROSTER, rows, blank_rows=room), "roster.xlsx", XLSX)


def scores_template(context: Context, class_id: str) -> str:
    """Give a link to the form of marks: everybody on the roster, with the marks recorded so far.

    Raises:
        Refused: `wrong_state` before the completion is approved, `scores_closed` after the claim.

    """
    found = require_class(context, "scores.template", class_id)
    if found.status in (ClassStatus.CLAIMED, ClassStatus.CLOSED):
        raise error("scores_closed")
    if found.status not in (ClassStatus.COMPLETION_APPROVED, ClassStatus.SCORED):
        raise error("wrong_state", status=found.status.value)
    _, rostered = roster_of(context, class_id)
    rows = [(*_who(one), one.theory, one.practice) for one in rostered]
    return _link(write_form("成绩", _SCORES, rows), "scores.xlsx", XLSX)


def _who(one: Enrolment) -> tuple[str, str, str]:
    return (one.id, one.trainee_name, one.trainee_id_number)


def _could_join(training_class: TrainingClass) -> Iterator[Enrolment]:
    """Go through the enrolments for this project that are on no roster, newest first."""
    wanted = (training_class.project_id, training_class.program_id)
    request = PageRequest(limit=100)
    for _ in range(_LOOKED_AT_MAX // request.limit):
        page = enrolments_at(training_class.institution, request)
        for one in page.items:
            free = one.status is EnrolmentStatus.CONFIRMED and one.class_id is None
            if free and (one.project_id, one.program_id) == wanted:
                yield one
        if page.after is None:
            return
        request = PageRequest(limit=request.limit, after=page.after)


def error_sheet(
    rows: Sequence[SheetRow], faults: Sequence[Fault], *, content_type: str, english: bool
) -> str:
    """Give a link to an uploaded sheet with a column of reasons."""
    reasons: dict[int, list[str]] = defaultdict(list)
    rest = []
    for fault in faults:
        text = fault_sentence(fault, english=english)
        if fault.row is None:
            rest.append(text)
        else:
            reasons[fault.row].append(f"{fault.column}：{text}" if fault.column else text)
    told = {row: " ".join(texts) for row, texts in reasons.items()}
    raw = with_reasons(rows, told, header=REASON_COLUMN, rest=rest, content_type=content_type)
    filename = "errors.csv" if content_type == CSV else "errors.xlsx"
    return _link(raw, filename, content_type, folder=objects.ERROR_SHEETS)


def _link(raw: bytes, filename: str, content_type: str, *, folder: str = "reports") -> str:
    key = f"{folder}/{new_id('sht')}.{filename.rpartition('.')[2]}"
    return link_to(raw, content_type=content_type, key=key, filename=filename)
