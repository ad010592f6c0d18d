"""What becomes of a claim with each step: pure, and the one way to move it.

A decision gives the `Changes` it makes. `store.decide` writes them at once, unread; `changed` gives the
claim as it is then, and `store.move_write` writes what differs, in a transaction with whatever else the
step writes.
"""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.subsidies.claims.model import CLAIM_TRANSITIONS, Claim, Line
from chalicelib.subsidies.claims.states import LineStatus

Changes = dict[str, Any]
"""New values by the name of a claim's field; None takes the value away."""

_BATCHED, _PAYABLE = CLAIM_TRANSITIONS.target("batch"), CLAIM_TRANSITIONS.target("open_payment")
_OUT_OF_PUBLICITY: Changes = {
    "reviewed_by": None,
    "reviewed_at": None,
    "approved_by": None,
    "payee_id": None,
    "approved_on": None,
    "budget_year": None,
    "publicity_ends_on": None,
    "due_city": None,
    "due_on": None,
}


def changed(claim: Claim, changes: Changes) -> Claim:
    """Give a claim as it is with these changes."""
    return msgspec.structs.replace(claim, **changes, version=claim.version + 1)


# --------------------------------------------------------------------------- reviews


def reviewed(actor: str, now: datetime) -> Changes:
    """Give the first review: by whom, and when, as whoever is paid then is who was looked at."""
    return {
        "status": CLAIM_TRANSITIONS.target("review"),
        "reviewed_by": actor,
        "reviewed_at": now,
        "queued_at": now,
    }


def publicised(
    claim: Claim, *, approved_by: str, approved_on: date, ends_on: date, payee_id: str | None
) -> Changes:
    """Approve a claim and begin publicity; settlement may take it the day after the last.

    Example: publicity ends on 8 September. `due_on` begins with 2026-09-09, so the nightly run of the 9th
    is the first to find the claim.
    """
    return {
        "status": CLAIM_TRANSITIONS.target("publicise"),
        "approved_by": approved_by,
        "payee_id": payee_id,
        "approved_on": approved_on,
        "budget_year": approved_on.year,
        "publicity_ends_on": ends_on,
        "queued_at": None,
        "due_city": claim.city,
        "due_on": due_on(claim, ends_on),
    }


def due_on(claim: Claim, ends_on: date) -> str:
    """Say from which day settlement may take a claim: the day after the last of its publicity."""
    return f"{(ends_on + timedelta(days=1)).isoformat()}#{claim.id}"


def approval_withdrawn(claim: Claim, now: datetime) -> Changes:
    """Undo a second review: the claim waits for another, its first review stands."""
    first = {"reviewed_by": claim.reviewed_by, "reviewed_at": claim.reviewed_at, "queued_at": now}
    return {**_OUT_OF_PUBLICITY, "status": CLAIM_TRANSITIONS.target("withdraw_approval"), **first}


def returned(reason: str, now: datetime) -> Changes:
    """Send a claim back to the institution, for which it waits now; one sent again is reviewed anew."""
    return {
        "status": CLAIM_TRANSITIONS.target("return"),
        "decision_reason": reason,
        "reviewed_by": None,
        "reviewed_at": None,
        "queued_at": now,
    }


def rejected(reason: str) -> Changes:
    """Reject a claim for good, with all its lines."""
    return {
        "status": CLAIM_TRANSITIONS.target("reject"),
        "decision_reason": reason,
        "line_count": 0,
        "amount_fen": 0,
        "queued_at": None,
    }


def sent_back(claim: Claim, reason: str, now: datetime) -> Changes:
    """Uphold an objection to a claim: it goes back to the institution, and out of publicity.

    One that lies with the institution already stays there, and one that is over stays over.
    """
    if not CLAIM_TRANSITIONS.allows("uphold_objection", claim.status):
        return {}
    status = CLAIM_TRANSITIONS.target("uphold_objection")
    return {**_OUT_OF_PUBLICITY, "status": status, "decision_reason": reason, "queued_at": now}


# --------------------------------------------------------------------------- lines


def claim_without(claim: Claim, line: Line) -> Claim:
    """Give a claim as it is once one of its lines is taken out.

    What was waiting for this line alone goes on: the claim may now be wholly batched, or wholly paid. A claim
    that loses its last line is rejected.

    Example: of three lines one is paid, one in a batch, and the third could not be paid and is taken out. The
    claim has two lines then, both in batches: it waits for nothing but the bank. If the second had been paid
    too, the claim would be paid now.
    """
    batched = claim.batched_count - (line.status is LineStatus.PAYMENT_FAILED)
    rest = changed(
        claim,
        {
            "line_count": claim.line_count - 1,
            "amount_fen": claim.amount_fen - line.amount_fen,
            "batched_count": batched,
        },
    )
    if rest.line_count == 0:
        return _ended(rest, "give_up")
    if rest.paid_count == rest.line_count:
        return _ended(rest, "pay")
    if batched == rest.line_count:
        return msgspec.structs.replace(rest, status=_BATCHED, due_city=None, due_on=None, queued_at=None)
    return rest


def batched_after(claim: Claim, *, lines: int) -> Claim:
    """Give a claim as it is once so many more of its lines are in a batch; the last one ends its wait."""
    batched = claim.batched_count + lines
    done = batched == claim.line_count
    waits: Changes = {"due_city": None, "due_on": None} if done else {}
    return changed(claim, {"batched_count": batched, "status": _BATCHED if done else _PAYABLE, **waits})


def taken_out_after(claim: Claim, *, lines: int) -> Claim:
    """Give a claim as it is once so many of its lines are out of a batch: settlement looks at it anew."""
    assert claim.publicity_ends_on is not None
    waits: Changes = {"due_city": claim.city, "due_on": due_on(claim, claim.publicity_ends_on)}
    batched = claim.batched_count - lines
    return changed(claim, {"batched_count": batched, "status": _PAYABLE, **waits})


def paid_after(claim: Claim, *, lines: int) -> Claim:
    """Give a claim as it is once so many more of its lines are paid; with the last one it is paid."""
    paid = claim.paid_count + lines
    rest = changed(claim, {"paid_count": paid})
    if paid < claim.line_count:
        return rest
    return _ended(rest, "pay")


def unpaid_after(claim: Claim) -> Claim:
    """Give a claim as it is once one of its paid lines is to be paid again: its class stays as it is."""
    rest = changed(claim, {"paid_count": claim.paid_count - 1})
    if claim.status is not CLAIM_TRANSITIONS.target("pay"):
        return rest
    status, is_closed = CLAIM_TRANSITIONS.target("unpay"), claim.due_city is None
    return msgspec.structs.replace(rest, status=status, due_city=None, due_on=None, class_closed=is_closed)


# --------------------------------------------------------------------------- the end


def _ended(claim: Claim, action: str) -> Claim:
    """End a claim: it stands first among what settlement looks at until its class is closed."""
    status = CLAIM_TRANSITIONS.target(action)
    waits: Changes = {"due_city": claim.city, "due_on": f"0000-00-00#{claim.id}"}
    if claim.class_closed:
        waits = {"due_city": None, "due_on": None}
    return msgspec.structs.replace(claim, status=status, queued_at=None, **waits)


def closed(claim: Claim) -> Claim:
    """Give a claim that is over as it is once its class is closed: settlement has nothing more to do here."""
    return changed(claim, {"due_city": None, "due_on": None})
