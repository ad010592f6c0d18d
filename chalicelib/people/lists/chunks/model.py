"""A chunk of a list: its rows as they were read, and what is known of them once they are judged."""

import msgspec

from chalicelib.kernel.notices import Notice
from chalicelib.people.lists.model import RowFault


class RawRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row as it was read from the sheet; `written` are cells that stood there otherwise."""

    row: int
    cells: dict[str, str]
    faults: dict[str, str] = {}
    written: dict[str, str] = {}


class RawChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a list, with the key of the digests by which this list's rows are compared.

    `ignored` are the headers of columns that nobody reads.
    """

    key: bytes
    headers: dict[str, str]
    rows: list[RawRow]
    ignored: list[str] = []


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What came of judging a chunk, without personal data; of each good row a keyed digest."""

    rows: int
    repeated_column: str
    faults: list[RowFault]
    good: list[tuple[int, bytes]]
    notices: list[Notice] = []
