"""A row of a cross-match list: what it says, what makes it wrong; and what a list did to vouchers."""

from datetime import date

import msgspec

from chalicelib.kernel.calendar import read_date
from chalicelib.people.lists.cells import Judge, judge_id_number, judge_name, one_of
from chalicelib.people.lists.model import RowFault
from chalicelib.people.standings.model import Situation

_WORDS: dict[str, Situation] = {
    "就业": Situation.EMPLOYED,
    "已就业": Situation.EMPLOYED,
    "创业": Situation.SELF_EMPLOYED,
    "在读": Situation.IN_SCHOOL,
    "参军": Situation.IN_MILITARY,
    "退休": Situation.RETIRED,
    "服刑": Situation.IMPRISONED,
    "死亡": Situation.DECEASED,
    "异地已享受": Situation.SUBSIDISED_ELSEWHERE,
    **{situation.value: situation for situation in Situation},
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号",),
    "situation": ("情形",),
    "from": ("起始日期",),
    "until": ("截止日期",),
    "as_of": ("数据日期",),
}
_JUDGES: dict[str, Judge] = {
    "name": judge_name,
    "id_number": judge_id_number,
    "situation": one_of(tuple(_WORDS)),
}


class ListedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One well-formed row. The name is checked and not kept: the ID number finds the person."""

    row: int
    id_number: str
    situation: Situation
    since: date
    until: date | None
    as_of: date | None


class ListEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What one chunk of a list did to vouchers: how many were lost, how many marked anew."""

    import_id: str
    first_row: int
    rows: int
    revoked: int = 0
    marked: int = 0


def read_listed(row: int, cells: dict[str, str], headers: dict[str, str]) -> ListedPerson | list[RowFault]:
    """Read one row, or name everything that is wrong with it.

    `until` may be empty (the situation goes on), and so may `as_of` (the data are of the day of the upload).
    """
    faults: list[RowFault] = []

    def fault(column: str, code: str, **facts: str | int) -> None:
        faults.append(RowFault(row=row, column=headers.get(column, column), code=code, facts=facts))

    for column, judge in _JUDGES.items():
        text = cells.get(column, "")
        cell_fault = judge(text) if text else ("empty_cell", {})
        if cell_fault is not None:
            fault(column, cell_fault[0], **cell_fault[1])
    days = {column: read_date(cells.get(column, "")) for column in ("from", "until", "as_of")}
    for column, day in days.items():
        if cells.get(column):
            if day is None:
                fault(column, "invalid_date")
        elif column == "from":
            fault(column, "empty_cell")
    since, until = days["from"], days["until"]
    if since is not None and until is not None and until < since:
        fault("until", "ends_before_it_begins", since=since.isoformat())
    if faults or since is None:
        return faults
    return ListedPerson(
        row=row,
        id_number=cells["id_number"].upper(),
        situation=_WORDS[cells["situation"]],
        since=since,
        until=until,
        as_of=days["as_of"],
    )
