"""The posting group of one event of one line that was in a batch."""

from datetime import date, datetime

from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, group_id_of
from chalicelib.subsidies.claims.model import Line


def group_of_line(
    line: Line,
    event: Event,
    amount_fen: int,
    *,
    now: datetime,
    at_version: int | None,
    reference: str | None = None,
    paid_on: date | None = None,
) -> PostingGroup:
    """Make the group that posts one event of one line, under the batch in which the line was last.

    `at_version` is the line's as it was read; `reference` and `paid_on` are the bank's.
    """
    assert line.budget_year is not None
    assert line.batch_id is not None, "a line is paid in a batch"
    posting = Posting(line.id, line.voucher_id, line.institution, amount_fen, reference, paid_on, at_version)
    return PostingGroup(
        division=line.city,
        id=group_id_of(line.batch_id, event, [posting]),
        event=event,
        program_id=line.program_id,
        budget_year=line.budget_year,
        batch_id=line.batch_id,
        posted_at=now,
        postings=[posting],
    )
