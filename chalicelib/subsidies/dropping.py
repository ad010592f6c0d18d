"""Rejecting one line after second review: what it had reserved is free again, the others go on.

A line that nobody may pay would keep its claim, its class and its trainee's voucher open for ever: one that
is held for good, or one whose payment failed and cannot succeed.
"""

from collections.abc import Callable, Sequence

from chalicelib.accounts import rights
from chalicelib.aws.table import ConditionFailed, Write, refuse_stale, transact
from chalicelib.classes.scores_store import close_write
from chalicelib.kernel.errors import NotFound, Refused
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.subsidies import budget_store, store
from chalicelib.subsidies.model import (
    CLAIM_TRANSITIONS,
    LINE_TRANSITIONS,
    Claim,
    ClaimStatus,
    Leftover,
    Line,
    claim_of_line,
    claim_without,
    is_prepared_by,
)
from chalicelib.subsidies.service import close_vouchers

_TRIES = 5


def _nothing_else(_: Line) -> list[Write]:
    return []


def drop_line(
    context: Context,
    line_id: str,
    *,
    version: int,
    reason: str,
    also: Callable[[Line], Sequence[Write]] = _nothing_else,
) -> tuple[Line, Claim]:
    """Reject a line that is not in a batch and not paid; a reviewer does who did not prepare its claim.

    `also` gives what a later step writes with it.

    Raises:
        NotFound: there is none in the caller's area.
        Forbidden: `self_approval`.
        Refused: another version, in a batch or paid, or its claim has not passed second review.

    """
    rights.admit(context.principal, "claim_line.reject")
    change = change_of(context, "claim_line.reject", reason=reason)
    for _ in range(_TRIES):
        line, claim = _read(line_id)
        rights.require(context.principal, "claim_line.reject", division=line.division)
        if is_prepared_by(claim, context.principal.actor):
            raise error("self_approval")
        refuse_stale(line, sources=LINE_TRANSITIONS.sources("drop"), version=version)
        try:
            transact([*drop_writes(claim, line, reason), *also(line)], change=change)
        except ConditionFailed:
            continue
        return _read(line_id)
    raise error("try_again")


def allowed_on_line(principal: Principal, line: Line) -> list[str]:
    """List what this caller may do with a line that is not paid; the rules are those of `drop_line`.

    Its claim is read only where role, area and the line's own state do not decide.
    """
    if not LINE_TRANSITIONS.allows("drop", line.status):
        return []
    if not rights.reaches(principal, "claim_line.reject", division=line.division):
        return []
    claim = store.read_claim(claim_of_line(line.id))
    approved = CLAIM_TRANSITIONS.allows("give_up", claim.status) and line.id in claim.line_ids
    return ["reject"] if approved and not is_prepared_by(claim, principal.actor) else []


def _read(line_id: str) -> tuple[Line, Claim]:
    line = store.find_line(line_id) if is_id(line_id, "lin") else None
    if line is None:
        raise NotFound
    return line, store.read_claim(claim_of_line(line_id))


def drop_writes(claim: Claim, line: Line, reason: str) -> list[Write]:
    """Give the writes that take a line out of an approved claim; with the last line its class closes.

    Raises:
        Refused: the claim has not passed second review, or is closed.

    """
    year = claim.budget_year
    if not CLAIM_TRANSITIONS.allows("give_up", claim.status) or year is None:
        raise Refused("wrong_state", status=claim.status.value)
    after = claim_without(claim, line)
    freed = budget_store.unreserve_write(
        claim.city, line.budget_year or year, claim.program_id, amount_fen=line.amount_fen
    )
    writes: list[Write] = [*store.drop_writes(line, reason, before=claim, after=after), freed]
    if after.status is not ClaimStatus.REJECTED:
        return writes  # the voucher closes with the class
    lines = store.find_lines(claim.line_ids)
    unpaid = [*claim.leftovers, *[Leftover(one.enrolment_id, one.voucher_id) for one in lines]]
    return [*writes, close_write(claim.class_id), *close_vouchers(unpaid)]
