"""A claim whose institution's account changed after the first review: noted, and confirmed."""

import contextlib

from chalicelib.aws.writes import ConditionFailed, Write, transact
from chalicelib.catalogue.institutions.paying import Recipient
from chalicelib.catalogue.payees.model import had_hand_in_payee
from chalicelib.catalogue.payees.store import find_account
from chalicelib.kernel.principal import Change, Principal
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Claim
from chalicelib.subsidies.claims.moves import changed
from chalicelib.subsidies.holds import store
from chalicelib.subsidies.holds.institutions import changed_payee
from chalicelib.subsidies.holds.model import (
    LIFTED_BY,
    PAYEE_CHANGED,
    SENTENCES,
    Hold,
    HoldStatus,
    SubjectKind,
    payee_hold_id,
)


def changed_payee_hold(claim: Claim, payee_id: str, change: Change) -> Hold:
    """Give the hold on a claim that would be paid to another account than was approved."""
    return Hold(
        id=payee_hold_id(claim, payee_id),
        subject_kind=SubjectKind.CLAIM,
        subject_id=claim.id,
        institution=claim.institution,
        division=claim.division,
        city=claim.city,
        code=PAYEE_CHANGED,
        reason=SENTENCES[PAYEE_CHANGED][0],
        evidence=payee_id,
        status=HoldStatus.OPEN,
        placed_by=change.actor,
        placed_at=change.at,
        lifted_by=list(LIFTED_BY[PAYEE_CHANGED]),
        by_rule=True,
    )


def note_changed_payee(claim: Claim, recipient: Recipient, change: Change) -> None:
    """Put the hold among those that a finance officer looks through; it stands whether it is noted or not."""
    payee_id = changed_payee(claim, recipient, change.at)
    if payee_id is None:
        return
    hold = changed_payee_hold(claim, payee_id, change)
    if store.find_hold(hold.id) is None:
        with contextlib.suppress(ConditionFailed):  # another worker was first
            transact([store.hold_write(hold)], change=change)


def payee_writes(claim: Claim, payee_id: str) -> list[Write]:
    """Let a claim be paid to this account."""
    return [claim_store.move_write(claim, changed(claim, {"payee_id": payee_id}))]


def had_hand_in_change(principal: Principal, claim: Claim, payee_id: str) -> bool:
    """Tell whether somebody proposed or decided on the account that a claim is now to be paid to."""
    account = find_account(claim.institution, payee_id)
    return account is not None and had_hand_in_payee(account, principal.hands)
