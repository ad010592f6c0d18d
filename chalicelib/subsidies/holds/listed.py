"""What a cross-match list that comes after submission does to a claim's line: it waits for another look.

Submission and second review ask a voucher themselves what lists say. Sealing reads vouchers only of lines
about which something is in doubt, so a list that comes after second review raises the doubt here. Sealing
then decides by the voucher as it is on that day, and lets the line go if the list was corrected meanwhile.

What is in a batch or paid already cannot be stopped. The line is flagged, listed for its city, and its
payment proposed to be taken back (`settlement.clawback`): by two finance officers, as any other.
"""

from chalicelib.aws.logs import log
from chalicelib.aws.writes import until_written
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.eligibility import Bar, code_of
from chalicelib.people.standings.model import Standing
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.evidence import standing_at_opening
from chalicelib.subsidies.claims.model import LateIneligibility, Line, LineStatus
from chalicelib.subsidies.holds.model import check_hold
from chalicelib.subsidies.holds.store import flag_late, place_hold
from chalicelib.vouchers.model import Voucher

HOLD = check_hold("eligible_at_date")
_TOO_LATE = (LineStatus.BATCHED, LineStatus.PAID)


def stop_payment(context: Context, voucher: Voucher, bar: Bar | None) -> bool:
    """Hold the line of a voucher whose holder a list says was ineligible when the class opened.

    A line that is in a batch or paid cannot be stopped: it is flagged, and logged by ids alone. The flag
    goes if the list is corrected. Saying it again changes nothing. Tells whether lists stand against paying
    for it.
    """
    stands = False
    for line in store.lines_of_person(voucher.person_key):
        if line.voucher_id != voucher.id:
            continue
        standing = standing_at_opening(line.evidence, bar)
        stands |= standing is not None
        if standing is not None:
            _stop(context, line, standing)
        elif line.late_ineligibility is not None:
            _flag(context, line.id, None)
    return stands


def _stop(context: Context, line: Line, standing: Standing) -> None:
    code = code_of(standing.situation)
    change = change_of(context, "claim_line.hold", reason=f"{code} import={standing.import_id}")
    if place_hold(line.id, HOLD, change) is not None:
        return
    current = _flag(context, line.id, standing)
    if current is not None:
        log(
            "ineligible_too_late",
            line_id=current.id,
            status=current.status.value,
            batch_id=current.batch_id,
            code=code,
            import_id=standing.import_id,
        )


def _flag(context: Context, line_id: str, standing: Standing | None) -> Line | None:
    """Flag a line that is in a batch or paid, or take the flag off; None if it is neither."""

    def attempt() -> Line | None:
        line = store.find_line(line_id)
        if line is None or line.status not in _TOO_LATE:
            return None
        if _told_by(line.late_ineligibility) != _told_by(standing):
            late = _late(context, standing) if standing is not None else None
            reason = f"{late.code} import={late.import_id}" if late is not None else None
            flag_late(line, late, change_of(context, "claim_line.find_ineligible", reason=reason))
        return line

    return until_written(attempt)


def _late(context: Context, standing: Standing) -> LateIneligibility:
    return LateIneligibility(
        code=code_of(standing.situation),
        since=standing.since,
        as_of=standing.as_of,
        import_id=standing.import_id,
        found_at=context.now,
    )


def _told_by(word: LateIneligibility | Standing | None) -> tuple[object, ...] | None:
    if word is None:
        return None
    code = word.code if isinstance(word, LateIneligibility) else code_of(word.situation)
    return code, word.since, word.as_of, word.import_id
