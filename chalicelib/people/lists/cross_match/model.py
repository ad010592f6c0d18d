"""A row of a cross-match list: what it says, what makes it wrong; and what a list did to vouchers."""

from datetime import date

import msgspec

from chalicelib.people.lists.cells import CellFault, Row, one_of, read_day, read_id_number, read_name
from chalicelib.people.lists.model import RowFault
from chalicelib.people.lists.words import OPEN_END, OPEN_ENDS, SITUATION_OF, SITUATIONS, plain_word
from chalicelib.people.standings.model import Situation

COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号",),
    "situation": ("情形",),
    "from": ("起始日期",),
    "until": ("截止日期",),
    "as_of": ("数据日期",),
}
_SITUATION = one_of(SITUATION_OF, shown=[words[0] for words in SITUATIONS.values()])


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
    line = Row(row, cells, headers)
    line.read("name", read_name)
    id_number, situation = (
        line.read("id_number", read_id_number),
        line.read("situation", _SITUATION),
    )
    since, as_of = line.read("from", read_day), line.read_any("as_of", read_day)
    until = line.read_any("until", _read_end)
    if since is not None and isinstance(until, date) and until < since:
        line.fault("until", "ends_before_it_begins", since=since.isoformat())
    if line.faults or id_number is None or situation is None or since is None:
        return line.faults
    return ListedPerson(
        row=row,
        id_number=id_number,
        situation=situation,
        since=since,
        until=until if isinstance(until, date) else None,
        as_of=as_of,
    )


def listed_as_written(listed: ListedPerson) -> dict[str, str]:
    """Give each cell of a row as this service would write it; the name is not kept."""
    return {
        "id_number": listed.id_number,
        "situation": SITUATIONS[listed.situation][0],
        "from": listed.since.isoformat(),
        "until": listed.until.isoformat() if listed.until else OPEN_END,
        "as_of": listed.as_of.isoformat() if listed.as_of else "",
    }


def _read_end(text: str) -> date | str | CellFault:
    """Read the last day, or the word for none."""
    return text if plain_word(text) in OPEN_ENDS else read_day(text)
