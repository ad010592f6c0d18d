"""Where the walk is, kept as one object: a day's work, written after each step, read by it and by people.

Who goes on with a walk that another run has gone on with loses time, and nothing else: what a page finds
missing is recorded under its own key, once.
"""

from typing import Any

import msgspec

from chalicelib.aws.objects import read_object, write_object
from chalicelib.aws.parking import park
from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RowChange, rows_of_segment, standing_change, standing_record
from chalicelib.exchange.reconciling.model import Reconciliation
from chalicelib.kernel.walking import StandingRow

PAGE_ITEMS = 400
_PLACE = "exchange/reconciliation.json"
_CONSUMER = "return_changes"
"""Whose parked records rows are that cannot be read: it would have told their changes."""


def find() -> Reconciliation | None:
    """Read the last walk; None if there was none for a month."""
    raw = read_object(settings().intake_bucket, _PLACE)
    return None if raw is None else msgspec.json.decode(raw, type=Reconciliation)


def save(at: Reconciliation) -> None:
    """Keep how far the walk is."""
    raw = msgspec.json.encode(at)
    write_object(settings().intake_bucket, _PLACE, raw, content_type="application/json")


def page(at: Reconciliation) -> tuple[list[StandingRow], dict[str, Any] | None]:
    """Read the rows that come next, and where to go on."""
    return rows_of_segment(at.table, at.segment, at.after, limit=PAGE_ITEMS)


def standing(row: StandingRow) -> RowChange:
    """Read a row that was walked over in the types of its table."""
    return standing_change(row.table, row.raw)


def put_aside(row: StandingRow, record: str, *, reason: str) -> None:
    """Keep a row that cannot be read, or told, where unreadable changes of it are kept, under that name.

    Raises:
        Unavailable: S3 did not answer.

    """
    park(standing_record(row, record), _CONSUMER, reason=reason)
