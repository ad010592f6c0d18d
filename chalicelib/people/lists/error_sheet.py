"""The sheet as it was uploaded, with a column of what is wrong in each row."""

import itertools
from collections.abc import Iterable, Iterator

from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.people.lists.chunks.model import RawChunk
from chalicelib.people.lists.chunks.service import open_raw
from chalicelib.people.lists.model import Import, RowFault
from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.headers import LINE_COLUMN, REASON_COLUMN
from chalicelib.sheets.packing import Cell
from chalicelib.sheets.writing import write_csv, write_xlsx


def error_sheet(context: Context, record: Import, faults: Iterable[list[RowFault]]) -> bytes:
    """Write the sheet; `faults` are those of each chunk, in order."""
    chunks = open_raw(context, record, range(record.chunks), purpose="write the error sheet")
    first = next(chunks)
    headers = [LINE_COLUMN, *first.headers.values(), REASON_COLUMN]
    lines = _lines(itertools.chain([first], chunks), faults)
    if record.content_type == CSV:
        return write_csv(headers, lines)
    return write_xlsx("错误明细", headers, lines)


def _lines(chunks: Iterable[RawChunk], faults: Iterable[list[RowFault]]) -> Iterator[list[Cell]]:
    for chunk, chunk_faults in zip(chunks, faults, strict=True):
        reasons: dict[int, list[str]] = {}
        for fault in chunk_faults:
            text = sentence(fault.code, fault.told)
            reasons.setdefault(fault.row, []).append(f"{fault.column}：{text}")
        for row in chunk.rows:
            cells = [row.cells[name] for name in chunk.headers]
            yield [row.row, *cells, " ".join(reasons.get(row.row, []))]
