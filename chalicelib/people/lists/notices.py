"""What a list's reader is told besides faults: how cells were read that are not written as they are kept."""

from collections.abc import Mapping
from typing import Any

from chalicelib.kernel.identity import IdNumber, place_is_known
from chalicelib.people.lists.chunks.model import RawRow
from chalicelib.people.lists.kind import ListKind
from chalicelib.sheets.notices import Notices

_PERSONAL = frozenset({"name", "id_number", "phone"})


def note_row(
    notices: Notices, kind: ListKind[Any], row: Any, raw: RawRow, headers: Mapping[str, str]
) -> None:
    """Look at a well-formed row beside the cells that it was read from."""
    for column, kept in kind.as_written(row).items():
        header = headers.get(column, column)
        text = raw.written.get(column) or raw.cells.get(column, "")
        notices.add_cell(row.row, header, written=text, kept=kept, personal=column in _PERSONAL)
        if column == "id_number" and not place_is_known(IdNumber(kept)):
            notices.add_code(row.row, header, "place_unknown")
