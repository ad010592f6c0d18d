"""Results booked one by one, their line read before: set-offs, money that came back, and what is paid again.

They are rare, and each moves more than its line: the debts that were kept of it, a voucher that is settled
already, every batch in which the line ever was.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.aws.writes import ConditionFailed, Write, transact, until_written
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.free_text import mask_numbers
from chalicelib.kernel.principal import Change, Context, Hands, change_of
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import store as batch_store
from chalicelib.settlement.batches.model import Batch
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import Event
from chalicelib.settlement.ledger.of_line import group_of_line
from chalicelib.settlement.results.groups import ResultRow
from chalicelib.settlement.results.model import PaymentResult, RowRefusal, judge_known
from chalicelib.settlement.set_off.model import DebtPart, parts_fen
from chalicelib.settlement.set_off.service import (
    booked_writes,
    forgotten_writes,
    posted_writes,
    undone_writes,
)
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.budgets.model import Budget, BudgetMoves, Part
from chalicelib.subsidies.budgets.store import BudgetRow
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import BankOutcome, Line, PaymentAttempt, claim_of_line
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.model import Voucher, VoucherStatus


@dataclass(frozen=True)
class Payment:
    """A line with what the bank is to pay in its batch, and what of it is set off."""

    line: Line
    batch_id: str
    parts: Sequence[DebtPart]

    @property
    def bank_fen(self) -> int:
        """Give what the bank pays, or sends back."""
        return self.line.amount_fen - parts_fen(self.parts)


def flag(row: ResultRow, status: str) -> RowRefusal:
    """Name a row whose payment is to be clawed back, since its voucher was in this state."""
    return RowRefusal(row.result.row, "paid_without_voucher", {"status": status})


def gone_status(voucher: Voucher | None, enrolment_id: str) -> str | None:
    """Tell in which state a voucher is that cannot be settled any more; None if it can be."""
    if voucher is None:
        return "unknown"
    if voucher.status is not VoucherStatus.REDEEMED:
        return str(voucher.status)
    return "redeemed_elsewhere" if voucher.enrolment_id != enrolment_id else None


def attempt_of(
    context: Context, batch_id: str, result: PaymentResult, *, set_off_fen: int = 0
) -> PaymentAttempt:
    """Write down what the bank said of a line, by whom it was entered, and when."""
    return PaymentAttempt(
        batch_id=batch_id,
        status=result.outcome,
        amount_fen=result.amount_fen,
        paid_on=result.paid_on,
        bank_reference=result.bank_reference,
        reason=mask_numbers(result.reason) if result.reason is not None else None,
        set_off_fen=set_off_fen,
        entered_by=context.principal.actor,
        entered_at=context.now,
    )


def book_singly(
    context: Context, batch: Batch, row: ResultRow, refused: list[RowRefusal], flagged: list[RowRefusal]
) -> None:
    """Book one row if it is new, and add to what is refused or flagged."""

    def attempt() -> RowRefusal | None:
        line = claim_store.find_lines([row.member.line_id])[0]
        known = judge_known(row.result, line, batch.id)
        if not known.fresh:
            if known.refusal is None and line.unsettled is not None and row.result.paid:
                flagged.append(flag(row, line.unsettled))
            return known.refusal
        unsettled = _book(context, Payment(line, batch.id, row.member.set_offs), row)
        if unsettled is not None:
            flagged.append(flag(row, unsettled))
        return None

    try:
        refusal = until_written(attempt)
    except DomainError as failure:
        if failure.code not in ("budget_exhausted", "set_off_gone"):
            raise
        refusal = RowRefusal(row.result.row, failure.code, dict(failure.facts))
    if refusal is not None:
        refused.append(refusal)


def _book(context: Context, payment: Payment, row: ResultRow) -> str | None:
    line, set_off_fen = payment.line, parts_fen(payment.parts)
    said = attempt_of(context, payment.batch_id, row.result, set_off_fen=set_off_fen)
    attempts = [*line.attempts, said]
    unsettled: str | None = None
    match row.result.outcome:
        case BankOutcome.PAID:
            unsettled = unsettled_of(line)
            moved = payments.pay_line_write(line.id, attempts, unsettled=unsettled)
            writes = [moved, *paying_writes(context, payment, said, unsettled=unsettled, first=True)]
        case BankOutcome.FAILED:
            writes = [
                payments.fail_line_write(line.id, attempts, city=line.city, at=context.now),
                *_progress(line, payment.batch_id, results=1, paid=0, hands=context.principal.hands),
                *forgotten_writes(line.id, payment.batch_id, payment.parts),
            ]
        case BankOutcome.RETURNED:
            moved = payments.pay_back_write(line, attempts, corrected=False, at=context.now)
            writes = [moved, *pay_back_writes(context, payment, said, Event.RETURNED)]
    write_one(payment, writes, change_of(context, "settlement.record_results"))
    return unsettled


def write_one(payment: Payment, writes: Sequence[Write], change: Change) -> None:
    """Write what books one result, as one transaction.

    Raises:
        Refused: `budget_exhausted`, what a set-off had made available is reserved by now.
        ConditionFailed: somebody else has changed something that this stands on.

    """
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        if failure.table is BudgetRow and isinstance(failure.old, Budget):
            missing_fen = max(0, parts_fen(payment.parts) - failure.old.available_fen)
            raise error("budget_exhausted", missing_fen=missing_fen) from None
        raise


# --------------------------------------------------------------------------- paid, and paid back


def unsettled_of(line: Line) -> str | None:
    """Tell in which state a line's voucher is that cannot be settled; None if it can, or was by this line."""
    if line.unsettled is not None:
        return line.unsettled
    found = voucher_store.find_vouchers([line.voucher_id])
    voucher = found[0] if found else None
    if line.paid_once and voucher is not None and voucher.status is VoucherStatus.SETTLED:
        return None
    return gone_status(voucher, line.enrolment_id)


def paying_writes(
    context: Context, payment: Payment, said: PaymentAttempt, *, unsettled: str | None, first: bool
) -> list[Write]:
    """Give everything that a payment moves besides its line: voucher, claim, batches, budget, ledger, debts.

    `first` tells whether it is the first that is known of the line in its batch.
    """
    line = payment.line
    hands = context.principal.hands if first else frozenset()
    claim = claim_store.read_claim(claim_of_line(line.id))
    moves = BudgetMoves()
    moves.move(_year(line), line.program_id, Part.RESERVED, Part.SPENT, line.amount_fen)
    return [
        *_settling(context, line, unsettled=unsettled),
        payments.pay_claim_write(claim, lines=1),
        *_progress(line, payment.batch_id, results=int(first), paid=1, hands=hands),
        *_bank_writes(context, payment, said, Event.PAID, at_version=None if first else line.version),
        *posted_writes(context, line, Event.SET_OFF, payment.parts),
        *booked_writes(context, line, payment.batch_id, payment.parts, moves),
        *budget_store.moves_writes(line.city, moves),
    ]


def pay_back_writes(context: Context, payment: Payment, said: PaymentAttempt, event: Event) -> list[Write]:
    """Give everything that moves besides the line when its payment came back, or never was one."""
    line = payment.line
    hands = context.principal.hands if event is Event.RETURNED else frozenset()
    claim = claim_store.read_claim(claim_of_line(line.id))
    moves = BudgetMoves()
    moves.move(_year(line), line.program_id, Part.SPENT, Part.RESERVED, line.amount_fen)
    voucher: list[Write] = []
    if line.unsettled is None:
        voucher.append(
            voucher_store.pay_back_write(
                line.voucher_id, enrolment_id=line.enrolment_id, amount_fen=line.amount_fen
            )
        )
    return [
        *voucher,
        payments.unpay_claim_write(claim),
        *_progress(line, payment.batch_id, results=0, paid=-1, hands=hands),
        *_bank_writes(context, payment, said, event, at_version=line.version),
        *posted_writes(context, line, Event.SET_OFF_UNDONE, payment.parts),
        *undone_writes(context, line, payment.batch_id, payment.parts, moves),
        *budget_store.moves_writes(line.city, moves),
    ]


def _settling(context: Context, line: Line, *, unsettled: str | None) -> list[Write]:
    if unsettled is not None:
        return []
    if line.paid_once:
        return [
            voucher_store.pay_again_write(
                line.voucher_id, enrolment_id=line.enrolment_id, amount_fen=line.amount_fen
            )
        ]
    return [
        voucher_store.settle_write(
            line.voucher_id,
            enrolment_id=line.enrolment_id,
            served_in=line.division,
            amount_fen=line.amount_fen,
            now=context.now,
        )
    ]


def _progress(line: Line, batch_id: str, *, results: int, paid: int, hands: Hands) -> list[Write]:
    """Move on every batch in which the line ever was: a line counts as paid, or not, in each of them.

    `hands` are those of who enters a result of this batch, none where it is corrected.
    """
    batches = batch_store.find_batches(sorted({batch_id, *(attempt.batch_id for attempt in line.attempts)}))
    return [
        batch_store.progress_write(
            batch,
            results=results if batch.id == batch_id else 0,
            paid=paid,
            hands=hands if batch.id == batch_id else frozenset(),
        )
        for batch in batches
        if paid or (results and batch.id == batch_id)
    ]


def _bank_writes(
    context: Context, payment: Payment, said: PaymentAttempt, event: Event, *, at_version: int | None
) -> list[Write]:
    """Post what the bank paid, or sent back; nothing where all was set off."""
    if not payment.bank_fen:
        return []
    group = group_of_line(
        payment.line,
        event,
        payment.bank_fen,
        now=context.now,
        at_version=at_version,
        reference=said.bank_reference,
        paid_on=said.paid_on,
    )
    return [*ledger_store.post_writes(group)]


def _year(line: Line) -> int:
    assert line.budget_year is not None, "a line in a batch has a budget"
    return line.budget_year
