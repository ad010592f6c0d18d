"""The table of refused scans: evidence, by institution and time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, page_of, table_name
from chalicelib.aws.writes import keep
from chalicelib.enrolments.redemption.model import RefusedScan
from chalicelib.kernel.paging import Page, PageRequest


class RefusedScanRow(Table[RefusedScan]):
    """One row a refused scan, by institution and time."""

    class Meta:
        table_name = table_name("refused-scans")

    record_type = RefusedScan

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


def keep_refused_scan(scan: RefusedScan) -> None:
    """Keep a refused scan as evidence."""
    keep(RefusedScanRow.from_record(scan))


def refused_scans_between(institution: str, *, since: datetime, until: datetime) -> Iterator[RefusedScan]:
    """Go through an institution's refused scans that were received in a time.

    All of them are read: their order is that of the devices' clocks, which may be wrong by years.
    """
    received = RefusedScanRow.received_at.between(since, until - timedelta(microseconds=1))
    return (row.record for row in RefusedScanRow.query(institution, filter_condition=received))


def refused_scans(institution: str, request: PageRequest) -> Page[RefusedScan]:
    """List an institution's refused scans, newest first."""
    rows = RefusedScanRow.query(
        institution, limit=request.limit, last_evaluated_key=request.after, scan_index_forward=False
    )
    return page_of(rows, request)
