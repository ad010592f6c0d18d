"""Administrative divisions and who answers to whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import numdb

from chalicelib.kernel.divisions import (
    COUNTY_LEVEL,
    DIRECTLY_ADMINISTERED,
    covers,
    is_known,
    name_of,
    parent_of,
    plausible,
)
from chalicelib.kernel.geo import CoordSystem, Point, convert

CITIES = "3401 3402 3403 3404 3405 3406 3407 3408 3410 3411 3412 3413 3415 3416 3417 3418".split()  # noqa: SIM905
EVERY = ["34", *CITIES, *COUNTY_LEVEL]


def test_the_province_has_sixteen_cities_and_a_hundred_and_four_counties():
    assert len(COUNTY_LEVEL) == len(set(COUNTY_LEVEL)) == 104
    assert {code[:4] for code in COUNTY_LEVEL} == set(CITIES)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("34", "安徽省"),
        ("3401", "合肥市"),
        ("340111", "包河区"),
        ("340209", "弋江区"),
        ("340181", "巢湖市"),
        ("341882", "广德市"),
        ("340826", "宿松县"),
    ],
)
def test_a_code_has_its_name(code, name):
    assert is_known(code)
    assert name_of(code) == name


@pytest.mark.parametrize("code", COUNTY_LEVEL)
def test_names_agree_with_the_published_table(code):
    (_, _), (_, facts) = numdb.get("cn/loc").info(code)
    assert facts["county"].endswith(name_of(code))


@pytest.mark.parametrize(
    "code", ["", "3", "340", "34010", "3401020", "35", "3409", "3414", "340203", "349999", "合肥"]
)
def test_other_codes_are_unknown_and_covered_by_nobody(code):
    assert not is_known(code)
    assert not covers("34", code)
    with pytest.raises(KeyError):
        name_of(code)
    with pytest.raises(KeyError):
        parent_of(code)


def test_a_bureau_acts_on_itself_and_below():
    assert covers("34", "34")
    assert covers("34", "3401")
    assert covers("34", "340102")
    assert covers("3401", "3401")
    assert covers("3401", "340102")
    assert covers("340102", "340102")


def test_a_bureau_does_not_act_beside_or_above_itself():
    assert not covers("3401", "34")
    assert not covers("340102", "3401")
    assert not covers("3401", "3402")
    assert not covers("3401", "340202")
    assert not covers("340102", "340103")


@pytest.mark.parametrize("county", sorted(DIRECTLY_ADMINISTERED))
def test_directly_administered_counties_answer_to_the_province_only(county):
    assert parent_of(county) == "34"
    assert covers("34", county)
    assert covers(county, county)
    assert not covers(county[:4], county)


def test_only_the_province_has_no_parent():
    assert [code for code in EVERY if parent_of(code) is None] == ["34"]


@given(st.sampled_from(EVERY), st.sampled_from(EVERY), st.sampled_from(EVERY))
def test_covering_is_an_order(a, b, c):
    assert covers(a, a)
    assert not (covers(a, b) and covers(b, a)) or a == b
    assert not (covers(a, b) and covers(b, c)) or covers(a, c)


# The seats of governments at the edges of their cities, in WGS-84.
SEATS = {
    "340102": (117.309, 31.858), "340121": (117.167, 32.478), "340124": (117.288, 31.256), "340181": (117.87, 31.60),
    "340202": (118.38, 31.34), "340223": (118.334, 30.914), "340281": (117.90, 31.30),
    "340321": (117.205, 32.97), "340322": (117.879, 33.128), "340323": (117.317, 33.317),
    "340421": (116.711, 32.709), "340422": (116.787, 32.573), "340506": (118.844, 31.558), "340522": (118.10, 31.73),
    "340621": (116.766, 33.915), "340722": (117.22, 30.70), "340825": (116.309, 30.454), "340826": (116.129, 30.153),
    "340828": (116.36, 30.849), "340881": (116.974, 31.036), "341024": (117.717, 29.854), "341021": (118.415, 29.861),
    "341003": (118.141, 30.273), "341125": (117.699, 32.531), "341181": (119.005, 32.667), "341221": (115.263, 33.04),
    "341226": (116.256, 32.653), "341282": (115.374, 33.257), "341321": (116.367, 34.442), "341324": (117.91, 33.482),
    "341522": (116.278, 32.353), "341524": (115.934, 31.727), "341504": (115.925, 31.864), "341602": (115.779, 33.876),
    "341623": (116.209, 33.145), "341721": (117.028, 30.096), "341723": (117.847, 30.639),
    "341821": (119.18, 31.126), "341824": (118.579, 30.068), "341882": (119.42, 30.878),
}  # fmt: skip


@pytest.mark.parametrize(("code", "place"), SEATS.items())
def test_every_seat_is_plausible_in_its_county_city_and_province(code, place):
    point = Point(*place, CoordSystem.WGS84)
    assert plausible(code, point) is True
    assert plausible(code[:4], point) is True
    assert plausible("34", convert(point, CoordSystem.BD09)) is True


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("3401", (118.38, 31.34)),  # 芜湖
        ("3410", (117.28, 31.86)),  # 合肥
        ("341882", (117.28, 31.86)),
        ("34", (121.47, 31.23)),  # 上海
        ("340102", (0.0, 0.0)),
    ],
)
def test_a_place_elsewhere_is_not_plausible(code, place):
    assert plausible(code, Point(*place, CoordSystem.WGS84)) is False


def test_of_an_unknown_division_nothing_is_said():
    assert plausible("3301", Point(117.28, 31.86, CoordSystem.WGS84)) is None
    assert plausible("340199", Point(117.28, 31.86, CoordSystem.WGS84)) is None
