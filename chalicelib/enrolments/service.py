"""Use cases of redemption: preview a scan, redeem, release, revoke (step 5)."""

from dataclasses import dataclass
from datetime import datetime

from cachetools import TTLCache

from chalicelib.accounts import rights
from chalicelib.aws.writes import ConditionFailed, transact
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, teaches
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.reading import current_institution, current_project, read_institution
from chalicelib.enrolments import store
from chalicelib.enrolments.model import (
    ENROLMENT_TRANSITIONS,
    Enrolment,
    EnrolmentStatus,
    too_late_to_release,
)
from chalicelib.enrolments.store import RefusedScan
from chalicelib.kernel.errors import DomainError, Fault, Impossible, NotFound, Refused
from chalicelib.kernel.ids import EnrolmentId, derived_id, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Context, Role, change_of
from chalicelib.kernel.reasons import error, facts_told_by, first_of
from chalicelib.programs.model import ExpiryScope
from chalicelib.programs.service import current_program
from chalicelib.vouchers import service as vouchers
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.model import (
    OVER,
    Voucher,
    VoucherStatus,
    facts_of,
    reasons_against_redeeming,
)
from chalicelib.vouchers.qr import Scanned

TIME_ORDER_DIGITS = 15
PREVIEWED_MAX = 2000
PREVIEWED_SECONDS = 180


@dataclass(frozen=True)
class Preview:
    """What a scan would do now."""

    reasons: list[str]
    voucher: Voucher | None


@dataclass(frozen=True)
class ScanTarget:
    """Where and for what a code is scanned."""

    institution: Institution
    project: Project


# --------------------------------------------------------------------------- scanning

_PREVIEWED: TTLCache[str, Voucher] = TTLCache(PREVIEWED_MAX, PREVIEWED_SECONDS)
"""Vouchers this process has just previewed: a counter previews before it redeems, and then the one
transaction needs nothing more than what never changes of a voucher (whose it is, its program, its masks)."""


def forget_previews() -> None:
    """Drop the previewed vouchers."""
    _PREVIEWED.clear()


def preview(context: Context, *, token: str, project_id: str) -> Preview:
    """Tell what a scan would do, without doing it: one read, none for a bad code."""
    target = _target(context, project_id)
    try:
        scanned = vouchers.read_scan(context, token)
    except (Impossible, Refused) as refusal:
        return Preview([refusal.code], None)
    voucher = voucher_store.find_voucher(scanned.voucher_id)
    if voucher is None:
        return Preview(["token_invalid"], None)
    reasons = _reasons(context, voucher, scanned, target)
    if not reasons:  # to a scan after a refusal the first read is cheaper than a transaction that fails
        _PREVIEWED[voucher.id] = voucher
    return Preview(reasons, voucher)


def _target(context: Context, project_id: str) -> ScanTarget:
    uscc = context.principal.institution
    if uscc is None:
        raise error("not_found")
    try:
        return ScanTarget(current_institution(uscc), current_project(project_id))
    except NotFound:
        raise error("malformed", faults=(Fault("unknown_project", field="project_id"),)) from None


def _reasons(context: Context, voucher: Voucher, scanned: Scanned, target: ScanTarget) -> list[str]:
    against_voucher = reasons_against_redeeming(
        voucher, step=scanned.step, device=scanned.device, now=context.now
    )
    return [*against_voucher, *_reasons_of_target(target, voucher)]


def _reasons_of_target(target: ScanTarget, voucher: Voucher) -> list[str]:
    found = []
    if target.institution.status is InstitutionStatus.SUSPENDED:
        found.append("institution_suspended")
    if not teaches(target.institution, target.project, voucher.program_id, voucher.kind):
        found.append("project_not_covered")
    return found


def redeem(
    context: Context, *, token: str, project_id: str, nonce: str, device_id: str, happened_at: datetime
) -> Enrolment:
    """Spend a voucher on an enrolment in one transaction; the same nonce again gives the same enrolment.

    Raises:
        Impossible: `token_invalid`.
        Refused: with the first reason of the documented order; the scan is kept as evidence.

    """
    target = _target(context, project_id)

    def refuse(refusal: DomainError, voucher_id: str | None = None) -> DomainError:
        store.keep_refused_scan(
            RefusedScan(
                institution=target.institution.uscc,
                id=f"{int(context.now.timestamp() * 1_000_000):0{TIME_ORDER_DIGITS + 1}d}-{new_id('scn')}",
                division=target.institution.division,
                code=refusal.code,
                facts={name: refusal.facts[name] for name in facts_told_by(refusal.code)},
                project_id=target.project.id,
                device_id=device_id,
                actor=context.principal.actor,
                voucher_id=voucher_id,
                happened_at=happened_at,
                received_at=context.now,
            )
        )
        return refusal

    try:
        scanned = vouchers.read_scan(context, token)
    except (Impossible, Refused) as refusal:
        repeated = (
            _repeat_of_expired(context, token, target, nonce) if refusal.code == "token_expired" else None
        )
        if repeated is not None:
            return repeated
        raise refuse(refusal) from None
    voucher = _PREVIEWED.get(scanned.voucher_id)
    if voucher is None:
        voucher = voucher_store.find_voucher(scanned.voucher_id)
        if voucher is None:
            raise refuse(error("token_invalid"))
        if _is_repeat(voucher, target, nonce):
            return store.read_enrolment(str(voucher.enrolment_id))
        reasons = _reasons(context, voucher, scanned, target)
    else:  # what never changes of it is known; its state is decided by the write's condition
        reasons = _reasons_of_target(target, voucher)
    if reasons:
        raise refuse(error(first_of(reasons), **facts_of(voucher)), voucher.id)
    enrolment = _new_enrolment(context, voucher, target, nonce, device_id=device_id, happened_at=happened_at)
    try:
        transact(
            [
                voucher_store.redeem_write(
                    voucher,
                    enrolment_id=enrolment.id,
                    institution=target.institution.uscc,
                    nonce=nonce,
                    step=scanned.step,
                    device=scanned.device,
                    now=context.now,
                    stays_due=current_program(voucher.program_id).policy.expiry_scope is ExpiryScope.COMPLETE,
                ),
                store.confirm_write(enrolment),
            ],
            change=change_of(context, "scan.redeem"),
        )
    except ConditionFailed as failure:
        old = failure.old if isinstance(failure.old, Voucher) else voucher_store.read_voucher(voucher.id)
        if _is_repeat(old, target, nonce):
            return store.read_enrolment(str(old.enrolment_id))
        reasons = _reasons(context, old, scanned, target) or ["already_enrolled"]
        raise refuse(error(first_of(reasons), **facts_of(old)), old.id) from None
    return enrolment


def _is_repeat(voucher: Voucher, target: ScanTarget, nonce: str) -> bool:
    return (
        voucher.redeem_nonce == nonce
        and voucher.institution == target.institution.uscc
        and voucher.enrolment_id is not None
    )


def _repeat_of_expired(context: Context, token: str, target: ScanTarget, nonce: str) -> Enrolment | None:
    """Find the enrolment that this very request made before its code went stale."""
    voucher_id = vouchers.voucher_of_stale_scan(context, token)
    voucher = voucher_store.find_voucher(voucher_id) if voucher_id is not None else None
    if voucher is None or not _is_repeat(voucher, target, nonce):
        return None
    return store.read_enrolment(str(voucher.enrolment_id))


def _new_enrolment(
    context: Context,
    voucher: Voucher,
    target: ScanTarget,
    nonce: str,
    *,
    device_id: str,
    happened_at: datetime,
) -> Enrolment:
    return Enrolment(
        id=EnrolmentId(derived_id("enr", voucher.id, target.institution.uscc, nonce)),
        voucher_id=voucher.id,
        program_id=voucher.program_id,
        project_id=target.project.id,
        institution=target.institution.uscc,
        division=target.institution.division,
        person_key=voucher.person_key,
        trainee_name=voucher.holder_name,
        trainee_id_number=voucher.holder_id_number,
        status=EnrolmentStatus.CONFIRMED,
        confirmed_at=context.now,
        happened_at=happened_at,
        device_id=device_id,
    )


# --------------------------------------------------------------------------- reading


def read_enrolment(context: Context, enrolment_id: str, action: str = "enrolment.read") -> Enrolment:
    """Read an enrolment of one's own, of one's institution, or of one's division."""
    found = store.read_enrolment(enrolment_id)
    rights.require(
        context.principal,
        action,
        division=found.division,
        institution=found.institution,
        person_key=found.person_key,
    )
    return found


def list_enrolments(context: Context, request: PageRequest, *, division: str | None) -> Page[Enrolment]:
    """List one's own enrolments, those of one's institution, or of a division."""
    principal = context.principal
    if principal.role is Role.TRAINEE:
        return store.enrolments_of(str(principal.person_key), request)
    if principal.role is Role.INSTITUTION:
        return store.enrolments_at(str(principal.institution), request)
    wanted = division or principal.division
    rights.require(principal, "enrolment.read", division=wanted)
    return store.enrolments_in(wanted, request)


def list_refused_scans(
    context: Context, request: PageRequest, *, institution: str | None
) -> Page[RefusedScan]:
    """List an institution's refused scans."""
    uscc = context.principal.institution or institution
    if uscc is None:
        raise error("malformed", faults=(Fault("missing_field", field="institution"),))
    found = read_institution(uscc)
    rights.require(context.principal, "scan.read", division=found.division, institution=found.uscc)
    return store.refused_scans(uscc, request)


def allowed_actions(context: Context, enrolment: Enrolment) -> list[str]:
    """List what this caller may do with an enrolment now."""
    return [
        action
        for action in ENROLMENT_TRANSITIONS.allowed(enrolment.status)
        if action in ("release", "withdraw")
        and rights.reaches(
            context.principal,
            f"enrolment.{action}",
            division=enrolment.division,
            institution=enrolment.institution,
        )
        and not (action == "release" and _too_late(context, enrolment))
    ]


# --------------------------------------------------------------------------- releasing and revoking


def release(context: Context, enrolment_id: str, *, reason: str) -> Enrolment:
    """Give a voucher back before the roster; a repeat gives the released enrolment.

    Raises:
        Refused: the enrolment is on a roster or further; `release_too_late`, the policy's time is over
            in which an institution may do this without its bureau.

    """
    enrolment = read_enrolment(context, enrolment_id, "enrolment.release")
    if enrolment.status is EnrolmentStatus.RELEASED:
        return enrolment
    ENROLMENT_TRANSITIONS.require("release", enrolment.status)
    if _too_late(context, enrolment):
        within_days = current_program(enrolment.program_id).policy.release_within_days
        raise error("release_too_late", days=within_days)
    voucher = voucher_store.read_voucher(enrolment.voucher_id)
    change = change_of(context, "enrolment.release", reason=reason)
    try:
        transact(
            [
                store.release_write(enrolment.id),
                voucher_store.release_write(voucher, enrolment_id=enrolment.id, change=change),
            ],
            change=change,
        )
    except ConditionFailed:
        now_there = store.read_enrolment(enrolment.id)
        if now_there.status is EnrolmentStatus.CONFIRMED:  # a list was applied at this very moment
            raise error("try_again") from None
        if now_there.status is not EnrolmentStatus.RELEASED:
            raise error("wrong_state", status=now_there.status.value) from None
        return now_there
    return store.read_enrolment(enrolment.id)


def _too_late(context: Context, enrolment: Enrolment) -> bool:
    """Tell whether only a bureau may still release: no condition of the write, as time never comes back."""
    within_days = current_program(enrolment.program_id).policy.release_within_days
    return not context.principal.is_bureau and too_late_to_release(
        enrolment.confirmed_at, within_days=within_days, now=context.now
    )


def revoke(context: Context, voucher_id: str, *, version: int, reason: str) -> vouchers.ShownVoucher:
    """Take a voucher back with a reason; an enrolment that is on no roster is released with it.

    A repeat by the same person, of the same version, gives the revoked voucher.

    Raises:
        Refused: the voucher is spent on a running class, settled, closed, revoked before or expired.

    """
    voucher = voucher_store.read_voucher(voucher_id)
    rights.require(context.principal, "voucher.revoke", division=voucher.division)
    change = change_of(context, "voucher.revoke", reason=reason)
    if _is_repeated_revocation(voucher, change, version=version):
        return vouchers.read_voucher(context, voucher_id)
    if voucher.version == version and voucher.status in OVER:
        raise error(OVER[voucher.status], **facts_of(voucher))
    if voucher.status is not VoucherStatus.REDEEMED:
        voucher_store.revoke(voucher_id, version=version, change=change)
        return vouchers.read_voucher(context, voucher_id)
    try:
        transact(
            [
                voucher_store.revoke_write(voucher_id, version=version),
                store.release_write(str(voucher.enrolment_id)),
            ],
            change=change,
        )
    except ConditionFailed as failure:
        if isinstance(failure.old, Voucher):
            raise error("version_conflict", version=failure.old.version) from None
        raise error("voucher_already_redeemed") from None
    return vouchers.read_voucher(context, voucher_id)


def _is_repeated_revocation(voucher: Voucher, change: Change, *, version: int) -> bool:
    """Tell whether this very request has taken it back already, and its answer was lost."""
    last = voucher.last_change
    return (
        voucher.status is VoucherStatus.REVOKED
        and voucher.version == version + 1
        and last is not None
        and (last.actor, last.action, last.reason) == (change.actor, change.action, change.reason)
    )
