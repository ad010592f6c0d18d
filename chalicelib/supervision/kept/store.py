"""The table of kept figures: written by the night alone, read by their names.

A row holds a page of figures, packed: the ratings of 2,000 institutions are 60 KB. Nothing is decided by
them, and a night that fails leaves those of the night before.
"""

import gzip
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.supervision.kept.model import Kept

Figures = TypeVar("Figures")


class KeptRow(Table[Kept]):
    """One row a name."""

    class Meta:
        table_name = table_name("kept-figures")

    record_type = Kept

    name = UnicodeAttribute(hash_key=True)
    computed_at = MomentAttribute()
    packed = BinaryAttribute(legacy_encoding=False)


def keep(name: str, figures: Any, *, now: datetime) -> None:
    """Keep figures in place of those of before."""
    packed = gzip.compress(msgspec.json.encode(figures), mtime=0)
    KeptRow(name=name, computed_at=now, packed=packed).save()


def find_kept(name: str, kind: type[Figures]) -> tuple[Figures, datetime] | None:
    """Read figures, and when they were computed; None where no night has, or a program of before did."""
    kept: Kept | None = KeptRow.find(name)
    return _unpacked(kept, kind) if kept is not None else None


def find_all_kept(names: Iterable[str], kind: type[Figures]) -> dict[str, tuple[Figures, datetime]]:
    """Read the figures of many names in one call; what no night has computed is left out."""
    found = {kept.name: _unpacked(kept, kind) for kept in KeptRow.find_many(list(names))}
    return {name: figures for name, figures in found.items() if figures is not None}


def want_kept(names: Iterable[str]) -> None:
    """Have figures come along with the next read of a page."""
    ahead(KeptRow, names)


def _unpacked(kept: Kept, kind: type[Figures]) -> tuple[Figures, datetime] | None:
    try:
        return msgspec.json.decode(gzip.decompress(kept.packed), type=kind), kept.computed_at
    except msgspec.ValidationError:
        return None
