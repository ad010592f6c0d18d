"""Who and what is taken by which class: the index that finds overlaps of trainers and rooms.

One row a trainer or room and class, written when a class is filed and when its timetable changes. A row only
says where to look: the class itself is read to tell whether it still stands and when. So nothing has to be
taken back when a class is returned, cancelled or moved, and old rows go by themselves.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import Put
from chalicelib.classes.store import digest_of
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.ids import ClassId

_KEPT_SECONDS = 30 * 86_400


class Occupancy(msgspec.Struct, frozen=True, kw_only=True):
    """That a class takes up a trainer or a room, from its opening to its end."""

    what: str
    until: str
    class_id: ClassId
    opens_at: datetime
    expires: int


class OccupancyRow(Table[Occupancy]):
    """One row a trainer or room and class, by the end of the class."""

    class Meta:
        table_name = table_name("class-occupancies")

    record_type = Occupancy
    ttl_attribute = "expires"

    what = UnicodeAttribute(hash_key=True)
    until = UnicodeAttribute(range_key=True)
    class_id = UnicodeAttribute()
    opens_at = MomentAttribute()
    expires = NumberAttribute()


def take_writes(
    names: Iterable[str], *, city: str, class_id: ClassId, opens_at: datetime, ends_at: datetime
) -> list[Put]:
    """Say that a class takes up what has these names; part of the transaction that files or changes it."""
    rows = (
        Occupancy(
            what=digest_of([city, name]),
            until=f"{format_moment(ends_at)}#{class_id}",
            class_id=class_id,
            opens_at=opens_at,
            expires=int(ends_at.timestamp()) + _KEPT_SECONDS,
        )
        for name in sorted(names)
    )
    return [Put(OccupancyRow.from_record(row), _WHATEVER) for row in rows]


_WHATEVER: Any = OccupancyRow.what.exists() | OccupancyRow.what.does_not_exist()


def classes_that_take(names: Iterable[str], *, city: str, opens_at: datetime, ends_at: datetime) -> set[str]:
    """Name the classes of a city that may take up any of these meanwhile: one query each."""
    return {
        row.class_id
        for name in sorted(names)
        for row in OccupancyRow.query(
            digest_of([city, name]),
            OccupancyRow.until >= format_moment(opens_at),
            filter_condition=OccupancyRow.opens_at <= ends_at,
        )
    }
