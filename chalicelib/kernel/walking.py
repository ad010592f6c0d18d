"""A walk over every row of some tables: where it is, and what it reads of a row.

A walk reads rows as they are stored, so that one which nobody can read does not stop it. It goes table by
table and segment by segment, and whoever goes on with it needs only its place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from chalicelib.kernel.divisions import PROVINCE

Value = TypeVar("Value")
SEGMENTS = 4
"""Parts of a table that are walked one after the other: each is gone on with by itself."""


class StandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row as far as a walk reads it; `raw` is all of it."""

    table: str
    subject: str
    part: str
    version: int | None
    division: str
    changed_at: datetime | None
    told_by: str | None = None
    raw: Mapping[str, Any] = {}


def onwards(table: str, segment: int, tables: Sequence[str], after: dict[str, Any] | None) -> dict[str, Any]:
    """Tell where a walk goes on after a page: in the segment, with the next one, or with the next table.

    `tables` are in the order of their names; a table that has come since the walk began has its turn if its
    name comes later. The table is "" at the end.
    """
    if after is not None:
        return {"after": after}
    if segment + 1 < SEGMENTS:
        return {"after": None, "segment": segment + 1}
    following = next((name for name in tables if name > table), "")
    return {"after": None, "segment": 0, "table": following}


def row_of(table: str, item: Mapping[str, Any], key: tuple[str, str]) -> StandingRow:
    """Describe a row as it is stored; what of it cannot be read tells nothing."""
    change = _plain(item.get("last_change"), dict[str, Any]) or {}
    told_by = change.get("told_by")
    return StandingRow(
        table=table,
        subject=key[0],
        part=key[1],
        version=_plain(item.get("version"), int),
        division=str((item.get("division") or {}).get("S") or PROVINCE),
        changed_at=_moment(change.get("at")),
        told_by=told_by if isinstance(told_by, str) else None,
        raw=item,
    )


def _plain(stored: Mapping[str, str] | None, kind: type[Value]) -> Value | None:
    """Read a number, or JSON text, as DynamoDB has it."""
    try:
        return msgspec.json.decode(next(iter((stored or {}).values()), "null"), type=kind)
    except (msgspec.MsgspecError, TypeError):
        return None


def _moment(value: Any) -> datetime | None:
    try:
        return msgspec.convert(value, datetime, strict=False)
    except msgspec.ValidationError:
        return None
