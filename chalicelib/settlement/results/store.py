"""The table of refused rows."""

from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, page_of, table_name
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.settlement.results.model import RefusedResult


class RefusedRow(Table[RefusedResult]):
    """One row a refused result; its key is what was sent, so that the same file refuses it once."""

    class Meta:
        table_name = table_name("refused-results")

    record_type = RefusedResult

    batch_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    row = NumberAttribute()
    line_id = UnicodeAttribute(null=True)
    code = UnicodeAttribute()
    facts = StructAttribute()
    sent_by = UnicodeAttribute()
    sent_at = MomentAttribute()


# --------------------------------------------------------------------------- refused results


def keep_refused(refused: Iterable[RefusedResult]) -> None:
    """Keep refused results, 25 a call; one that is known already stays one."""
    with RefusedRow.batch_write() as rows:
        for result in refused:
            rows.save(RefusedRow.from_record(result))


def refused_of(batch_id: str, request: PageRequest) -> Page[RefusedResult]:
    """List what was refused of a batch."""
    rows = RefusedRow.query(batch_id, limit=request.limit, last_evaluated_key=request.after)
    return page_of(rows, request)
