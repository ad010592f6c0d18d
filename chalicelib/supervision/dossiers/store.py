"""The tables that lead from one class to others: sightings of things, and the marks of a project's classes.

A sighting takes a write when a class meets a thing for the first time, never at a check-in: a phone that
checks in a hundred times in a class is one write. The marks of a class take one when it was marked.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, Update, insert, transact
from chalicelib.kernel.principal import Change
from chalicelib.supervision.dossiers.model import Sighting
from chalicelib.supervision.records.store import in_parts
from chalicelib.supervision.rules.dossier import MARKED_WITHIN, ClassMarks


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


# --------------------------------------------------------------------------- marks of a project


class ClassMarksRow(Table[ClassMarks]):
    """One row a class that was marked: its marks in figures, by project, in the order of marking."""

    class Meta:
        table_name = table_name("class-marks")

    record_type = ClassMarks

    project = UnicodeAttribute(hash_key=True)
    place = UnicodeAttribute(range_key=True)
    class_id = UnicodeAttribute()
    institution = UnicodeAttribute()
    marked_at = MomentAttribute()
    people = NumberAttribute()
    average = NumberAttribute()
    spread = NumberAttribute()
    agreement = NumberAttribute(null=True)
    failed = NumberAttribute(default=0)


def place_of(marked_at: datetime, class_id: str = "") -> str:
    """Name the place of a class among those of its project: by when it was marked first, then by id."""
    return f"{MomentAttribute().serialize(marked_at)}#{class_id}"


def marks_before(own: ClassMarks) -> list[ClassMarks]:
    """Give the classes of a project marked in the year before one, and that one itself: one query."""
    year = ClassMarksRow.place.between(
        place_of(own.marked_at - MARKED_WITHIN), place_of(own.marked_at, own.class_id)
    )
    return [row.record for row in ClassMarksRow.query(own.project, year, consistent_read=True)]


def keep_marks(marks: ClassMarks) -> None:
    """Keep the marks of a class; a correction takes their place, since when they were marked stays.

    Raises:
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    row: Any = ClassMarksRow.from_record(marks)
    row.place = place_of(marks.marked_at, marks.class_id)
    insert(row, condition=ClassMarksRow.project.exists() | ClassMarksRow.project.does_not_exist())
