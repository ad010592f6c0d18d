"""The states of a class, cell by cell, and its pure rules."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    DECISIONS,
    STEPS_OF,
    ClassHead,
    ClassStatus,
    sources_of,
    why_not,
)
from chalicelib.classes.scores.model import has_passed
from chalicelib.classes.showing.model import ACTION_RIGHTS
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
    (S.APPROVED, "cancel_request"): S.CANCEL_REQUESTED,
    (S.CANCEL_REQUESTED, "cancel_approve"): S.CANCELLED,
    (S.CANCEL_REQUESTED, "cancel_refuse"): S.APPROVED,
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
    of_later_steps = {"close"}  # it depends on what is payable, or comes by itself
    shown = {step for action in ACTION_RIGHTS for step in STEPS_OF.get(action, (action,))}
    assert shown == set(CLASS_TRANSITIONS.steps) - of_later_steps


def head_in(status, *, hours_left=0, enrolled=1, **facts):
    """Give the head of a class whose last lesson ends so many hours from now."""
    return ClassHead(
        id="cls_x",
        institution="91340111MX0000027D",
        division="340111",
        city="3401",
        program_id="prg_x",
        project_id="prj_x",
        name="班",
        planned_size=12,
        status=status,
        policy_version=1,
        created_at=NOW,
        opens_at=NOW,
        ends_at=NOW + timedelta(hours=hours_left),
        enrolled=enrolled,
        lesson_count=5,
        **facts,
    )


def code_against(action, head, *, actor="acc_clerk", **seen):
    refusal = why_not(action, head, hands={actor}, now=NOW, **seen)
    return refusal.code if refusal is not None else None


@pytest.mark.parametrize(
    ("hours_left", "enrolled", "code"),
    [(0, 1, None), (1, 1, "lessons_open"), (0, 0, "roster_empty"), (1, 0, "lessons_open")],
)
def test_completion_is_possible_once_lessons_are_over_and_somebody_came(hours_left, enrolled, code):
    head = head_in(S.APPROVED, hours_left=hours_left, enrolled=enrolled)
    assert code_against("completion_submit", head) == code


@pytest.mark.parametrize(
    ("action", "facts", "code"),
    [
        ("change", {"hours_left": 1}, None),
        ("change", {"hours_left": 0}, "lesson_begun"),
        ("change", {"hours_left": 1, "open_change": "change#0001"}, "change_open"),
        ("change_approve", {"open_change": "change#0001"}, None),
        ("change_approve", {}, "wrong_state"),
        ("change_withdraw", {}, "wrong_state"),
    ],
)
def test_a_class_waits_for_one_change_at_a_time_until_its_last_lesson_is_over(action, facts, code):
    assert code_against(action, head_in(S.APPROVED, **facts)) == code


@pytest.mark.parametrize(
    ("action", "status", "code"),
    [
        ("roster", S.SUBMITTED, "class_not_approved"),
        ("roster", S.COMPLETION_SUBMITTED, "roster_closed"),
        ("scores", S.APPROVED, "wrong_state"),
        ("scores", S.CLAIMED, "scores_closed"),
        ("edit", S.RETURNED, None),
        ("edit", S.SUBMITTED, "wrong_state"),
        ("lapse", S.CLAIMED, "wrong_state"),
    ],
)
def test_the_state_is_told_in_the_words_of_what_was_wanted(action, status, code):
    assert code_against(action, head_in(status)) == code


@pytest.mark.parametrize("action", DECISIONS)
@pytest.mark.parametrize(
    "field", ["submitted_by", "change_by", "completion_submitted_by", "also_prepared_by"]
)
def test_nobody_decides_on_a_class_in_which_they_had_a_hand(action, field):
    status = sources_of(action)[0]
    value = ["acc_hand"] if field == "also_prepared_by" else "acc_hand"
    change = {"open_change": "change#0001"} if action.startswith("change_") else {}
    head = head_in(status, **change, **{field: value})
    assert code_against(action, head, actor="acc_hand") == "self_approval"
    assert code_against(action, head, actor="acc_other") is None


def test_another_version_is_told_before_the_state():
    head = head_in(S.DRAFT, version=3)
    assert code_against("approve", head, version=2) == "version_conflict"
    assert code_against("approve", head, version=3) == "wrong_state"


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
