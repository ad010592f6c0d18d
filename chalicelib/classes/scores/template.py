"""The form of marks, prefilled: everybody on the roster, with the marks recorded so far."""

from chalicelib.classes.model import why_not
from chalicelib.classes.rosters.service import roster_of
from chalicelib.classes.scores.model import MARK_MAX
from chalicelib.classes.service import require_class
from chalicelib.classes.trainee_sheets.links import TRAINEE_COLUMNS, link_to_sheet, trainee_cells
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import refuse
from chalicelib.sheets.content_types import XLSX
from chalicelib.sheets.forms import Column, write_form

_HINT = f"0 到 {MARK_MAX} 的整数"
_COLUMNS = (
    *TRAINEE_COLUMNS,
    Column(header="理论成绩", open=True, whole_from=0, whole_to=MARK_MAX, hint=_HINT),
    Column(header="实操成绩", open=True, whole_from=0, whole_to=MARK_MAX, hint=_HINT),
)


def scores_template(context: Context, class_id: str) -> str:
    """Give a link to the form of marks.

    Raises:
        Refused: `wrong_state` before the completion is approved, `scores_closed` after the claim.

    """
    training_class = require_class(context, "scores.template", class_id)
    refuse(why_not("scores", training_class, hands=context.principal.hands, now=context.now))
    _, rostered = roster_of(context, class_id)
    rows = [(*trainee_cells(enrolment), enrolment.theory, enrolment.practice) for enrolment in rostered]
    return link_to_sheet(write_form("成绩", _COLUMNS, rows), "scores.xlsx", XLSX)
