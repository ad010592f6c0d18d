"""The form of a roster, prefilled: who is on it, who could join, and lines for others."""

from collections.abc import Iterator

from chalicelib.classes.model import ROSTER_MAX, TrainingClass, why_not
from chalicelib.classes.rosters.service import roster_of
from chalicelib.classes.service import require_class
from chalicelib.classes.trainee_sheets.links import TRAINEE_COLUMNS, link_to_sheet, trainee_cells
from chalicelib.classes.trainee_sheets.rows import JOINS, STAYS_OUT
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import enrolments_at
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import refuse
from chalicelib.sheets.content_types import XLSX
from chalicelib.sheets.forms import Column, write_form

_PAGES_MAX = 20
"""So many pages of the institution's newest enrolments are looked through for those that may join."""
_COLUMNS = (
    *TRAINEE_COLUMNS,
    Column(header="入班", open=True, choices=(JOINS, STAYS_OUT), hint="填“是”或“否”"),
)


def roster_template(context: Context, class_id: str) -> str:
    """Give a link to the roster's form.

    Raises:
        Refused: `class_not_approved` or `roster_closed`.

    """
    training_class = require_class(context, "roster.template", class_id)
    refuse(why_not("roster", training_class, hands=context.principal.hands, now=context.now))
    _, rostered = roster_of(context, class_id)
    room = min(training_class.policy.class_size_max, ROSTER_MAX)
    rows = [(*trainee_cells(enrolment), JOINS) for enrolment in rostered]
    for enrolment in _could_join(training_class):
        if len(rows) >= ROSTER_MAX:
            break
        rows.append((*trainee_cells(enrolment), JOINS if len(rows) < room else STAYS_OUT))
    return link_to_sheet(write_form("花名册", _COLUMNS, rows, blank_rows=room), "roster.xlsx", XLSX)


def _could_join(training_class: TrainingClass) -> Iterator[Enrolment]:
    """Go through the enrolments for this project that are on no roster, newest first."""
    subject = (training_class.project_id, training_class.program_id)
    request = PageRequest(limit=100)
    for _ in range(_PAGES_MAX):
        page = enrolments_at(training_class.institution, request)
        for enrolment in page.items:
            free = enrolment.status is EnrolmentStatus.CONFIRMED and enrolment.class_id is None
            if free and (enrolment.project_id, enrolment.program_id) == subject:
                yield enrolment
        if page.after is None:
            return
        request = PageRequest(limit=request.limit, after=page.after)
