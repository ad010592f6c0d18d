"""What a list's reader is told besides faults: how cells were read that are not written as they are kept.

Summed up over the list, so that a clerk sees at one look that 大专 was taken for 专科, 212 times, before
anything counts. Cells that name people are told by their place only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.kernel.identity import IdNumber, place_is_known
from chalicelib.people.lists.kind import ListKind
from chalicelib.people.lists.model import Notice

NOTICES_MAX = 100
"""So many are kept of a list, those of most rows first."""
_DISTINCT_MAX = 1000
_PERSONAL = frozenset({"name", "id_number", "phone"})
_WRITTEN_CHARS_MAX = 30

_Key = tuple[str, str, str, str]


class Notices:
    """Counts what is to be told, by column, code and words."""

    def __init__(self) -> None:
        self._counts: dict[_Key, tuple[int, int]] = {}

    def add_row(
        self, kind: ListKind[Any], row: Any, cells: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        """Look at a well-formed row beside the cells that it was read from."""
        for column, kept in kind.as_written(row).items():
            text = cells.get(column, "")
            if text and text != kept:
                told = (
                    ("tidied", "", "")
                    if column in _PERSONAL
                    else ("read_as", text[:_WRITTEN_CHARS_MAX], kept)
                )
                self._add((headers.get(column, column), *told), row.row, 1)
            if column == "id_number" and not place_is_known(IdNumber(kept)):
                self._add((headers.get(column, column), "place_unknown", "", ""), row.row, 1)

    def add(self, notices: Iterable[Notice]) -> None:
        """Add what another part of the list gave."""
        for notice in notices:
            key = (notice.column, notice.code, notice.written, notice.kept)
            self._add(key, notice.first_row, notice.rows)

    def _add(self, key: _Key, row: int, rows: int) -> None:
        if key in self._counts or len(self._counts) < _DISTINCT_MAX:
            count, first = self._counts.get(key, (0, row))
            self._counts[key] = (count + rows, min(first, row))

    def most(self, limit: int) -> list[Notice]:
        """Give those of most rows, at most so many."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1][0], item[0]))
        return [
            Notice(column=column, code=code, written=written, kept=kept, rows=rows, first_row=first)
            for (column, code, written, kept), (rows, first) in ordered[:limit]
        ]
