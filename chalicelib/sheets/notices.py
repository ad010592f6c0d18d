"""What is to be known of a sheet besides faults: how cells were read that are not written as they are kept.

Summed up over the sheet, so that a clerk sees at one look that 大专 was taken for 专科, 212 times, before
anything counts. Cells that name people are told by their place only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from chalicelib.kernel.notices import Notice
from chalicelib.sheets.reading import SheetRow

NOTICES_MAX: Final = 100
"""So many are told of a sheet, those of most rows first."""
_DISTINCT_MAX = 1000
_WRITTEN_CHARS_MAX = 30

_Key = tuple[str, str, str, str]


class Notices:
    """Counts what is to be told, by column, code and words."""

    def __init__(self) -> None:
        self._counts: dict[_Key, tuple[int, int]] = {}

    def add_cell(self, row: int, header: str, *, written: str, kept: str, personal: bool = False) -> None:
        """Look at a cell beside what is kept of it; an empty one is not written at all."""
        if written and written != kept:
            told = ("tidied", "", "") if personal else ("read_as", written[:_WRITTEN_CHARS_MAX], kept)
            self._add((header, *told), row, 1)

    def add_code(self, row: int, header: str, code: str) -> None:
        """Tell something of a cell that is not how it was read."""
        self._add((header, code, "", ""), row, 1)

    def add_sheet(
        self, rows: Sequence[SheetRow], kept: Mapping[int, Mapping[str, str]], personal: Collection[str]
    ) -> None:
        """Look at the rows of a sheet beside what is kept of them, by line and column."""
        for row in rows:
            for header in row.ignored:
                self.add_code(row.row, header, "column_ignored")
            for column, text in kept.get(row.row, {}).items():
                if column in row.cells:
                    self.add_cell(
                        row.row,
                        row.headers.get(column, column),
                        written=row.as_written(column),
                        kept=text,
                        personal=column in personal,
                    )

    def add(self, notices: Iterable[Notice]) -> None:
        """Add what another part of the sheet gave."""
        for notice in notices:
            key = (notice.column, notice.code, notice.written, notice.kept)
            self._add(key, notice.first_row, notice.rows)

    def _add(self, key: _Key, row: int, rows: int) -> None:
        if key in self._counts or len(self._counts) < _DISTINCT_MAX:
            count, first = self._counts.get(key, (0, row))
            self._counts[key] = (count + rows, min(first, row))

    def most(self, limit: int = NOTICES_MAX) -> list[Notice]:
        """Give those of most rows, at most so many."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1][0], item[0]))
        return [
            Notice(column=column, code=code, written=written, kept=kept, rows=rows, first_row=first)
            for (column, code, written, kept), (rows, first) in ordered[:limit]
        ]
