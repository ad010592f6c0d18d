"""The table of refused scans: evidence, by institution and time, and by city and time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, Upgrade, table_name
from chalicelib.aws.writes import keep
from chalicelib.enrolments.redemption.model import RefusedScan, ScanReason
from chalicelib.kernel.divisions import group_of, groups_below, is_part_of_group
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.reasons import error


class RefusedScansByArea(GlobalSecondaryIndex[Any]):
    """The refused scans of a city and its counties, by when they came in."""

    class Meta:
        index_name = "by_area"
        projection = AllProjection()

    area = UnicodeAttribute(hash_key=True)
    received_at = MomentAttribute(range_key=True)


def _area_by_form_2(raw: dict[str, Any]) -> dict[str, Any]:
    """Have a scan kept under the first form stand in the list of its city."""
    return {**raw, "area": {"S": group_of(raw["division"]["S"])}}


class RefusedScanRow(Table[RefusedScan]):
    """One row a refused scan, by institution and time; `area` is the city in whose list it stands."""

    class Meta:
        table_name = table_name("refused-scans")

    record_type = RefusedScan
    schema_version = 2
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: _area_by_form_2}

    institution = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    code = UnicodeAttribute()
    facts = StructAttribute(null=True)
    project_id = UnicodeAttribute()
    device_id = UnicodeAttribute()
    actor = UnicodeAttribute()
    voucher_id = UnicodeAttribute(null=True)
    happened_at = MomentAttribute()
    received_at = MomentAttribute()
    outcome = UnicodeAttribute()
    network = UnicodeAttribute(null=True)
    area = UnicodeAttribute()
    by_area = RefusedScansByArea()

    @classmethod
    def from_record(cls, record: RefusedScan) -> Self:
        """Make the row that stores a refused scan, in the list of its city."""
        row = super().from_record(record)
        row.area = group_of(record.division)
        return row


def keep_refused_scan(scan: RefusedScan) -> None:
    """Keep a refused scan as evidence."""
    keep(RefusedScanRow.from_record(scan))


def refused_scans_between(institution: str, *, since: datetime, until: datetime) -> Iterator[RefusedScan]:
    """Go through an institution's refused scans that were received in a time.

    All of them are read: their order is that of the devices' clocks, which may be wrong by years.
    """
    received = RefusedScanRow.received_at.between(since, until - timedelta(microseconds=1))
    return (row.record for row in RefusedScanRow.query(institution, filter_condition=received))


def refused_scans(institution: str, request: PageRequest, *, code: ScanReason | None) -> Page[RefusedScan]:
    """List an institution's refused scans for itself, newest first by its devices' clocks; of one `code`.

    All of them are there, also those that the migration has still to bring into the list of a city.
    """
    picked = RefusedScanRow.code == str(code) if code is not None else None
    return page_of_list(
        RefusedScanRow, RefusedScanRow, institution, request=request, picked=picked, newest_first=True
    )


def refused_scans_received_of(
    institution: str, division: str, request: PageRequest, *, code: ScanReason | None
) -> Page[RefusedScan]:
    """List an institution's refused scans as they came in, the newest first; of one reason if given.

    They are picked out of the list of the city in which it stands now. A page looks at `EVALUATED_MAX` scans
    of the city, and may be short; what was refused to it before it moved stands in the list of there.

    Raises:
        Malformed: `invalid_cursor` of an earlier release, whose order was that of the devices' clocks.

    """
    if request.after is not None and RefusedScanRow.received_at.attr_name not in request.after:
        raise error("invalid_cursor")
    picked: Any = RefusedScanRow.institution == institution
    if code is not None:
        picked &= RefusedScanRow.code == str(code)
    return page_of_list(
        RefusedScanRow,
        RefusedScanRow.by_area,
        group_of(division),
        request=request,
        picked=picked,
        newest_first=True,
    )


def refused_scans_in(area: str, request: PageRequest, *, code: ScanReason | None) -> Page[RefusedScan]:
    """List refused scans of a division and below, city by city, each newest first; of one reason if given."""
    picked: Any = RefusedScanRow.division == area if is_part_of_group(area) else None
    if code is not None:
        of_reason = RefusedScanRow.code == str(code)
        picked = of_reason if picked is None else picked & of_reason

    def read(group: str, part: PageRequest) -> Page[RefusedScan]:
        return page_of_list(
            RefusedScanRow, RefusedScanRow.by_area, group, request=part, picked=picked, newest_first=True
        )

    return page_over(groups_below(area), request, read)
