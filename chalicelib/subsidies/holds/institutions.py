"""What stops a claim because of its institution: it is suspended, stopped, or paid elsewhere now.

None of it stands on a line. Sealing reads the institution and its accounts, and puts into the condition of
its write that the institution is as it was read; which account is in force at a moment does not change
afterwards.
"""

from datetime import datetime

from chalicelib.catalogue.institutions.model import InstitutionStatus, listed_payee_id
from chalicelib.catalogue.institutions.paying import Recipient
from chalicelib.kernel.ids import derived_id
from chalicelib.programs.service import read_program
from chalicelib.subsidies.claims.model import CLAIM_TRANSITIONS, Claim
from chalicelib.subsidies.holds.model import (
    LIFTED_BY,
    PAYEE_CHANGED,
    PAYEE_MISSING,
    SUSPENDED,
    ShownHold,
    payee_hold_id,
)

TO_BE_BATCHED = CLAIM_TRANSITIONS.sources("batch")
"""States of a claim that settlement may pay once its publicity is over."""


def approved_payee(claim: Claim) -> str:
    """Give the account that was approved; claims from before accounts were confirmed mean the listed one."""
    return claim.payee_id or listed_payee_id(claim.institution)


def is_stopped(recipient: Recipient, program_id: str) -> bool:
    """Tell whether an institution is stopped, or suspended under a policy that holds its payments then."""
    if recipient.institution.stops:
        return True
    return recipient.institution.status is InstitutionStatus.SUSPENDED and _holds_when_suspended(program_id)


def changed_payee(claim: Claim, recipient: Recipient, now: datetime) -> str | None:
    """Give the account in force, if it is another than was approved."""
    in_force = recipient.in_force(now)
    return in_force if in_force is not None and in_force != approved_payee(claim) else None


def stands_off(claim: Claim, recipient: Recipient, now: datetime) -> bool:
    """Tell whether a claim is not paid now, because of its institution."""
    return is_stopped(recipient, claim.program_id) or recipient.in_force(now) != approved_payee(claim)


def waits_for_bureau(claim: Claim, recipient: Recipient, now: datetime) -> bool:
    """Tell whether a claim is not paid because of what its institution is: no hold with a record says so.

    Stops and changed accounts have records, which wait themselves.
    """
    suspended = recipient.institution.status is InstitutionStatus.SUSPENDED
    return recipient.in_force(now) is None or (suspended and _holds_when_suspended(claim.program_id))


def derived_from_institution(claim: Claim, recipient: Recipient, now: datetime) -> list[ShownHold]:
    """Show what holds a claim because of its institution and has no record: holds by people have one."""
    institution = recipient.institution
    found = []
    if institution.status is InstitutionStatus.SUSPENDED and _holds_when_suspended(claim.program_id):
        hold_id = derived_id("hld", SUSPENDED, institution.uscc, str(institution.suspended_at))
        found.append(
            _shown(
                SUSPENDED, hold_id, institution.suspended_for, institution.suspended_at, institution.version
            )
        )
    approved, in_force = approved_payee(claim), recipient.in_force(now)
    reviewed = claim.reviewed_at is not None
    if in_force is None:
        hold_id = derived_id("hld", PAYEE_MISSING, institution.uscc)
        found.append(_shown(PAYEE_MISSING, hold_id, None, None, institution.version))
    elif reviewed and in_force != approved and claim.approved_by is not None:
        found.append(
            _shown(
                PAYEE_CHANGED, payee_hold_id(claim, in_force), None, recipient.since(in_force), claim.version
            )
        )
    return found


def _holds_when_suspended(program_id: str) -> bool:
    return read_program(program_id).policy.hold_when_suspended


def _shown(code: str, hold_id: str, reason: str | None, since: datetime | None, version: int) -> ShownHold:
    return ShownHold(
        id=hold_id,
        code=code,
        kind=code,
        reason=reason,
        since=since,
        lifted_by=LIFTED_BY[code],
        version=version,
    )
