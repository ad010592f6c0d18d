"""The rules of a class's plan: what policy asks of it, and what was changed in it (step 6 of the notice).

An example, under the default policy: twelve trainees, five lessons of eight hours on five days, filed ten
days before the first. Nothing is broken: 12 is between 10 and 50, 5 × 8 = 40 hours are the least there may
be, 8 a day the most, and ten days are more than seven. With four such lessons the plan breaks
`hours_too_few` (32 < 40); a lesson of eight hours from 9:00 to 14:00 breaks `hours_too_long` (8 × 45 minutes
take until 15:00). A new rule is one more `Breach` here; its code's place in `kernel/reasons.py` says when it
is told. Hours are what is paid for: a minute that counts as eight hours is refused, not told, since
supervision compares lessons by how long they last.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, teaches
from chalicelib.catalogue.projects.model import Project
from chalicelib.classes.model import ClassPlan, FieldChange, Lesson, Site, TrainingClass
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import plausible
from chalicelib.kernel.errors import DomainError, Fact, Fault
from chalicelib.kernel.geo import distance_m
from chalicelib.kernel.reasons import error, first_of
from chalicelib.programs.model import Policy, ProgramKind


@dataclass(frozen=True)
class Breach:
    """One rule that a plan breaks: its code and the facts of its sentence.

    `about` is the lesson or day that breaks it, `extent` by how much, in the rule's own unit: a later plan
    breaks it anew only elsewhere, or further (`fresh_breaches`).
    """

    code: str
    facts: Mapping[str, Fact]
    about: str = ""
    extent: int = 0

    @property
    def refuses(self) -> bool:
        """Tell whether a class with this breach cannot be submitted; else the clerk only sees it."""
        return self.code not in WARNINGS_ONLY


WARNINGS_ONLY = frozenset({"trainer_or_room_overlap", "rooms_not_recorded", "site_far"})
SITE_FAR_M = 5_000
"""A place farther than this from where the institution is recorded is told. No source fixes it."""


def breaches_of(
    training_class: TrainingClass,
    *,
    kind: ProgramKind,
    institution: Institution,
    project: Project,
    now: datetime,
    barred: bool,
) -> list[Breach]:
    """List every rule the plan breaks if it were filed now (step 6 of the notice; policy table).

    `barred` is an institution that may open no class (`catalogue.institutions.cards`).
    """
    policy = training_class.policy
    breaches = []
    if institution.status is InstitutionStatus.SUSPENDED:
        breaches.append(Breach("institution_suspended", {}))
    if barred:
        breaches.append(Breach("red_card", {}))
    if not teaches(institution, project, training_class.program_id, kind):
        breaches.append(Breach("project_not_covered", {}))
    size = training_class.planned_size
    if not policy.class_size_min <= size <= policy.class_size_max:
        limits = {"minimum": policy.class_size_min, "maximum": policy.class_size_max}
        breaches.append(Breach("class_size", {"planned_size": size, **limits}))
    breaches += timetable_breaches(training_class.lessons, policy, project_hours=project.hours)
    breaches += radius_breaches(training_class)
    breaches += far_breaches(training_class, institution)
    opening = shanghai_date(training_class.opens_at)
    if (opening - shanghai_date(now)).days < policy.file_before_opening_days:
        days = policy.file_before_opening_days
        breaches.append(Breach("filed_too_late", {"file_before_opening_days": days}))
    return breaches


def timetable_breaches(lessons: Sequence[Lesson], policy: Policy, *, project_hours: int) -> list[Breach]:
    """List what a timetable alone breaks: a changed one may break nothing anew (`fresh_breaches`)."""
    breaches = []
    hours = sum(lesson.hours for lesson in lessons)
    if hours < policy.class_hours_min:
        short, facts = policy.class_hours_min - hours, {"hours": hours, "minimum": policy.class_hours_min}
        breaches.append(Breach("hours_too_few", facts, extent=short))
    by_day: dict[date, int] = defaultdict(int)
    for lesson in lessons:
        by_day[shanghai_date(lesson.starts_at)] += lesson.hours
    for day, total in sorted(by_day.items()):
        if total > policy.hours_per_day_max:
            told: dict[str, Fact] = {"day": day.isoformat(), "hours": total}
            told["maximum"] = policy.hours_per_day_max
            breaches.append(Breach("hours_per_day", told, about=day.isoformat(), extent=total))
    breaches += [_too_short(lesson, missing, policy) for lesson, missing in _short_lessons(lessons, policy)]
    breaches += [
        Breach("lessons_overlap", {"day": day.isoformat()}, about=day.isoformat(), extent=seconds)
        for day, seconds in sorted(_overlaps_by_day(lessons).items())
    ]
    if hours < project_hours:
        unmet = {"hours": hours, "minimum": project_hours}
        breaches.append(Breach("project_hours_unmet", unmet, extent=project_hours - hours))
    return breaches


def _places_of(training_class: TrainingClass) -> Iterator[tuple[str, Site]]:
    """Give the class's place and those of lessons that have another, each once and with what names it."""
    named: dict[str, Site] = {}
    for site in (training_class.site, *(training_class.site_of(one) for one in training_class.lessons)):
        where = site.location
        named.setdefault(f"{where.lng},{where.lat},{where.coord_system},{site.radius_m}", site)
    yield from named.items()


def radius_breaches(training_class: TrainingClass) -> list[Breach]:
    """List the places where a phone may be farther away than the policy lets it: a place may only narrow it.

    A changed plan breaks nothing anew by a place that was approved so wide (`fresh_breaches`).
    """
    widest = training_class.policy.geofence_radius_m
    return [
        Breach(
            "site_too_wide",
            {"site": site.name, "radius_m": site.radius_m, "maximum": widest},
            about=about,
            extent=site.radius_m,
        )
        for about, site in _places_of(training_class)
        if site.radius_m is not None and site.radius_m > widest
    ]


def far_breaches(training_class: TrainingClass, institution: Institution) -> list[Breach]:
    """Warn of the places far from the institution's own, or from the division whose clerk looks after it."""
    breaches = []
    for about, site in _places_of(training_class):
        point = site.location.point
        away = round(distance_m(point, institution.location.point))
        if away > SITE_FAR_M or plausible(training_class.division, point) is False:
            facts: dict[str, Fact] = {"site": site.name, "distance_m": away}
            breaches.append(Breach("site_far", facts, about=about, extent=away))
    return breaches


def _short_lessons(lessons: Sequence[Lesson], policy: Policy) -> Iterator[tuple[Lesson, timedelta]]:
    """Give the lessons that are shorter than their hours count, each with the time that is missing."""
    for lesson in lessons:
        needed = timedelta(minutes=lesson.hours * policy.lesson_hour_minutes)
        missing = needed - (lesson.ends_at - lesson.starts_at)
        if missing > timedelta():
            yield lesson, missing


def _too_short(lesson: Lesson, missing: timedelta, policy: Policy) -> Breach:
    facts: dict[str, Fact] = {
        "day": shanghai_date(lesson.starts_at).isoformat(),
        "hours": lesson.hours,
        "lesson_hour_minutes": policy.lesson_hour_minutes,
    }
    return Breach("hours_too_long", facts, about=lesson.id, extent=_seconds(missing))


def _overlaps_by_day(lessons: Sequence[Lesson]) -> dict[date, int]:
    """Tell by day for how many seconds lessons of the class overlap; touching ends do not."""
    by_day: dict[date, int] = defaultdict(int)
    busy_until: datetime | None = None
    for lesson in sorted(lessons, key=lambda lesson: lesson.starts_at):
        if busy_until is not None and lesson.starts_at < busy_until:
            shared = min(busy_until, lesson.ends_at) - lesson.starts_at
            by_day[shanghai_date(lesson.starts_at)] += _seconds(shared)
        busy_until = lesson.ends_at if busy_until is None else max(busy_until, lesson.ends_at)
    return by_day


def _seconds(span: timedelta) -> int:
    """Give a span in whole seconds, a part of one as a whole."""
    return max(1, math.ceil(span.total_seconds()))


def fresh_breaches(before: Sequence[Breach], after: Sequence[Breach]) -> list[Breach]:
    """List what a changed plan breaks that the one before it did not, at that lesson or day, or not as far.

    Example: a class was approved with a lesson of one minute that counts as eight hours, and that lesson has
    begun. A later lesson may still be moved; a second one of a minute is a breach of its own.
    """
    known = {(breach.code, breach.about): breach.extent for breach in before}
    return [breach for breach in after if breach.extent > known.get((breach.code, breach.about), 0)]


def overlap_breaches(days: Sequence[date], *, unknown_room: bool) -> list[Breach]:
    """Warn of the days on which a trainer or room of a class is taken by another class.

    With `unknown_room` the school is told why supervision takes its classes for one room's.
    """
    overlaps = [Breach("trainer_or_room_overlap", {"day": day.isoformat()}) for day in days]
    return [*overlaps, Breach("rooms_not_recorded", {})] if days and unknown_room else overlaps


def names_no_room(training_class: TrainingClass, institution: Institution) -> bool:
    """Tell whether neither the institution's record nor a lesson's place says in which room it is held."""
    sites = [training_class.site_of(lesson) for lesson in training_class.lessons]
    return not institution.rooms and any(not site.room for site in sites)


def refusal_of(breaches: Sequence[Breach]) -> DomainError | None:
    """Tell why a plan cannot be filed: the first rule it breaks in the documented order, all in `faults`."""
    refusing = [breach for breach in breaches if breach.refuses]
    if not refusing:
        return None
    code = first_of([breach.code for breach in refusing])
    facts = next(breach.facts for breach in refusing if breach.code == code)
    faults = tuple(Fault(breach.code, facts=breach.facts) for breach in refusing)
    return error(code, faults=faults, **facts)


# --------------------------------------------------------------------------- what was changed


_NOT_SHOWN = ("person_key", "sealed")
_COMPARED = ("project_id", "name", "planned_size", "site", "trainers", "lessons")


def changes_between(before: ClassPlan, after: ClassPlan) -> list[FieldChange]:
    """List the fields in which two versions of an application differ, in their order; people stay masked."""
    return [
        change
        for name in _COMPARED
        for change in _compare(name, _plain(getattr(before, name)), _plain(getattr(after, name)))
    ]


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(datetime,))


def _compare(path: str, before: Any, after: Any) -> list[FieldChange]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return _compare_fields(path, before, after)
    if isinstance(before, list) and isinstance(after, list):
        return _compare_items(path, before, after)
    return [FieldChange(field=path, before=_shown(before), after=_shown(after))]


def _compare_fields(path: str, before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    changes = [
        change
        for name in dict.fromkeys([*before, *after])
        if name not in _NOT_SHOWN
        for change in _compare(f"{path}.{name}", before.get(name), after.get(name))
    ]
    if not changes and before.get("person_key") != after.get("person_key"):
        # another person under the same mask
        return [FieldChange(field=f"{path}.id_number", before=before["id_number"], after=after["id_number"])]
    return changes


def _compare_items(path: str, before: list[Any], after: list[Any]) -> list[FieldChange]:
    changes = []
    old, new = _by_identity(before), _by_identity(after)
    for key in dict.fromkeys([*old, *new]):
        old_place, old_item = old.get(key, (None, None))
        new_place, new_item = new.get(key, (None, None))
        place = new_place if old_place is None else old_place
        changes += _compare(f"{path}[{place}]", old_item, new_item)
    return changes


def _by_identity(items: list[Any]) -> dict[Any, tuple[int, Any]]:
    """Give each item with its place, by its id if it has one (lessons), else by its place (trainers)."""
    return {item.get("id", place): (place, item) for place, item in enumerate(items)}


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(part) for name, part in value.items() if name not in _NOT_SHOWN}
    return value
