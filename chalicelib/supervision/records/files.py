"""An export as a folder of JSON Lines files, one record a line, with `export.json` beside them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from chalicelib.kernel.calendar import SHANGHAI, shanghai_date
from chalicelib.supervision.records.model import FILES, ExportNote, Record
from chalicelib.supervision.records.scope import Scope
from chalicelib.supervision.records.service import Emit

NOTE: Final = "export.json"
_BUFFER_BYTES: Final = 1 << 20


@contextmanager
def folder_of(path: Path, scope: Scope, *, as_of: datetime) -> Iterator[Emit]:
    """Write records into the files of a folder as they come; a folder is whole once it has the note.

    Raises:
        FileExistsError: there is an export in the folder already.

    """
    path.mkdir(parents=True, exist_ok=True)
    if (path / NOTE).exists():
        raise FileExistsError(path / NOTE)
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {
            name: stack.enter_context(file_of(path, name).open("wb", buffering=_BUFFER_BYTES))
            for name in FILES
        }

        def emit(name: str, record: Record) -> None:
            files[name].write(encode(record) + b"\n")

        yield emit
    (path / NOTE).write_bytes(encode(note_of(scope, as_of=as_of)) + b"\n")


def file_of(path: Path, name: str) -> Path:
    """Give the file of a folder that holds the records of a name."""
    return path / f"{name}.jsonl"


def note_of(scope: Scope, *, as_of: datetime) -> ExportNote:
    """Say what an export tells: of which areas, from the first through the last day, and as of when."""
    return ExportNote(
        as_of=as_of.astimezone(SHANGHAI),
        since=shanghai_date(scope.since).isoformat(),
        until=shanghai_date(scope.until - datetime.resolution).isoformat(),
        divisions=list(scope.divisions),
    )
