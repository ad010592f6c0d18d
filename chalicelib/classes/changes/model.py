"""Changes of a running class's timetable: applied for by the institution, decided by the bureau.

Until it is approved the class runs on its old timetable. What has begun is never changed: a lesson whose
check-in has opened may have check-ins, and what happened at it has to stay provable.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.classes.model import ClassPlan, Lesson, Site, Trainer, TrainingClass
from chalicelib.classes.plans.model import FieldChange
from chalicelib.kernel.ids import ClassId, LessonId, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import Policy


class ChangeStatus(StrEnum):
    """Where an application for a change is."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_S = ChangeStatus
CHANGE_TRANSITIONS: Transitions[ChangeStatus] = Transitions(
    "class change",
    {
        "approve": Step((_S.SUBMITTED,), _S.APPROVED),
        "reject": Step((_S.SUBMITTED,), _S.REJECTED),
        "withdraw": Step((_S.SUBMITTED,), _S.WITHDRAWN),
    },
)


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """An application to change a running class: how its plan shall be, and in which fields that differs."""

    id: ClassId
    part: str
    division: str
    status: ChangeStatus
    reason: str
    site: Site
    trainers: list[Trainer]
    lessons: list[Lesson]
    lesson_numbers: int
    changes: list[FieldChange]
    submitted_by: str
    submitted_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    version: int = 1
    last_change: Change | None = None

    def plan(self, old: ClassPlan, *, version: int) -> ClassPlan:
        """Give the plan as it shall be."""
        return msgspec.structs.replace(
            old,
            site=self.site,
            trainers=self.trainers,
            lessons=self.lessons,
            lesson_numbers=self.lesson_numbers,
            version=version,
            last_change=None,
        )

    @property
    def change_id(self) -> str:
        """Give the id by which clients know it."""
        return change_id_of(self.id, int(self.part.partition("#")[2]))


def part_of(number: int) -> str:
    """Name the part of a class that holds its n-th change."""
    return f"change#{number:04d}"


def change_id_of(class_id: str, number: int) -> str:
    """Give the id of a class's n-th change."""
    return part_id("chg", class_id, f"{number:04d}")


def part_of_change(class_id: str, change_id: str) -> str | None:
    """Name the part that holds a change of this class; None if the id is of no such change."""
    whole, number = whole_of("cls", change_id)
    return f"change#{number}" if whole == class_id and number.isdigit() else None


def has_begun(lesson: Lesson, policy: Policy, now: datetime) -> bool:
    """Tell whether a lesson's check-in has opened: from then on nothing about it changes."""
    return now >= lesson.starts_at - timedelta(minutes=policy.check_in_opens_minutes_before)


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
    begun = [one for one in plan.lessons if has_begun(one, training_class.policy, now)]
    kept = {one.id for one in begun}
    to_come = [one for one in (plan.lessons if lessons is None else lessons) if one.id not in kept]
    if site is not None:
        begun = [msgspec.structs.replace(one, site=one.site or plan.site) for one in begun]
    numbers = [number_of(one.id) for one in to_come]
    return msgspec.structs.replace(
        plan,
        site=site or plan.site,
        trainers=[*plan.trainers, *trainers],
        lessons=[*begun, *sorted(to_come, key=lambda one: one.starts_at)],
        lesson_numbers=max([highest_number(plan), *numbers]),
    )


def touched_begun(
    before: ClassPlan, after: Mapping[LessonId, Lesson], *, policy: Policy, now: datetime
) -> list[LessonId]:
    """List the lessons that have begun and are given differently from how they were held."""
    return [
        one.id
        for one in before.lessons
        if has_begun(one, policy, now) and one.id in after and not _same(one, after[one.id], before.site)
    ]


def overtaken(before: ClassPlan, after: ClassPlan, *, policy: Policy, now: datetime) -> list[LessonId]:
    """List the lessons of a change that time has overtaken: begun meanwhile, or moved into the past."""
    old = {one.id: one for one in before.lessons}
    new = {one.id: one for one in after.lessons}
    found = []
    for lesson_id in dict.fromkeys([*old, *new]):
        was, shall = old.get(lesson_id), new.get(lesson_id)
        if was is not None and shall is not None and _same_place(was, shall, before.site, after.site):
            continue
        if (was is not None and has_begun(was, policy, now)) or (
            shall is not None and shall.starts_at <= now
        ):
            found.append(lesson_id)
    return found


def _same_place(was: Lesson, shall: Lesson, old_site: Site, new_site: Site) -> bool:
    held = msgspec.structs.replace(was, site=was.site or old_site)
    return held == msgspec.structs.replace(shall, site=shall.site or new_site)


def _same(was: Lesson, given: Lesson, site: Site) -> bool:
    return _same_place(was, given, site, site)


def highest_number(plan: ClassPlan) -> int:
    """Give the highest number that a lesson of this plan ever had."""
    return max([plan.lesson_numbers, *(number_of(one.id) for one in plan.lessons)])


def number_of(lesson_id: str) -> int:
    """Give a lesson's number in its class."""
    return int(whole_of("cls", lesson_id)[1])
