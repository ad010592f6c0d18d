"""Room for another subsidy of a person, as the example in `register.model` tells it."""

from typing import Any

from chalicelib.programs.model import OverridableCheck, Policy
from chalicelib.subsidies.register.model import Entry, Register, has_room

POLICY = Policy(subsidies_per_person_per_year=3)
CAP = OverridableCheck.YEARLY_CAP


def entry(occupation: str, *waived: OverridableCheck, year: int = 2026) -> Entry:
    line_id: Any = f"lin_{occupation}-01"
    return Entry(line_id, occupation, year, list(waived))


def test_the_worked_example_of_the_module_is_true() -> None:
    two = [entry("a/5"), entry("b/5")]
    assert has_room(entry("c/5"), two, POLICY)
    assert not has_room(entry("a/5"), two, POLICY)
    three = [*two, entry("c/5")]
    assert not has_room(entry("d/5"), three, POLICY)
    assert has_room(entry("d/5"), [entry("a/5", CAP), entry("b/5"), entry("c/5")], POLICY)
    assert has_room(entry("d/5", CAP), three, POLICY)
    assert has_room(entry("d/5", year=2027), three, POLICY)


def test_the_cap_and_once_are_two_rules_and_each_has_its_own_override() -> None:
    once = OverridableCheck.OCCUPATION_AND_LEVEL_ONCE
    three = [entry("a/5"), entry("b/5"), entry("c/5")]
    assert has_room(entry("a/5", once), three[:2], POLICY)
    assert not has_room(entry("a/5", CAP), three[:2], POLICY)
    assert not has_room(entry("a/5", once), three, POLICY)
    assert not has_room(entry("a/5", CAP), three, POLICY)
    assert has_room(entry("a/5", CAP, once), three, POLICY)
    assert has_room(entry("a/5"), [entry("a/5", once)], POLICY)
    assert not has_room(entry("a/5"), [entry("a/5", CAP)], POLICY)
    assert not has_room(entry("a/5", year=2027), three, POLICY)
    assert has_room(entry("c/5"), [entry("a/5"), entry("b/5", year=2025), entry("d/5")], POLICY)
    assert has_room(entry("a/5"), [], POLICY)


def test_a_register_that_nothing_was_entered_in_is_not_stored() -> None:
    person: Any = "prs_a"
    assert (Register(person_key=person).entries, Register(person_key=person).version) == ([], 0)
