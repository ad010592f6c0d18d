"""Results applied together: one transaction each, of one program and budget year.

Institutions and claims are kept together, so that a transaction writes few of them besides its lines:

    40 paid lines of one claim: 40 lines, 40 vouchers, the claim, the institution's account, and this batch,
    the budget, the posting group and the division's two accounts: 87 of the hundred writes of a transaction
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX
from chalicelib.kernel.ids import ProgramId
from chalicelib.settlement.batches.model import Member
from chalicelib.settlement.results.model import PaymentResult
from chalicelib.subsidies.claims.model import BankOutcome, claim_of_line

_FIXED_WRITES = 5  # this batch, the budget, the posting group, two summaries


class ResultRow(NamedTuple):
    """What the bank reports of a line, and the line as its batch froze it."""

    result: PaymentResult
    member: Member


@dataclass(frozen=True)
class Group:
    """Rows of one program and budget year that are applied together."""

    program_id: ProgramId
    budget_year: int
    rows: tuple[ResultRow, ...]

    @property
    def paid(self) -> list[ResultRow]:
        """List the rows of lines that were paid."""
        return [row for row in self.rows if row.result.paid]

    def paid_by_claim(self) -> Counter[str]:
        """Count the paid lines of each claim."""
        return Counter(str(claim_of_line(row.member.line_id)) for row in self.paid)

    def by_batch(self, batch_id: str) -> dict[str, tuple[int, int]]:
        """Count results and payments of each batch: this one, and those where a line now paid had failed."""
        earlier = Counter(batch for row in self.paid for batch in earlier_batches(row.member))
        return {
            batch_id: (len(self.rows), len(self.paid)),
            **{batch: (0, paid) for batch, paid in earlier.items()},
        }

    @property
    def writes(self) -> int:
        """Count the writes of this group's transaction; a paid line has its voucher with it."""
        payees = {row.member.institution for row in self.paid}
        earlier = {batch for row in self.paid for batch in earlier_batches(row.member)}
        lines = len(self.rows) + len(self.paid)
        return lines + len(self.paid_by_claim()) + len(payees) + len(earlier) + _FIXED_WRITES


def is_plain(row: ResultRow) -> bool:
    """Tell whether a row can be booked unread with others: a first payment or a failure of it, no set-off."""
    paid_before = any(attempt.status is BankOutcome.PAID for attempt in row.member.attempts)
    return row.result.outcome is not BankOutcome.RETURNED and not row.member.set_offs and not paid_before


def earlier_batches(member: Member) -> set[str]:
    """Name the batches in which the bank did not pay a line."""
    return {attempt.batch_id for attempt in member.attempts}


def grouped(rows: Iterable[ResultRow]) -> Iterator[Group]:
    """Pack rows into groups of one transaction."""
    group: Group | None = None
    for row in sorted(rows, key=_order):
        if group is not None and (group.program_id, group.budget_year) == _key(row):
            grown = Group(*_key(row), (*group.rows, row))
            if grown.writes <= TRANSACTION_ITEMS_MAX:
                group = grown
                continue
        if group is not None:
            yield group
        group = Group(*_key(row), (row,))
    if group is not None:
        yield group


def _key(row: ResultRow) -> tuple[ProgramId, int]:
    return row.member.program_id, row.member.budget_year


def _order(row: ResultRow) -> tuple[str, int, str, str]:
    member = row.member
    return member.program_id, member.budget_year, member.institution, member.line_id
