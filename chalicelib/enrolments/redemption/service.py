"""Use cases of redemption (step 5): a voucher spent on an enrolment in one write; refused scans are kept."""

from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.aws.waiting import queue_of
from chalicelib.aws.writes import ConditionFailed, Write, transact
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.edge.networks import network_of
from chalicelib.enrolments import store
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.redemption import store as scan_store
from chalicelib.enrolments.redemption.model import LOOKED_AT_BY, RefusedScan, Scan, ScanReason
from chalicelib.enrolments.verification.service import (
    ScanPreview,
    ScanTarget,
    preview,
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
LOOK_SECONDS = 300
"""A refused preview of one code by one account is kept once in so many seconds: counters try again."""


def look(context: Context, *, token: str, project_id: str) -> ScanPreview:
    """Tell what a scan would do, without doing it; what would be refused is kept as evidence (invariant 6).

    A counter that previews first never sends what a preview refuses to be redeemed, so its refused scans come
    from here. The voucher tells a repeat where the code names one: its codes change every half minute.

    Raises:
        NotFound: the caller is of no institution.
        Malformed: there is no such project.

    """
    seen = preview(context, token=token, project_id=project_id)
    if seen.reasons:
        code = first_of(seen.reasons)
        facts = facts_of(seen.voucher) if seen.voucher is not None else {}
        window = int(context.now.timestamp()) // LOOK_SECONDS
        scanned = seen.voucher.id if seen.voucher is not None else token
        actor = context.principal.actor
        scan_store.keep_refused_scan(
            _refused_scan(
                context,
                seen.target,
                error(code, **facts),
                seen.voucher,
                moment=window * LOOK_SECONDS * 1_000_000,
                told_by=(LOOKED_AT_BY, scanned, seen.target.project.id, actor, str(window)),
                device_id=LOOKED_AT_BY,
                happened_at=context.now,
            )
        )
    return seen


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
    scan_store.keep_refused_scan(
        _refused_scan(
            context,
            target,
            refusal,
            voucher,
            moment=int(scan.happened_at.timestamp() * 1_000_000),
            told_by=(scan.token, scan.project_id, scan.nonce, scan.device_id),
            device_id=scan.device_id,
            happened_at=scan.happened_at,
        )
    )
    return refusal


def _refused_scan(
    context: Context,
    target: ScanTarget,
    refusal: DomainError,
    voucher: Voucher | None,
    *,
    moment: int,
    told_by: tuple[str, ...],
    device_id: str,
    happened_at: datetime,
) -> RefusedScan:
    """Make the evidence; `moment`, in microseconds, and what it is `told_by` are its id: it is kept once."""
    uscc = target.institution.uscc
    return RefusedScan(
        institution=uscc,
        id=f"{moment:0{TIME_ORDER_DIGITS + 1}d}-{derived_id('scn', uscc, *told_by, refusal.code)}",
        division=target.institution.division,
        code=refusal.code,
        facts={name: refusal.facts[name] for name in facts_told_by(refusal.code)},
        project_id=target.project.id,
        device_id=device_id,
        actor=context.principal.actor,
        voucher_id=voucher.id if voucher is not None else None,
        happened_at=happened_at,
        received_at=context.now,
        network=network_of(context),
    )


def list_refused_scans(
    context: Context,
    request: PageRequest,
    *,
    institution: str | None,
    division: str | None,
    code: ScanReason | None,
) -> Page[RefusedScan]:
    """List the refused scans of one's institution, of one in one's area, or of a division.

    Bureaus get them as they came in, whatever the schools' devices take the time to be.

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
    if principal.institution is not None:
        return scan_store.refused_scans(uscc, request, code=code)
    if not covers(area, listed.division):
        return Page(items=[])
    return scan_store.refused_scans_received_of(uscc, listed.division, request, code=code)
