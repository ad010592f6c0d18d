"""What check-ins and roll-calls make of a lesson, and when something may be added: without any table."""

from datetime import timedelta

import msgspec
import pytest

from chalicelib.attendance.check_ins.model import CheckInKind, CheckInOutcome, Punctuality, ReviewVerdict
from chalicelib.attendance.model import (
    ASKED_IN,
    AttendanceMark,
    PresenceRecords,
    counts,
    mark_by_check_ins,
    why_closed,
    why_not_ask,
)
from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import ClassStatus
from tests.attendance.plain import LI, MINUTES, WANG, came, class_of, lesson, proof

LESSON = lesson(1)
ROOM = class_of(LESSON)
STRICT = class_of(LESSON, check_out_required=True)
MOMENT = timedelta(microseconds=1)
ROUGH = {"outcome": CheckInOutcome.NEEDS_REVIEW}
ACCEPTED, REJECTED = ReviewVerdict.ACCEPTED, ReviewVerdict.REJECTED
CALL = RollCall(1, LESSON.starts_at + 100 * MINUTES, LESSON.starts_at + 110 * MINUTES)
IN_CLOSES, OUT_CLOSES = LESSON.starts_at + 30 * MINUTES, LESSON.ends_at + 30 * MINUTES


def mark(*check_ins, room=ROOM, calls=(), now=None, person=WANG):
    records = PresenceRecords({one.slot: one for one in check_ins}, {LESSON.id: calls})
    found = mark_by_check_ins(room, LESSON, person, records, now=now)
    return None if found is None else found.value


def out(at=LESSON.ends_at, **facts):
    return proof(at, **facts)


# ------------------------------------------------------------------------------------------ coming


def test_who_did_not_come_is_absent_once_nobody_can_come_any_more():
    assert mark(now=IN_CLOSES) is None
    assert mark(now=IN_CLOSES + MOMENT) == "absent"
    assert mark() == "absent"
    assert mark(came(LESSON, LI)) == "absent"


def test_who_came_is_there_at_once_and_late_if_late():
    assert mark(came(LESSON, WANG), now=LESSON.starts_at) == "present"
    assert mark(came(LESSON, WANG, status=Punctuality.LATE)) == "late"


def test_a_coming_that_needs_review_waits_and_is_what_the_bureau_decides():
    assert mark(came(LESSON, WANG, **ROUGH)) == "needs_review"
    assert mark(came(LESSON, WANG, **ROUGH, verdicts={CheckInKind.IN: ACCEPTED})) == "present"
    rejected = came(LESSON, WANG, **ROUGH, verdicts={CheckInKind.IN: REJECTED})
    assert mark(rejected) == "absent"
    assert mark(rejected, now=IN_CLOSES) is None
    assert mark(rejected, now=IN_CLOSES + MOMENT) == "absent"


# ------------------------------------------------------------------------------------------ staying


def test_leaving_before_the_end_is_leaving_early_whatever_the_policy():
    for room in (ROOM, STRICT):
        assert mark(came(LESSON, WANG, went=out(LESSON.ends_at - MOMENT)), room=room) == "left_early"
        assert mark(came(LESSON, WANG, went=out()), room=room) == "present"


def test_a_check_out_that_came_late_goes_by_the_devices_clock_and_others_by_the_servers():
    early, later = LESSON.ends_at - MINUTES, LESSON.ends_at + 600 * MINUTES
    late = proof(later, happened_at=early, late_uploaded=True)
    assert mark(came(LESSON, WANG, went=late)) == "left_early"
    set_back = proof(later, happened_at=early)
    assert mark(came(LESSON, WANG, went=set_back)) == "present"


def test_a_policy_may_want_proof_of_staying_to_the_end():
    assert mark(came(LESSON, WANG), room=STRICT, now=OUT_CLOSES) == "present"
    assert mark(came(LESSON, WANG), room=STRICT, now=OUT_CLOSES + MOMENT) == "left_early"
    assert mark(came(LESSON, WANG), room=STRICT) == "left_early"
    assert mark(came(LESSON, WANG), now=OUT_CLOSES + MOMENT) == "present"
    rough = came(LESSON, WANG, went=out(**ROUGH))
    assert mark(rough, room=STRICT) == "needs_review"
    assert mark(rough) == "present", "nobody wanted the proof"
    for verdict, told in ((ACCEPTED, "present"), (REJECTED, "left_early")):
        decided = msgspec.structs.replace(rough, verdicts={CheckInKind.OUT: verdict})
        assert mark(decided, room=STRICT) == told


def test_a_roll_call_that_nobody_answered_is_missed_once_it_is_closed():
    there = came(LESSON, WANG, status=Punctuality.LATE)
    assert mark(there, calls=[CALL], now=CALL.closes_at) == "late"
    assert mark(there, calls=[CALL], now=CALL.closes_at + MOMENT) == "left_early"
    assert mark(there, calls=[CALL]) == "left_early"
    assert mark(there, came(LESSON, WANG, call=1), calls=[CALL]) == "late"
    assert mark(there, came(LESSON, LI, call=1), calls=[CALL]) == "left_early"
    second = RollCall(2, CALL.closes_at, CALL.closes_at + MINUTES)
    assert mark(there, came(LESSON, WANG, call=1), calls=[CALL, second]) == "left_early"


def test_a_rough_answer_waits_unless_another_is_missed():
    there, rough = came(LESSON, WANG), came(LESSON, WANG, call=1, **ROUGH)
    assert mark(there, rough, calls=[CALL]) == "needs_review"
    for verdict, told in ((ACCEPTED, "present"), (REJECTED, "left_early")):
        decided = msgspec.structs.replace(rough, verdicts={CheckInKind.ROLL_CALL: verdict})
        assert mark(there, decided, calls=[CALL]) == told
    second = RollCall(2, CALL.closes_at, CALL.closes_at + MINUTES)
    assert mark(there, rough, calls=[CALL, second]) == "left_early"


@pytest.mark.parametrize(
    ("policy", "counted"),
    [
        ({}, {"present", "late", "made_up", "left_early"}),
        ({"check_out_required": True}, {"present", "late", "made_up"}),
        ({"roll_calls_per_lesson": 1}, {"present", "late", "made_up"}),
        ({"check_out_required": True, "roll_calls_per_lesson": 1}, {"present", "late", "made_up"}),
    ],
)
def test_leaving_early_counts_unless_the_policy_wants_proof_of_staying(policy, counted):
    room = class_of(LESSON, **policy)
    assert {str(one) for one in AttendanceMark if counts(one, room) is True} == counted
    assert counts(None, room) is False


# ------------------------------------------------------------------------------------------ adding to it


def refusal(found):
    return None if found is None else found.code


def test_evidence_is_gathered_while_a_class_runs_and_asked_for_until_its_completion_is():
    running = {"approved", "cancel_requested", "completion_submitted", "completion_returned"}
    assert {str(status) for status in ASKED_IN} == running - {"completion_submitted"}
    for status in ClassStatus:
        room, runs = class_of(LESSON, status=status), status.value in running
        assert refusal(why_closed(room)) == (None if runs else "wrong_state"), status
        asks = runs and status is not ClassStatus.COMPLETION_SUBMITTED
        assert refusal(why_not_ask(room)) == (None if asks else "wrong_state"), status
        never = msgspec.structs.replace(room, approved_by=None)
        assert refusal(why_closed(never)) == refusal(why_not_ask(never)) == "class_not_approved", status
