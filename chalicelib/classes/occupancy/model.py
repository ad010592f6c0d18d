"""What takes up a trainer or a room (教师、场地): where two plans collide, and under which names to look.

A room is a place by its name and number within 20 m. It is kept under its name and its cell of the map, 0.001
degree wide (about 100 m), and looked for in its own cell and in the next one where that is within reach.

An example: room 301 of a site stands 8 m west of a cell's border, in cell 117227. The same room written down
15 m further east stands in cell 117228. The second class is looked for under both cells, since the border is
nearer than 0.00025 degree (about 25 m), so the two are found to be one room.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from chalicelib.classes.model import ClassPlan, Lesson, Site, TrainingClass
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.geo import distance_m, to_wgs84

SAME_ROOM_M = 20.0
_CELL_DEGREES = 0.001
_REACH_DEGREES = 0.00025


def days_of_collision(plan: TrainingClass, others: Iterable[ClassPlan]) -> list[date]:
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
    return sorted(days)


def first_day_together(mine: Iterable[Lesson], theirs: Iterable[Lesson]) -> date | None:
    """Give the first day on which lessons of two timetables overlap; None if none do.

    Example: 9:00 to 12:00 and 12:00 to 17:00 do not; 9:00 to 12:00 and 11:59 to 17:00 do.
    """
    others = list(theirs)
    days = [
        shanghai_date(lesson.starts_at)
        for lesson in mine
        if any(lesson.starts_at < other.ends_at and other.starts_at < lesson.ends_at for other in others)
    ]
    return min(days, default=None)


def _same_room(mine: Site, theirs: Site) -> bool:
    if _room_name(mine) != _room_name(theirs):
        return False
    return distance_m(mine.location.point, theirs.location.point) <= SAME_ROOM_M


def _room_name(site: Site) -> str:
    return "".join(f"{site.name}/{site.room or ''}".split())


# --------------------------------------------------------------------------- under which names


def rooms_of(plan: TrainingClass | ClassPlan) -> list[Site]:
    """List the rooms in which lessons are held, each once."""
    rooms: dict[str, Site] = {}
    for lesson in plan.lessons:
        site = lesson.site or plan.site
        rooms.setdefault(f"{_room_name(site)} {_cell(site, 0, 0)}", site)
    return list(rooms.values())


def names_taken(plan: TrainingClass | ClassPlan) -> set[str]:
    """Name what a plan takes up: its trainers by their key, its rooms by name and cell of the map."""
    trainers = {plan.trainers[lesson.trainer].person_key for lesson in plan.lessons if plan.trainers}
    return trainers | {f"{_room_name(site)} {_cell(site, 0, 0)}" for site in rooms_of(plan)}


def names_sought(plan: TrainingClass | ClassPlan) -> set[str]:
    """Name all under which another plan may take up the same: a room near a cell's border is in two."""
    around = (-_REACH_DEGREES, 0.0, _REACH_DEGREES)
    rooms = {
        f"{_room_name(site)} {_cell(site, lng, lat)}"
        for site in rooms_of(plan)
        for lng in around
        for lat in around
    }
    return names_taken(plan) | rooms


def _cell(site: Site, lng: float, lat: float) -> str:
    point = to_wgs84(site.location.point)
    return f"{int((point.lng + lng) // _CELL_DEGREES)}:{int((point.lat + lat) // _CELL_DEGREES)}"
