"""`idle_voucher`: redeemed, and then nothing: in no approved class, or in one that never meets."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.kernel.calendar import SHANGHAI, format_moment
from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import Finding, FindingKind, FindingSubject, Severity
from chalicelib.supervision.rules.attempts import came, stands
from chalicelib.supervision.rules.dossier import Dossier, VoucherDossier
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "idle_voucher"
_REDEEMED = "redeemed"
_SUBMITTED = "submitted"
_OVER = frozenset({"released", "withdrawn", "passed", "failed"})


def evaluate_voucher(dossier: VoucherDossier, policy: Policy, as_of: datetime) -> Iterator[Finding]:
    """Find a redeemed voucher that has been in no approved class for too long."""
    limits, voucher, enrolment = policy.supervision, dossier.voucher, dossier.enrolment
    if voucher.status != _REDEEMED or voucher.redeemed_at is None or _is_approved(dossier):
        return
    if enrolment is not None and enrolment.status in _OVER:
        return
    idle = as_of - voucher.redeemed_at
    if idle <= timedelta(days=limits.idle_days):
        return
    training_class = dossier.training_class
    enrolment_id = enrolment.id if enrolment else voucher.enrolment
    yield Finding(
        rule=NAME,
        severity=Severity.HOLD if idle > timedelta(days=limits.idle_days_held) else Severity.WARN,
        subject=FindingSubject(kind=FindingKind.VOUCHER, id=voucher.id),
        class_id=training_class.id if training_class else None,
        institution=voucher.institution or (enrolment.institution if enrolment else None),
        lines=[enrolment_id] if enrolment_id else [],
        evidence={
            "redeemed_at": format_moment(voucher.redeemed_at),
            "class_status": training_class.status if training_class else None,
            "idle_days": limits.idle_days,
            "idle_days_held": limits.idle_days_held,
        },
        at=voucher.redeemed_at.astimezone(SHANGHAI),
    )


def _is_approved(dossier: VoucherDossier) -> bool:
    head = dossier.training_class
    return head is not None and stands(head) and head.status != _SUBMITTED


def evaluate_class(dossier: Dossier, policy: Policy, as_of: datetime) -> Iterator[Finding]:
    """Find vouchers parked in an approved class that does not meet; the lines are their enrolments."""
    head, limits = dossier.head, policy.supervision
    if head.status == _SUBMITTED or any(map(came, dossier.check_ins)):
        return
    parked = {
        voucher.enrolment or voucher.id: voucher.redeemed_at
        for voucher in dossier.vouchers
        if voucher.status == _REDEEMED and voucher.redeemed_at is not None
    }
    since = min(parked.values(), default=None)
    if since is None:
        return
    never = _never_meets(dossier, policy, as_of, since)
    if never is None:
        return
    yield finding(
        dossier,
        NAME,
        Severity.HOLD,
        (FindingKind.CLASS, head.id),
        lines=parked,
        evidence={
            "sign": never,
            "vouchers": len(parked),
            "redeemed_first_at": format_moment(since),
            "lessons": len(dossier.lessons),
            "first_lesson_at": format_moment(dossier.begins_at) if dossier.begins_at else None,
            "idle_days": limits.idle_days,
            "unmet_days": limits.unmet_days,
            "parked_days": limits.parked_days,
            "enrolments": ids(parked),
        },
        at=max(parked.values()),
    )


def _never_meets(dossier: Dossier, policy: Policy, as_of: datetime, since: datetime) -> str | None:
    """Say how a class to which nobody came shows that nobody will; None if it may still begin."""
    limits = policy.supervision
    if dossier.begins_at is None:
        return "no_lessons" if as_of - since > timedelta(days=limits.idle_days) else None
    if as_of - dossier.lessons[0].ends_at > timedelta(days=limits.unmet_days):
        return "nobody_came"
    approved_at = dossier.head.approved_at or since
    parked = dossier.begins_at - max(approved_at, since) > timedelta(days=limits.parked_days)
    return "begins_too_late" if parked and as_of - since > timedelta(days=limits.idle_days) else None


_SOURCE = "the notice, 四(三): vouchers must not idle (空转); released after 90 days"
VOUCHER_RULE = Rule[VoucherDossier](
    name=NAME,
    pattern="a voucher redeemed, and in no approved class for 60 days",
    source=_SOURCE,
    evaluate=evaluate_voucher,
    thresholds=("idle_days", "idle_days_held"),
    spares=("a voucher given back, or settled", "a class approved that has yet to begin"),
)
CLASS_RULE = Rule[Dossier](
    name=NAME,
    pattern="vouchers parked in an approved class that never meets",
    source=_SOURCE,
    evaluate=evaluate_class,
    thresholds=("idle_days", "unmet_days", "parked_days"),
    spares=(
        "a class that begins later: up to four months after its approval",
        "a first lesson put off, or lost to the weather: two weeks",
        "check-ins that were made up: they came",
    ),
)
