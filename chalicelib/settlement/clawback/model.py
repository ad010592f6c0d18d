"""Clawback (追回): what may be done with a paid line, and with what comes back of it."""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Principal
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.claims.model import BankOutcome, Line, Repayment
from chalicelib.subsidies.claims.states import LineStatus

REASON_AT_ONCE = "拨付款被追回，按项目规定暂停"
"""Why an institution is suspended at once where the policy says so."""


def taken_back_fen(line: Line) -> int:
    """Tell how much of a paid line was taken back, in one part or several.

    Lines that were reversed before parts could be tell no amount: it was all of it.
    """
    return line.amount_fen if line.status is LineStatus.REVERSED else line.reversed_fen


def outstanding_fen(line: Line) -> int:
    """Tell how much of what was taken back has not come back, and is not kept of another payment.

    180,000 fen were taken back, 80,000 have been repaid and 60,000 are set off: 40,000.
    """
    repaid_fen = sum(repayment.amount_fen for repayment in line.repayments)
    return taken_back_fen(line) - repaid_fen - sum(set_off.amount_fen for set_off in line.set_offs)


def paid_on(line: Line) -> date | None:
    """Give the bank's date of a line's payment."""
    paid = [attempt.paid_on for attempt in line.attempts if attempt.status is BankOutcome.PAID]
    return paid[-1] if paid else None


class ProposedClawback(StrEnum):
    """How far the clawback is that a late list proposes: two finance officers take the payment back."""

    WAITS_FOR_RESULT = "waits_for_result"
    PROPOSED = "proposed"
    ASKED = "asked"
    DONE = "done"


def proposed_clawback(line: Line) -> ProposedClawback | None:
    """Tell how far a proposed clawback is; None where no late list proposes one.

    Listed while the batch was at the bank: the result is waited for. Paid: it is proposed, until one
    officer asks for the reversal and another confirms it.
    """
    if line.late_ineligibility is None:
        return None
    match line.status:
        case LineStatus.BATCHED:
            return ProposedClawback.WAITS_FOR_RESULT
        case LineStatus.PAID:
            return ProposedClawback.ASKED if line.reversal_asked_by else ProposedClawback.PROPOSED
        case LineStatus.REVERSED:
            return ProposedClawback.DONE
        case _:
            return None


# --------------------------------------------------------------------------- what may be done


def actions_on(line: Line) -> Mapping[str, str]:
    """Name what a paid or reversed line can be asked for, each with its right."""
    repay = dict.fromkeys(_repaying(line), "claim_line.repay")
    if line.status is LineStatus.PAID:
        return {
            "reverse": "claim_line.reverse",
            "confirm_reversal": "claim_line.reverse",
            "cancel_reversal": "claim_line.cancel_reversal",
            **repay,
        }
    return repay if line.status is LineStatus.REVERSED else {}


def _repaying(line: Line) -> tuple[str, ...]:
    if line.repayment_asked is not None:
        return ("confirm_repayment", "cancel_repayment")
    return ("repay",) if outstanding_fen(line) else ()


def _is_own_reversal(action: str, line: Line, principal: Principal, own_work: Callable[[], bool]) -> bool:
    """Tell whether confirming or cancelling a reversal would be a decision on one's own work."""
    asked_by = line.reversal_asked_by
    if action == "confirm_reversal" and asked_by in principal.hands:
        return True
    if action == "cancel_reversal" and asked_by in principal.own:
        return False
    return line.status is LineStatus.PAID and own_work()


def _is_own_repayment(action: str, line: Line, principal: Principal, own_work: Callable[[], bool]) -> bool:
    """Tell whether confirming or cancelling an entered repayment would be a decision on one's own work."""
    asked_by = line.repayment_asked.asked_by if line.repayment_asked is not None else None
    if action == "confirm_repayment" and asked_by in principal.hands:
        return True
    if action == "cancel_repayment" and asked_by in principal.own:
        return False
    return own_work()


def why_not(
    action: str, line: Line, principal: Principal, *, own_work: Callable[[], bool]
) -> DomainError | None:
    """Tell what stands against an action on a line; the truth is the conditions of `payments.store`.

    `own_work` tells whether the officer had a hand in the claim. It is asked only where nothing else decides.

        asked by A, who had no hand in the claim: A may cancel; B may confirm or cancel
        asked by A; B reviewed the claim: B gets `self_approval` for both
    """
    if action in ("reverse", "confirm_reversal", "cancel_reversal"):
        refusal, own, lawful = _of_reversal(action, line), _is_own_reversal, line.status is LineStatus.PAID
    else:
        lawful = line.status is LineStatus.REVERSED or taken_back_fen(line) > 0
        refusal, own = _of_repayment(action, line), _is_own_repayment
    if refusal is not None:
        return refusal
    if action != "reverse" and own(action, line, principal, own_work):
        return error("self_approval")
    return None if lawful else error("wrong_state", status=str(line.status))


def _of_reversal(action: str, line: Line) -> DomainError | None:
    """Tell whether a reversal waits for an answer where it may not, or does not where it has to."""
    if action != "reverse":
        return error("reversal_not_asked") if line.reversal_asked_by is None else None
    if line.status is LineStatus.PAID and line.reversal_asked_by is not None:
        return error("reversal_already_asked")
    return error("correction_already_asked") if line.correction is not None else None


def _of_repayment(action: str, line: Line) -> DomainError | None:
    """Tell whether a repayment waits for an answer where it may not, or does not where it has to."""
    if action == "repay":
        return error("repayment_already_asked") if line.repayment_asked is not None else None
    return error("repayment_not_asked") if line.repayment_asked is None else None


def why_not_reversed(line: Line, amount_fen: int) -> DomainError | None:
    """Tell what stands against taking back so much: all parts together are no more than was paid."""
    left_fen = line.amount_fen - taken_back_fen(line)
    return error("reversal_exceeds", left_fen=left_fen) if amount_fen > left_fen else None


def why_not_booked(line: Line, repayment: Repayment, *, today: date) -> DomainError | None:
    """Tell what stands against booking a repayment on a reversed line.

    It came back on a day between the bank's date of the payment and today. The bank's reference tells parts
    apart, and all parts together are no more than was taken back.
    """
    day = repayment.received_on.isoformat()
    if repayment.received_on > today:
        return error("date_in_future", day=day)
    left_on = paid_on(line)
    if left_on is not None and repayment.received_on < left_on:
        return error("repaid_before_payment", day=day, paid_on=left_on.isoformat())
    known = {part.bank_reference: part for part in line.repayments}.get(repayment.bank_reference)
    if known is not None:
        return error("repayment_contradicts", amount_fen=known.amount_fen)
    if repayment.amount_fen > outstanding_fen(line):
        return error("repayment_exceeds", outstanding_fen=outstanding_fen(line))
    return None
