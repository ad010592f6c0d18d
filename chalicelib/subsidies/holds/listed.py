"""What a cross-match list that comes after submission does to a claim's line: it waits for another look.

Submission and second review ask a voucher themselves what lists say. Sealing reads vouchers only of lines
about which something is in doubt, so a list that comes after second review raises the doubt here. Sealing
then decides by the voucher as it is on that day, and lets the line go if the list was corrected meanwhile.

A line in a batch that nobody has exported comes out of it in the write that holds it, as one that a person
stops (`settlement.batches.taking_out`); of a batch that is still being collected it comes out before the file
is handed out. List and export meet in the version of the batch: whoever is second decides anew.

    batch 7 is sealed: 130 lines; a list says that one of the trainees died before the class    129 lines
    the same, while a finance officer exports batch 7: either the file has 129 lines,
    or it was handed out with 130 and the line is flagged

What the bank was given, or has paid, cannot be stopped. The line is flagged, listed for its city, and its
payment proposed to be taken back (`settlement.clawback`): by two finance officers, as any other.
"""

from chalicelib.aws.logs import log
from chalicelib.aws.writes import Write, until_written
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.people.eligibility import Bar, code_of
from chalicelib.people.standings.model import Standing
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.evidence import standing_at_opening
from chalicelib.subsidies.claims.model import LateIneligibility, Line, claim_of_line
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.holds.model import STOPPABLE, UNPAID, check_hold, since_with
from chalicelib.subsidies.holds.service import (
    HOLD_TRIES,
    OutOfBatches,
    claim_without_batched,
    lines_out_of_batches,
    transact_out,
)
from chalicelib.subsidies.holds.store import flag_late, replace_holds, unpaid_holds_write
from chalicelib.subsidies.payments.store import take_out_line_write
from chalicelib.vouchers.model import Voucher

HOLD = check_hold("eligible_at_date")


def stop_payment(context: Context, voucher: Voucher, bar: Bar | None) -> bool:
    """Hold the line of a voucher whose holder a list says was ineligible when the class opened.

    One in a batch that was not exported comes out of it. A line that the bank has, or paid, cannot be
    stopped: it is flagged, and logged by ids alone. The flag goes if the list is corrected. Saying it again
    changes nothing. Tells whether lists stand against paying for it.
    """
    stands = False
    for line in store.lines_of_person(voucher.person_key):
        if line.voucher_id != voucher.id:
            continue
        standing = standing_at_opening(line.evidence, bar)
        stands |= standing is not None
        if standing is not None:
            _stop(context, line.id, standing)
        elif line.late_ineligibility is not None:
            _take_flag_off(context, line.id)
    return stands


def _stop(context: Context, line_id: str, standing: Standing) -> None:
    """Hold a line, or flag it if the bank has it: by the state in which it is written, not read."""
    code = code_of(standing.situation)
    change = change_of(context, "claim_line.hold", reason=f"{code} import={standing.import_id}")

    def attempt() -> Line | None:
        line = store.find_line(line_id)
        if line is None or line.status not in (*UNPAID, LineStatus.PAID):
            return None
        if line.status is LineStatus.BATCHED:
            out = lines_out_of_batches([line])
            if line.id not in out.too_late:
                _stop_batched(line, out, change)
                return None
        elif line.status in STOPPABLE:
            if HOLD not in line.holds:
                replace_holds(line, [*line.holds, HOLD], change)
            return None
        if _told_by(line.late_ineligibility) != _told_by(standing):
            late = _late(context, standing)
            reason = f"{late.code} import={late.import_id}"
            flag_late(line, late, change_of(context, "claim_line.find_ineligible", reason=reason))
        return line

    too_late = until_written(attempt, tries=HOLD_TRIES)
    if too_late is not None:
        log(
            "ineligible_too_late",
            line_id=too_late.id,
            status=too_late.status.value,
            batch_id=too_late.batch_id,
            code=code,
            import_id=standing.import_id,
        )


def _stop_batched(line: Line, out: OutOfBatches, change: Change) -> None:
    """Hold a line in a batch that nobody has exported; it comes out now, or before the file is handed out."""
    holds = line.holds if HOLD in line.holds else [*line.holds, HOLD]
    writes: list[Write] = []
    if line.id in out.line_ids:
        writes.append(take_out_line_write(line, holds, since=since_with(line, holds, change.at)))
        claim = store.read_claim(claim_of_line(line.id))
        after = claim_without_batched(claim, [line])
        writes += [store.move_write(claim, after)] if after is not claim else []
    elif holds == line.holds:
        return
    else:
        writes.append(unpaid_holds_write(line, holds, at=change.at))
    transact_out(out, writes, change)


def _take_flag_off(context: Context, line_id: str) -> None:
    """Take the flag off in whatever state a line is: one the bank failed meanwhile is paid later."""

    def attempt() -> None:
        line = store.find_line(line_id)
        if line is None or line.late_ineligibility is None:
            return
        flag_late(line, None, change_of(context, "claim_line.find_ineligible"))

    until_written(attempt)


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
