"""The rules of a class's plan: what policy asks of it, what it collides with, what was changed in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, teaches
from chalicelib.catalogue.projects.model import Project
from chalicelib.classes.model import ClassPlan, Lesson, Site, TrainingClass
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.geo import distance_m, to_wgs84
from chalicelib.programs.model import Policy, ProgramKind

SAME_ROOM_M = 20.0
_CELL_DEGREES = 0.001
"""About 100 m: a room is looked for in its own cell, and in the next one where that is within reach."""
_REACH_DEGREES = 0.00025


@dataclass(frozen=True)
class Breach:
    """One rule that a plan breaks: its code and the facts of its sentence."""

    code: str
    facts: Mapping[str, Fact]

    @property
    def refuses(self) -> bool:
        """Tell whether a class with this breach cannot be submitted; else the clerk only sees it."""
        return self.code not in WARNINGS_ONLY


WARNINGS_ONLY = frozenset({"hours_too_long", "project_hours_unmet", "trainer_or_room_overlap"})


def breaches_of(
    training_class: TrainingClass,
    *,
    kind: ProgramKind,
    institution: Institution,
    project: Project,
    now: datetime,
) -> list[Breach]:
    """List every rule the plan breaks if it were filed now (step 6 of the notice; policy table)."""
    policy = training_class.policy
    found = []
    if institution.status is InstitutionStatus.SUSPENDED:
        found.append(Breach("institution_suspended", {}))
    if not teaches(institution, project, training_class.program_id, kind):
        found.append(Breach("project_not_covered", {}))
    size = training_class.planned_size
    if not policy.class_size_min <= size <= policy.class_size_max:
        limits = {"minimum": policy.class_size_min, "maximum": policy.class_size_max}
        found.append(Breach("class_size", {"planned_size": size, **limits}))
    found += timetable_breaches(training_class.lessons, policy, project_hours=project.hours)
    opening = shanghai_date(training_class.opens_at)
    if (opening - shanghai_date(now)).days < policy.file_before_opening_days:
        days = policy.file_before_opening_days
        found.append(Breach("filed_too_late", {"file_before_opening_days": days}))
    return found


def timetable_breaches(lessons: Sequence[Lesson], policy: Policy, *, project_hours: int) -> list[Breach]:
    """List what a timetable alone breaks: these rules hold for a changed one too."""
    found = []
    hours = sum(lesson.hours for lesson in lessons)
    if hours < policy.class_hours_min:
        found.append(Breach("hours_too_few", {"hours": hours, "minimum": policy.class_hours_min}))
    by_day: dict[date, int] = defaultdict(int)
    for lesson in lessons:
        by_day[shanghai_date(lesson.starts_at)] += lesson.hours
    for day, total in sorted(by_day.items()):
        if total > policy.hours_per_day_max:
            maximum = policy.hours_per_day_max
            found.append(
                Breach("hours_per_day", {"day": day.isoformat(), "hours": total, "maximum": maximum})
            )
    for lesson in lessons:
        if lesson.ends_at - lesson.starts_at < timedelta(minutes=lesson.hours * policy.lesson_hour_minutes):
            facts: dict[str, Fact] = {
                "day": shanghai_date(lesson.starts_at).isoformat(),
                "hours": lesson.hours,
                "lesson_hour_minutes": policy.lesson_hour_minutes,
            }
            found.append(Breach("hours_too_long", facts))
    found += [Breach("lessons_overlap", {"day": day.isoformat()}) for day in _days_of_overlap(lessons)]
    if hours < project_hours:
        found.append(Breach("project_hours_unmet", {"hours": hours, "minimum": project_hours}))
    return found


def _days_of_overlap(lessons: Sequence[Lesson]) -> list[date]:
    """List the days on which two lessons of the class overlap; touching ends do not."""
    days = []
    busy_until: datetime | None = None
    for lesson in sorted(lessons, key=lambda one: one.starts_at):
        if busy_until is not None and lesson.starts_at < busy_until:
            days.append(shanghai_date(lesson.starts_at))
        busy_until = lesson.ends_at if busy_until is None else max(busy_until, lesson.ends_at)
    return sorted(set(days))


def overlap_breaches(plan: TrainingClass, others: Iterable[ClassPlan]) -> list[Breach]:
    """List the days on which a trainer or room of this class is taken by another class."""
    mine_on: dict[date, list[Lesson]] = defaultdict(list)
    for lesson in plan.lessons:
        for day in {shanghai_date(lesson.starts_at), shanghai_date(lesson.ends_at)}:
            mine_on[day].append(lesson)
    days = {
        shanghai_date(mine.starts_at)
        for other in others
        for theirs in other.lessons
        for day in {shanghai_date(theirs.starts_at), shanghai_date(theirs.ends_at)}
        for mine in mine_on.get(day, ())
        if mine.starts_at < theirs.ends_at
        and theirs.starts_at < mine.ends_at
        and (
            plan.trainers[mine.trainer].person_key == other.trainers[theirs.trainer].person_key
            or _same_room(plan.site_of(mine), theirs.site or other.site)
        )
    }
    return [Breach("trainer_or_room_overlap", {"day": day.isoformat()}) for day in sorted(days)]


def _same_room(one: Site, other: Site) -> bool:
    if _room_name(one) != _room_name(other):
        return False
    return distance_m(one.location.point, other.location.point) <= SAME_ROOM_M


def _room_name(site: Site) -> str:
    return "".join(f"{site.name}/{site.room or ''}".split())


# --------------------------------------------------------------------------- what a plan takes up


def rooms_of(plan: TrainingClass | ClassPlan) -> list[Site]:
    """List the rooms in which lessons are held, each once."""
    rooms: dict[str, Site] = {}
    for lesson in plan.lessons:
        site = lesson.site or plan.site
        rooms.setdefault(f"{_room_name(site)} {_cell(site, 0, 0)}", site)
    return list(rooms.values())


def taken_by(plan: TrainingClass | ClassPlan) -> set[str]:
    """Name what a plan takes up: its trainers by their key, its rooms by name and cell of the map."""
    trainers = {plan.trainers[lesson.trainer].person_key for lesson in plan.lessons if plan.trainers}
    return trainers | {f"{_room_name(site)} {_cell(site, 0, 0)}" for site in rooms_of(plan)}


def sought_by(plan: TrainingClass | ClassPlan) -> set[str]:
    """Name all under which another plan may take up the same: a room near a cell's border is in two."""
    around = (-_REACH_DEGREES, 0.0, _REACH_DEGREES)
    rooms = {
        f"{_room_name(site)} {_cell(site, lng, lat)}"
        for site in rooms_of(plan)
        for lng in around
        for lat in around
    }
    return taken_by(plan) | rooms


def _cell(site: Site, lng: float, lat: float) -> str:
    point = to_wgs84(site.location.point)
    return f"{int((point.lng + lng) // _CELL_DEGREES)}:{int((point.lat + lat) // _CELL_DEGREES)}"


# --------------------------------------------------------------------------- what was changed


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs between two versions of a plan; None where it did not, or does not exist."""

    field: str
    before: Any
    after: Any


_NOT_SHOWN = ("person_key", "sealed")


def changes_between(before: ClassPlan, after: ClassPlan) -> list[FieldChange]:
    """List the fields in which two versions of an application differ, in their order; people stay masked."""
    found: list[FieldChange] = []
    for name in ("project_id", "name", "planned_size", "site", "trainers", "lessons"):
        _compare(name, _plain(getattr(before, name)), _plain(getattr(after, name)), found)
    return found


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(datetime,))


def _compare(path: str, before: Any, after: Any, found: list[FieldChange]) -> None:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        told = len(found)
        for name in dict.fromkeys([*before, *after]):
            if name not in _NOT_SHOWN:
                _compare(f"{path}.{name}", before.get(name), after.get(name), found)
        if len(found) == told and before.get("person_key") != after.get("person_key"):
            # another person under the same mask
            found.append(
                FieldChange(field=f"{path}.id_number", before=before["id_number"], after=after["id_number"])
            )
    elif isinstance(before, list) and isinstance(after, list):
        old, new = _by_identity(before), _by_identity(after)
        for key in dict.fromkeys([*old, *new]):
            place, was = old.get(key, (None, None))
            now_place, now = new.get(key, (None, None))
            _compare(f"{path}[{now_place if place is None else place}]", was, now, found)
    else:
        found.append(FieldChange(field=path, before=_shown(before), after=_shown(after)))


def _by_identity(items: list[Any]) -> dict[Any, tuple[int, Any]]:
    """Give each item with its place, by its id if it has one (lessons), else by its place (trainers)."""
    return {one.get("id", place): (place, one) for place, one in enumerate(items)}


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items() if name not in _NOT_SHOWN}
    return value
