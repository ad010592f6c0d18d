"""The geofence against an independent computation, and the conversions against published points.

The published points are the test vectors of two converters that most others are checked against:

* wandergis/coordtransform, `test/app.js` (the point 116.404, 39.915 in every direction, and its way from
  WGS-84 to BD-09 as its README composes it);
* googollee/eviltransform, `python/test.py` (Shanghai, Shenzhen, Beijing to GCJ-02), which compares to six
  decimals, about 0.1 m. Its two BD-09 points are left out: it turns by pi where Baidu's formula turns by
  3000 pi / 180, and is 40 m off.

The independent distance is no geodesic formula at all: both points are set in space on the WGS-84
ellipsoid, and the chord between them is measured. At 2 km chord and arc differ by less than 0.01 mm.
"""

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.attendance.check_ins.model import CheckInAttempt, CheckInKind, DevicePlace, judge
from chalicelib.catalogue.institutions.model import Location
from chalicelib.classes.model import ClassStatus, Lesson, Site, TrainingClass, lesson_id_of
from chalicelib.kernel.geo import CoordSystem, Point, convert
from chalicelib.programs.model import Policy

WGS84, GCJ02, BD09 = CoordSystem.WGS84, CoordSystem.GCJ02, CoordSystem.BD09
POINTS = 10_000
BORDER_M = 1.0

# Training sites: the seats of the sixteen cities and of four counties, longitude and latitude of WGS-84.
SITES = [
    (117.227, 31.821), (118.433, 31.353), (117.389, 32.916), (117.000, 32.626), (118.507, 31.670), (116.798, 33.956),
    (117.812, 30.946), (117.057, 30.525), (118.338, 29.715), (118.317, 32.302), (115.815, 32.890), (116.964, 33.647),
    (116.520, 31.735), (115.779, 33.845), (117.491, 30.665), (118.759, 30.941),
    (119.418, 30.894), (116.123, 30.153), (118.145, 29.868), (116.337, 34.426),
]  # fmt: skip


@pytest.mark.parametrize(
    ("point", "expected"),
    [  # coordtransform
        (Point(116.404, 39.915, WGS84), Point(116.41024449916938, 39.91640428150164, GCJ02)),
        (Point(116.404, 39.915, GCJ02), Point(116.41036949371029, 39.92133699351021, BD09)),
        (Point(116.404, 39.915, WGS84), Point(116.41662724378733, 39.922699552216216, BD09)),
        # eviltransform
        (Point(121.5272106, 31.1774276, WGS84), Point(121.531541859215, 31.17530398364597, GCJ02)),
        (Point(113.912316, 22.543847, WGS84), Point(113.9171764808363, 22.540796131694766, GCJ02)),
        (Point(116.377817, 39.911954, WGS84), Point(116.38404722455657, 39.91334545536069, GCJ02)),
    ],
)
def test_conversions_give_the_published_points_and_lead_back(point, expected):
    got = convert(point, expected.coord_system)
    assert (got.lng, got.lat) == (
        pytest.approx(expected.lng, abs=1e-6),
        pytest.approx(expected.lat, abs=1e-6),
    )
    back = convert(expected, point.coord_system)
    assert (back.lng, back.lat) == (pytest.approx(point.lng, abs=1e-6), pytest.approx(point.lat, abs=1e-6))


@pytest.mark.parametrize(
    ("point", "expected"),
    [  # coordtransform, whose inverses are one step of an approximation
        (Point(116.404, 39.915, BD09), Point(116.39762729119315, 39.90865673957631, GCJ02)),
        (Point(116.404, 39.915, GCJ02), Point(116.39775550083061, 39.91359571849836, WGS84)),
    ],
)
def test_inverse_conversions_agree_with_published_approximations_within_three_metres(point, expected):
    got = convert(point, expected.coord_system)
    assert chord_m((got.lng, got.lat), (expected.lng, expected.lat)) < 3.0


# --------------------------------------------------------------- an independent computation


def in_space(lng, lat):
    """Give a point of the WGS-84 ellipsoid in metres from the middle of the earth."""
    axis, flattening = 6378137.0, 1 / 298.257223563
    squared = flattening * (2 - flattening)
    phi, lam = math.radians(lat), math.radians(lng)
    normal = axis / math.sqrt(1 - squared * math.sin(phi) ** 2)
    return (
        normal * math.cos(phi) * math.cos(lam),
        normal * math.cos(phi) * math.sin(lam),
        normal * (1 - squared) * math.sin(phi),
    )


def chord_m(here, there):
    return math.dist(in_space(*here), in_space(*there))


def shifted(lng, lat):
    """Shift WGS-84 to GCJ-02 by the published series, written down once more."""
    x, y = lng - 105, lat - 35
    both = 20 * math.sin(6 * math.pi * x) + 20 * math.sin(2 * math.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    north += 2 / 3 * (both + 20 * math.sin(math.pi * y) + 40 * math.sin(math.pi / 3 * y))
    north += 2 / 3 * (160 * math.sin(math.pi / 12 * y) + 320 * math.sin(math.pi / 30 * y))
    east += 2 / 3 * (both + 20 * math.sin(math.pi * x) + 40 * math.sin(math.pi / 3 * x))
    east += 2 / 3 * (150 * math.sin(math.pi / 12 * x) + 300 * math.sin(math.pi / 30 * x))
    axis, squared = 6378245.0, 0.00669342162296594323
    root = math.sqrt(1 - squared * math.sin(math.radians(lat)) ** 2)
    return (
        lng + math.degrees(east / (axis / root * math.cos(math.radians(lat)))),
        lat + math.degrees(north / (axis * (1 - squared) / root**3)),
    )


def turned(lng, lat):
    """Shift GCJ-02 to BD-09 by the published formula."""
    turn = math.pi * 3000 / 180
    radius = math.sqrt(lng**2 + lat**2) + 0.00002 * math.sin(lat * turn)
    angle = math.atan2(lat, lng) + 0.000003 * math.cos(lng * turn)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def written_in(system, lng, lat):
    if system is WGS84:
        return lng, lat
    return shifted(lng, lat) if system is GCJ02 else turned(*shifted(lng, lat))


def class_at(place, system, radius_m, starts_at):
    lng, lat = written_in(system, *place)
    site = Site(
        name="一号教室",
        address="安徽省",
        location=Location(lng=lng, lat=lat, coord_system=system),
        radius_m=radius_m,
    )
    lesson = Lesson(
        id=lesson_id_of("cls_geofence", 1),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=4),
        hours=4,
        topic="第一讲",
        trainer=0,
    )
    return TrainingClass(
        id="cls_geofence",
        institution="91340111MX0000027D",
        division="340111",
        program_id="prg_x",
        project_id="prj_x",
        name="班",
        planned_size=20,
        site=site,
        trainers=[],
        lessons=[lesson],
        status=ClassStatus.APPROVED,
        policy=Policy(),
        policy_version=1,
        created_at=starts_at,
        opens_at=starts_at,
        ends_at=lesson.ends_at,
        roster={"prs_someone": "enr_someone"},
        approved_by="acc_clerk",
    )


def test_ten_thousand_points_are_decided_as_an_independent_computation_decides():
    chance = random.Random(20210709)
    now = datetime(2026, 9, 11, 1, 0, tzinfo=UTC)
    policy = Policy()
    decided: Counter[tuple[bool, CoordSystem]] = Counter()
    for number in range(POINTS):
        place = SITES[number % len(SITES)]
        radius_m = chance.choice([None, 50, 100, 500, 1000])
        site_system, system = chance.choice(list(CoordSystem)), list(CoordSystem)[number % 3]
        training_class = class_at(place, site_system, radius_m, now)
        accuracy_m = chance.choice([0.0, 5.0, 35.5, 100.0, 400.0])
        fence_m = (radius_m or policy.geofence_radius_m) + min(accuracy_m, policy.accuracy_allowance_m)
        # near the border, where a mistake would show: between nothing and twice the fence
        away_m, bearing = fence_m * chance.uniform(0, 2), chance.uniform(0, 2 * math.pi)
        lat = place[1] + away_m * math.cos(bearing) / 111_000
        lng = place[0] + away_m * math.sin(bearing) / (111_000 * math.cos(math.radians(place[1])))
        true_m = chord_m(place, (lng, lat))
        if abs(true_m - fence_m) <= BORDER_M:
            continue
        there_lng, there_lat = written_in(system, lng, lat)
        attempt = CheckInAttempt(
            kind=CheckInKind.IN,
            place=DevicePlace(lng=there_lng, lat=there_lat, accuracy_m=accuracy_m, coord_system=system),
            device_id="d",
            nonce="n",
            happened_at=now,
        )
        judged = judge(attempt, training_class, training_class.lessons[0], person_key="prs_someone", now=now)
        inside = true_m < fence_m
        assert judged.code == (None if inside else "outside_site"), (place, system, true_m, fence_m)
        assert judged.distance_m == pytest.approx(true_m, abs=0.06)  # it is told to a tenth of a metre
        decided[inside, system] += 1
    assert sum(decided.values()) > POINTS * 0.98
    assert min(decided.values()) > POINTS / 3 * 0.4
