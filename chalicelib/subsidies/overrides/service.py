"""Use cases of overrides: a clerk asks that a failed check of a trainee be let pass, a reviewer decides."""

from datetime import date

from chalicelib.accounts import rights
from chalicelib.aws.writes import ConditionFailed, refuse_stale
from chalicelib.classes.model import TrainingClass, prepared_by
from chalicelib.classes.service import read_class, require_class
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import EnrolmentId, is_id
from chalicelib.kernel.paging import Page, PageRequest, cut
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import OverridableCheck
from chalicelib.subsidies.claims.model import claim_id_of
from chalicelib.subsidies.claims.store import find_claim
from chalicelib.subsidies.overrides import store
from chalicelib.subsidies.overrides.model import (
    OVERRIDE_TRANSITIONS,
    Override,
    OverrideStatus,
    class_of_override,
    counts_on,
    override_id_of,
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


def list_overrides(
    context: Context, class_id: str, request: PageRequest
) -> tuple[TrainingClass, Page[Override]]:
    """Give a class with its overrides: one query, there are never many."""
    found = require_class(context, "override.read", class_id)
    return found, cut(store.overrides_of(class_id), request, key=lambda one: one.id)


def decide(context: Context, override_id: str, action: str, *, version: int, reason: str | None) -> Override:
    """Confirm or refuse an override; a second person does, who had no hand in the class.

    Raises:
        Forbidden: `self_approval`, by who asked or who prepared the class or its claim on the institution's
            side.
        Refused: it was decided already, has another version, or its last day is over.

    """
    rights.admit(context.principal, "override.decide")
    class_id = class_of_override(override_id)
    found = store.find_override(class_id, override_id) if is_id(override_id, "ovr") and class_id else None
    if found is None:
        raise error("not_found")
    rights.require(context.principal, "override.decide", division=found.division)
    if context.principal.actor in {found.asked_by, *_prepared_by(read_class(class_id))}:
        raise error("self_approval")
    if action == "confirm" and found.expires_on < shanghai_date(context.now):
        raise error("override_expired", expires_on=found.expires_on.isoformat())
    change = change_of(context, f"override.{action}", reason=reason)
    try:
        return store.decide(found, action, version=version, reason=reason, now=context.now, change=change)
    except ConditionFailed as failure:
        refuse_stale(failure.old, sources=OVERRIDE_TRANSITIONS.sources(action), version=version)
        raise error("try_again") from None


def allowed_actions(principal: Principal, override: Override, training_class: TrainingClass) -> list[str]:
    """List what this caller may do with an override now."""
    may = rights.reaches(principal, "override.decide", division=override.division)
    if not may or principal.actor in {override.asked_by, *_prepared_by(training_class)}:
        return []
    return [one for one in OVERRIDE_TRANSITIONS.allowed(override.status) if one != "ask"]


def _prepared_by(training_class: TrainingClass) -> set[str]:
    """Give everybody who had a hand in a class, or in the claim for it, on the institution's side."""
    claim = find_claim(claim_id_of(training_class.id))
    applied = {claim.submitted_by, *claim.also_prepared_by} if claim is not None else set()
    return prepared_by(training_class) | applied


def in_force(training_class: TrainingClass, day: date) -> dict[str, list[Override]]:
    """Give the overrides that count on a day, by enrolment; no call where the policy allows none."""
    allowed = training_class.policy.overridable_checks
    if not allowed:
        return {}
    found: dict[str, list[Override]] = {}
    for one in store.overrides_of(training_class.id):
        if one.check in allowed and counts_on(one, day):
            found.setdefault(one.enrolment_id, []).append(one)
    return found
