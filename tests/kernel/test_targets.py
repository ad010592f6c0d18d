"""A signature names its call: method, path and query, however the query is written."""

import pytest

from chalicelib.kernel.targets import Target


@pytest.mark.parametrize(
    "address",
    [
        "/vouchers?division=3401&after=a%2Bb+c",
        "/vouchers?after=a%2Bb%20c&division=3401",
        "/vouche%72s?after=a%2bb c&division=3401",
    ],
)
def test_however_an_address_is_written_it_is_the_same_call(address: str) -> None:
    wanted = Target("GET", "/vouchers", {"division": "3401", "after": "a+b c"})
    assert Target.of("GET", address) == wanted
    assert wanted.is_named_by({"iss": "x", **Target.of("GET", address).claims})


@pytest.mark.parametrize(
    "other",
    [
        {"method": "POST"},
        {"method": None},
        {"path": "/figures"},
        {"query": {}},
        {"query": {"division": "3401", "after": ""}},
        {"query": {"division": "3402"}},
        {"query": {"division": ["3401"]}},
        {"query": None},
    ],
)
def test_another_call_is_not_the_one_that_was_signed(other: dict[str, object]) -> None:
    target = Target.of("GET", "/vouchers?division=3401")
    assert target.is_named_by(target.claims)
    assert not target.is_named_by(target.claims | other)


def test_a_value_that_is_empty_is_a_value() -> None:
    assert Target.of("GET", "/vouchers?division=3401&after=").query == {"division": "3401", "after": ""}
