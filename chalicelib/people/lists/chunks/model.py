"""A chunk of a list: its rows as they were read, and what is known of them once they are judged."""

import msgspec

from chalicelib.people.lists.model import Notice, RowFault


class RawRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it was read from the sheet."""

    row: int
    cells: dict[str, str]
    faults: dict[str, str] = {}


class RawChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a list, with the key of the digests by which this list's rows are compared."""

    key: bytes
    headers: dict[str, str]
    rows: list[RawRow]


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What came of judging a chunk, without personal data; of each good row a keyed digest."""

    rows: int
    repeated_column: str
    faults: list[RowFault]
    good: list[tuple[int, bytes]]
    notices: list[Notice] = []
