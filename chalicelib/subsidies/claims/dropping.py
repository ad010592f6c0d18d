"""Taking one line out of a claim for good: what it had reserved is free again, the others go on.

A reviewer does so after second review, since a line that nobody may pay would keep its claim, its class and
its trainee's voucher open for ever: one that is held for good, or one whose payment failed and cannot
succeed. An upheld objection to the line does so whenever it is decided.
"""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import (
    LINE_TRANSITIONS,
    Claim,
    Line,
    claim_of_line,
    why_not_drop,
)
from chalicelib.subsidies.claims.moves import claim_without
from chalicelib.subsidies.claims.states import ClaimStatus


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
    principal = context.principal
    rights.admit(principal, "claim_line.reject")
    change = change_of(context, "claim_line.reject", reason=reason)

    def attempt() -> None:
        line, claim = _read(line_id)
        rights.require(principal, "claim_line.reject", division=line.division)
        refuse(why_not_drop(line, claim, principal.hands, version=version))
        drops = drop_writes(claim, claim_without(claim, line), line, reason)
        transact([*drops, *also(line)], change=change)

    until_written(attempt)
    line, claim = _read(line_id)
    finish_claims([claim], change)
    return line, claim


def allowed_on_line(principal: Principal, line: Line) -> list[str]:
    """List what this caller may do with a line that is not paid.

    Its claim is read only where role, area and the line's own state do not decide.
    """

    def refusal(_: str) -> DomainError | None:
        own = LINE_TRANSITIONS.why_not("drop", line)
        return own or why_not_drop(line, store.read_claim(claim_of_line(line.id)), principal.hands)

    return rights.offered(principal, {"reject": "claim_line.reject"}, refusal, division=line.division)


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
