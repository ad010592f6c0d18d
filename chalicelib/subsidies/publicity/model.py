"""Publicity and objections (公示、异议): how long a claim is in public, and what an objection to it is.

An objection to one line holds the line; one to the whole claim stops the claim. Both wait for a supervisor,
who had no hand in the claim.
"""

import ipaddress
import re
import unicodedata
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.accounts.sign_in.attempts.model import Cap
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ClaimId, LineId
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.subsidies.claims.model import Claim, has_hand_in
from chalicelib.subsidies.claims.moves import changed
from chalicelib.subsidies.claims.states import ClaimStatus

OBJECTIONS_MAX = 200
"""Undecided objections to one claim; publicity is open to everybody, so the list must have an end.

Those that say the same are one (`folded`), however many say it.
"""

FROM_SOURCE_TO_CLAIM = Cap(most=5, span=timedelta(hours=1))
"""Objections from one address to one claim; refused ones and repeats count too."""
FROM_SOURCE = Cap(most=20, span=timedelta(hours=1))
"""Objections from one address to all claims: an office or a school shares one, a script needs more."""

_NETWORK_BITS = 64
"""An IPv6 line has a whole network of addresses, and may change them at will."""
_BETWEEN_WORDS = re.compile(r"[\W_]+")

PUBLIC_STATES = (ClaimStatus.PUBLICISED, ClaimStatus.PAYABLE, ClaimStatus.BATCHED, ClaimStatus.PAID)
"""States of a claim that has been in public; before, nobody outside may learn that it is there."""


class ObjectionStatus(StrEnum):
    """An objection is open until a supervisor decides on it."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


_O = ObjectionStatus
OBJECTION_TRANSITIONS: Transitions[ObjectionStatus] = Transitions(
    "objection",
    {
        "uphold": Step((_O.OPEN,), _O.UPHELD),
        "dismiss": Step((_O.OPEN,), _O.DISMISSED),
    },
)


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """An objection from the public; what they wrote and how to reach them is sealed.

    It is about one line, or about the whole claim.
    """

    id: str
    claim_id: ClaimId
    line_id: LineId | None = None
    division: str
    status: ObjectionStatus
    sealed_reason: str
    created_at: datetime
    publicity_ends_on: date
    sealed_contact: str | None = None
    resolution: str | None = None
    resolved_by: str | None = None
    version: int = 1
    last_change: Change | None = None


class ObjectionCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often an objection was raised in the same words; it is kept from the second time on."""

    id: str
    same_count: int = 1


def folded(text: str) -> str:
    """Fold the words of an objection, so that equal ones meet however they are typed.

    Width, case, blanks and punctuation are dropped, but not between two digits: 第1、2课 is not 第12课. What
    has no words at all stays as it is.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())

    def between(found: re.Match[str]) -> str:
        before, after = plain[: found.start()][-1:], plain[found.end() :][:1]
        return " " if before.isdigit() and after.isdigit() else ""

    return _BETWEEN_WORDS.sub(between, plain) or text.strip()


def source_of(address: str) -> str:
    """Give what an address counts as: itself, or of an IPv6 one its network."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:  # noqa: PLR2004 - the name of the protocol
        return str(known)
    return str(ipaddress.ip_network((known, _NETWORK_BITS), strict=False))


def is_running(claim: Claim, today: date) -> bool:
    """Tell whether the claim's publicity runs today, its last day included."""
    return (
        claim.status is ClaimStatus.PUBLICISED
        and claim.publicity_ends_on is not None
        and today <= claim.publicity_ends_on
    )


def why_not_object(claim: Claim, today: date, *, ends_on: date) -> DomainError | None:
    """Tell what stands against an objection to a claim whose publicity, as it was read, ended on a day.

    Publicity is over, or too many objections wait for a decision.

    Example: publicity ends on 8 September. An objection at 23:59 of that day in Shanghai counts, one a minute
    later does not. `store.object_writes` holds the same under races.
    """
    if not is_running(claim, today):
        return error("publicity_over", ends_on=ends_on.isoformat())
    if claim.publicity_ends_on != ends_on:
        return error("not_found")  # sent back and publicised anew since: another list is in public now
    if claim.objections >= OBJECTIONS_MAX:
        return error("too_many_objections", limit=OBJECTIONS_MAX)
    return None


def why_not_resolve(
    objection: Objection, claim: Claim, hands: Hands, *, version: int | None = None
) -> DomainError | None:
    """Tell what stands against deciding on an objection: a hand in its claim, another version, or a decision.

    `store.resolve_write` holds the same under races.
    """
    if has_hand_in(claim, hands):
        return error("self_approval")
    return OBJECTION_TRANSITIONS.why_not("dismiss", objection, version=version)


def claim_without_objection(claim: Claim, *, about_line: bool) -> Claim:
    """Give a claim as it is once an objection to it, or to one of its lines, is decided."""
    return changed(
        claim,
        {
            "objections": claim.objections - 1,
            "open_objections": claim.open_objections - (not about_line),
        },
    )
