"""Use cases of overrides: a clerk asks that a failed check of a trainee be let pass, a reviewer decides."""

from dataclasses import dataclass
from datetime import date

from chalicelib.accounts import rights
from chalicelib.aws.waiting import queue_of
from chalicelib.aws.writes import ConditionFailed
from chalicelib.classes.model import ClassHead, TrainingClass, prepared_by
from chalicelib.classes.service import read_class, require_class
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.closing import OpenDecision, Undecided
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.ids import EnrolmentId, is_id
from chalicelib.kernel.paging import Page, PageRequest, cut
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.programs.model import OverridableCheck
from chalicelib.subsidies.claims.model import claim_id_of
from chalicelib.subsidies.claims.store import find_claim
from chalicelib.subsidies.overrides import store
from chalicelib.subsidies.overrides.model import (
    Override,
    OverrideStatus,
    class_of_override,
    counts_on,
    override_id_of,
    why_not,
)

DAYS_MAX = 366


def ask(
    context: Context,
    class_id: str,
    *,
    enrolment_id: str,
    check: OverridableCheck,
    reason: str,
    expires_on: date,
) -> Override:
    """Ask that a failed check of one trainee be let pass until a day, inclusive; a repeat changes nothing.

    Raises:
        Impossible: the trainee is not in the class, or the day is past or more than a year away.
        Refused: the class's policy does not allow it, or another request is open.

    """
    training_class = require_class(context, "override.ask", class_id)
    today = shanghai_date(context.now)
    if enrolment_id not in training_class.enrolment_ids:
        raise error("enrolment_unknown", faults=(Fault("enrolment_unknown", field="enrolment_id"),))
    if not 0 <= (expires_on - today).days <= DAYS_MAX:
        raise error("override_days", faults=(Fault("override_days", field="expires_on"),))
    if check not in training_class.policy.overridable_checks:
        raise error("override_not_allowed", check=check.value)
    override_id = override_id_of(class_id, enrolment_id, check)
    before = store.find_override(class_id, override_id)
    if before is not None and before.status is OverrideStatus.ASKED:
        return _same_or_refuse(before, context.principal, reason, expires_on)
    asked = Override(
        id=override_id,
        class_id=training_class.id,
        division=training_class.division,
        enrolment_id=EnrolmentId(enrolment_id),
        check=check,
        status=OverrideStatus.ASKED,
        reason=reason,
        expires_on=expires_on,
        asked_by=context.principal.actor,
        asked_at=context.now,
        queue=queue_of(training_class.division),
        queued_at=context.now,
        version=before.version + 1 if before is not None else 1,
    )
    try:
        store.ask(asked, before=before, change=change_of(context, "override.ask", reason=reason))
    except ConditionFailed as failure:
        if isinstance(failure.old, Override) and failure.old.status is OverrideStatus.ASKED:
            return _same_or_refuse(failure.old, context.principal, reason, expires_on)
        raise error("try_again") from None
    return asked


def _same_or_refuse(before: Override, principal: Principal, reason: str, expires_on: date) -> Override:
    if (before.asked_by, before.reason, before.expires_on) == (principal.actor, reason, expires_on):
        return before
    raise error("wrong_state", status=before.status.value)


@dataclass(frozen=True)
class OfferedOverride:
    """An override, and what the caller may do with it now."""

    override: Override
    allowed_actions: list[str]


def list_overrides(context: Context, class_id: str, request: PageRequest) -> Page[OfferedOverride]:
    """List the overrides of a class: one query, there are never many."""
    training_class = require_class(context, "override.read", class_id)
    page = cut(store.overrides_of(class_id), request, key=lambda override: override.id)
    decides = page.items and rights.may(context.principal, "override.decide")
    prepared_by = _prepared_by(training_class) if decides else set()
    return page.map(
        lambda override: OfferedOverride(override, _allowed_actions(context, override, prepared_by))
    )


def actions_on(context: Context, override: Override, head: ClassHead) -> list[str]:
    """List what this caller may do with an override of a class now."""
    if not rights.may(context.principal, "override.decide"):
        return []
    return _allowed_actions(context, override, _prepared_by(head))


def _allowed_actions(context: Context, override: Override, prepared_by: set[str]) -> list[str]:
    principal, today = context.principal, shanghai_date(context.now)
    return rights.offered(
        principal,
        {"confirm": "override.decide", "refuse": "override.decide"},
        lambda action: why_not(action, override, principal.hands, prepared_by=prepared_by, today=today),
        division=override.division,
    )


def decide(context: Context, override_id: str, action: str, *, version: int, reason: str | None) -> Override:
    """Confirm or refuse an override; a second person does, who had no hand in the class.

    Raises:
        Forbidden: `self_approval`, by who asked or who prepared the class or its claim on the institution's
            side.
        Refused: it was decided already, has another version, or its last day is over.

    """
    principal, today = context.principal, shanghai_date(context.now)
    rights.admit(principal, "override.decide")
    class_id = class_of_override(override_id)
    override = store.find_override(class_id, override_id) if is_id(override_id, "ovr") and class_id else None
    if override is None:
        raise error("not_found")
    rights.require(principal, "override.decide", division=override.division)
    prepared_by = _prepared_by(read_class(class_id))

    def refusal(current: Override) -> DomainError | None:
        return why_not(
            action, current, principal.hands, prepared_by=prepared_by, today=today, version=version
        )

    refuse(refusal(override))
    change = change_of(context, f"override.{action}", reason=reason)
    try:
        return store.decide(
            override,
            action,
            version=version,
            hands=principal.hands,
            reason=reason,
            now=context.now,
            change=change,
        )
    except ConditionFailed as failure:
        refuse(refusal(failure.old) if isinstance(failure.old, Override) else error("not_found"))
        raise error("try_again") from None


def _prepared_by(training_class: TrainingClass | ClassHead) -> set[str]:
    """Give everybody who had a hand in a class, or in the claim for it, on the institution's side."""
    claim = find_claim(claim_id_of(training_class.id))
    applied = {claim.submitted_by, *claim.also_prepared_by} if claim is not None else set()
    return prepared_by(training_class) | applied


def in_force(training_class: TrainingClass, day: date) -> dict[str, list[Override]]:
    """Give the overrides that count on a day, by enrolment; no call where the policy allows none."""
    allowed = training_class.policy.overridable_checks
    if not allowed:
        return {}
    counting: dict[str, list[Override]] = {}
    for override in store.overrides_of(training_class.id):
        if override.check in allowed and counts_on(override, day):
            counting.setdefault(override.enrolment_id, []).append(override)
    return counting


def undecided(training_class: TrainingClass, day: date) -> list[OpenDecision]:
    """Name the overrides of a class that wait for their decision; one past its day can only be refused.

    What is claimed and approved is judged by what two people let pass, so neither is done before they have
    decided. No call where the policy allows none.
    """
    if not training_class.policy.overridable_checks:
        return []
    return [
        OpenDecision(Undecided.OVERRIDE, override.id)
        for override in store.overrides_of(training_class.id)
        if override.status is OverrideStatus.ASKED and day <= override.expires_on
    ]
