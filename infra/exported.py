"""Read the folder of an export: JSON Lines, one record a line, whoever wrote them.

A line that cannot be read is told, with its file and number, and passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from chalicelib.supervision.records.model import FILES, ExportNote, Record, StandingRecord
from chalicelib.supervision.rules.ineligibility import bounds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_R = TypeVar("_R", bound=Record)
NOTE = "export.json"


@dataclass
class Records:
    """All records of an export by the name of their file, and what was wrong with it."""

    by_file: Mapping[str, list[Any]]
    note: ExportNote = field(default_factory=ExportNote)
    faults: list[str] = field(default_factory=list)


def read_folder(folder: Path) -> Records:
    """Read an export; files that are not there hold nothing."""
    faults: list[str] = []
    by_file = {name: list(_read_file(folder, name, kind, faults)) for name, kind in FILES.items()}
    return Records(by_file=by_file, note=_read_note(folder, faults), faults=faults)


def _read_note(folder: Path, faults: list[str]) -> ExportNote:
    path = folder / NOTE
    if path.exists():
        try:
            return msgspec.json.decode(path.read_bytes(), type=ExportNote)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            faults.append(f"{NOTE}: {error}")
    return ExportNote()


def _read_file(folder: Path, name: str, kind: type[_R], faults: list[str]) -> Iterator[_R]:
    path = folder / f"{name}.jsonl"
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = decoder.decode(line)
                if isinstance(record, StandingRecord):
                    bounds_of(record)
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
                faults.append(f"{path.name}:{number}: {error}")
            else:
                yield record
