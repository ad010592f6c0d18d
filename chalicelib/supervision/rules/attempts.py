"""How rules read an attempt to check in, a lesson, a site: what the page of records says of each."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.kernel.geo import CoordSystem, Point, to_wgs84
from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClassRecord,
    LessonRecord,
    Position,
    SiteRecord,
)

STANDS_FOR_NOTHING = frozenset({"draft", "returned", "cancelled"})
"""States of a class that collides with nothing and is paid nothing."""
_COUNTED = frozenset({"accepted", "needs_review"})
_EARTH_KM = 6371.0088
_DEGREE_M = 111_195.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An attempt with its place in WGS-84, whatever it was told in."""

    check_in: CheckInRecord
    lng: float
    lat: float
    accuracy_m: float | None

    @property
    def at(self) -> datetime:
        """Give when it was received."""
        return self.check_in.received_at

    @property
    def spot(self) -> tuple[float, float]:
        """Give the place to a decimetre: two equal ones are the same point."""
        return round(self.lng, 6), round(self.lat, 6)


def counts(check_in: CheckInRecord) -> bool:
    """Tell whether an attempt says that somebody was there: refused ones do not."""
    return check_in.outcome in _COUNTED


def came(check_in: CheckInRecord) -> bool:
    """Tell whether an attempt says that somebody came."""
    return check_in.kind == "in" and counts(check_in)


def is_live(check_in: CheckInRecord) -> bool:
    """Tell whether an attempt was made there and then; rules of position and bursts read no other."""
    return not check_in.offline and not check_in.made_up


def moment_of(check_in: CheckInRecord) -> datetime:
    """Tell when it happened: by the device's clock only where it was offline."""
    if check_in.offline and check_in.happened_at is not None:
        return check_in.happened_at
    return check_in.received_at


def placed(check_in: CheckInRecord) -> Placed | None:
    """Give where an attempt was made; None if it was not live, or has no place that can be read."""
    return _placed(check_in) if is_live(check_in) else None


def placed_late(check_in: CheckInRecord) -> Placed | None:
    """Give where an attempt was made that was recorded without a network; None of any other."""
    return _placed(check_in) if check_in.offline and not check_in.made_up else None


def _placed(check_in: CheckInRecord) -> Placed | None:
    told = check_in.location
    point = point_of(told)
    if told is None or point is None:
        return None
    accuracy = told.accuracy_m if told.accuracy_m is not None and told.accuracy_m > 0 else None
    return Placed(check_in=check_in, lng=point.lng, lat=point.lat, accuracy_m=accuracy)


def point_of(told: Position | SiteRecord | None) -> Point | None:
    """Give a place in WGS-84; None if it has no known system, or is on no earth."""
    if told is None:
        return None
    try:
        return to_wgs84(Point(told.lng, told.lat, CoordSystem(told.coord_system.lower())))
    except ValueError:
        return None


def metres_from(origin: tuple[float, float], lng: float, lat: float) -> tuple[float, float]:
    """Give how far east and north of a point another one near it lies."""
    return (
        (lng - origin[0]) * _DEGREE_M * math.cos(math.radians(origin[1])),
        (lat - origin[1]) * _DEGREE_M,
    )


def km_between(here: Placed | Point, there: Placed | Point) -> float:
    """Measure along the great circle: near enough (0.5 %) to compare speeds with."""
    phi, psi = math.radians(here.lat), math.radians(there.lat)
    half = math.radians(there.lng - here.lng) / 2
    h = math.sin((psi - phi) / 2) ** 2 + math.cos(phi) * math.cos(psi) * math.sin(half) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """A lesson with the class it is of, its room and its site, as far as they are known."""

    head: ClassRecord
    lesson: LessonRecord
    room: str | None
    site: SiteRecord | None


def stands(head: ClassRecord) -> bool:
    """Tell whether a class takes up time, rooms and trainers."""
    return head.status not in STANDS_FOR_NOTHING


def meetings_of(heads: Iterable[ClassRecord]) -> list[Meeting]:
    """Give the lessons of classes that stand, in order; a lesson's own room and site go first."""
    meetings = {
        lesson.id: Meeting(
            head=head,
            lesson=lesson,
            room=_known(lesson.room) or _known(head.room),
            site=lesson.site or head.site,
        )
        for head in heads
        if stands(head)
        for lesson in head.lessons
    }
    return sorted(meetings.values(), key=lambda meeting: (meeting.lesson.starts_at, meeting.lesson.id))


def overlap_of(one: LessonRecord, other: LessonRecord) -> timedelta:
    """Give for how long two lessons are at once; negative if they are not."""
    return min(one.ends_at, other.ends_at) - max(one.starts_at, other.starts_at)


def minutes(duration: timedelta) -> float:
    """Give a duration for the evidence."""
    return round(duration.total_seconds() / 60, 1)


def newest(moments: Sequence[datetime | None], otherwise: datetime) -> datetime:
    """Give the newest of the moments that are known."""
    return max((moment for moment in moments if moment is not None), default=otherwise)


def _known(text: str | None) -> str | None:
    return " ".join(text.split()).casefold() or None if text else None
