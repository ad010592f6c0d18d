"""Plots as pages draw them: places in metres round a site, and what happened along a lesson."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.kernel.geo import Point, distance_m, to_wgs84

HALF = 160
"""Half the side of a map, in its own units."""
_MARGIN = 1.15
_LEAST_M = 120.0
_MOST_M = 5000.0
_STEPS = (25, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True)
class Dot:
    """A place on a map: its offset in the map's units, its ring, and what it is."""

    x: float
    y: float
    ring: float
    label: str
    inside: bool
    at_edge: bool


@dataclass(frozen=True)
class SiteMap:
    """A site and places round it; `scale` is units a metre."""

    radius: float
    radius_m: int
    step_m: int
    step: float
    dots: Sequence[Dot]


def site_map(site: Any, radius_m: int, places: Iterable[tuple[Any, float, str]] = ()) -> SiteMap:
    """Lay out places round a site; each has a location, its accuracy in metres, and a label."""
    centre = _point(site)
    offsets = [
        (*_offset_m(centre, _point(place)), float(accuracy), label) for place, accuracy, label in places
    ]
    reach = max([_LEAST_M, radius_m * 1.0, *(min(_MOST_M, math.hypot(x, y)) for x, y, _, _ in offsets)])
    scale = HALF / (reach * _MARGIN)
    edge = HALF / scale
    dots = []
    for x, y, accuracy, label in offsets:
        away = math.hypot(x, y)
        shrink = min(1.0, edge / away * 0.96) if away else 1.0
        dots.append(
            Dot(
                x * shrink * scale,
                -y * shrink * scale,
                min(accuracy, reach) * scale,
                label,
                away <= radius_m,
                shrink < 1.0,
            )
        )
    step = next((step for step in _STEPS if step * scale >= HALF / 5), _STEPS[-1])
    return SiteMap(radius_m * scale, radius_m, step, step * scale, dots)


def _point(location: Any) -> Point:
    return to_wgs84(Point(location.lng, location.lat, location.coord_system))


def _offset_m(centre: Point, place: Point) -> tuple[float, float]:
    """Give how far east and north a place is."""
    east = distance_m(centre, Point(place.lng, centre.lat, centre.coord_system))
    north = distance_m(centre, Point(centre.lng, place.lat, centre.coord_system))
    return math.copysign(east, place.lng - centre.lng), math.copysign(north, place.lat - centre.lat)


@dataclass(frozen=True)
class Span:
    """A stretch of a timeline, in percent of its length."""

    left: float
    width: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """What happened along a lesson: the lesson itself, footage, gaps, and single moments."""

    lesson: Span
    footage: Sequence[Span]
    gaps: Sequence[Span]
    moments: Sequence[tuple[float, str, str]]


def timeline(
    lesson: Any,
    footage: Iterable[Any],
    gaps: Iterable[Any],
    moments: Iterable[tuple[datetime, str, str]],
) -> Timeline:
    """Lay out a lesson from an hour before it to half an hour after; what is beyond stands at the edge."""
    begins, ends = lesson.starts_at.timestamp() - 3600, lesson.ends_at.timestamp() + 1800
    whole = max(1.0, ends - begins)

    def place(at: datetime) -> float:
        share: float = (at.timestamp() - begins) / whole
        return max(0.0, min(100.0, share * 100))

    def span(part: Any, label: str) -> Span:
        left, right = place(_first(part)), place(_last(part))
        return Span(left, max(0.3, right - left), label)

    return Timeline(
        span(lesson, ""),
        [span(part, getattr(part, "camera_id", "")) for part in footage],
        [span(part, "") for part in gaps],
        [(place(at), kind, label) for at, kind, label in moments],
    )


def _first(part: Any) -> datetime:
    moment: datetime = part.starts_at if hasattr(part, "starts_at") else part.started_at
    return moment


def _last(part: Any) -> datetime:
    moment: datetime = part.ends_at if hasattr(part, "ends_at") else part.ended_at
    return moment
