"""Rows of rosters and marks: telling whom each row means.

Rows have one shape, whether they came as JSON or as a sheet: cells by canonical column, and the name
that each column has for the sender.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.accounts.persons.service import person_keys_of
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.errors import Fact, Fault
from chalicelib.kernel.identity import (
    IdNumber,
    InvalidIdentity,
    is_id_number,
    mask_id_number,
    mask_name,
    parse_id_number,
    place_is_known,
)
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.names import InvalidName, parse_name
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.reasons import error
from chalicelib.people.vault.service import misnamed
from chalicelib.sheets.layouts import Layout
from chalicelib.sheets.notices import Notices
from chalicelib.sheets.reading import SheetRow, read_lines

JOINS, STAYS_OUT = "是", "否"
_WHO: Mapping[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号",),
    "enrolment_id": ("报名编号",),
}
_WHO_RULE = "每行写报名编号，或写姓名和身份证号"
_WHO_ENGLISH = "Each row has 报名编号, or 姓名 and 身份证号"
ROSTER = Layout(
    name="roster",
    title="花名册",
    columns={**_WHO, "joins": ("入班",)},
    optional=frozenset({"joins"}),
    instead=frozenset(_WHO),
    rule=f"{_WHO_RULE}；入班写“否”的行不计。",
    english=f"{_WHO_ENGLISH}; rows that say 否 for 入班 do not count.",
)
SCORES = Layout(
    name="scores",
    title="成绩",
    columns={**_WHO, "theory": ("理论成绩", "理论"), "practice": ("实操成绩", "实操")},
    instead=frozenset(_WHO),
    rule=f"{_WHO_RULE}；成绩为 0 到 100 的整数。",
    english=f"{_WHO_ENGLISH}; marks are whole numbers from 0 to 100.",
)
_BY_PERSON = ("name", "id_number")
_PARSERS: Mapping[str, Callable[[str], str]] = {"name": parse_name, "id_number": parse_id_number}
_MARKS = ("theory", "practice")
_MARK_DIGITS_MAX = 3


def read_rows(raw: bytes, content_type: str, layout: Layout) -> list[SheetRow]:
    """Read a sheet of people, who are named by 报名编号 as in the form, or by 姓名 and 身份证号.

    Raises:
        Impossible: see `read_table`; `no_rows` too if every row is marked as staying out.

    """
    rows = list(read_lines(raw, content_type, layout))
    headers = rows[0].headers
    if "enrolment_id" not in headers:
        for name in _BY_PERSON:
            if name not in headers:
                raise error("missing_column", column=layout.columns[name][0])
    joining = [row for row in rows if _joins(row)]
    if not joining:
        raise error("no_rows")
    return joining


def _joins(row: SheetRow) -> bool:
    """Leave out who stays out, and lines of an error sheet that hold nothing but a reason."""
    if row.cells.get("joins", "").strip() == STAYS_OUT:
        return False
    return bool(row.faults) or any(text for name, text in row.cells.items() if name != "joins")


@dataclass(frozen=True)
class NamedRow:
    """A row that names a person by ID number and name."""

    row: SheetRow
    person_key: PersonKey
    named_rightly: bool


@dataclass(frozen=True)
class NumberedRow:
    """A row that names an enrolment."""

    row: SheetRow
    enrolment_id: str


@dataclass(frozen=True)
class _UnprovedRow:
    """A row with a well-formed ID number, before it is known whose."""

    row: SheetRow
    id_number: str


TraineeRow = NamedRow | NumberedRow


def fault_in(row: SheetRow, column: str, code: str, **facts: Fact) -> Fault:
    """Say what is wrong with a cell, in the sender's own words for the column."""
    return Fault(code, row=row.row, column=row.headers.get(column, column), facts=facts)


def column_of(row: TraineeRow) -> str:
    """Give the column that says whom a row means."""
    return "enrolment_id" if isinstance(row, NumberedRow) else "id_number"


def in_one_form(row: SheetRow) -> SheetRow:
    """Give a row with name and number in the form in which they are kept, where they can be read at all."""
    cells = dict(row.cells)
    for column, parse in _PARSERS.items():
        with contextlib.suppress(InvalidIdentity, InvalidName):
            cells[column] = parse(cells.get(column, ""))
    return dataclasses.replace(row, cells=cells)


def notices_of(rows: Sequence[SheetRow]) -> list[Notice]:
    """Tell how cells were read that are not written as they are kept, and what is worth a look."""
    notices = Notices()
    forms = {row.row: in_one_form(row).cells for row in rows}
    for cells in forms.values():
        cells.update({name: str(int(cells[name])) for name in _MARKS if is_mark(cells.get(name, ""))})
    notices.add_sheet(rows, forms, personal=_BY_PERSON)
    for row in rows:
        number = forms[row.row].get("id_number", "")
        if is_id_number(number) and not place_is_known(IdNumber(number)):
            notices.add_code(row.row, row.headers.get("id_number", "id_number"), "place_unknown")
    return notices.most()


def is_mark(text: str) -> bool:
    """Tell whether a cell holds digits and nothing else, few enough for a mark."""
    return text.isascii() and text.isdigit() and len(text) <= _MARK_DIGITS_MAX


def read_people(rows: Sequence[SheetRow]) -> list[TraineeRow | Fault]:
    """Tell who each row means; one read of the index and one of the names, whatever the number of rows."""
    people = [_read_person(in_one_form(row)) for row in rows]
    unproved = [person for person in people if isinstance(person, _UnprovedRow)]
    keys = person_keys_of(person.id_number for person in unproved)
    wrong = misnamed([(keys[person.id_number], person.row.cells["name"]) for person in unproved])
    return [_proved(person, keys, wrong) if isinstance(person, _UnprovedRow) else person for person in people]


def _proved(
    person: _UnprovedRow, keys: Mapping[str, PersonKey], wrong: Collection[tuple[str, str]]
) -> NamedRow:
    key = keys[person.id_number]
    return NamedRow(person.row, key, (key, person.row.cells["name"]) not in wrong)


def _read_person(row: SheetRow) -> _UnprovedRow | NumberedRow | Fault:
    for column in ("enrolment_id", *_BY_PERSON, "joins"):
        if column in row.faults:
            return fault_in(row, column, row.faults[column])
    if row.cells.get("joins", "").strip() not in ("", JOINS):
        return fault_in(row, "joins", "joins_unclear")
    enrolment_id = row.cells.get("enrolment_id", "").strip()
    if enrolment_id:
        return NumberedRow(row, enrolment_id)
    for column in _BY_PERSON:
        if not row.cells.get(column, "").strip():
            return fault_in(row, column, "empty_cell")
    try:
        number = parse_id_number(row.cells["id_number"])
    except InvalidIdentity as invalid:
        return fault_in(row, "id_number", invalid.code)
    return _UnprovedRow(row, number)


def wrong_mask(row: SheetRow, enrolment: Enrolment) -> str | None:
    """Name the column of a numbered row that belies its enrolment; what is given may be masked or not."""
    name, number = (row.cells.get(column, "").strip() for column in _BY_PERSON)
    if name and enrolment.trainee_name not in (name, mask_name(name)):
        return "name"
    if number and enrolment.trainee_id_number not in (number, mask_id_number(number.upper())):
        return "id_number"
    return None
