"""Where Anhui lies: a coarse outline of the province and the extents of its cities, in WGS-84.

Drawn by hand from published figures (the extents that each city gives of itself, towns on either side of the
border), not from a survey: it tells a typing error from a place, not on which side of a border a house
stands. No town of Anhui lies outside; beyond the border only places within some kilometres of it pass.
"""

import math

from chalicelib.kernel.geo import Point, to_wgs84

TOLERANCE_KM = 5.0
_EXTENT_MARGIN_DEG = 0.1  # about 10 km
_KM_A_DEGREE = 111.2

# fmt: off
_OUTLINE: tuple[tuple[float, float], ...] = (
    (116.08, 34.60), (116.25, 34.70), (116.45, 34.72), (116.66, 34.60), (116.69, 34.46), (116.82, 34.45),
    (117.02, 34.40), (117.08, 34.25), (117.24, 34.12), (117.47, 34.12), (117.62, 34.04), (117.80, 34.04),
    (117.82, 33.80), (118.22, 33.81), (118.25, 33.62), (118.18, 33.40), (118.10, 33.30), (118.30, 33.24),
    (118.36, 33.10), (118.28, 32.98), (118.45, 32.90), (118.48, 32.72), (118.66, 32.80), (118.70, 32.94),
    (118.98, 33.02), (119.16, 32.92), (119.27, 32.80), (119.20, 32.48), (118.85, 32.42), (118.70, 32.50),
    (118.66, 32.20), (118.48, 32.14), (118.42, 32.02), (118.52, 31.88), (118.56, 31.81), (118.70, 31.74),
    (118.90, 31.69), (118.93, 31.52), (118.90, 31.37), (118.78, 31.35), (118.74, 31.26), (118.95, 31.23),
    (119.06, 31.33), (119.32, 31.32), (119.44, 31.20), (119.60, 31.20), (119.69, 30.97), (119.69, 30.72),
    (119.52, 30.58), (119.44, 30.40), (119.28, 30.26), (118.97, 30.20), (118.95, 29.90), (118.80, 29.70),
    (118.76, 29.55), (118.60, 29.47), (118.22, 29.36), (118.08, 29.36), (117.95, 29.50), (117.66, 29.50),
    (117.45, 29.52), (117.12, 29.56), (116.85, 29.50), (116.65, 29.64), (116.72, 29.90), (116.60, 29.97),
    (116.45, 29.88), (116.30, 29.75), (116.20, 29.77), (116.03, 29.80), (116.02, 29.98), (115.83, 30.20),
    (115.80, 30.42), (115.68, 30.55), (115.78, 30.80), (115.76, 31.00), (115.70, 31.06), (115.52, 31.10),
    (115.40, 31.30), (115.31, 31.42), (115.31, 31.60), (115.48, 31.78), (115.70, 31.88), (115.80, 32.05),
    (115.80, 32.45), (115.70, 32.36), (115.53, 32.36), (115.45, 32.47), (115.40, 32.55), (115.18, 32.60),
    (115.12, 32.78), (114.93, 32.92), (114.82, 33.02), (114.86, 33.19), (115.10, 33.20), (115.24, 33.24),
    (115.22, 33.38), (115.32, 33.58), (115.52, 33.65), (115.50, 33.78), (115.55, 33.97), (115.68, 34.12),
    (116.00, 34.12), (116.08, 33.90), (116.25, 33.82), (116.40, 33.90), (116.52, 33.92), (116.60, 34.03),
    (116.48, 34.22), (116.32, 34.26), (116.10, 34.38),
)
"""Longitude and latitude, from the north-west corner (砀山) clockwise."""
# fmt: on

_EXTENTS: dict[str, tuple[float, float, float, float]] = {
    "3401": (116.68, 30.95, 117.98, 32.55),
    "3402": (117.47, 30.32, 118.73, 31.57),
    "3403": (116.75, 32.72, 118.08, 33.50),
    "3404": (116.35, 31.90, 117.21, 33.01),
    "3405": (117.88, 31.29, 118.90, 32.06),
    "3406": (116.38, 33.27, 117.05, 34.25),
    "3407": (116.92, 30.42, 118.17, 31.15),
    "3408": (115.75, 29.78, 117.73, 31.27),
    "3410": (117.03, 29.40, 118.92, 30.52),
    "3411": (117.15, 31.85, 119.23, 33.22),
    "3412": (114.87, 32.40, 116.65, 33.60),
    "3413": (116.15, 33.28, 118.19, 34.65),
    "3415": (115.33, 31.01, 117.25, 32.67),
    "3416": (115.53, 32.85, 116.83, 34.08),
    "3417": (116.55, 29.55, 118.14, 30.85),
    "3418": (117.97, 29.95, 119.67, 31.32),
    "341882": (119.03, 30.60, 119.67, 31.22),
    "340826": (115.85, 29.77, 116.60, 30.45),
}
"""West, south, east and north of the cities and of the directly administered counties, by code."""


def has_extent(code: str) -> bool:
    """Tell whether the extent of a city, or of a directly administered county, is known."""
    return code in _EXTENTS


def within_extent(code: str, point: Point) -> bool:
    """Tell whether a point lies in the rectangle around a city, or at most some 10 km from it."""
    west, south, east, north = _EXTENTS[code]
    here = to_wgs84(point)
    margin = _EXTENT_MARGIN_DEG
    return west - margin <= here.lng <= east + margin and south - margin <= here.lat <= north + margin


def in_province(point: Point) -> bool:
    """Tell whether a point can lie in Anhui: inside the outline, or at most 5 km from it."""
    here = to_wgs84(point)
    sides = list(zip(_OUTLINE, (*_OUTLINE[1:], _OUTLINE[0]), strict=True))
    crossed = 0  # by a ray from the point to the east: an odd number of times from inside
    for (lng, lat), (next_lng, next_lat) in sides:
        if (lat > here.lat) != (next_lat > here.lat):
            at = lng + (next_lng - lng) * (here.lat - lat) / (next_lat - lat)
            crossed += here.lng < at
    return crossed % 2 == 1 or min(_km_to(here, *side) for side in sides) <= TOLERANCE_KM


def _km_to(point: Point, start: tuple[float, float], end: tuple[float, float]) -> float:
    """Measure to a side on a plane that touches the earth at the point: exact enough for kilometres."""
    scale = math.cos(math.radians(point.lat))
    from_x, from_y = (start[0] - point.lng) * scale, start[1] - point.lat
    x, y = (end[0] - start[0]) * scale, end[1] - start[1]
    along = -(from_x * x + from_y * y) / (x * x + y * y)
    nearest = min(1.0, max(0.0, along))
    return math.hypot(from_x + nearest * x, from_y + nearest * y) * _KM_A_DEGREE
