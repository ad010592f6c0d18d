"""Room for another subsidy of a person, as the example in `register.model` tells it."""

from typing import Any

from chalicelib.programs.model import OverridableCheck, Policy
from chalicelib.subsidies.register.model import Entry, has_room

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
