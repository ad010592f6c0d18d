"""Use cases of applications: file, decide, cancel (step 6 of the notice)."""

from collections.abc import Sequence

from chalicelib.aws.writes import Put
from chalicelib.catalogue.institutions.reading import current_institution, read_institution
from chalicelib.catalogue.projects.reading import current_project, read_project
from chalicelib.classes.applications import store as plans_store
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    ClassPlan,
    ClassStatus,
    TrainingClass,
    also_prepared,
    last_lesson_ends_at,
    prepared_by,
)
from chalicelib.classes.occupancy import store as occupancy_store
from chalicelib.classes.plans.model import Breach, breaches_of, taken_by
from chalicelib.classes.rosters import store as roster_store
from chalicelib.classes.service import (
    Shown,
    read_parts,
    require_class,
    require_version,
    shown_decided,
    shown_parts,
)
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, first_of
from chalicelib.programs.service import current_program
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers


def submit_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """File an application; what was a warning on the draft is a refusal now.

    Raises:
        Refused: the first rule broken in the documented order, all of them in `faults`.

    """
    found = require_class(context, "class.submit", class_id)
    actor = context.principal.actor
    require_step(found, "submit", version)
    institution, project = read_institution(found.institution), read_project(found.project_id)
    kind = current_program(found.program_id).kind
    refuse_breaches(breaches_of(found, kind=kind, institution=institution, project=project, now=context.now))
    plans_store.submit(
        found.id,
        writes_taking(found, found),
        version=version,
        by=actor,
        also=also_prepared(found, actor, submitted_by=actor),
        policy_version=found.policy_version,
        now=context.now,
        change=change_of(context, "class.submit", reason=comment),
    )
    return shown_parts(context, read_parts(class_id))


def writes_taking(training_class: TrainingClass, plan: TrainingClass | ClassPlan) -> Sequence[Put]:
    """Say in the index of overlaps what this plan of the class takes up."""
    return occupancy_store.take_writes(
        taken_by(plan),
        city=group_of(training_class.division),
        class_id=training_class.id,
        opens_at=min(lesson.starts_at for lesson in plan.lessons),
        ends_at=last_lesson_ends_at(plan.lessons),
    )


def refuse_breaches(breaches: Sequence[Breach]) -> None:
    """Refuse a plan for the first rule it breaks in the documented order, all of them in `faults`."""
    refusing = [breach for breach in breaches if breach.refuses]
    if not refusing:
        return
    code = first_of([breach.code for breach in refusing])
    facts = next(breach.facts for breach in refusing if breach.code == code)
    raise error(code, faults=tuple(Fault(one.code, facts=one.facts) for one in refusing), **facts)


def approve_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Approve an application; the policy of this moment is pinned to the class.

    The rules are asked once more: the institution may have been suspended, or the policy changed, since.
    """
    found = require_version(context, "class.approve", class_id, version)
    require_step(found, "approve", version)
    refuse_own_work(context, found)
    refuse_breaches(
        breaches_of(
            found,
            kind=current_program(found.program_id).kind,
            institution=current_institution(found.institution),
            project=current_project(found.project_id),
            now=found.submitted_at or context.now,
        )
    )
    head = plans_store.approve(
        found.id,
        version=version,
        by=context.principal.actor,
        policy_version=found.policy_version,
        now=context.now,
        change=change_of(context, "class.approve", reason=comment),
    )
    return shown_decided(context, found, head)


def return_class(context: Context, class_id: str, *, version: int, reason: str) -> Shown:
    """Return an application to the institution with the reason."""
    found = require_version(context, "class.return", class_id, version)
    require_step(found, "return", version)
    refuse_own_work(context, found)
    change = change_of(context, "class.return", reason=reason)
    head = plans_store.give_back(
        found.id, version=version, reason=reason, by=context.principal.actor, change=change
    )
    return shown_decided(context, found, head)


def require_step(training_class: TrainingClass, action: str, version: int) -> None:
    """Refuse what the state or a newer version forbids; the write's condition decides again."""
    if training_class.version != version:
        raise error("version_conflict", version=training_class.version)
    CLASS_TRANSITIONS.require(action, training_class.status)


def refuse_own_work(context: Context, training_class: TrainingClass, *others: str) -> None:
    """Refuse that somebody decides on a class in which they, or on what `others`, had a hand."""
    if context.principal.actor in {*prepared_by(training_class), *others}:
        raise error("self_approval")


# --------------------------------------------------------------------------- cancelling


def cancel_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Cancel a class that is not complete; its trainees get their vouchers back.

    A repeat by the same call's version goes on where a crash stopped releasing and answers like the first.
    """
    found = require_class(context, "class.cancel", class_id)
    change = change_of(context, "class.cancel", reason=comment)
    if found.status is ClassStatus.CANCELLED and version in (found.version, found.version - 1):
        roster_store.release_trainees(found.id, _still_enrolled(found), change=change)
        return shown_parts(context, read_parts(class_id))
    require_step(found, "cancel", version)
    roster_store.cancel(found.id, _still_enrolled(found), version=version, change=change)
    return shown_parts(context, read_parts(class_id))


def _still_enrolled(training_class: TrainingClass) -> list[tuple[Enrolment, Voucher | None]]:
    rostered = [
        enrolment
        for enrolment in find_enrolments(training_class.enrolment_ids)
        if enrolment.status is EnrolmentStatus.ROSTERED and enrolment.class_id == training_class.id
    ]
    vouchers = {voucher.id: voucher for voucher in find_vouchers([e.voucher_id for e in rostered])}
    return [(enrolment, vouchers.get(enrolment.voucher_id)) for enrolment in rostered]
