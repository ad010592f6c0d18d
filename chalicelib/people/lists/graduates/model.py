"""A row of a graduate list: what it says, and what makes it wrong."""

from datetime import date

import msgspec

from chalicelib.kernel.calendar import add_months
from chalicelib.kernel.identity import IdNumber, birth_date
from chalicelib.people.lists.cells import (
    Row,
    one_of,
    read_day,
    read_division_code,
    read_id_number,
    read_mobile,
    read_name,
    read_school,
)
from chalicelib.people.lists.model import RowFault
from chalicelib.people.lists.words import (
    DEGREE_OF,
    DEGREES,
    EMPLOYMENT_STATUS_OF,
    EMPLOYMENT_STATUSES,
)

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
_DEGREE = one_of(DEGREE_OF, shown=DEGREES)
_EMPLOYMENT_STATUS = one_of(EMPLOYMENT_STATUS_OF, shown=EMPLOYMENT_STATUSES)
GRADUATED_AT_YEARS_MIN = 12
"""Nobody younger has ever left one of these schools with a degree: one of the two dates is wrong."""


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
    line = Row(row, cells, headers)
    name, id_number = line.read("name", read_name), line.read("id_number", read_id_number)
    school, degree = line.read("school", read_school), line.read("degree", _DEGREE)
    graduated_on, left_school_on = line.read("graduated_on", read_day), line.read("left_school_on", read_day)
    employment_status = line.read("employment_status", _EMPLOYMENT_STATUS)
    phone, division = line.read("phone", read_mobile), line.read("division", read_division_code)
    if id_number and graduated_on and _too_young(id_number, graduated_on):
        line.fault("id_number", "id_number_too_young", years=GRADUATED_AT_YEARS_MIN)
    if (
        line.faults
        or name is None
        or id_number is None
        or school is None
        or degree is None
        or graduated_on is None
        or left_school_on is None
        or employment_status is None
        or phone is None
        or division is None
    ):
        return line.faults
    return Graduate(
        row=row,
        name=name,
        id_number=id_number,
        school=school,
        degree=degree,
        graduated_on=graduated_on,
        left_school_on=left_school_on,
        employment_status=employment_status,
        phone=phone,
        division=division,
    )


def graduate_as_written(graduate: Graduate) -> dict[str, str]:
    """Give each cell of a row as this service would write it."""
    return {column: str(getattr(graduate, column)) for column in COLUMNS}


def _too_young(id_number: IdNumber, graduated_on: date) -> bool:
    return add_months(birth_date(id_number), 12 * GRADUATED_AT_YEARS_MIN) > graduated_on
