"""Coordinate systems and distances."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.geo import CoordSystem, Point, convert, distance_m, to_wgs84

WGS84, GCJ02, BD09 = CoordSystem.WGS84, CoordSystem.GCJ02, CoordSystem.BD09

systems = st.sampled_from(CoordSystem)
anhui = st.builds(Point, lng=st.floats(114.9, 119.7), lat=st.floats(29.4, 34.7), coord_system=systems)
china = st.builds(Point, lng=st.floats(74, 134), lat=st.floats(18, 53.5), coord_system=systems)
anywhere = st.builds(Point, lng=st.floats(-180, 180), lat=st.floats(-90, 90), coord_system=systems)


@pytest.mark.parametrize(
    ("given_point", "expected"),
    [  # the test points of the published converters
        (Point(116.404, 39.915, WGS84), Point(116.41024449916938, 39.91640428150164, GCJ02)),
        (Point(116.404, 39.915, GCJ02), Point(116.41036949371029, 39.92133699351021, BD09)),
    ],
)
def test_the_shifts_give_the_published_points(given_point, expected):
    got = convert(given_point, expected.coord_system)
    assert got.lng == pytest.approx(expected.lng, abs=1e-11)
    assert got.lat == pytest.approx(expected.lat, abs=1e-11)


@given(china, systems, systems)
def test_there_and_back_is_the_same_place_within_a_centimetre(point, via, also):
    back = convert(convert(convert(point, via), also), point.coord_system)
    assert back.coord_system is point.coord_system
    assert distance_m(point, back) < 0.01


@given(anhui, systems)
def test_conversion_does_not_move_a_place(point, target):
    assert distance_m(point, convert(point, target)) < 0.01


# The seats of the sixteen cities.
SEATS = [
    (117.227, 31.821), (118.433, 31.353), (117.389, 32.916), (117.000, 32.626), (118.507, 31.670), (116.798, 33.956),
    (117.812, 30.946), (117.057, 30.525), (118.338, 29.715), (118.317, 32.302), (115.815, 32.890), (116.964, 33.647),
    (116.520, 31.735), (115.779, 33.845), (117.491, 30.665), (118.759, 30.941),
]  # fmt: skip


@pytest.mark.parametrize(("lng", "lat"), SEATS)
def test_in_anhui_a_mislabelled_point_is_off_by_far_more_than_a_geofence(lng, lat):
    wgs84, gcj02, bd09 = (Point(lng, lat, system) for system in (WGS84, GCJ02, BD09))
    assert 520 < distance_m(wgs84, gcj02) < 590
    assert 880 < distance_m(gcj02, bd09) < 940


@pytest.mark.parametrize("place", [(-0.1276, 51.5072), (151.2, -33.87), (139.69, 35.69)])
def test_outside_china_the_systems_agree(place):
    for here in CoordSystem:
        for there in CoordSystem:
            moved = convert(Point(*place, here), there)
            assert (moved.lng, moved.lat) == place


@pytest.mark.parametrize(
    ("lng", "lat"),
    [(math.nan, 31), (117, math.nan), (math.inf, 31), (117, -math.inf), (180.1, 31), (-181, 0), (117, 90.5)],
)
def test_a_point_off_the_globe_is_refused(lng, lat):
    with pytest.raises(ValueError, match="itude"):
        Point(lng, lat, WGS84)


def test_longitude_and_latitude_swapped_are_refused():
    with pytest.raises(ValueError, match="latitude"):
        Point(31.82, 117.23, WGS84)


def test_flinders_peak_to_buninyong_is_vincentys_own_example():
    # Geoscience Australia's test line, on GRS80, which agrees with WGS-84 to 0.1 mm.
    flinders = Point(144 + 25 / 60 + 29.52440 / 3600, -(37 + 57 / 60 + 3.72030 / 3600), WGS84)
    buninyong = Point(143 + 55 / 60 + 35.38390 / 3600, -(37 + 39 / 60 + 10.15610 / 3600), WGS84)
    assert distance_m(flinders, buninyong) == pytest.approx(54972.271, abs=0.001)


AXIS_M, FLATTENING = 6378137.0, 1 / 298.257223563


def walked(lng, lat, azimuth, metres, steps=1500):
    """Go so far straight on over the ellipsoid: its differential equations, step by step (Runge and Kutta)."""
    squared = FLATTENING * (2 - FLATTENING)

    def slope(at):
        phi, _, alpha = at
        root = math.sqrt(1 - squared * math.sin(phi) ** 2)
        meridian, across = AXIS_M * (1 - squared) / root**3, AXIS_M / root
        return (
            math.cos(alpha) / meridian,
            math.sin(alpha) / (across * math.cos(phi)),
            math.tan(phi) * math.sin(alpha) / across,
        )

    def ahead(at, by, span):
        return tuple(one + span * change for one, change in zip(at, by, strict=True))

    step, at = metres / steps, (math.radians(lat), math.radians(lng), math.radians(azimuth))
    for _ in range(steps):
        first = slope(at)
        second = slope(ahead(at, first, step / 2))
        third = slope(ahead(at, second, step / 2))
        fourth = slope(ahead(at, third, step))
        mean = tuple(
            (a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(first, second, third, fourth, strict=True)
        )
        at = ahead(at, mean, step)
    return Point(math.degrees(at[1]), math.degrees(at[0]), WGS84)


@pytest.mark.parametrize(
    ("lng", "lat", "azimuth", "metres"),
    [
        (117.2, 31.8, 50, 900),
        (117.2, 31.8, 40, 450_000),
        (20, 10, 35, 4_000_000),
        (20, -35, 60, 6_000_000),
        (20, -45, 2, 10_000_000),
        (-80, 25, 130, 9_000_000),
        (-80, -20, 75, 12_000_000),
        (5, 48, 100, 14_000_000),
    ],
)
def test_who_walks_so_far_straight_on_is_so_far_away(lng, lat, azimuth, metres):
    assert distance_m(Point(lng, lat, WGS84), walked(lng, lat, azimuth, metres)) == pytest.approx(
        metres, abs=0.0005
    )


def test_a_degree_of_latitude_on_the_equator_and_a_quarter_meridian():
    assert distance_m(Point(0, 0, WGS84), Point(0, 1, WGS84)) == pytest.approx(110574.389, abs=0.01)
    assert distance_m(Point(0, 0, WGS84), Point(0, 90, WGS84)) == pytest.approx(10001965.729, abs=0.01)


@pytest.mark.parametrize("there", [(180, 0), (179.7, 0.3), (179.99, 0.01)])
def test_nearly_antipodal_points_get_the_great_circle(there):
    assert distance_m(Point(0, 0, WGS84), Point(*there, WGS84)) == pytest.approx(20_000_000, rel=0.01)


def test_poles_are_a_meridian_apart():
    assert distance_m(Point(0, 90, WGS84), Point(50, -90, WGS84)) == pytest.approx(20_003_931, rel=0.001)


@given(anywhere, anywhere)
def test_distance_is_symmetric_finite_and_within_half_the_globe(a, b):
    there, back = distance_m(a, b), distance_m(b, a)
    assert there == pytest.approx(back, abs=1e-3, rel=1e-6)
    assert 0 <= there < 20_040_000


@given(anywhere)
def test_a_place_is_no_distance_from_itself(point):
    assert distance_m(point, point) == 0


@given(anhui)
def test_every_system_comes_home_to_wgs84(point):
    assert to_wgs84(point).coord_system is WGS84
