"""Points on the ground, the three coordinate systems met in China, and distances in metres.

Phones report WGS-84. Maps published in China are in GCJ-02, which shifts WGS-84 by some hundred
metres; Baidu shifts GCJ-02 once more (BD-09). The formulas are those published with the open-source
coordinate converters; outside China neither shift exists. In Anhui the shifts are 528-581 m and
893-934 m, far above any geofence, which is why a point without its system is refused.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class CoordSystem(StrEnum):
    """The coordinate system that a longitude and latitude are in."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


_LNG_MAX, _LAT_MAX = 180.0, 90.0


@dataclass(frozen=True)
class Point:
    """A place: longitude and latitude in degrees, and the system they are in.

    Raises:
        ValueError: a number that is not finite or out of range.

    """

    lng: float
    lat: float
    coord_system: CoordSystem

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lng) and -_LNG_MAX <= self.lng <= _LNG_MAX):
            msg = f"longitude {self.lng} is not between -180 and 180"
            raise ValueError(msg)
        if not (math.isfinite(self.lat) and -_LAT_MAX <= self.lat <= _LAT_MAX):
            msg = f"latitude {self.lat} is not between -90 and 90"
            raise ValueError(msg)


_Pair = tuple[float, float]

# The box within which the shifts apply, and the Krasovsky 1940 ellipsoid they are defined on.
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_GCJ_AXIS_M = 6378245.0
_GCJ_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD_TURN = math.pi * 3000.0 / 180.0

_INVERSE_TOLERANCE_DEG = 1e-10  # 0.01 mm
_INVERSE_STEPS_MAX = 30


def _shifted(lng: float, lat: float) -> bool:
    return _WEST <= lng <= _EAST and _SOUTH <= lat <= _NORTH


def _waves(scaled: float, weights: tuple[float, float], divisors: tuple[float, float]) -> float:
    first, second = weights
    near, far = divisors
    return (first * math.sin(scaled / near * math.pi) + second * math.sin(scaled / far * math.pi)) * 2.0 / 3.0


def _wgs84_to_gcj02(lng: float, lat: float) -> _Pair:
    if not _shifted(lng, lat):
        return lng, lat
    x, y = lng - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    common = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    d_lat += _waves(y, (20.0, 40.0), (1.0, 3.0)) + _waves(y, (160.0, 320.0), (12.0, 30.0))
    d_lng = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    d_lng += _waves(x, (20.0, 40.0), (1.0, 3.0)) + _waves(x, (150.0, 300.0), (12.0, 30.0))
    phi = math.radians(lat)
    magic = 1.0 - _GCJ_ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    meridian_radius = _GCJ_AXIS_M * (1.0 - _GCJ_ECCENTRICITY_SQUARED) / (magic * math.sqrt(magic))
    parallel_radius = _GCJ_AXIS_M / math.sqrt(magic) * math.cos(phi)
    return lng + math.degrees(d_lng / parallel_radius), lat + math.degrees(d_lat / meridian_radius)


def _gcj02_to_bd09(lng: float, lat: float) -> _Pair:
    if not _shifted(lng, lat):
        return lng, lat
    radius = math.hypot(lng, lat) + 0.00002 * math.sin(lat * _BD_TURN)
    angle = math.atan2(lat, lng) + 0.000003 * math.cos(lng * _BD_TURN)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def _invert(forward: Callable[[float, float], _Pair], lng: float, lat: float) -> _Pair:
    """Find the point that `forward` moves here, by correcting the guess with what it misses."""
    if not _shifted(lng, lat):
        return lng, lat
    guess_lng, guess_lat = lng, lat
    for _ in range(_INVERSE_STEPS_MAX):
        there_lng, there_lat = forward(guess_lng, guess_lat)
        miss_lng, miss_lat = lng - there_lng, lat - there_lat
        guess_lng, guess_lat = guess_lng + miss_lng, guess_lat + miss_lat
        if max(abs(miss_lng), abs(miss_lat)) < _INVERSE_TOLERANCE_DEG:
            break
    return guess_lng, guess_lat


def convert(point: Point, target: CoordSystem) -> Point:
    """Give the same place in another system; the inverse shifts are exact to well under 0.01 m."""
    lng, lat = point.lng, point.lat
    order = list(CoordSystem)  # each system is the one before it, shifted once
    here, there = order.index(point.coord_system), order.index(target)
    shifts = (_wgs84_to_gcj02, _gcj02_to_bd09)
    for shift in shifts[here:there]:
        lng, lat = shift(lng, lat)
    for shift in reversed(shifts[there:here]):
        lng, lat = _invert(shift, lng, lat)
    return Point(lng=lng, lat=lat, coord_system=target)


def to_wgs84(point: Point) -> Point:
    """Give the same place as a satellite receiver would report it."""
    return convert(point, CoordSystem.WGS84)


_AXIS_M = 6378137.0
_FLATTENING = 1 / 298.257223563
_MINOR_AXIS_M = _AXIS_M * (1 - _FLATTENING)
_MEAN_RADIUS_M = 6371008.8
_VINCENTY_TOLERANCE = 1e-12
_VINCENTY_STEPS_MAX = 200


def _haversine_m(a: Point, b: Point) -> float:
    phi_a, phi_b = math.radians(a.lat), math.radians(b.lat)
    half_lng = math.radians(b.lng - a.lng) / 2
    h = math.sin((phi_b - phi_a) / 2) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lng) ** 2
    return 2 * _MEAN_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def _vincenty_m(a: Point, b: Point) -> float | None:
    """Solve the inverse problem on WGS-84 (Vincenty 1975); None where it does not converge."""
    reduced_a = math.atan((1 - _FLATTENING) * math.tan(math.radians(a.lat)))
    reduced_b = math.atan((1 - _FLATTENING) * math.tan(math.radians(b.lat)))
    sin_a, cos_a = math.sin(reduced_a), math.cos(reduced_a)
    sin_b, cos_b = math.sin(reduced_b), math.cos(reduced_b)
    difference = math.radians(b.lng - a.lng)
    lam = difference
    for _ in range(_VINCENTY_STEPS_MAX):
        sin_lam, cos_lam = math.sin(lam), math.cos(lam)
        sin_sigma = math.hypot(cos_b * sin_lam, cos_a * sin_b - sin_a * cos_b * cos_lam)
        if sin_sigma == 0:  # the same point, or its exact antipode: the great circle knows which
            return None
        cos_sigma = sin_a * sin_b + cos_a * cos_b * cos_lam
        sigma = math.atan2(sin_sigma, cos_sigma)
        sin_alpha = cos_a * cos_b * sin_lam / sin_sigma
        cos2_alpha = 1 - sin_alpha**2
        cos_2m = cos_sigma - 2 * sin_a * sin_b / cos2_alpha if cos2_alpha > 0 else 0.0
        c = _FLATTENING / 16 * cos2_alpha * (4 + _FLATTENING * (4 - 3 * cos2_alpha))
        previous = lam
        bend = sigma + c * sin_sigma * (cos_2m + c * cos_sigma * (2 * cos_2m**2 - 1))
        lam = difference + (1 - c) * _FLATTENING * sin_alpha * bend
        if abs(lam - previous) < _VINCENTY_TOLERANCE:
            break
    else:
        return None
    u2 = cos2_alpha * (_AXIS_M**2 / _MINOR_AXIS_M**2 - 1)
    big_a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    big_b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    inner = cos_sigma * (2 * cos_2m**2 - 1)
    inner -= big_b / 6 * cos_2m * (4 * sin_sigma**2 - 3) * (4 * cos_2m**2 - 3)
    return _MINOR_AXIS_M * big_a * (sigma - big_b * sin_sigma * (cos_2m + big_b / 4 * inner))


def distance_m(a: Point, b: Point) -> float:
    """Measure the distance in metres on the WGS-84 ellipsoid, whatever systems the points are in.

    Nearly antipodal points, where Vincenty's iteration does not converge, get the great circle.
    """
    here, there = to_wgs84(a), to_wgs84(b)
    exact = _vincenty_m(here, there)
    return _haversine_m(here, there) if exact is None else exact
