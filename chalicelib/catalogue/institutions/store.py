"""The table of institutions."""

from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import (
    MomentAttribute,
    StructAttribute,
    VersionedTable,
    page_of,
    read_together,
    table_name,
)
from chalicelib.aws.writes import Check, Update, transition
from chalicelib.catalogue.institutions.model import (
    INSTITUTION_TRANSITIONS,
    Institution,
    InstitutionStatus,
    Suspender,
)
from chalicelib.catalogue.model import SaveOutcome
from chalicelib.catalogue.payees.model import Payees
from chalicelib.catalogue.payees.store import PayeesRow
from chalicelib.catalogue.store import create_or_replace, outcome_of_same
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change

_INSTITUTIONS = "institution"


class InstitutionsByArea(GlobalSecondaryIndex[Any]):
    """All institutions in the order of their divisions: an area is a prefix of the range key."""

    class Meta:
        index_name = "by_area"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    area_key = UnicodeAttribute(range_key=True)


class InstitutionRow(VersionedTable[Institution]):
    """One row an institution."""

    class Meta:
        table_name = table_name("institutions")

    record_type = Institution
    streamed = True

    uscc = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(default=_INSTITUTIONS)
    area_key = UnicodeAttribute()
    name = UnicodeAttribute()
    division = UnicodeAttribute()
    address = UnicodeAttribute()
    phone = UnicodeAttribute()
    location = StructAttribute()
    programs = StructAttribute()
    projects = StructAttribute()
    status = UnicodeAttribute()
    bank_holder = UnicodeAttribute(null=True)
    bank = UnicodeAttribute(null=True)
    sealed_bank_account = UnicodeAttribute(null=True)
    masked_bank_account = UnicodeAttribute(null=True)
    suspended_at = MomentAttribute(null=True)
    suspended_for = UnicodeAttribute(null=True)
    suspended_as = UnicodeAttribute(null=True)
    suspended_by = UnicodeAttribute(null=True)
    former_name = UnicodeAttribute(null=True)
    renamed_at = MomentAttribute(null=True)
    stops = StructAttribute(default=list)
    rooms = NumberAttribute(null=True)
    rooms_before = StructAttribute(default=list)
    by_area = InstitutionsByArea()


def save_institution(institution: Institution, *, version: int | None, change: Change) -> Institution:
    """Create an institution, or replace the one with this version (its status stays)."""
    row = InstitutionRow.from_record(institution)
    row.area_key = f"{institution.division}#{institution.uscc}"
    saved: Institution = create_or_replace(row, institution.uscc, version=version, change=change)
    return saved


def outcome_of_unchanged(institution: Institution) -> SaveOutcome:
    """Tell what saving did to an institution that stands as it is said."""
    return outcome_of_same(InstitutionRow, institution.uscc, institution.version)


def find_institution(uscc: str) -> Institution | None:
    """Read an institution."""
    return InstitutionRow.find(uscc)


def want_institutions(usccs: Iterable[str | None]) -> None:
    """Have institutions come along with the next read of a page."""
    ahead(InstitutionRow, usccs)


def find_institutions(usccs: Sequence[str]) -> list[Institution]:
    """Read many institutions, 100 a call; unknown ones are left out."""
    return InstitutionRow.find_many(usccs)


def want_with_payees(usccs: Iterable[str]) -> None:
    """Have institutions and their accounts at a glance come along with the next read of a page."""
    wanted = list(usccs)
    ahead(InstitutionRow, wanted)
    ahead(PayeesRow, wanted)


def find_with_payees(usccs: Sequence[str]) -> tuple[list[Institution], list[Payees]]:
    """Read institutions and their accounts at a glance in one call, fifty at the most.

    Raises:
        Unavailable: DynamoDB did not answer, or not in full.

    """
    if not usccs:
        return [], []
    found = read_together(
        {
            InstitutionRow: [{"uscc": uscc} for uscc in usccs],
            PayeesRow: [{"institution": uscc} for uscc in usccs],
        }
    )
    return found[InstitutionRow], found[PayeesRow]


def institutions_in(area: str, request: PageRequest) -> Page[Institution]:
    """List the institutions whose division begins with `area`, by division."""
    rows = InstitutionRow.by_area.query(
        _INSTITUTIONS,
        InstitutionRow.area_key.startswith(area) if area else None,
        limit=request.limit,
        last_evaluated_key=request.after,
    )
    return page_of(rows, request)


def place_of_institution(institution: Institution) -> dict[str, Any]:
    """Give the key from which a list of institutions goes on after this one."""
    area_key = f"{institution.division}#{institution.uscc}"
    return {"listing": {"S": _INSTITUTIONS}, "area_key": {"S": area_key}, "uscc": {"S": institution.uscc}}


def all_institutions_in(area: str) -> Iterable[Institution]:
    """Go through the institutions of an area, page by page."""
    rows = InstitutionRow.by_area.query(
        _INSTITUTIONS, InstitutionRow.area_key.startswith(area) if area else None
    )
    return (row.record for row in rows)


def move_institution(
    uscc: str, action: str, *, acts_as: Suspender, version: int | None, change: Change
) -> Institution:
    """Suspend, take over or reinstate an institution, at whatever version if it is not given.

    Raises:
        NotFound, Refused: what `model.why_not` tells; the condition here is the truth of it.
        ConditionFailed: who suspended it is not whose suspension this may lift, or take the place of.

    """
    target = INSTITUTION_TRANSITIONS.target(action)
    suspended = target is InstitutionStatus.SUSPENDED
    of_clerk = InstitutionRow.suspended_as == str(Suspender.CLERK)
    asks_whose = action == "take_over" or (action == "reinstate" and acts_as is Suspender.CLERK)
    told = (
        (InstitutionRow.suspended_for, str(change.reason)),
        (InstitutionRow.suspended_as, str(acts_as)),
        (InstitutionRow.suspended_by, change.actor),
    )
    return transition(
        InstitutionRow,
        (uscc,),
        sources=INSTITUTION_TRANSITIONS.sources(action),
        target=target,
        version=version,
        change=change,
        actions=[
            InstitutionRow.suspended_at.set(change.at) if suspended else InstitutionRow.suspended_at.remove(),
            *(column.set(value) if suspended else column.remove() for column, value in told),
        ],
        also=of_clerk if asks_whose else None,
    )


def unchanged_check(institution: Institution) -> Check:
    """Require that an institution is as it was read: listed or suspended, stopped or not."""
    return Check(InstitutionRow, (institution.uscc,), InstitutionRow.version == institution.version)


def stops_write(institution: Institution, stops: Sequence[str], change: Change) -> Update:
    """Replace the holds on all of an institution's payments, if it is still as it was read.

    `change` is the institution's own, so that its history tells the hold as well.
    """
    return Update(
        InstitutionRow,
        (institution.uscc,),
        [InstitutionRow.stops.set(list(stops))],
        InstitutionRow.version == institution.version,
        change,
    )
