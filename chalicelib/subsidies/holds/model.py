"""Holds: why a line is not paid yet, and what lets it go.

A hold is a text on a line: its kind, a colon, and the thing it is about. A line with any hold is not put
into a batch. Who reads "why is this line held?" looks it up here:

| hold | placed by | goes |
|---|---|---|
| `objection:<id>` | an objection to the line (`publicity`) | when a supervisor dismisses it |
| `attendance:mock_location` | filing and sealing, for a check-in from a false position | nobody lifts it |
| `check:<check>` | a list that came later (`listed`), or sealing, as it fails now | once it passes again |

The first is a decision that a supervisor owes, and stays until it is taken. The others are derived: they
follow from facts that are looked at again when the claim is filed anew and whenever its division is sealed.
A line that stays held for good is taken out of its claim by a reviewer (`claims.dropping`), so that the
others can be paid.

An objection to a whole claim is no hold: while one is open, all its lines are shown as held
(`claims.model.line_status_shown`) and settlement leaves the claim alone.
"""

from collections.abc import Sequence
from enum import StrEnum

from chalicelib.subsidies.claims.model import Line, LineStatus


class HoldKind(StrEnum):
    """What a hold follows from."""

    OBJECTION = "objection"
    ATTENDANCE = "attendance"
    CHECK = "check"


_DERIVED = (HoldKind.ATTENDANCE, HoldKind.CHECK)

STOPPABLE = (LineStatus.PENDING, LineStatus.HELD, LineStatus.PAYMENT_FAILED)
"""States of a line that can be stopped: it is neither in a batch nor paid nor out."""


def objection_hold(objection_id: str) -> str:
    """Name the hold that an objection puts on its line."""
    return f"{HoldKind.OBJECTION}:{objection_id}"


def attendance_hold(reason: str) -> str:
    """Name the hold of a trainee about whose attendance somebody has to be asked."""
    return f"{HoldKind.ATTENDANCE}:{reason}"


def check_hold(check: str) -> str:
    """Name the hold of a trainee who no longer passes a check of payability."""
    return f"{HoldKind.CHECK}:{check}"


def is_of_kind(hold: str, *kinds: HoldKind) -> bool:
    """Tell whether a hold is of one of these kinds."""
    return hold.partition(":")[0] in kinds


def is_derived_hold(hold: str) -> bool:
    """Tell whether a hold follows from other facts (and goes with them) rather than from a decision."""
    return is_of_kind(hold, *_DERIVED)


def decided_holds(line: Line) -> list[str]:
    """Give the holds of a line that stay until somebody decides."""
    return [hold for hold in line.holds if not is_derived_hold(hold)]


def status_with(line: Line, holds: Sequence[str]) -> LineStatus:
    """Tell a line's state with these holds; one whose payment failed keeps its state, and waits as well."""
    if line.status is LineStatus.PAYMENT_FAILED:
        return line.status
    return LineStatus.HELD if holds else LineStatus.PENDING
