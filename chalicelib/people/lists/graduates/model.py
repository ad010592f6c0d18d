"""A row of a graduate list: what it says, and what makes it wrong."""

from datetime import date

import msgspec

from chalicelib.kernel.calendar import read_date
from chalicelib.kernel.identity import parse_id_number, parse_phone
from chalicelib.people.eligibility import UNEMPLOYED
from chalicelib.people.lists.cells import (
    Judge,
    judge_date,
    judge_division,
    judge_id_number,
    judge_name,
    judge_phone,
    judge_school,
    one_of,
)
from chalicelib.people.lists.model import RowFault

COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号",),
    "school": ("毕业院校",),
    "degree": ("学历",),
    "graduated_on": ("毕业日期",),
    "left_school_on": ("离校日期",),
    "employment_status": ("就业状态",),
    "phone": ("手机号",),
    "division": ("行政区划",),
}
NAME_COLUMN = COLUMNS["name"][0]
DEGREES = ("专科", "本科", "硕士", "博士")
EMPLOYMENT_STATUSES = (UNEMPLOYED, "已就业", "升学", "参军", "创业")

_JUDGES: dict[str, Judge] = {
    "name": judge_name,
    "id_number": judge_id_number,
    "school": judge_school,
    "degree": one_of(DEGREES),
    "graduated_on": judge_date,
    "left_school_on": judge_date,
    "employment_status": one_of(EMPLOYMENT_STATUSES),
    "phone": judge_phone,
    "division": judge_division,
}


class Graduate(msgspec.Struct, frozen=True, kw_only=True):
    """One well-formed row of a graduate list."""

    row: int
    name: str
    id_number: str
    school: str
    degree: str
    graduated_on: date
    left_school_on: date
    employment_status: str
    phone: str
    division: str


def read_graduate(row: int, cells: dict[str, str], headers: dict[str, str]) -> Graduate | list[RowFault]:
    """Read one row, or name everything that is wrong with it (row, column and code)."""
    faults: list[RowFault] = []
    for column, judge in _JUDGES.items():
        text = cells.get(column, "")
        fault = judge(text) if text else ("empty_cell", {})
        if fault is not None:
            code, facts = fault
            faults.append(RowFault(row=row, column=headers.get(column, column), code=code, facts=facts))
    graduated_on, left_school_on = read_date(cells["graduated_on"]), read_date(cells["left_school_on"])
    if faults or graduated_on is None or left_school_on is None:
        return faults
    return Graduate(
        row=row,
        name=cells["name"],
        id_number=parse_id_number(cells["id_number"]),
        school=cells["school"],
        degree=cells["degree"],
        graduated_on=graduated_on,
        left_school_on=left_school_on,
        employment_status=cells["employment_status"],
        phone=parse_phone(cells["phone"]),
        division=cells["division"],
    )
