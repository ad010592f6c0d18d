"""What may be done with a line after its result: released, or its result corrected. Each needs two officers.

    A enters "failed"                     B releases it; then it goes into the next batch
    A asks "it was paid after all"        B confirms: booked as paid, and in no batch any more
    A asks "it was not paid"              B confirms: booked back; somebody else than A releases it

The truth is in the conditions of `payments.store`: each wants the line as it was read.
"""

from collections.abc import Callable, Mapping
from datetime import date

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Hands, Principal
from chalicelib.kernel.reasons import error
from chalicelib.settlement.clawback.model import taken_back_fen
from chalicelib.subsidies.claims.model import BankOutcome, Correction, Line, PaymentAttempt
from chalicelib.subsidies.claims.states import LineStatus

_LAST_MONTH = 12


def last_attempt(line: Line) -> PaymentAttempt | None:
    """Give what was last said of a line's payment."""
    return line.attempts[-1] if line.attempts else None


def entered_by(line: Line) -> str | None:
    """Tell who entered the result by which a line rests.

    Results that were entered before they told so stand in the line's last change.
    """
    last = last_attempt(line)
    if last is not None and last.entered_by is not None:
        return last.entered_by
    change = line.last_change
    return change.actor if change is not None and change.action == "settlement.record_results" else None


# --------------------------------------------------------------------------- when books close


def books_close_on(entered_on: date, *, close_day: int) -> date:
    """Give the last day on which a result that was entered on a day can be corrected.

    Entered on 8 October, with `books_close_day` 10: 10 November.
    """
    year, month = entered_on.year + entered_on.month // _LAST_MONTH, entered_on.month % _LAST_MONTH + 1
    return date(year, month, close_day)


def entered_on(line: Line) -> date | None:
    """Tell in Shanghai on which day the last result of a line was entered."""
    last = last_attempt(line)
    if last is None:
        return None
    if last.entered_at is not None:
        return shanghai_date(last.entered_at)
    return last.paid_on or (shanghai_date(line.last_change.at) if line.last_change is not None else None)


def why_books_closed(line: Line, *, close_day: int, today: date) -> DomainError | None:
    """Refuse to correct a result of a month whose books are closed."""
    day = entered_on(line)
    if day is None or today <= books_close_on(day, close_day=close_day):
        return None
    return error("books_closed", closed_on=books_close_on(day, close_day=close_day).isoformat())


# --------------------------------------------------------------------------- what may be done


def actions_on(line: Line) -> Mapping[str, str]:
    """Name what a paid or failed line can be asked for, each with its right."""
    corrections = {
        "correct": "claim_line.correct",
        "confirm_correction": "claim_line.correct",
        "cancel_correction": "claim_line.correct",
    }
    if line.status is LineStatus.PAID:
        return corrections
    if line.status is LineStatus.PAYMENT_FAILED:
        return {"release": "claim_line.release", **corrections}
    return {}


def why_not(
    action: str, line: Line, principal: Principal, *, own_work: Callable[[], bool]
) -> DomainError | None:
    """Tell what stands against releasing a line, or asking for, confirming or cancelling a correction.

    `own_work` tells whether the officer had a hand in the claim. It is asked only where nothing else decides.
    """
    hands = principal.hands
    refusal = _why_not_release(line, hands) if action == "release" else _why_not_correct(action, line, hands)
    if refusal is not None:
        return refusal
    asked_by = line.correction.asked_by if line.correction is not None else None
    if action == "cancel_correction" and asked_by in principal.own:
        return None
    return error("self_approval") if own_work() else None


def _why_not_release(line: Line, hands: Hands) -> DomainError | None:
    if line.status is not LineStatus.PAYMENT_FAILED:
        return error("wrong_state", status=line.status.value)
    if line.correction is not None:
        return error("correction_already_asked")
    if line.released_by is not None:
        return error("line_released")
    return error("self_approval") if entered_by(line) in hands else None


def _why_not_correct(action: str, line: Line, hands: Hands) -> DomainError | None:
    if action == "correct":
        return _why_not_ask(line)
    if line.correction is None:
        return error("correction_not_asked")
    by_asker = action == "confirm_correction" and line.correction.asked_by in hands
    return error("self_approval") if by_asker else None


def _why_not_ask(line: Line) -> DomainError | None:
    if line.status is LineStatus.BATCHED and line.attempts:
        return error("line_batched_again")
    if line.status not in (LineStatus.PAID, LineStatus.PAYMENT_FAILED):
        return error("line_taken_back" if taken_back_fen(line) else "wrong_state", status=line.status.value)
    if line.correction is not None:
        return error("correction_already_asked")
    if line.reversal_asked_by is not None:
        return error("reversal_already_asked")
    if taken_back_fen(line):
        return error("line_taken_back")
    last = last_attempt(line)
    came_back = last is None or last.status is BankOutcome.RETURNED
    return error("nothing_to_correct") if came_back else None


def why_not_corrected(
    line: Line, correction: Correction, *, sealed_on: date, today: date
) -> DomainError | None:
    """Tell what stands against a correction's own words: it says what is known, or another amount or day.

    Money that came back (退票) was paid, and is no mistake to be corrected.
    """
    last = last_attempt(line)
    to_paid = correction.to is BankOutcome.PAID
    wanted = BankOutcome.FAILED if to_paid else BankOutcome.PAID
    if last is None or last.status is not wanted:
        return error("nothing_to_correct")
    if correction.amount_fen != last.amount_fen:
        return error("amount_differs", amount_fen=correction.amount_fen, expected_fen=last.amount_fen)
    if correction.paid_on is not None and correction.paid_on > today:
        return error("date_in_future", day=correction.paid_on.isoformat())
    if correction.paid_on is not None and correction.paid_on < sealed_on:
        day = correction.paid_on.isoformat()
        return error("paid_before_sealing", day=day, sealed_on=sealed_on.isoformat())
    return None
