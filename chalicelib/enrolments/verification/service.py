"""What a scan would do (step 5): the code is read, and everything that stands against it is told."""

from dataclasses import dataclass

from cachetools import TTLCache

from chalicelib.accounts.staff import current_staff
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, teaches
from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import current_project
from chalicelib.kernel.errors import Fault, Impossible, NotFound, Refused
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.card.qr import ScannedToken
from chalicelib.vouchers.card.service import read_scan
from chalicelib.vouchers.model import Voucher, reasons_against_redeeming

PREVIEWED_MAX = 2000
PREVIEWED_SECONDS = 180

_PREVIEWED: TTLCache[str, Voucher] = TTLCache(PREVIEWED_MAX, PREVIEWED_SECONDS)
"""Vouchers this process has just previewed: a counter previews before it redeems, and then the one
transaction needs nothing more than what never changes of a voucher (whose it is, its program, its masks)."""


@dataclass(frozen=True)
class ScanTarget:
    """Where and for what a code is scanned; none of `staff` is trained there."""

    institution: Institution
    project: Project
    staff: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ScanPreview:
    """What a scan would do now; `voucher` is None where the code names none."""

    target: ScanTarget
    reasons: list[str]
    voucher: Voucher | None


def preview(context: Context, *, token: str, project_id: str) -> ScanPreview:
    """Tell what a scan would do, without doing it: one read, none for a bad code."""
    target = target_of(context, project_id)
    try:
        scanned = read_scan(context, token)
    except (Impossible, Refused) as refusal:
        return ScanPreview(target, [refusal.code], None)
    voucher = voucher_store.find_voucher(scanned.voucher_id)
    if voucher is None:
        return ScanPreview(target, ["token_invalid"], None)
    reasons = reasons_against(context, voucher, scanned, target)
    if not reasons:  # to a scan after a refusal the first read is cheaper than a transaction that fails
        _PREVIEWED[voucher.id] = voucher
    return ScanPreview(target, reasons, voucher)


def previewed(voucher_id: str) -> Voucher | None:
    """Give a voucher as this process has just previewed it: its state may be another by now."""
    return _PREVIEWED.get(voucher_id)


def forget_previews() -> None:
    """Drop the previewed vouchers."""
    _PREVIEWED.clear()


# --------------------------------------------------------------------------- what stands against a scan


def target_of(context: Context, project_id: str) -> ScanTarget:
    """Tell where a caller scans, and for what.

    Raises:
        NotFound: the caller is of no institution.
        Malformed: there is no such project.

    """
    uscc = context.principal.institution
    if uscc is None:
        raise error("not_found")
    try:
        staff = current_staff(uscc, context.now)
        return ScanTarget(current_institution(uscc), current_project(project_id), staff)
    except NotFound:
        raise error("malformed", faults=(Fault("unknown_project", field="project_id"),)) from None


def reasons_against(
    context: Context, voucher: Voucher, scanned: ScannedToken, target: ScanTarget
) -> list[str]:
    """List every reason why a scan is refused; empty if it is not."""
    against_voucher = reasons_against_redeeming(
        voucher, step=scanned.step, device=scanned.device, now=context.now
    )
    return [*against_voucher, *reasons_against_target(voucher, target)]


def reasons_against_target(voucher: Voucher, target: ScanTarget) -> list[str]:
    """List every reason why this voucher is not redeemed here and for this, whatever its state."""
    reasons = []
    if target.institution.status is InstitutionStatus.SUSPENDED:
        reasons.append("institution_suspended")
    if not teaches(target.institution, target.project, voucher.program_id, voucher.kind):
        reasons.append("project_not_covered")
    if voucher.person_key in target.staff:
        reasons.append("staff_is_trainee")
    return reasons
