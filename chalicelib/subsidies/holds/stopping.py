"""What an institution stops waits for the bureau: sealing lists it when it passes it over, and lets it go.

An institution that is suspended, or has no account in force, stands on no line and has no hold with a record.
So the claim itself stands in its city's list, by the key that it had under review, and a line that the bank
failed and an officer released stands in the list of lines again.

    1 Sept   publicity is over; in the night the school is suspended: the claim waits from now on
    8 Sept   late in the list of clerk, supervisor and province
    9 Sept   reinstated: that night the claim leaves the list and is sealed
"""

from chalicelib.aws.writes import ConditionFailed, transact
from chalicelib.catalogue.institutions.paying import Recipient
from chalicelib.kernel.principal import Change
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.facts import is_barred
from chalicelib.subsidies.claims.model import Claim, Line
from chalicelib.subsidies.claims.moves import changed
from chalicelib.subsidies.holds.institutions import TO_BE_BATCHED, waits_for_bureau
from chalicelib.subsidies.payments.store import list_stopped_line


def note_stopped(claim: Claim, recipient: Recipient, change: Change) -> Claim:
    """List a claim that its institution stops, or take it out of the list; give it as it is then.

    One that somebody changed meanwhile is given as it was read: whatever is written on it is refused.
    """
    waits = waits_for_bureau(claim, recipient, change.at)
    if claim.status not in TO_BE_BATCHED or waits == (claim.queued_at is not None):
        return claim
    after = changed(claim, {"queued_at": change.at if waits else None})
    try:
        transact([claim_store.move_write(claim, after)], change=change)
    except ConditionFailed:
        return claim
    return after


def note_stopped_line(line: Line, claim: Claim, recipient: Recipient, change: Change) -> None:
    """List a line that would be paid again if its institution did not stop it; once is enough."""
    if waits_for_bureau(claim, recipient, change.at):
        list_stopped_line(line, change)


def note_barred_line(line: Line, change: Change) -> None:
    """List a line that would be paid again if facts did not hold it, where it stands in no list yet.

    What holds a line lists it: this is for lines that were held before that was so.
    """
    if is_barred(line):
        list_stopped_line(line, change)
