"""Use cases of changes to a running class: a lesson moved, a trainer replaced, the site changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.aws.waiting import queue_of
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.classes import store
from chalicelib.classes.changes import store as change_store
from chalicelib.classes.changes.model import (
    changed_plan,
    highest_number,
    overtaken,
    part_of,
    part_of_change,
    plan_of,
    touched_begun,
)
from chalicelib.classes.changes.model import why_not as why_not_decide
from chalicelib.classes.model import (
    LESSONS_MAX,
    SITES_MAX,
    TRAINERS_MAX,
    ChangeStatus,
    ClassChange,
    ClassPlan,
    Lesson,
    Trainer,
    TrainingClass,
    also_prepared,
    lesson_id_of,
    why_not,
)
from chalicelib.classes.occupancy.model import rooms_of
from chalicelib.classes.occupancy.service import people_taught_elsewhere, writes_taking
from chalicelib.classes.plans.draft import (
    LessonDraft,
    SiteDraft,
    TrainerDraft,
    kept_lesson,
    kept_site,
    lesson_faults,
    sealed_trainers,
    site_faults,
)
from chalicelib.classes.plans.model import (
    changes_between,
    fresh_breaches,
    radius_breaches,
    refusal_of,
    timetable_breaches,
)
from chalicelib.classes.service import complete, project_of, read_with_changes, require_with_changes
from chalicelib.classes.showing.service import (
    ShownChange,
    actions_on_change,
    breaches_if_changed,
    show_change,
)
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.ids import LessonId
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse


@dataclass(frozen=True)
class ChangedLesson:
    """A lesson as it shall be held: an existing one by its id, else a new one."""

    id: str | None
    draft: LessonDraft


@dataclass(frozen=True)
class ChangeDraft:
    """What an institution wants changed; None stays as it is.

    `lessons` are all lessons still to come; those that have begun may be left out and stay.
    `new_trainers` come after the class's trainers, so lessons name them by the next indexes.
    """

    reason: str
    lessons: Sequence[ChangedLesson] | None
    new_trainers: Sequence[TrainerDraft]
    site: SiteDraft | None


# --------------------------------------------------------------------------- applying


def apply_for_change(context: Context, class_id: str, draft: ChangeDraft, *, version: int) -> ShownChange:
    """Apply for a change of a running class; it keeps its timetable until the bureau approves.

    Raises:
        Malformed: fields that cannot be, or nothing that would change.
        Refused: `change_open` while another one waits, `institution_suspended`, `lesson_begun`, or a rule of
            the timetable that the approved one kept.

    """
    parts = require_with_changes(context, "class.change", class_id)
    training_class = complete(parts)
    applied_before = change_store.applied_before(parts.changes)
    if applied_before is not None:
        return _shown(context, training_class, applied_before)
    actor = context.principal.actor
    institution = read_institution(training_class.institution)
    suspended = institution.status is InstitutionStatus.SUSPENDED
    hands = context.principal.hands
    refuse(
        why_not("change", training_class, hands=hands, now=context.now, suspended=suspended, version=version)
    )
    project_hours = project_of(training_class).hours
    after = _plan_after(training_class, parts.plan, draft, institution, now=context.now)
    changes = changes_between(parts.plan, after)
    if not changes:
        raise error("nothing_changed")
    changed = training_class.as_planned(after)
    refuse(_why_overtaken(parts.plan, after, changed, now=context.now))
    refuse(_why_broken(training_class, changed, project_hours=project_hours))
    refuse(_why_too_soon(training_class, changed, now=context.now))
    _require_own_people(changed)
    number = training_class.change_count + 1
    class_change = ClassChange(
        id=training_class.id,
        part=part_of(number),
        division=training_class.division,
        status=ChangeStatus.SUBMITTED,
        reason=draft.reason,
        site=after.site,
        trainers=after.trainers,
        lessons=after.lessons,
        lesson_numbers=after.lesson_numbers,
        changes=changes,
        submitted_by=actor,
        submitted_at=context.now,
        queue=queue_of(training_class.division),
        queued_at=context.now,
    )
    change = change_of(context, "class.change", reason=draft.reason)
    also = also_prepared(training_class, actor)
    change_store.apply_for_change(class_change, version=version, number=number, also=also, change=change)
    waiting = msgspec.structs.replace(training_class, open_change=class_change.part)
    breaches = breaches_if_changed(changed, project_hours=project_hours)
    return ShownChange(class_change, version + 1, breaches, actions_on_change(context, waiting))


def _why_overtaken(
    before: ClassPlan, after: ClassPlan, changed: TrainingClass, *, now: datetime
) -> DomainError | None:
    return _begun(overtaken(before, after, policy=changed.policy, now=now))


def _begun(lesson_ids: Sequence[str]) -> DomainError | None:
    return error("lesson_begun", lesson_id=lesson_ids[0]) if lesson_ids else None


def _why_broken(before: TrainingClass, changed: TrainingClass, *, project_hours: int) -> DomainError | None:
    """Tell which rule a change would break that the approved timetable did not break already.

    What was approved under earlier rules and has begun can never be mended: it bars no later change.
    """
    had, has = (
        timetable_breaches(one.lessons, one.policy, project_hours=project_hours) + radius_breaches(one)
        for one in (before, changed)
    )
    return refusal_of(fresh_breaches(had, has))


def _why_too_soon(before: TrainingClass, changed: TrainingClass, *, now: datetime) -> DomainError | None:
    """Tell that a class would open earlier than it was filed for, and sooner than a new one may.

    Else a class that is filed for next month and moved to tomorrow was never there to be looked at.
    """
    days = changed.policy.file_before_opening_days
    opening = shanghai_date(changed.opens_at)
    is_sooner = opening < shanghai_date(before.opens_at)
    if is_sooner and (opening - shanghai_date(now)).days < days:
        return error("filed_too_late", file_before_opening_days=days)
    return None


def _require_own_people(changed: TrainingClass) -> None:
    """Require that nobody teaches a class they are taught in, or is taught in two classes at once.

    Raises:
        Impossible: `trainer_is_trainee`.
        Refused: `trainees_elsewhere`, with the enrolment and day of each.

    """
    both = {trainer.person_key for trainer in changed.trainers} & changed.roster.keys()
    if both:
        faults = tuple(Fault("trainer_is_trainee", field=changed.roster[person]) for person in sorted(both))
        raise error("trainer_is_trainee", faults=faults)
    elsewhere = people_taught_elsewhere(changed, changed.roster).days
    if elsewhere:
        found = tuple(
            Fault("trainee_elsewhere", field=changed.roster[person], facts={"day": day.isoformat()})
            for person, day in elsewhere.items()
        )
        raise error("trainees_elsewhere", faults=found, count=len(found))


# --------------------------------------------------------------------------- the plan as it shall be


def _plan_after(
    training_class: TrainingClass,
    plan: ClassPlan,
    draft: ChangeDraft,
    institution: Institution,
    *,
    now: datetime,
) -> ClassPlan:
    """Give the plan as a draft would have it.

    Raises:
        Malformed: fields that cannot be.
        Refused: `lesson_begun`.

    """
    faults = site_faults(draft.site, "site") if draft.site is not None else []
    if faults:
        raise error("malformed", faults=tuple(faults))
    trainers = sealed_trainers(training_class.id, draft.new_trainers, field="new_trainers")
    _refuse_known(plan.trainers, trainers)
    lessons = None
    if draft.lessons is not None:
        faults = lesson_faults(
            [lesson.draft for lesson in draft.lessons], trainers=len(plan.trainers) + len(trainers)
        )
        faults += _unknown_lessons(plan, draft.lessons)
        if faults:
            raise error("malformed", faults=tuple(faults))
        lessons = _lessons_after(plan, draft.lessons, institution)
        by_id = {lesson.id: lesson for lesson in lessons}
        refuse(_begun(touched_begun(plan, by_id, policy=training_class.policy, now=now)))
    after = changed_plan(
        training_class,
        plan,
        lessons=lessons,
        trainers=trainers,
        site=kept_site(draft.site, institution) if draft.site is not None else None,
        now=now,
    )
    if not after.lessons:
        raise error("no_lessons", faults=(Fault("no_lessons", field="lessons"),))
    if len(after.lessons) > LESSONS_MAX or len(rooms_of(after)) > SITES_MAX:
        raise error("malformed", faults=(Fault("too_many_sites", field="lessons"),))
    return after


def _lessons_after(
    plan: ClassPlan, lessons: Sequence[ChangedLesson], institution: Institution
) -> list[Lesson]:
    """Give the lessons as they are kept; a new one gets the next number that no lesson ever had."""
    number = highest_number(plan)
    after = []
    for lesson in lessons:
        number += lesson.id is None
        lesson_id = LessonId(lesson.id) if lesson.id is not None else lesson_id_of(plan.id, number)
        after.append(kept_lesson(lesson_id, lesson.draft, institution))
    return after


def _refuse_known(known: Sequence[Trainer], new: Sequence[Trainer]) -> None:
    seen = {trainer.person_key for trainer in known}
    faults = []
    for place, trainer in enumerate(new):
        if trainer.person_key in seen:
            faults.append(Fault("repeated_entry", field=f"new_trainers[{place}]"))
        seen.add(trainer.person_key)
    if len(known) + len(new) > TRAINERS_MAX:
        faults.append(Fault("wrong_type", field="new_trainers"))
    if faults:
        raise error("malformed", faults=tuple(faults))


def _unknown_lessons(plan: ClassPlan, lessons: Sequence[ChangedLesson]) -> list[Fault]:
    known = {str(lesson.id) for lesson in plan.lessons}
    faults, seen = [], set()
    for place, lesson in enumerate(lessons):
        if lesson.id is None:
            continue
        if lesson.id not in known:
            faults.append(Fault("unknown_lesson", field=f"lessons[{place}].id"))
        elif lesson.id in seen:
            faults.append(Fault("repeated_entry", field=f"lessons[{place}].id"))
        seen.add(lesson.id)
    return faults


# --------------------------------------------------------------------------- deciding


def list_changes(context: Context, class_id: str) -> list[ShownChange]:
    """List the changes applied for of a class, newest first; one that waits with what it collides with."""
    parts = require_with_changes(context, "class.read_changes", class_id)
    training_class = complete(parts)
    return [_shown(context, training_class, class_change) for class_change in reversed(parts.changes)]


def _shown(context: Context, training_class: TrainingClass, class_change: ClassChange) -> ShownChange:
    if class_change.part == training_class.open_change:
        return show_change(context, training_class, class_change)
    return ShownChange(class_change, training_class.version, ())


def approve_change(
    context: Context, class_id: str, change_id: str, *, version: int, comment: str | None
) -> ShownChange:
    """Approve a change: the class has its new timetable from now on.

    Raises:
        Refused: `lesson_begun`: a lesson it touches has begun meanwhile, or the rules; apply anew.

    """
    parts, training_class, class_change = _require_open(context, "approve", class_id, change_id, version)
    plan = plan_of(class_change, parts.plan, version=version + 1)
    changed = training_class.as_planned(plan)
    refuse(_why_overtaken(parts.plan, plan, changed, now=context.now))
    refuse(_why_broken(training_class, changed, project_hours=project_of(changed).hours))
    _require_own_people(changed)
    head = msgspec.structs.replace(
        parts.head,
        opens_at=changed.opens_at,
        ends_at=changed.ends_at,
        lesson_count=len(plan.lessons),
        lesson_hours=changed.lesson_hours,
        plan_digest=store.plan_digest_of(plan),
    )
    change_store.approve_change(
        class_change,
        head,
        plan,
        writes_taking(training_class, plan),
        by=context.principal.actor,
        hands=context.principal.hands,
        now=context.now,
        comment=comment,
        change=change_of(context, "class.approve_change", reason=comment),
    )
    return _decided(class_change)


def reject_change(
    context: Context, class_id: str, change_id: str, *, version: int, reason: str
) -> ShownChange:
    """Reject a change with the reason; the class keeps its timetable."""
    _, _, class_change = _require_open(context, "reject", class_id, change_id, version)
    change_store.reject_change(
        class_change,
        version=version,
        by=context.principal.actor,
        hands=context.principal.hands,
        now=context.now,
        reason=reason,
        change=change_of(context, "class.reject_change", reason=reason),
    )
    return _decided(class_change)


def withdraw_change(
    context: Context, class_id: str, change_id: str, *, version: int, comment: str | None
) -> ShownChange:
    """Take an own change back before it is decided; the class keeps its timetable."""
    _, _, class_change = _require_open(context, "withdraw", class_id, change_id, version)
    change_store.withdraw_change(
        class_change,
        version=version,
        by=context.principal.actor,
        now=context.now,
        reason=comment,
        change=change_of(context, "class.withdraw_change", reason=comment),
    )
    return _decided(class_change)


def _require_open(
    context: Context, verb: str, class_id: str, change_id: str, version: int
) -> tuple[store.ClassParts, TrainingClass, ClassChange]:
    """Read a change, with its class, on which the caller may do this now."""
    parts = require_with_changes(context, f"class.{verb}_change", class_id)
    part = part_of_change(parts.head.id, change_id)
    class_change = next((change for change in parts.changes if change.part == part), None)
    if class_change is None:
        raise error("not_found")
    training_class = complete(parts)
    hands = context.principal.hands
    refuse(why_not_decide(verb, class_change, training_class, hands=hands, now=context.now, version=version))
    return parts, training_class, class_change


def _decided(class_change: ClassChange) -> ShownChange:
    """Read a change again, as the decision left it."""
    parts = read_with_changes(class_change.id)
    after = next(change for change in parts.changes if change.part == class_change.part)
    return ShownChange(after, parts.head.version, ())
