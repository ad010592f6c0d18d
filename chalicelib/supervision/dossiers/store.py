"""The table of sightings: one row a thing, with the places where it was seen.

A row takes a write when a class meets a thing for the first time, never at a check-in: a phone that checks in
a hundred times in a class is one write.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, Update, transact
from chalicelib.kernel.principal import Change
from chalicelib.supervision.dossiers.model import Sighting
from chalicelib.supervision.records.store import in_parts


class SightingRow(Table[Sighting]):
    """One row a person, trainer, device, recording or phone."""

    class Meta:
        table_name = table_name("sightings")

    record_type = Sighting

    what = UnicodeAttribute(hash_key=True)
    places = UnicodeSetAttribute(null=True)


_WHATEVER: Final[Any] = SightingRow.what.exists() | SightingRow.what.does_not_exist()


def find_sightings(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Give the places of things, a hundred a call; what was never seen has none."""
    return {sighting.what: sighting.places for sighting in SightingRow.find_many(list(names))}


def add_sightings(seen: Mapping[str, Iterable[str]], change: Change) -> None:
    """List things with places, a hundred a transaction; adding again changes nothing.

    Raises:
        Unavailable: others kept adding to the same things; repeating is safe.

    """
    for part in in_parts(sorted(seen), TRANSACTION_ITEMS_MAX):
        transact(
            [
                Update(SightingRow, (what,), [SightingRow.places.add(set(seen[what]))], _WHATEVER)
                for what in part
            ],
            change=change,
        )
