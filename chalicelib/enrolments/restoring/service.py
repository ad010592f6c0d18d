"""Use cases of restoring a voucher: one person of the province proposes it, another confirms it."""

from datetime import date

from chalicelib.accounts import rights
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.catalogue.institutions.model import InstitutionStatus, teaches
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.catalogue.projects.reading import read_project
from chalicelib.enrolments import store
from chalicelib.enrolments.model import ENROLMENT_TRANSITIONS
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.kernel.repeats import as_a_clock_would
from chalicelib.programs.model import ExpiryScope, Policy
from chalicelib.programs.service import read_program
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.expiry import store as expiry_store
from chalicelib.vouchers.ineligibility import service as ineligibility
from chalicelib.vouchers.model import Restoration, Voucher, VoucherStatus, has_expired
from chalicelib.vouchers.restoring import store as restoring_store
from chalicelib.vouchers.restoring.model import (
    ACTIONS,
    LOST,
    barred_again,
    open_restoration,
    state_before,
    why_not,
    why_not_until,
)
from chalicelib.vouchers.service import ShownVoucher, read_voucher

_RESTORED = "voucher.restore"
"""The action of the change that gives a voucher back."""


def propose(context: Context, voucher_id: str, *, reason: str, extended_to: date | None) -> ShownVoucher:
    """Propose to give a lost voucher back; another person of the province has to confirm it.

    Who proposed it may propose it anew, otherwise; the same again changes nothing.

    Raises:
        Refused: it is not lost, or a list still stands against it, or its day has passed and no other is
        given;
            `restore_already_asked` by somebody else.
        Impossible: `extension_out_of_range`.

    """

    def attempt() -> None:
        voucher = _lost(context, voucher_id, "restore")
        target = _target_of(voucher)
        _require(context, voucher, target, extended_to)
        known = open_restoration(voucher, context.now)
        if known is not None and (known.target, known.reason, known.extended_to) == (
            target,
            reason,
            extended_to,
        ):
            return
        restoration = Restoration(
            asked_by=context.principal.actor,
            asked_at=context.now,
            reason=reason,
            target=target,
            extended_to=extended_to,
        )
        change = change_of(context, "voucher.ask_restore", reason=reason)
        restoring_store.propose(voucher, restoration, change)

    until_written(attempt)
    return read_voucher(context, voucher_id)


def confirm(context: Context, voucher_id: str, *, version: int | None) -> ShownVoucher:
    """Give a lost voucher back as somebody else has proposed; a repeat gives the restored voucher.

    `version` is the one whose proposal the caller has seen, where they say. Afterwards lists are looked at
    once more: whoever lists its holder at this moment finds it restored, or is found here.

    Raises:
        Forbidden: `self_approval`.
        Refused: `restore_not_asked`; another version; or what stands against it by now.

    """

    def attempt() -> Voucher:
        voucher = voucher_store.read_voucher(voucher_id)
        if _has_confirmed(context, voucher):
            rights.require(context.principal, ACTIONS["confirm_restore"], division=voucher.division)
            return voucher
        voucher = _lost(context, voucher_id, "confirm_restore", version=version)
        transact(_restoring_writes(context, voucher), change=change_of(context, _RESTORED))
        return voucher

    voucher = until_written(attempt)
    ineligibility.follow(context, [voucher.person_key])
    return read_voucher(context, voucher_id)


def _has_confirmed(context: Context, voucher: Voucher) -> bool:
    last = voucher.last_change
    done = last is not None and (last.actor, last.action) == (context.principal.actor, _RESTORED)
    return done and voucher.status not in LOST


def _lost(context: Context, voucher_id: str, action: str, *, version: int | None = None) -> Voucher:
    """Read a voucher on which the caller may do this; an expiry not recorded yet is recorded."""
    voucher = voucher_store.read_voucher(voucher_id)
    rights.require(context.principal, ACTIONS[action], division=voucher.division)
    if version is not None and voucher.version != version:
        raise error("version_conflict", version=voucher.version)
    bar = ineligibility.bars_of(context, [voucher])[voucher.id]
    refuse(why_not(action, voucher, hands=context.principal.hands, now=context.now, bar=bar))
    if voucher.status not in LOST and has_expired(voucher, context.now):
        with as_a_clock_would():
            change = change_of(context, "voucher.expire")
            return expiry_store.expire(voucher.id, now=context.now, change=change)
    return voucher


def _require(context: Context, voucher: Voucher, target: VoucherStatus, extended_to: date | None) -> None:
    """Refuse what cannot be restored so: as the rules and lists are at this moment."""
    policy = read_program(voucher.program_id).policy
    bar = ineligibility.bars_of(context, [voucher])[voucher.id]
    refuse(barred_again(target, bar, now=context.now))
    refuse(
        why_not_until(
            voucher,
            target,
            extended_to,
            today=shanghai_date(context.now),
            validity_months=policy.validity_months,
            ends_with_date=_ends_with_date(policy),
        )
    )


def _ends_with_date(policy: Policy) -> bool:
    return policy.expiry_scope is ExpiryScope.COMPLETE


# --------------------------------------------------------------------------- with its enrolment


def _target_of(voucher: Voucher) -> VoucherStatus:
    """Tell what a voucher becomes: what it was, or claimed if it can no longer be spent where it was."""
    before = state_before(voucher)
    spent = before is VoucherStatus.REDEEMED
    return VoucherStatus.CLAIMED if spent and _why_not_bound(voucher) is not None else before


def _why_not_bound(voucher: Voucher) -> DomainError | None:
    """Tell what stands against binding a voucher to its enrolment again."""
    enrolment = store.find_enrolment(str(voucher.enrolment_id))
    if enrolment is None or not ENROLMENT_TRANSITIONS.allows("restore", enrolment.status):
        return error("wrong_state", status=str(enrolment.status) if enrolment is not None else "")
    institution = read_institution(enrolment.institution)
    if institution.status is InstitutionStatus.SUSPENDED:
        return error("institution_suspended")
    if not teaches(institution, read_project(enrolment.project_id), voucher.program_id, voucher.kind):
        return error("project_not_covered")
    return None


def _restoring_writes(context: Context, voucher: Voucher) -> list[Write]:
    restoration = open_restoration(voucher, context.now)
    assert restoration is not None, "asked for by `why_not`"
    _require(context, voucher, restoration.target, restoration.extended_to)
    spent = restoration.target is VoucherStatus.REDEEMED
    writes: list[Write] = [
        restoring_store.restore_write(
            voucher,
            restoration,
            ineligibility.bars_of(context, [voucher])[voucher.id],
            stays_due=spent and _ends_with_date(read_program(voucher.program_id).policy),
            change=change_of(context, _RESTORED, reason=restoration.reason),
        )
    ]
    if spent:
        refuse(_why_not_bound(voucher))
        writes.append(store.restore_write(str(voucher.enrolment_id), voucher_id=voucher.id))
    return writes
