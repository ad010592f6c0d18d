"""Whose budget pays, and in whose lists an area's things stand."""

from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets.model import budget_division


def test_a_city_pays_for_its_counties_and_the_province_for_those_it_administers() -> None:
    assert budget_division("340111") == "3401"
    assert budget_division("3401") == "3401"
    assert budget_division("341882") == "34"
    assert budget_division("340826") == "34"
    assert budget_division("34") == "34"


def test_an_area_is_read_from_the_lists_of_its_cities() -> None:
    assert cities_of("3401") == (("3401",), None)
    assert cities_of("340111") == (("3401",), "340111")
    assert cities_of("341882") == (("34",), "341882")
    assert len(cities_of("34")[0]) == 17
