"""The states of a class, cell by cell, and its pure rules."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.classes.model import (
    ACTION_RIGHTS,
    CLASS_TRANSITIONS,
    SHOWN_ACTION,
    ClassStatus,
    has_passed,
    possible_now,
)
from chalicelib.kernel.divisions import COUNTY_LEVEL, covers, group_of, groups_below
from chalicelib.kernel.errors import Refused
from chalicelib.programs.model import Policy

S = ClassStatus
NOW = datetime(2026, 9, 1, tzinfo=UTC)
LAWFUL = {
    (S.DRAFT, "edit"): S.DRAFT,
    (S.DRAFT, "submit"): S.SUBMITTED,
    (S.DRAFT, "cancel"): S.CANCELLED,
    (S.SUBMITTED, "approve"): S.APPROVED,
    (S.SUBMITTED, "return"): S.RETURNED,
    (S.SUBMITTED, "cancel"): S.CANCELLED,
    (S.RETURNED, "revise"): S.RETURNED,
    (S.RETURNED, "submit"): S.SUBMITTED,
    (S.RETURNED, "cancel"): S.CANCELLED,
    (S.APPROVED, "cancel"): S.CANCELLED,
    (S.APPROVED, "roster"): S.APPROVED,
    (S.APPROVED, "change"): S.APPROVED,
    (S.APPROVED, "change_approve"): S.APPROVED,
    (S.APPROVED, "change_reject"): S.APPROVED,
    (S.APPROVED, "change_withdraw"): S.APPROVED,
    (S.APPROVED, "completion_submit"): S.COMPLETION_SUBMITTED,
    (S.COMPLETION_SUBMITTED, "completion_approve"): S.COMPLETION_APPROVED,
    (S.COMPLETION_SUBMITTED, "completion_return"): S.COMPLETION_RETURNED,
    (S.COMPLETION_RETURNED, "completion_submit"): S.COMPLETION_SUBMITTED,
    (S.COMPLETION_APPROVED, "scores"): S.SCORED,
    (S.SCORED, "correct_scores"): S.SCORED,
    (S.SCORED, "claim"): S.CLAIMED,
    (S.CLAIMED, "close"): S.CLOSED,
    (S.SCORED, "lapse"): S.CLOSED,
}


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("action", list(CLASS_TRANSITIONS.steps))
def test_each_action_is_lawful_in_exactly_its_states(status, action):
    if (status, action) in LAWFUL:
        assert CLASS_TRANSITIONS.require(action, status) is LAWFUL[status, action]
    else:
        with pytest.raises(Refused):
            CLASS_TRANSITIONS.require(action, status)


def test_every_shown_action_has_a_right():
    of_later_steps = {"claim", "close", "lapse"}  # they depend on what is payable
    shown = {SHOWN_ACTION.get(step, step) for step in CLASS_TRANSITIONS.steps} - of_later_steps
    assert shown == set(ACTION_RIGHTS)


def test_completion_is_possible_once_lessons_are_over_and_somebody_came():
    def possible(hours, enrolled):
        return possible_now(S.APPROVED, ends_at=NOW + timedelta(hours=hours), enrolled=enrolled, now=NOW)

    assert "completion_submit" in possible(0, 1)
    assert "completion_submit" not in possible(1, 1)
    assert "completion_submit" not in possible(0, 0)


@pytest.mark.parametrize(
    ("theory", "practice", "passes"), [(60, 60, True), (59, 100, False), (100, 59, False), (100, 100, True)]
)
def test_both_marks_have_to_reach_the_pass_mark(theory, practice, passes):
    assert has_passed(theory=theory, practice=practice, policy=Policy()) is passes


@pytest.mark.parametrize("area", ["34", "3401", "3418", "341882", "340826"])
def test_the_groups_of_an_area_hold_exactly_its_counties(area):
    groups = groups_below(area)
    listed = {code for code in COUNTY_LEVEL if group_of(code) in groups}
    assert listed == {code for code in COUNTY_LEVEL if covers(area, code)}
    assert len(groups) == len(set(groups))
