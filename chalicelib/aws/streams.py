"""DynamoDB streams: what a consumer reads of each change, in the types of the table's own model."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from chalicelib.aws.settings import settings
from chalicelib.aws.table import SCHEMA, Table, scan_segment, table_named
from chalicelib.kernel.principal import Change
from chalicelib.kernel.walking import SEGMENTS, StandingRow, row_of

Image = dict[str, Any]


@dataclass(frozen=True)
class RowChange:
    """One change of one row: the images hold plain values, moments as aware datetimes.

    `sequence` is the stream's own number; `subject` the hash key, `part` the range key ("" if the table
    has none); `change` tells who and why, None where the write was not the program's or does not say.
    """

    sequence: str
    table: str
    subject: str
    part: str
    before: Image | None
    after: Image | None
    change: Change | None

    @property
    def version(self) -> int | None:
        """The row's new version; None where the write did not count it up."""
        if self.after is None:
            return None
        now, then = self.after.get("version"), (self.before or {}).get("version")
        return int(now) if now is not None and now != then else None

    @property
    def told_elsewhere(self) -> bool:
        """Tell whether another part of the same thing, written with this one, tells the change."""
        told_by = self.change.told_by if self.change is not None else None
        return bool(self.part) and told_by is not None and told_by != self.part


def row_changes(event: Mapping[str, Any], *, tables: Collection[str] | None = None) -> Iterator[RowChange]:
    """Read the records of a stream event, in their order; of these tables only, if any are named.

    A row that was only written in another schema version is left out: nothing of what it says has changed.
    """
    for record in event.get("Records", []):
        name = _table_of(record)
        if (tables is None or name in tables) and not _is_migration(record, name):
            yield _row_change(record, name)


class RecordsUndone(RuntimeError):
    """Some records of a batch could not be recorded: the stream is to deliver the batch again.

    Consumers do everything they can first, and everything they do may be repeated. Raising rather than
    answering `batchItemFailures` is understood by every poller, and lets AWS bisect down to a bad record.
    """

    def __init__(self, sequences: Iterable[str]) -> None:
        undone = list(sequences)
        super().__init__(f"{len(undone)} records undone, first {undone[0]}")


def _table_of(record: Mapping[str, Any]) -> str:
    full = str(record["eventSourceARN"]).split(":table/", 1)[1].split("/", 1)[0]
    return full.removeprefix(settings().table_prefix)


def named_in(record: Mapping[str, Any]) -> tuple[str, str]:
    """Tell the table and the number of a record that cannot be read; "" for what it does not say."""
    try:
        name = _table_of(record)
    except (KeyError, IndexError):
        name = ""
    return name, str((record.get("dynamodb") or {}).get("SequenceNumber", ""))


def _is_migration(record: Mapping[str, Any], name: str) -> bool:
    old, new = record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage")
    if not old or not new or old.get(SCHEMA) == new.get(SCHEMA):
        return False
    table = table_named(name)
    return table.in_current_form(old) == table.in_current_form(new)


def _row_change(record: Mapping[str, Any], name: str) -> RowChange:
    stream = record["dynamodb"]
    table = table_named(name)
    before, after = _image(table, stream.get("OldImage")), _image(table, stream.get("NewImage"))
    subject, part = key_of(table, stream["Keys"])
    return RowChange(
        sequence=str(stream["SequenceNumber"]),
        table=name,
        subject=subject,
        part=part,
        before=before,
        after=after,
        change=_change(before, after),
    )


def standing_change(name: str, raw: Mapping[str, Any]) -> RowChange:
    """Describe a row as it stands as if its last write had just been told; what was before is not known."""
    table = table_named(name)
    image = _image(table, raw)
    subject, part = key_of(table, raw)
    return RowChange(
        sequence="",
        table=name,
        subject=subject,
        part=part,
        before=None,
        after=image,
        change=_change(None, image),
    )


def standing_record(row: StandingRow, number: str) -> dict[str, Any]:
    """Write a row as it stands as the stream would tell it, under a number of the caller's own."""
    keys = table_named(row.table).key_names()
    return {
        "eventName": "MODIFY",
        "eventSourceARN": f"arn:aws:dynamodb:::table/{settings().table_prefix}{row.table}/stream/{number}",
        "dynamodb": {
            "SequenceNumber": number,
            "Keys": {name: row.raw[name] for name in keys},
            "NewImage": dict(row.raw),
        },
    }


def rows_of_segment(
    name: str, segment: int, after: dict[str, Any] | None, *, limit: int
) -> tuple[list[StandingRow], dict[str, Any] | None]:
    """Read the next rows of a segment of a table as they stand now, and where to go on.

    Raises:
        Unavailable: DynamoDB did not answer.

    """
    table = table_named(name)
    items, onwards = scan_segment(table, segment=segment, segments=SEGMENTS, limit=limit, after=after)
    return [row_of(name, item, key_of(table, item)) for item in items], onwards


def key_of(table: type[Table[Any]], raw: Mapping[str, Any]) -> tuple[str, str]:
    """Give the subject and part of a row: its hash key, and its range key, "" if the table has none."""
    key = table.from_raw_data({name: raw[name] for name in table.key_names()}).attribute_values
    subject, *parts = [key[attribute] for attribute in table.key_names()]
    return str(subject), _text(parts[0]) if parts else ""


def _image(table: type[Table[Any]], raw: Mapping[str, Any] | None) -> Image | None:
    if not raw:
        return None
    current = table.in_current_form(raw)
    values = table.from_raw_data(dict(current)).attribute_values
    return {name: value for name, value in values.items() if name in current and value is not None}


def _change(before: Image | None, after: Image | None) -> Change | None:
    """Tell who made a change and why, or None for a write that is not the program's own.

    Every write of the program stamps the row with its own `op_id` and counts the version up. What the row
    says last does not tell a write apart: one request may write a row several times, each time with the
    same `Change`. Who edits a row by hand leaves the old stamp; who puts an old row back, an old version. Who
    forges stamp and version besides is told as whom the row names: against that helps only that nobody but
    the program may write the tables, and that CloudTrail tells who did.
    """
    now, then = after or {}, before or {}
    change, stamp = now.get("last_change"), now.get("op_id")
    stamped = stamp is not None and stamp != then.get("op_id")
    counted = int(now.get("version", 0)) > int(then.get("version", 0))
    if change is None or not stamped or not counted:
        return None
    return msgspec.convert(change, Change, strict=False)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
