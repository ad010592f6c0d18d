"""The counts that the reports show."""

from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.supervision.reports.model import VoucherCount


class VoucherCountRow(Table[VoucherCount]):
    """One row a program and place."""

    class Meta:
        table_name = table_name("voucher-counts")

    record_type = VoucherCount

    program = UnicodeAttribute(hash_key=True)
    place = UnicodeAttribute(range_key=True)
    as_of = NumberAttribute(default=0)
    issued = NumberAttribute(default=0)
    claimed = NumberAttribute(default=0)
    redeemed = NumberAttribute(default=0)
    settled = NumberAttribute(default=0)
    closed = NumberAttribute(default=0)
    expired = NumberAttribute(default=0)
    revoked = NumberAttribute(default=0)
    ever_issued = NumberAttribute(default=0)
    ever_claimed = NumberAttribute(default=0)
    ever_redeemed = NumberAttribute(default=0)
    ever_settled = NumberAttribute(default=0)
    ever_restored = NumberAttribute(default=0)
    face_value_fen = NumberAttribute(default=0)
    paid_fen = NumberAttribute(default=0)
    reversed_fen = NumberAttribute(default=0)


# --------------------------------------------------------------------------- counts


def counts(program: str, place: str) -> Iterable[VoucherCount]:
    """Give the counts of a program at the places that begin so."""
    return (row.record for row in VoucherCountRow.query(program, VoucherCountRow.place.startswith(place)))
