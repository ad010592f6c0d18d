"""Use cases of changes to a running class: a lesson moved, a trainer replaced, the site changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.catalogue.projects.reading import read_project
from chalicelib.classes import store
from chalicelib.classes.applications.service import (
    refuse_breaches,
    refuse_own_work,
    require_step,
    writes_taking,
)
from chalicelib.classes.changes import store as changes_store
from chalicelib.classes.changes.model import (
    ChangeStatus,
    ClassChange,
    changed_plan,
    highest_number,
    overtaken,
    part_of,
    part_of_change,
    touched_begun,
)
from chalicelib.classes.model import (
    LESSONS_MAX,
    SITES_MAX,
    TRAINERS_MAX,
    ClassPlan,
    Lesson,
    Site,
    Trainer,
    TrainingClass,
    also_prepared,
    last_lesson_ends_at,
    lesson_id_of,
)
from chalicelib.classes.plans.draft import (
    LessonGiven,
    SiteGiven,
    TrainerGiven,
    lesson_faults,
    sealed_trainers,
    site_of,
)
from chalicelib.classes.plans.model import Breach, changes_between, rooms_of, timetable_breaches
from chalicelib.classes.service import actions_on, complete, overlaps_of, read_parts, require_parts
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import LessonId
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class LessonWanted:
    """A lesson as it shall be held: an existing one by its id, else a new one."""

    id: str | None
    given: LessonGiven


@dataclass(frozen=True)
class ChangeGiven:
    """What an institution wants changed; None stays as it is.

    `lessons` are all lessons still to come; those that have begun may be left out and stay.
    `new_trainers` come after the class's trainers, so lessons name them by the next indexes.
    """

    reason: str
    lessons: Sequence[LessonWanted] | None
    new_trainers: Sequence[TrainerGiven]
    site: SiteGiven | None


@dataclass(frozen=True)
class ShownChange:
    """A change with its class, what it collides with, and what the caller may do with it."""

    applied: ClassChange
    version: int
    breaches: Sequence[Breach]
    allowed_actions: Sequence[str] = ()


def apply_for_change(context: Context, class_id: str, given: ChangeGiven, *, version: int) -> ShownChange:
    """Apply for a change of a running class; it keeps its timetable until the bureau approves.

    Raises:
        Malformed: fields that cannot be, or nothing that would change.
        Refused: `institution_suspended`, `change_open` while another one waits, `lesson_begun`, or a rule
            of the timetable.

    """
    parts = require_parts(context, "class.change", class_id)
    found = complete(parts)
    require_step(found, "change", version)
    institution, hours = read_institution(found.institution), read_project(found.project_id).hours
    if institution.status is InstitutionStatus.SUSPENDED:
        raise error("institution_suspended")
    if found.open_change is not None:
        raise error("change_open")
    after = _plan_after(found, parts.plan, given, institution, now=context.now)
    changes = changes_between(parts.plan, after)
    if not changes:
        raise error("nothing_changed")
    late = overtaken(parts.plan, after, policy=found.policy, now=context.now)
    _refuse_begun(late)
    changed = _as_changed(found, after)
    refuse_breaches(_timetable_breaches(changed, hours))
    number = found.change_count + 1
    applied = ClassChange(
        id=found.id,
        part=part_of(number),
        division=found.division,
        status=ChangeStatus.SUBMITTED,
        reason=given.reason,
        site=after.site,
        trainers=after.trainers,
        lessons=after.lessons,
        lesson_numbers=after.lesson_numbers,
        changes=changes,
        submitted_by=context.principal.actor,
        submitted_at=context.now,
    )
    change = change_of(context, "class.change", reason=given.reason)
    also = also_prepared(found, applied.submitted_by)
    changes_store.apply_for_change(applied, version=version, number=number, also=also, change=change)
    waiting = msgspec.structs.replace(found, open_change=applied.part)
    warnings = _warnings(changed, hours)
    return ShownChange(applied, found.version + 1, warnings, _actions_on(context, waiting))


def _actions_on(context: Context, training_class: TrainingClass) -> list[str]:
    """List what the caller may do with the change that this class waits for."""
    actions = actions_on(context, training_class)
    return [one.removeprefix("change_") for one in actions if one.startswith("change_")]


def _plan_after(
    training_class: TrainingClass,
    plan: ClassPlan,
    given: ChangeGiven,
    institution: Institution,
    *,
    now: datetime,
) -> ClassPlan:
    trainers = sealed_trainers(training_class.id, given.new_trainers, field="new_trainers")
    _refuse_known(plan.trainers, trainers)
    lessons = None
    if given.lessons is not None:
        count = len(plan.trainers) + len(trainers)
        faults = lesson_faults([one.given for one in given.lessons], trainers=count)
        faults += _unknown_lessons(plan, given.lessons)
        if faults:
            raise error("malformed", faults=tuple(faults))
        fresh = highest_number(plan)
        lessons = []
        for one in given.lessons:
            fresh += one.id is None
            wanted_id = LessonId(one.id) if one.id is not None else lesson_id_of(plan.id, fresh)
            site = site_of(one.given.site, institution) if one.given.site is not None else None
            lessons.append(_lesson(wanted_id, one.given, site))
        by_id = {one.id: one for one in lessons}
        _refuse_begun(touched_begun(plan, by_id, policy=training_class.policy, now=now))
    after = changed_plan(
        training_class,
        plan,
        lessons=lessons,
        trainers=trainers,
        site=site_of(given.site, institution) if given.site is not None else None,
        now=now,
    )
    if not after.lessons:
        raise error("no_lessons", faults=(Fault("no_lessons", field="lessons"),))
    if len(after.lessons) > LESSONS_MAX or len(rooms_of(after)) > SITES_MAX:
        raise error("malformed", faults=(Fault("too_many_sites", field="lessons"),))
    return after


def _lesson(lesson_id: LessonId, given: LessonGiven, site: Site | None) -> Lesson:
    return Lesson(
        id=lesson_id,
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        hours=given.hours,
        topic=given.topic,
        trainer=given.trainer,
        site=site,
    )


def _refuse_known(known: Sequence[Trainer], new: Sequence[Trainer]) -> None:
    seen = {one.person_key for one in known}
    faults = []
    for place, one in enumerate(new):
        if one.person_key in seen:
            faults.append(Fault("repeated_entry", field=f"new_trainers[{place}]"))
        seen.add(one.person_key)
    if len(known) + len(new) > TRAINERS_MAX:
        faults.append(Fault("wrong_type", field="new_trainers"))
    if faults:
        raise error("malformed", faults=tuple(faults))


def _unknown_lessons(plan: ClassPlan, wanted: Sequence[LessonWanted]) -> list[Fault]:
    known = {str(one.id) for one in plan.lessons}
    faults, seen = [], set()
    for place, one in enumerate(wanted):
        if one.id is None:
            continue
        if one.id not in known:
            faults.append(Fault("unknown_lesson", field=f"lessons[{place}].id"))
        elif one.id in seen:
            faults.append(Fault("repeated_entry", field=f"lessons[{place}].id"))
        seen.add(one.id)
    return faults


def _refuse_begun(lesson_ids: Sequence[str]) -> None:
    if lesson_ids:
        raise error("lesson_begun", lesson_id=lesson_ids[0])


def _as_changed(training_class: TrainingClass, after: ClassPlan) -> TrainingClass:
    """Give the class as the change would leave it."""
    return msgspec.structs.replace(
        training_class,
        site=after.site,
        trainers=after.trainers,
        lessons=after.lessons,
        opens_at=min(one.starts_at for one in after.lessons),
        ends_at=last_lesson_ends_at(after.lessons),
    )


def _timetable_breaches(changed: TrainingClass, hours: int) -> list[Breach]:
    return timetable_breaches(changed.lessons, changed.policy, project_hours=hours)


def _warnings(changed: TrainingClass, hours: int) -> list[Breach]:
    return _timetable_breaches(changed, hours) + overlaps_of(changed)


# --------------------------------------------------------------------------- deciding


def list_changes(context: Context, class_id: str) -> list[ShownChange]:
    """List the changes applied for of a class, newest first; one that waits with what it collides with."""
    parts = require_parts(context, "class.read_changes", class_id)
    found = complete(parts)
    return [
        shown_change(context, found, one)
        if one.part == found.open_change
        else ShownChange(one, found.version, ())
        for one in reversed(parts.changes)
    ]


def shown_change(context: Context, training_class: TrainingClass, applied: ClassChange) -> ShownChange:
    """Show a change that waits, with what its class would break or collide with."""
    changed = msgspec.structs.replace(
        training_class,
        site=applied.site,
        trainers=applied.trainers,
        lessons=applied.lessons,
        opens_at=min(one.starts_at for one in applied.lessons),
        ends_at=last_lesson_ends_at(applied.lessons),
    )
    actions = _actions_on(context, training_class)
    warnings = _warnings(changed, read_project(changed.project_id).hours)
    return ShownChange(applied, training_class.version, warnings, actions)


def approve_change(
    context: Context, class_id: str, change_id: str, *, version: int, comment: str | None
) -> ShownChange:
    """Approve a change: the class has its new timetable from now on.

    Raises:
        Refused: `lesson_begun`: a lesson it touches has begun meanwhile, or the rules; apply anew.

    """
    parts, found, applied = _require_open(context, "approve", class_id, change_id, version)
    refuse_own_work(context, found, applied.submitted_by)
    plan = applied.plan(parts.plan, version=version + 1)
    _refuse_begun(overtaken(parts.plan, plan, policy=found.policy, now=context.now))
    changed = _as_changed(found, plan)
    refuse_breaches(_timetable_breaches(changed, read_project(changed.project_id).hours))
    head = msgspec.structs.replace(
        parts.head,
        opens_at=changed.opens_at,
        ends_at=changed.ends_at,
        lesson_count=len(plan.lessons),
        lesson_hours=changed.lesson_hours,
        plan_digest=store.plan_digest_of(plan),
    )
    changes_store.approve_change(
        applied,
        head,
        plan,
        writes_taking(found, plan),
        by=context.principal.actor,
        now=context.now,
        comment=comment,
        change=change_of(context, "class.approve_change", reason=comment),
    )
    return _again(class_id, applied.part)


def reject_change(
    context: Context, class_id: str, change_id: str, *, version: int, reason: str
) -> ShownChange:
    """Reject a change with the reason; the class keeps its timetable."""
    _, found, applied = _require_open(context, "reject", class_id, change_id, version)
    refuse_own_work(context, found, applied.submitted_by)
    changes_store.reject_change(
        applied,
        version=version,
        by=context.principal.actor,
        now=context.now,
        reason=reason,
        change=change_of(context, "class.reject_change", reason=reason),
    )
    return _again(class_id, applied.part)


def withdraw_change(
    context: Context, class_id: str, change_id: str, *, version: int, comment: str | None
) -> ShownChange:
    """Take an own change back before it is decided; the class keeps its timetable."""
    _, _, applied = _require_open(context, "withdraw", class_id, change_id, version)
    changes_store.withdraw_change(
        applied,
        version=version,
        by=context.principal.actor,
        now=context.now,
        reason=comment,
        change=change_of(context, "class.withdraw_change", reason=comment),
    )
    return _again(class_id, applied.part)


def _require_open(
    context: Context, verb: str, class_id: str, change_id: str, version: int
) -> tuple[store.Parts, TrainingClass, ClassChange]:
    parts = require_parts(context, f"class.{verb}_change", class_id)
    part = part_of_change(parts.head.id, change_id)
    applied = next((one for one in parts.changes if one.part == part), None)
    if applied is None:
        raise error("not_found")
    found = complete(parts)
    require_step(found, f"change_{verb}", version)
    if applied.status is not ChangeStatus.SUBMITTED:
        raise error("wrong_state", status=applied.status.value)
    return parts, found, applied


def _again(class_id: str, part: str) -> ShownChange:
    parts = read_parts(class_id)
    applied = next(one for one in parts.changes if one.part == part)
    return ShownChange(applied, parts.head.version, ())
