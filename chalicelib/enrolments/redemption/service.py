"""Use cases of redemption (step 5): a voucher spent on an enrolment in one write; refused scans are kept."""

from chalicelib.accounts import rights
from chalicelib.aws.waiting import queue_of
from chalicelib.aws.writes import ConditionFailed, Write, transact
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.edge.networks import network_of
from chalicelib.enrolments import store
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.redemption import store as scan_store
from chalicelib.enrolments.redemption.model import RefusedScan, Scan, ScanReason
from chalicelib.enrolments.verification.service import (
    ScanTarget,
    previewed,
    reasons_against,
    reasons_against_target,
    target_of,
)
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.errors import DomainError, Impossible, Refused
from chalicelib.kernel.ids import EnrolmentId, derived_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, facts_told_by, first_of
from chalicelib.programs.model import ExpiryScope
from chalicelib.programs.service import current_program
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.card.qr import ScannedToken
from chalicelib.vouchers.card.service import read_scan, voucher_of_stale_scan
from chalicelib.vouchers.model import Voucher, facts_of

TIME_ORDER_DIGITS = 15


def redeem(context: Context, scan: Scan) -> Enrolment:
    """Spend a voucher on an enrolment in one transaction; the same nonce again gives the same enrolment.

    It is tried once: what stands against the voucher after a failed write is the answer to the counter.

    Raises:
        Impossible: `token_invalid`.
        Refused: with the first reason of the documented order; the scan is kept as evidence.

    """
    target = target_of(context, scan.project_id)
    try:
        scanned = read_scan(context, scan.token)
    except (Impossible, Refused) as refusal:
        repeated = _redeemed_before(context, scan, target) if refusal.code == "token_expired" else None
        if repeated is not None:
            return repeated
        raise _kept(context, scan, target, refusal) from None
    voucher = previewed(scanned.voucher_id)
    if voucher is None:
        voucher = voucher_store.find_voucher(scanned.voucher_id)
        if voucher is None:
            raise _kept(context, scan, target, error("token_invalid"))
        if _is_repeat(voucher, scan, target):
            return store.read_enrolment(str(voucher.enrolment_id))
        reasons = reasons_against(context, voucher, scanned, target)
    else:  # what never changes of it is known; its state is decided by the write's condition
        reasons = reasons_against_target(voucher, target)
    if reasons:
        raise _kept(context, scan, target, error(first_of(reasons), **facts_of(voucher)), voucher)
    enrolment = _new_enrolment(context, voucher, scan, target)
    try:
        transact(
            _redeem_writes(context, voucher, enrolment, scan, scanned),
            change=change_of(context, "scan.redeem"),
        )
    except ConditionFailed as failure:
        old = failure.old if isinstance(failure.old, Voucher) else voucher_store.read_voucher(voucher.id)
        if _is_repeat(old, scan, target):
            return store.read_enrolment(str(old.enrolment_id))
        reasons = reasons_against(context, old, scanned, target) or ["already_enrolled"]
        raise _kept(context, scan, target, error(first_of(reasons), **facts_of(old)), old) from None
    return enrolment


def _redeem_writes(
    context: Context, voucher: Voucher, enrolment: Enrolment, scan: Scan, scanned: ScannedToken
) -> list[Write]:
    scope = current_program(voucher.program_id).policy.expiry_scope
    return [
        voucher_store.redeem_write(
            voucher,
            enrolment_id=enrolment.id,
            institution=enrolment.institution,
            served_in=enrolment.division,
            nonce=scan.nonce,
            step=scanned.step,
            device=scanned.device,
            now=context.now,
            stays_due=scope is ExpiryScope.COMPLETE,
        ),
        store.confirm_write(enrolment),
    ]


def _new_enrolment(context: Context, voucher: Voucher, scan: Scan, target: ScanTarget) -> Enrolment:
    enrolment_id = EnrolmentId(derived_id("enr", voucher.id, target.institution.uscc, scan.nonce))
    return Enrolment(
        id=enrolment_id,
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
        happened_at=scan.happened_at,
        device_id=scan.device_id,
        queue=queue_of(target.institution.division),
        queued_at=context.now,
        network=network_of(context),
    )


# --------------------------------------------------------------------------- repeats


def _is_repeat(voucher: Voucher, scan: Scan, target: ScanTarget) -> bool:
    return (
        voucher.redeem_nonce == scan.nonce
        and voucher.institution == target.institution.uscc
        and voucher.enrolment_id is not None
    )


def _redeemed_before(context: Context, scan: Scan, target: ScanTarget) -> Enrolment | None:
    """Find the enrolment that this very request made before its code went stale."""
    voucher_id = voucher_of_stale_scan(context, scan.token)
    voucher = voucher_store.find_voucher(voucher_id) if voucher_id is not None else None
    if voucher is None or not _is_repeat(voucher, scan, target):
        return None
    return store.read_enrolment(str(voucher.enrolment_id))


# --------------------------------------------------------------------------- refused scans


def _kept(
    context: Context, scan: Scan, target: ScanTarget, refusal: DomainError, voucher: Voucher | None = None
) -> DomainError:
    """Keep a refused scan as evidence (invariant 6), once however often it is sent; give the refusal."""
    moment = int(scan.happened_at.timestamp() * 1_000_000)
    uscc, sent = target.institution.uscc, (scan.token, scan.project_id, scan.nonce, scan.device_id)
    scan_store.keep_refused_scan(
        RefusedScan(
            institution=uscc,
            id=f"{moment:0{TIME_ORDER_DIGITS + 1}d}-{derived_id('scn', uscc, *sent, refusal.code)}",
            division=target.institution.division,
            code=refusal.code,
            facts={name: refusal.facts[name] for name in facts_told_by(refusal.code)},
            project_id=target.project.id,
            device_id=scan.device_id,
            actor=context.principal.actor,
            voucher_id=voucher.id if voucher is not None else None,
            happened_at=scan.happened_at,
            received_at=context.now,
            network=network_of(context),
        )
    )
    return refusal


def list_refused_scans(
    context: Context,
    request: PageRequest,
    *,
    institution: str | None,
    division: str | None,
    code: ScanReason | None,
) -> Page[RefusedScan]:
    """List the refused scans of one's institution, of one in one's area, or of a division.

    Raises:
        NotFound: the institution or the division is outside the caller's area.

    """
    principal = context.principal
    uscc = principal.institution or institution
    area = division or principal.division
    if principal.institution is None:
        rights.require(principal, "scan.read", division=area)
    if uscc is None:
        return scan_store.refused_scans_in(area, request, code=code)
    listed = read_institution(uscc)
    rights.require(principal, "scan.read", division=listed.division, institution=listed.uscc)
    if principal.institution is None and not covers(area, listed.division):
        return Page(items=[])
    return scan_store.refused_scans(uscc, request, code=code)
