"""What a set-off writes: kept with a batch, booked with its payment, forgotten or undone without it."""

from collections.abc import Sequence

from chalicelib.aws.writes import Write
from chalicelib.kernel.ids import LineId
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.settlement.clawback.arrears import lines_owed
from chalicelib.settlement.clawback.model import outstanding_fen
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import Event
from chalicelib.settlement.ledger.of_line import group_of_line
from chalicelib.settlement.set_off.model import DebtPart, Debts, parts_fen, without
from chalicelib.subsidies.budgets.model import BudgetMoves, Part
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Line, SetOff
from chalicelib.subsidies.payments import store as payments


def debts_of(division: str) -> Debts:
    """Give what institutions owe a division and can be set off.

    Lines that were reversed before budgets had a receivable are left out: theirs is available already.
    """
    return Debts(line for line in lines_owed(division) if line.reversed_fen and line.city == division)


def kept_writes(debts: Debts, chunk: dict[str, Line]) -> list[Write]:
    """Give the writes that keep parts of debts aside with a chunk of a batch."""
    return [payments.set_offs_write(debt, debts.as_kept(line_id)) for line_id, debt in chunk.items()]


def booked_writes(
    context: Context, payment: Line, batch_id: str, parts: Sequence[DebtPart], moves: BudgetMoves
) -> list[Write]:
    """Give the writes that book what was kept of a payment: it counts like a repayment from now on.

    A payment that had failed and was made after all takes its part again, if that is still owed.

    Raises:
        Refused: `set_off_gone`, the debt was repaid otherwise meanwhile.

    """
    writes: list[Write] = []
    for debt, fen in _with_debts(parts):
        kept = SetOff(payment.id, batch_id, fen) in debt.set_offs
        if not kept and outstanding_fen(debt) < fen:
            raise error("set_off_gone", lines=debt.id)
        rest = without(debt.set_offs, payment.id, batch_id)
        booked = SetOff(payment.id, batch_id, fen, booked=True)
        writes.append(payments.set_offs_write(debt, [*rest, booked]))
        writes += _posted(context, debt, Event.OFFSET, fen, reference=payment.id)
        moves.move(_year(debt), debt.program_id, Part.RECEIVABLE, Part.AVAILABLE, fen)
    return writes


def forgotten_writes(payment_id: str, batch_id: str, parts: Sequence[DebtPart]) -> list[Write]:
    """Give the writes that let go what was kept of a payment that was not made."""
    return [
        payments.set_offs_write(debt, without(debt.set_offs, payment_id, batch_id))
        for debt, _ in _with_debts(parts)
    ]


def forgotten_of_batches(taken_out: Sequence[tuple[str, str, Sequence[DebtPart]]]) -> list[Write]:
    """Give the writes that let go what was kept of payments taken out of batches: one a debt, of all batches.

    Each is a payment's line, its batch, and the parts that were kept of it.
    """
    parts = [(payment_id, batch_id, part) for payment_id, batch_id, kept in taken_out for part in kept]
    debts = sorted({part.line_id for _, _, part in parts})
    lines = {line.id: line for line in claim_store.find_lines(debts)}
    left: dict[LineId, list[SetOff]] = {}
    for payment_id, batch_id, part in parts:
        rest = left.get(part.line_id, lines[part.line_id].set_offs)
        left[part.line_id] = without(rest, payment_id, batch_id)
    return [payments.set_offs_write(lines[debt_id], rest) for debt_id, rest in left.items()]


def undone_writes(
    context: Context, payment: Line, batch_id: str, parts: Sequence[DebtPart], moves: BudgetMoves
) -> list[Write]:
    """Give the writes that undo a set-off with the payment it was part of: the institution owes it again."""
    writes: list[Write] = []
    for debt, fen in _with_debts(parts):
        writes.append(payments.set_offs_write(debt, without(debt.set_offs, payment.id, batch_id)))
        writes += _posted(context, debt, Event.OWED_AGAIN, fen, reference=payment.id)
        moves.move(_year(debt), debt.program_id, Part.AVAILABLE, Part.RECEIVABLE, fen)
    return writes


def posted_writes(context: Context, payment: Line, event: Event, parts: Sequence[DebtPart]) -> list[Write]:
    """Post what was set off on the side of the payment, or that it was undone, if anything was."""
    fen = parts_fen(parts)
    return _posted(context, payment, event, fen, reference=None) if fen else []


def _posted(context: Context, line: Line, event: Event, fen: int, *, reference: str | None) -> list[Write]:
    group = group_of_line(line, event, fen, now=context.now, at_version=line.version, reference=reference)
    return [*ledger_store.post_writes(group)]


def _with_debts(parts: Sequence[DebtPart]) -> list[tuple[Line, int]]:
    lines = {line.id: line for line in claim_store.find_lines([part.line_id for part in parts])}
    return [(lines[part.line_id], part.amount_fen) for part in parts]


def _year(line: Line) -> int:
    assert line.budget_year is not None, "what was paid has a budget"
    return line.budget_year
