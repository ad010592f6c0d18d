"""The tables of the ledger: posting groups, and the sums that move with them."""

from collections.abc import Iterable, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, table_name
from chalicelib.aws.writes import Put
from chalicelib.kernel.ids import part_id
from chalicelib.settlement.ledger.model import PostingGroup, Summary, summaries_of_group


class GroupRow(Table[PostingGroup]):
    """One row a posting group, put once and never changed."""

    class Meta:
        table_name = table_name("ledger-groups")

    record_type = PostingGroup

    division = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    event = UnicodeAttribute()
    program_id = UnicodeAttribute()
    budget_year = NumberAttribute()
    batch_id = UnicodeAttribute(null=True)
    posted_at = MomentAttribute()
    postings = StructAttribute()


class SummaryRow(Table[Summary]):
    """One row a group and account, under the division: a balance is their sum."""

    class Meta:
        table_name = table_name("ledger-summaries")

    record_type = Summary

    division = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    account = UnicodeAttribute()
    group_id = UnicodeAttribute()
    debit_fen = NumberAttribute()
    credit_fen = NumberAttribute()
    entries = NumberAttribute()
    posted_at = MomentAttribute()


# --------------------------------------------------------------------------- ledger


def post_writes(group: PostingGroup) -> list[Put]:
    """Post a group with one summary an account: what is debited is credited."""
    return [
        Put(GroupRow.from_record(group)),
        *[Put(SummaryRow.from_record(summary)) for summary in summaries_of_group(group)],
    ]


def find_groups(division: str, group_ids: Sequence[str]) -> dict[str, PostingGroup]:
    """Read posting groups by id, 100 a call."""
    groups = GroupRow.find_many([(division, group_id) for group_id in group_ids])
    return {group.id: group for group in groups}


def summaries_of(
    division: str, *, account: str | None = None, since: str | None = None, until: str | None = None
) -> Iterable[Summary]:
    """Give the summaries of a division's accounts, or of one, in order of account and time.

    `since` (inclusive) and `until` (exclusive) are ids or beginnings of ids.
    """
    condition = None
    if account is not None:
        first, beyond = since or f"{account}#", until or f"{account}$"
        condition = SummaryRow.id.between(first, beyond)
    rows = SummaryRow.query(division, condition, consistent_read=True)
    return (row.record for row in rows)


def some_summaries(division: str, *, after: str | None, limit: int) -> list[Summary]:
    """Give a division's summaries in order of id, from behind one of them."""
    condition = SummaryRow.id > after if after is not None else None
    return [row.record for row in SummaryRow.query(division, condition, limit=limit, consistent_read=True)]


def find_summaries(division: str, summary_ids: Sequence[str]) -> dict[str, Summary]:
    """Read summaries by id, 100 a call; unknown ones are left out."""
    summaries = SummaryRow.find_many([(division, summary_id) for summary_id in summary_ids])
    return {summary.id: summary for summary in summaries}


def is_in_use(division: str, account: str) -> bool:
    """Tell whether anything was ever posted to an account."""
    condition = SummaryRow.id.startswith(f"{account}#")
    return any(True for _ in SummaryRow.query(division, condition, limit=1, consistent_read=True))


def summaries_with(division: str, beginning: str) -> Iterable[Summary]:
    """Give the summaries whose account, or account and time, begins so."""
    rows = SummaryRow.query(division, SummaryRow.id.startswith(beginning), consistent_read=True)
    return (row.record for row in rows)


def groups_of_batch(division: str, batch_id: str) -> list[PostingGroup]:
    """Read the posting groups of one batch's lines: payments, reversals and repayments."""
    own = GroupRow.id.startswith(part_id("grp", batch_id, ""))
    return [row.record for row in GroupRow.query(division, own, consistent_read=True)]


def behind_groups_of(batch_id: str) -> str:
    """Give the text behind the ids of all groups of a batch and before those of the next."""
    return part_id("grp", batch_id, "~")


def groups_of(division: str, *, after: str | None, limit: int) -> list[PostingGroup]:
    """Give a division's posting groups in order of id, from behind one of them."""
    condition = GroupRow.id > after if after is not None else None
    return [row.record for row in GroupRow.query(division, condition, limit=limit, consistent_read=True)]
