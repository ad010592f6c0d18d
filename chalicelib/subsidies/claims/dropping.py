"""Taking one line out of a claim for good: what it had reserved is free again, the others go on.

A reviewer does so after second review, since a line that nobody may pay would keep its claim, its class and
its trainee's voucher open for ever: one that is held for good, or one whose payment failed and cannot
succeed. An upheld objection to the line does so whenever it is decided.
"""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.writes import ConditionFailed, Write, refuse_stale, transact
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import (
    LINE_TRANSITIONS,
    Claim,
    ClaimStatus,
    Line,
    claim_of_line,
    claim_without,
    is_prepared_by,
)

_TRIES = 5
_BEFORE_THE_END = (ClaimStatus.PUBLICISED, ClaimStatus.PAYABLE, ClaimStatus.BATCHED)
"""States of a claim that has passed second review and is not over."""


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
        if claim.status not in _BEFORE_THE_END or line.id not in claim.line_ids:
            raise error("wrong_state", status=claim.status.value)
        try:
            transact(
                [*drop_writes(claim, claim_without(claim, line), line, reason), *also(line)], change=change
            )
        except ConditionFailed:
            continue
        line, claim = _read(line_id)
        finish_claims([claim], change)
        return line, claim
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
    approved = claim.status in _BEFORE_THE_END and line.id in claim.line_ids
    return ["reject"] if approved and not is_prepared_by(claim, principal.actor) else []


def _read(line_id: str) -> tuple[Line, Claim]:
    line = store.find_line(line_id) if is_id(line_id, "lin") else None
    if line is None:
        raise error("not_found")
    return line, store.read_claim(claim_of_line(line_id))


def drop_writes(before: Claim, after: Claim, line: Line, reason: str) -> list[Write]:
    """Give the writes that take a line out of its claim, which becomes `after`.

    With the last line a claim is over: `finish_claims` closes its class then.
    """
    if after.status is ClaimStatus.REJECTED:
        after = msgspec.structs.replace(after, decision_reason=reason)
    writes: list[Write] = [store.move_write(before, after), store.drop_line_write(line, reason)]
    year = line.budget_year or before.budget_year
    if year is not None:
        writes.append(
            budget_store.unreserve_write(before.city, year, before.program_id, amount_fen=line.amount_fen)
        )
    return writes
