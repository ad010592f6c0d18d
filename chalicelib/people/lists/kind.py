"""What a kind of list is: all that differs between a graduate list and, say, a cross-match list.

To add a kind, give it a member of `model.ImportKind`, describe it as a `ListKind` in a folder of its own, and
add that to `kinds.KINDS`. The engine (`work.py`) does the rest: upload, reading, chunks, repeats
across the whole list, progress, row errors and the error sheet.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from chalicelib.kernel.principal import Context
from chalicelib.people.lists.model import Import, ImportKind, RowFault
from chalicelib.sheets.layouts import Layout

CHUNK_ROWS = 500
"""So many rows are judged, taken over and issued from by one message."""


class ListedRow(Protocol):
    """A well-formed row: a struct that knows the sheet's line it came from."""

    @property
    def row(self) -> int:
        """Tell the line."""
        ...


Row = TypeVar("Row", bound=ListedRow)


@dataclass(frozen=True, kw_only=True)
class ListKind(Generic[Row]):
    """One kind of list.

    * `layout` tells its columns. Cells of `dates` come as `YYYY-MM-DD` where the sheet held a date, also one
      shown as a bare number.
    * `read_row(line, cells, headers)` is pure: it reads the cells of one line (texts by canonical column)
      into `row_type`, or names everything wrong with it, with `headers[column]` as the fault's column. It is
      asked by workers in any order, and again after a crash.
    * `repeated_by` names what may stand in a list only once, e.g. the ID number; the later of two well-formed
      rows with the same text is wrong (`repeated_person`, at `repeated_column`).
    * `keep(context, record, chunk, rows)` takes over the right rows of one chunk, at most `CHUNK_ROWS`,
      after the whole list was judged and accepted, and before it is `ready`. It may be asked again for the
      same chunk, for chunks in any order, and for several at once; nothing of a refused list or a dry run is
      given to it.
    * `as_written(row)` gives, by canonical column, each cell of a row as this service would write it.
    * `accepted(context, record)` goes on with a list that has just become ready; it may be asked again.
    """

    kind: ImportKind
    layout: Layout
    row_type: type[Row]
    read_row: Callable[[int, dict[str, str], dict[str, str]], Row | list[RowFault]]
    repeated_by: Callable[[Row], str]
    repeated_column: str
    keep: Callable[[Context, Import, int, Sequence[Row]], None]
    as_written: Callable[[Row], Mapping[str, str]]
    accepted: Callable[[Context, Import], None] | None = None

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Write rows as they are kept, sealed, in a chunk."""
        return msgspec.json.encode(rows)

    def decode(self, raw: bytes) -> list[Row]:
        """Read rows back."""
        row_type: Any = self.row_type
        rows: list[Row] = msgspec.json.decode(raw, type=list[row_type])
        return rows
