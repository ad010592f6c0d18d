"""Changes of a running class's timetable: applied for by the institution, decided by the bureau.

Until it is approved the class runs on its old timetable. What has begun is never changed: a lesson whose
check-in has opened may have check-ins, and what happened at it has to stay provable.

An example: a lesson starts at 9:00, and check-in opens 60 minutes before. At 7:59 it may still be moved, by
an application at 7:59 that is approved at 7:59. At 8:00 it has begun: an application that moves it is
refused (`lesson_begun`), and so is the approval of one that was filed the day before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from chalicelib.classes import model as class_model
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    ChangeStatus,
    ClassChange,
    ClassPlan,
    Lesson,
    Site,
    Trainer,
    TrainingClass,
    has_begun,
)
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import LessonId, whole_of
from chalicelib.kernel.principal import Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import Policy

_S = ChangeStatus
CHANGE_TRANSITIONS: Transitions[ChangeStatus] = Transitions(
    "class change",
    {
        "approve": Step((_S.SUBMITTED,), _S.APPROVED),
        "reject": Step((_S.SUBMITTED,), _S.REJECTED),
        "withdraw": Step((_S.SUBMITTED,), _S.WITHDRAWN),
    },
)


def why_not(
    verb: str,
    class_change: ClassChange,
    training_class: TrainingClass,
    *,
    hands: Hands,
    now: datetime,
    version: int,
) -> DomainError | None:
    """Tell what stands against approving, rejecting or withdrawing a change; None if nothing does.

    What is offered on the change that waits is asked of the class: `change_approve` and so on.
    """
    action = f"change_{verb}"
    lawful = training_class.version == version and CLASS_TRANSITIONS.allows(action, training_class.status)
    if lawful and not CHANGE_TRANSITIONS.allows(verb, class_change.status):
        return error("wrong_state", status=class_change.status.value)
    return class_model.why_not(action, training_class, hands=hands, now=now, version=version)


def part_of(number: int) -> str:
    """Name the part of a class that holds its n-th change."""
    return f"change#{number:04d}"


def part_of_change(class_id: str, change_id: str) -> str | None:
    """Name the part that holds a change of this class; None if the id is of no such change."""
    whole, number = whole_of("cls", change_id)
    return f"change#{number}" if whole == class_id and number.isdigit() else None


def changed_plan(
    training_class: TrainingClass,
    plan: ClassPlan,
    *,
    lessons: Sequence[Lesson] | None,
    trainers: Sequence[Trainer],
    site: Site | None,
    now: datetime,
) -> ClassPlan:
    """Give the plan as it shall be: lessons that have begun stay as they are, wherever they are.

    `lessons` are all that shall still be held, an existing one under its own id; None leaves the timetable.
    `trainers` are added at the end, so that what was taught keeps its trainer. A new `site` is that of the
    lessons to come; those that have begun keep the old one as their own.
    """
    begun = [lesson for lesson in plan.lessons if has_begun(lesson, training_class.policy, now)]
    kept = {lesson.id for lesson in begun}
    to_come = [lesson for lesson in (plan.lessons if lessons is None else lessons) if lesson.id not in kept]
    if site is not None:
        begun = [msgspec.structs.replace(lesson, site=lesson.site or plan.site) for lesson in begun]
    numbers = [number_of(lesson.id) for lesson in to_come]
    return msgspec.structs.replace(
        plan,
        site=site or plan.site,
        trainers=[*plan.trainers, *trainers],
        lessons=[*begun, *sorted(to_come, key=lambda lesson: lesson.starts_at)],
        lesson_numbers=max([highest_number(plan), *numbers]),
    )


def plan_of(class_change: ClassChange, old: ClassPlan, *, version: int) -> ClassPlan:
    """Give the plan as a change would have it, in this version of the class."""
    return msgspec.structs.replace(
        old,
        site=class_change.site,
        trainers=class_change.trainers,
        lessons=class_change.lessons,
        lesson_numbers=class_change.lesson_numbers,
        version=version,
        last_change=None,
    )


def touched_begun(
    before: ClassPlan, after: Mapping[LessonId, Lesson], *, policy: Policy, now: datetime
) -> list[LessonId]:
    """List the lessons that have begun and are given differently from how they were held."""
    return [
        lesson.id
        for lesson in before.lessons
        if lesson.id in after
        and has_begun(lesson, policy, now)
        and not _is_same(lesson, after[lesson.id], before.site, before.site)
    ]


def overtaken(before: ClassPlan, after: ClassPlan, *, policy: Policy, now: datetime) -> list[LessonId]:
    """List the lessons of a change that time has overtaken: begun meanwhile, or moved into the past."""
    old = {lesson.id: lesson for lesson in before.lessons}
    new = {lesson.id: lesson for lesson in after.lessons}
    late = []
    for lesson_id in dict.fromkeys([*old, *new]):
        was, shall = old.get(lesson_id), new.get(lesson_id)
        if was is not None and shall is not None and _is_same(was, shall, before.site, after.site):
            continue
        into_the_past = shall is not None and shall.starts_at <= now
        if into_the_past or (was is not None and has_begun(was, policy, now)):
            late.append(lesson_id)
    return late


def _is_same(was: Lesson, shall: Lesson, old_site: Site, new_site: Site) -> bool:
    held = msgspec.structs.replace(was, site=was.site or old_site)
    return held == msgspec.structs.replace(shall, site=shall.site or new_site)


def highest_number(plan: ClassPlan) -> int:
    """Give the highest number that a lesson of this plan ever had."""
    return max([plan.lesson_numbers, *(number_of(lesson.id) for lesson in plan.lessons)])


def number_of(lesson_id: str) -> int:
    """Give a lesson's number in its class."""
    return int(whole_of("cls", lesson_id)[1])
