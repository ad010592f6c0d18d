"""Short lists of what waits: one row a list, read by key, so that it costs an in-tray no call.

A list of `aws.waiting` is a query of its own. What is proposed now and then is few: its lists are rows that
name the things, and a row comes along with the account of who looks (`aws.ahead`), however many lists there
are.

A row names what *may* wait. A thing is added in the write by which it begins to wait; the night takes off
what waits no more. Whoever reads a list looks at the things themselves.
"""

import contextlib
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, Update, update


class ShortList(msgspec.Struct, frozen=True, kw_only=True):
    """What may wait in a list, by id; `added_at` is when something was added last."""

    name: str
    things: frozenset[str] = frozenset()
    added_at: datetime


class ShortListRow(Table[ShortList]):
    """One row a list: of a machine, in a city."""

    class Meta:
        table_name = table_name("short-lists")

    record_type = ShortList

    name = UnicodeAttribute(hash_key=True)
    things = UnicodeSetAttribute(null=True)
    added_at = MomentAttribute()


_WHATEVER: Final[Any] = ShortListRow.name.exists() | ShortListRow.name.does_not_exist()


def listing(name: str, thing: str, *, at: datetime) -> Update:
    """Have a thing stand in a list, in the write by which it begins to wait; adding again changes nothing."""
    return Update(
        ShortListRow, (name,), [ShortListRow.things.add({thing}), ShortListRow.added_at.set(at)], _WHATEVER
    )


def add_all(name: str, things: Iterable[str], *, at: datetime) -> None:
    """Add what stood in no list before; adding again changes nothing."""
    added = [ShortListRow.things.add(set(things)), ShortListRow.added_at.set(at)]
    update(ShortListRow, (name,), added, condition=_WHATEVER)


def want_short_lists(names: Iterable[str]) -> None:
    """Have lists come along with the next read of a page."""
    ahead(ShortListRow, names)


def short_lists(names: Iterable[str]) -> list[ShortList]:
    """Read lists: one call, or none where a page wanted them before; one that never was is left out."""
    return ShortListRow.find_many(list(names))


def take_off(short_list: ShortList, things: Collection[str]) -> None:
    """Take things off a list as it was read; nothing is done if something was added since."""
    if things:
        as_read = ShortListRow.added_at == short_list.added_at
        with contextlib.suppress(ConditionFailed):
            update(
                ShortListRow,
                (short_list.name,),
                [ShortListRow.things.delete(set(things))],
                condition=as_read,
            )
