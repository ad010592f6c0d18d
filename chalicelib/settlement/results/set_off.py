"""Lines of which everything is set off: the bank has nothing to pay, so nobody reports them.

They are booked with the first results of their batch, in the officer's name who sends those. A batch of such
lines alone is sent no results: `{"results": []}` books them.
"""

from collections.abc import Iterable

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches.model import Member
from chalicelib.settlement.results.groups import ResultRow
from chalicelib.settlement.results.model import PaymentResult
from chalicelib.subsidies.claims.model import BankOutcome


def wholly_set_off(context: Context, members: Iterable[Member]) -> list[ResultRow]:
    """Give the results that nobody reports: paid without the bank, on the day they are booked."""
    return [
        ResultRow(
            PaymentResult(
                row=0,
                line_id=member.line_id,
                outcome=BankOutcome.PAID,
                amount_fen=0,
                paid_on=shanghai_date(context.now),
                bank_reference=None,
                reason=None,
            ),
            member,
        )
        for member in members
        if not member.amount_fen
    ]
