"""The kinds of holds: which stay until somebody decides, and which follow from other facts."""

import pytest

from chalicelib.subsidies.holds.model import (
    HoldKind,
    attendance_hold,
    check_hold,
    is_derived_hold,
    is_of_kind,
    objection_hold,
    stop_hold,
)


@pytest.mark.parametrize(
    ("hold", "text", "derived"),
    [
        (objection_hold("obj_a"), "objection:obj_a", False),
        (attendance_hold("mock_location"), "attendance:mock_location", True),
        (check_hold("eligible_at_date"), "check:eligible_at_date", True),
        (stop_hold("hld_a"), "stop:hld_a", False),
    ],
)
def test_a_hold_goes_with_its_facts_or_waits_for_a_decision(hold: str, text: str, *, derived: bool) -> None:
    assert (hold, is_derived_hold(hold)) == (text, derived)


def test_every_kind_of_hold_is_told_by_its_name() -> None:
    names = {
        HoldKind.OBJECTION: objection_hold("x"),
        HoldKind.STOP: stop_hold("x"),
        HoldKind.ATTENDANCE: attendance_hold("x"),
        HoldKind.CHECK: check_hold("x"),
    }
    assert set(names) == set(HoldKind)
    for kind, hold in names.items():
        assert [other for other in HoldKind if is_of_kind(hold, other)] == [kind]
