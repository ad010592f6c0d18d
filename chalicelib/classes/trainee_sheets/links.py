"""Sheets that name trainees, as they are given out: forms to fill in, uploads with what is wrong in them.

People are masked, as an institution sees them; the row's 报名编号 says whom it means.
"""

from collections import defaultdict
from collections.abc import Sequence

from chalicelib.aws import objects
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.reasons import fault_sentence
from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.downloads import link_to
from chalicelib.sheets.forms import Column, with_reasons
from chalicelib.sheets.headers import REASON_COLUMN
from chalicelib.sheets.reading import SheetRow

TRAINEE_COLUMNS = (
    Column(header="报名编号"),
    Column(header="姓名"),
    Column(header="身份证号", hint="18 位身份证号"),
)
"""What each of these sheets begins with, see `trainee_cells`."""


def trainee_cells(enrolment: Enrolment) -> tuple[str, str, str]:
    """Give the cells that name a trainee."""
    return (enrolment.id, enrolment.trainee_name, enrolment.trainee_id_number)


def link_to_error_sheet(
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
    by_row = {row: " ".join(texts) for row, texts in reasons.items()}
    raw = with_reasons(rows, by_row, header=REASON_COLUMN, rest=rest, content_type=content_type)
    filename = "errors.csv" if content_type == CSV else "errors.xlsx"
    return link_to_sheet(raw, filename, content_type, folder=objects.ERROR_SHEETS)


def link_to_sheet(raw: bytes, filename: str, content_type: str, *, folder: str = "reports") -> str:
    """Store a sheet and give a link that reads it for ten minutes."""
    key = f"{folder}/{new_id('sht')}.{filename.rpartition('.')[2]}"
    return link_to(raw, content_type=content_type, key=key, filename=filename)
