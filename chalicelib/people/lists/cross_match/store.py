"""The table of what cross-match lists did to vouchers, chunk by chunk."""

import contextlib

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert
from chalicelib.people.lists.cross_match.model import ListEffect


class ListEffectRow(Table[ListEffect]):
    """One row a chunk of a cross-match list whose vouchers have followed."""

    class Meta:
        table_name = table_name("list-effects")

    record_type = ListEffect

    import_id = UnicodeAttribute(hash_key=True)
    first_row = NumberAttribute(range_key=True)
    rows = NumberAttribute()
    revoked = NumberAttribute(default=0)
    marked = NumberAttribute(default=0)


def add_effect(effect: ListEffect) -> None:
    """Store what a chunk did, if that is not stored yet."""
    with contextlib.suppress(ConditionFailed):
        insert(ListEffectRow.from_record(effect))


def effects_of(import_id: str) -> list[ListEffect]:
    """Read what the chunks of a list have done so far, consistently."""
    return [row.record for row in ListEffectRow.query(import_id, consistent_read=True)]
