"""Opening personal data: nothing sealed becomes readable before a record says who looks, and why.

The record is one put into an append-only table whose stream feeds the audit chain, so who looked at a person
stands in the history of that person, of the settlement batch or of the list they were read with. A batch read
leaves one record with its count. The record is written first: what cannot be recorded is not opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import crypto
from chalicelib.aws.table import VersionedTable, table_name
from chalicelib.aws.writes import insert
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.principal import Change, Context, change_of

ACTION = "personal_data.open"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """One look at personal data: of whom (a person, an institution, a batch, a list), how many, for what."""

    subject: str
    access: str
    division: str
    purpose: str
    items: int
    version: int = 1
    last_change: Change | None = None


class AccessRow(VersionedTable[Access]):
    """One row a look; rows are only ever added."""

    class Meta:
        table_name = table_name("personal-data-accesses")

    record_type = Access
    streamed = True

    subject = UnicodeAttribute(hash_key=True)
    access = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    purpose = UnicodeAttribute()
    items = NumberAttribute()


@dataclass(frozen=True)
class Sealed:
    """A sealed text and the item it was sealed for."""

    text: str
    item: str


def disclose(
    context: Context, sealed: Sequence[Sealed], *, subject: str, division: str, purpose: str
) -> list[bytes]:
    """Record that the caller looks at these for a purpose, then open them: one put, however many.

    Raises:
        Unavailable: the look could not be recorded; nothing was opened.
        CannotOpen: a text is damaged, or was sealed for another item.

    """
    if not sealed:
        return []
    record_access(context, subject=subject, division=division, purpose=purpose, items=len(sealed))
    return [crypto.open_sealed(text.text, item=text.item, purpose=purpose) for text in sealed]


def record_access(context: Context, *, subject: str, division: str, purpose: str, items: int) -> None:
    """Record a look at personal data, e.g. a link to a sheet that holds some.

    The key is made here, not taken from the request, so no caller can make a second look fall together
    with the first; a put that the SDK repeats knows itself by its `op_id`.
    """
    access = Access(
        subject=subject,
        access=f"{format_moment(context.now)}.{new_operation_id()}",
        division=division,
        purpose=purpose,
        items=items,
    )
    row: Any = AccessRow.from_record(access)
    insert(row, change=change_of(context, ACTION, reason=purpose))
