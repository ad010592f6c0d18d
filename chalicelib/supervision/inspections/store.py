"""The tables of inspections, of the seeds of the next ones, and of what was found."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, VersionedTable, table_name
from chalicelib.aws.writes import Put, Write, none_of, transact
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Hands
from chalicelib.supervision.inspections.model import Inspection, InspectionEntry, NextSeed


class InspectionsByArea(GlobalSecondaryIndex[Any]):
    """The inspections of a city and its counties, by time."""

    class Meta:
        index_name = "by_area"
        projection = AllProjection()

    area = UnicodeAttribute(hash_key=True)
    created_at = MomentAttribute(range_key=True)


class InspectionRow(VersionedTable[Inspection]):
    """One row an inspection; it is never changed."""

    class Meta:
        table_name = table_name("inspections")

    record_type = Inspection
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    area = UnicodeAttribute()
    scope = UnicodeAttribute()
    division = UnicodeAttribute()
    share = NumberAttribute()
    seed = UnicodeAttribute()
    commitment = UnicodeAttribute()
    committed_at = MomentAttribute(null=True)
    seed_given = BooleanAttribute()
    public_word = UnicodeAttribute(null=True)
    population = NumberAttribute()
    population_digest = UnicodeAttribute()
    items = StructAttribute()
    created_by = UnicodeAttribute()
    created_at = MomentAttribute()
    by_area = InspectionsByArea()


class NextSeedRow(Table[NextSeed]):
    """One row a division in which anybody ever inspected."""

    class Meta:
        table_name = table_name("inspection-seeds")

    record_type = NextSeed

    division = UnicodeAttribute(hash_key=True)
    nonce = UnicodeAttribute()
    commitment = UnicodeAttribute()
    committed_at = MomentAttribute()
    number = NumberAttribute()


class EntriesByInstitution(GlobalSecondaryIndex[Any]):
    """What was found at an institution, by time."""

    class Meta:
        index_name = "by_institution"
        projection = AllProjection()

    institution = UnicodeAttribute(hash_key=True)
    entered_at = MomentAttribute(range_key=True)


class InspectionEntryRow(VersionedTable[InspectionEntry]):
    """One row a subject of a sample of which something was entered."""

    class Meta:
        table_name = table_name("inspection-entries")

    record_type = InspectionEntry
    streamed = True

    inspection_id = UnicodeAttribute(hash_key=True)
    subject = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    institution = UnicodeAttribute()
    outcome = UnicodeAttribute()
    note = UnicodeAttribute(null=True)
    entered_by = UnicodeAttribute()
    entered_at = MomentAttribute()
    earlier = StructAttribute(default=list)
    case_id = UnicodeAttribute(null=True)
    by_institution = EntriesByInstitution()


def find_inspection(inspection_id: str) -> Inspection | None:
    """Read an inspection."""
    return InspectionRow.find(inspection_id)


def inspections_in(group: str, request: PageRequest, *, division: str | None) -> Page[Inspection]:
    """List a city's inspections, newest first; of one county if given."""
    here = InspectionRow.division == division if division is not None else None
    return page_of_list(
        InspectionRow, InspectionRow.by_area, group, request=request, picked=here, newest_first=True
    )


def inspections_since(group: str, since: datetime) -> Iterable[Inspection]:
    """Go through a city's inspections since a moment."""
    rows = InspectionRow.by_area.query(group, InspectionRow.created_at >= since)
    return (row.record for row in rows)


def entries_of(inspection_id: str) -> list[InspectionEntry]:
    """Read what was found of a sample: it has fewer subjects than a page has rows."""
    return [row.record for row in InspectionEntryRow.query(inspection_id, consistent_read=True)]


def find_entry(inspection_id: str, subject: str) -> InspectionEntry | None:
    """Read what was found of one subject."""
    return InspectionEntryRow.find(inspection_id, subject)


def entries_at(institution: str) -> Iterable[InspectionEntry]:
    """Go through what was found at an institution."""
    return (row.record for row in InspectionEntryRow.by_institution.query(institution))


def find_next_seed(division: str) -> NextSeed | None:
    """Read what the seed of a division's next inspection is made of."""
    return NextSeedRow.find(division)


def add_inspection(
    inspection: Inspection, *, used: NextSeed | None, following: NextSeed, change: Change
) -> None:
    """Store an inspection, and with it the seed after the one it used up.

    Raises:
        ConditionFailed: another inspection has used that seed meanwhile.

    """
    row: Any = InspectionRow.from_record(inspection)
    row.area = group_of(inspection.division)
    unused = None if used is None else NextSeedRow.number == used.number
    writes: Sequence[Write] = [Put(row), Put(NextSeedRow.from_record(following), unused)]
    transact(writes, change=change)


def store_entry(
    entry: InspectionEntry, *, before: InspectionEntry | None, hands: Hands, change: Change
) -> None:
    """Store what was found, the first time or in place of what another person entered before.

    Raises:
        ConditionFailed: somebody else was first.

    """
    unchanged: Any = None
    if before is not None:
        as_read = InspectionEntryRow.version == before.version
        unchanged = as_read & none_of(InspectionEntryRow.entered_by, hands)
    transact([Put(InspectionEntryRow.from_record(entry), unchanged)], change=change)
