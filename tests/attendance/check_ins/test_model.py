"""A tap on the button by itself, without any table: when, where, by which clock, and how it is named."""

from datetime import timedelta

import msgspec
import pytest

from chalicelib.attendance.check_ins.model import (
    ACCURACY_MAX_M,
    CheckInKind,
    CheckInOutcome,
    Punctuality,
    RefusedCheckIn,
    ReviewVerdict,
    judge,
    slot_named,
    slot_of,
    window_of,
)
from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import ClassStatus
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.geo import distance_m
from tests.attendance.plain import HERE, LI, MINUTES, START, WANG, attempt, came, class_of, lesson, proof

LESSON = lesson(1)
ROOM = class_of(LESSON)
MOMENT = timedelta(microseconds=1)
IN, OUT, ROLL_CALL = CheckInKind.IN, CheckInKind.OUT, CheckInKind.ROLL_CALL
NEEDS_REVIEW, ACCEPTED = CheckInOutcome.NEEDS_REVIEW, CheckInOutcome.ACCEPTED
GRACE = timedelta(hours=24)
CALL = RollCall(1, START + 100 * MINUTES, START + 110 * MINUTES)
SECOND = RollCall(2, START + 140 * MINUTES, START + 150 * MINUTES)


def judged(kind=IN, at=START, *, now=None, room=ROOM, person=WANG, calls=(), **facts):
    tap = attempt(kind, at, **facts)
    return judge(tap, room, room.lessons[0], person_key=person, now=now or at, calls=calls)


def north(metres, **facts):
    """Give a place that far from the site (a degree of latitude has 110,863 m there)."""
    return msgspec.structs.replace(HERE, lat=31.8 + metres / 110_863, **facts)


# ------------------------------------------------------------------------------------------ when


def test_one_comes_from_an_hour_before_to_half_an_hour_after_the_start():
    codes = {minutes: judged(at=START + minutes * MINUTES).code for minutes in (-61, -60, 0, 30, 31)}
    assert codes == {-61: "lesson_not_open", -60: None, 0: None, 30: None, 31: "lesson_closed"}
    assert judged(at=START - 60 * MINUTES - MOMENT).code == "lesson_not_open"
    assert judged(at=START + 30 * MINUTES + MOMENT).code == "lesson_closed"


def test_one_goes_from_the_start_to_half_an_hour_after_the_end():
    assert judged(OUT, START - MOMENT).code == "lesson_not_open"
    assert judged(OUT, START).code is None
    assert judged(OUT, LESSON.ends_at + 30 * MINUTES).code is None
    assert judged(OUT, LESSON.ends_at + 30 * MINUTES + MOMENT).code == "lesson_closed"
    assert window_of(OUT, ROOM, LESSON) == (START, LESSON.ends_at + 30 * MINUTES)
    own = class_of(LESSON, check_in_opens_minutes_before=5, check_in_closes_minutes_after_start=7)
    assert window_of(IN, own, LESSON) == (START - 5 * MINUTES, START + 7 * MINUTES)


def test_late_is_after_the_start_by_the_clock_that_decides():
    assert judged(at=START).status is Punctuality.PRESENT
    assert judged(at=START + MOMENT).status is Punctuality.LATE
    assert judged(at=START - MINUTES, now=START + MINUTES).status is Punctuality.LATE


def test_what_was_made_offline_comes_later_within_the_policys_hours_and_is_looked_at():
    closed = START + 30 * MINUTES
    in_time = judged(at=START - MINUTES, now=closed + GRACE, offline=True)
    assert (in_time.code, in_time.late_uploaded, in_time.outcome) == (None, True, NEEDS_REVIEW)
    assert in_time.status is Punctuality.PRESENT, "by the device's clock"
    assert judged(at=START, now=closed + GRACE + MOMENT, offline=True).code == "lesson_closed"
    assert judged(at=START, now=closed + MOMENT).code == "lesson_closed", "not made offline"
    assert judged(at=START, now=closed + timedelta(hours=1)).code == "lesson_closed"
    at_once = judged(at=START - GRACE, now=closed, offline=True)
    assert (at_once.code, at_once.late_uploaded, at_once.outcome) == (None, False, ACCEPTED)
    assert at_once.status is Punctuality.LATE, "by the server's clock"
    assert judged(at=START - 61 * MINUTES, now=closed + MINUTES, offline=True).code == "lesson_not_open"
    assert judged(at=closed + MOMENT, now=closed + MINUTES, offline=True).code == "lesson_closed"


def test_a_roll_call_is_answered_in_its_minutes_and_only_the_lessons_are_told():
    calls = [CALL, SECOND]
    for call in calls:
        for at in (call.opens_at, call.closes_at):
            answered = judged(ROLL_CALL, at, calls=calls)
            assert (answered.code, answered.call, answered.late_uploaded) == (None, call.number, False)
    for at in (CALL.opens_at - MOMENT, CALL.closes_at + MOMENT, SECOND.closes_at + MOMENT):
        refused = judged(ROLL_CALL, at, calls=calls)
        assert (refused.code, refused.call, refused.late_uploaded) == ("no_roll_call", None, False)
        assert refused.facts["opens_at"] == format_moment(START)
        assert refused.facts["closed_at"] == format_moment(LESSON.ends_at)
    assert judged(ROLL_CALL, START).code == "no_roll_call"
    assert judged(IN, START, calls=calls).call is None


def test_an_answer_made_offline_counts_for_its_moment():
    made, calls = CALL.opens_at + MINUTES, [CALL, SECOND]
    later = judged(ROLL_CALL, made, now=CALL.closes_at + GRACE, calls=calls, offline=True)
    assert (later.code, later.call, later.late_uploaded, later.outcome) == (None, 1, True, NEEDS_REVIEW)
    too_late = judged(ROLL_CALL, made, now=CALL.closes_at + GRACE + MOMENT, calls=calls, offline=True)
    assert too_late.code == "no_roll_call"
    assert judged(ROLL_CALL, made, now=CALL.closes_at + MINUTES, calls=calls).code == "no_roll_call"
    now_counts = judged(ROLL_CALL, made, now=SECOND.opens_at, calls=calls, offline=True)
    assert (now_counts.call, now_counts.late_uploaded) == (2, False)
    before = judged(ROLL_CALL, made, now=CALL.opens_at - MINUTES, calls=calls, offline=True)
    assert before.code == "no_roll_call", "a device's clock that runs ahead opens nothing"


# ------------------------------------------------------------------------------------------ who, and of what class


@pytest.mark.parametrize("status", ClassStatus)
def test_one_checks_in_where_lessons_are_held(status):
    told = {"approved": None, "cancel_requested": None, "cancelled": "class_not_approved"}
    room = class_of(LESSON, status=status)
    assert judged(room=room).code == told.get(status.value, "lesson_closed")
    assert judged(room=msgspec.structs.replace(room, approved_by=None)).code == "class_not_approved"


def test_who_is_not_on_the_roster_is_told_so():
    assert judged(person="prs_stranger").code == "not_on_roster"
    assert judged(person=LI).code is None


# ------------------------------------------------------------------------------------------ where


@pytest.mark.parametrize(
    ("away_m", "accuracy_m", "allowed_m", "code", "outcome"),
    [
        (210, 20, 220, None, ACCEPTED),
        (230, 20, 220, "outside_site", ACCEPTED),
        (290, 100, 300, None, ACCEPTED),
        (290, 500, 300, None, NEEDS_REVIEW),
        (310, 500, 300, "outside_site", NEEDS_REVIEW),
        (10, 1_000, 300, None, NEEDS_REVIEW),
        (10, 1_001, 300, "accuracy_too_low", NEEDS_REVIEW),
        (310, 1_001, 300, "accuracy_too_low", NEEDS_REVIEW),
        (1_200, 3_000, 300, "accuracy_too_low", NEEDS_REVIEW),
        (10_000, 3_000, 300, "outside_site", NEEDS_REVIEW),
        (1_150, 1_000, 300, "outside_site", NEEDS_REVIEW),
        (10, 0, 200, None, NEEDS_REVIEW),
        (190, -1, 200, None, NEEDS_REVIEW),
        (201, -1, 200, "outside_site", NEEDS_REVIEW),
        (200.7, 0, 200, "outside_site", NEEDS_REVIEW),
        (10, 0.5, 200, None, ACCEPTED),
    ],
)
def test_the_geofence_is_as_its_table_tells(away_m, accuracy_m, allowed_m, code, outcome):
    answer = judged(place=north(away_m, accuracy_m=accuracy_m))
    assert (answer.code, answer.outcome) == (code, outcome)
    assert answer.facts["allowed_m"] == allowed_m
    assert answer.facts["distance_m"] == pytest.approx(away_m, rel=5e-4, abs=0.8)
    assert answer.facts["accuracy_m"] == max(0, round(accuracy_m))
    assert answer.distance_m == pytest.approx(away_m, rel=5e-4, abs=0.5)
    assert round(answer.distance_m, 1) == answer.distance_m


def test_the_borders_are_inside():
    site = ROOM.site.location.point
    away_m = distance_m(north(270).point, site)
    on_it = north(270, accuracy_m=away_m - 200)
    assert 200 + (away_m - 200) == away_m
    assert judged(place=on_it).code is None
    far_m = distance_m(north(1_500).point, site)
    assert far_m - (far_m - 200) == 200
    assert judged(place=north(1_500, accuracy_m=far_m - 200)).code == "accuracy_too_low"
    assert judged(place=north(1_190, accuracy_m=ACCURACY_MAX_M)).code == "outside_site"


def test_a_site_may_have_a_radius_of_its_own():
    wide = msgspec.structs.replace(ROOM, site=msgspec.structs.replace(ROOM.site, radius_m=500))
    assert judged(place=north(505, accuracy_m=10), room=wide).code is None
    assert judged(place=north(515, accuracy_m=10), room=wide).code == "outside_site"
    none = msgspec.structs.replace(ROOM, site=msgspec.structs.replace(ROOM.site, radius_m=0))
    assert judged(place=north(50, accuracy_m=10), room=none).code == "outside_site"


# ------------------------------------------------------------------------------------------ names


def test_a_check_in_is_named_by_its_class_lesson_person_and_call():
    first, answer = came(LESSON, WANG), came(LESSON, WANG, call=2)
    assert (first.slot, first.id, first.roll_call) == ("01#prs_wang", "chk_plain-01wang", None)
    assert (answer.slot, answer.id, answer.roll_call) == ("01#prs_wang#c2", "chk_plain-0102wang", 2)
    for one in (first, answer):
        assert (one.lesson_id, one.person_key) == (LESSON.id, WANG)
        assert slot_named(one.id, LESSON.id) == one.slot
    assert slot_of(LESSON.id, LI) == "01#prs_li"
    assert slot_of(LESSON.id, LI, call=0) == "01#prs_li#c0"


@pytest.mark.parametrize(
    "check_in_id",
    ["chk_other-01wang", "chk_plain-02wang", "les_plain-01wang", "mkp_plain-01wang", "chk_plain-010wang", ""],
)
def test_an_id_of_another_class_lesson_or_kind_names_no_place(check_in_id):
    assert slot_named(check_in_id, LESSON.id) is None


# ------------------------------------------------------------------------------------------ what is recorded


def test_what_is_recorded_is_told_by_kind_and_waits_where_it_was_rough():
    rough = {"outcome": NEEDS_REVIEW}
    both = came(LESSON, WANG, went=proof(LESSON.ends_at, **rough))
    assert list(both.proofs) == [IN, OUT]
    assert list(came(LESSON, WANG).proofs) == [IN]
    assert list(came(LESSON, WANG, call=1).proofs) == [ROLL_CALL]
    assert both.undecided == [OUT]
    assert (both.verdict_on(IN), both.verdict_on(OUT)) == (ReviewVerdict.ACCEPTED, None)
    decided = msgspec.structs.replace(
        both, verdicts={OUT: ReviewVerdict.REJECTED, IN: ReviewVerdict.REJECTED}
    )
    assert decided.undecided == []
    assert decided.verdict_on(OUT) is ReviewVerdict.REJECTED
    assert decided.verdict_on(IN) is ReviewVerdict.ACCEPTED, "an accepted one was never in question"


def test_a_place_whose_device_does_not_know_how_far_off_it_is_has_no_accuracy():
    known = {m: msgspec.structs.replace(HERE, accuracy_m=m).known_accuracy_m for m in (-1, 0, 0.5, 30)}
    assert known == {-1: None, 0: None, 0.5: 0.5, 30: 30}


def test_what_is_not_told_is_no():
    accepted = proof(START)
    assert (HERE.mocked, attempt().offline, accepted.offline, accepted.late_uploaded) == (False,) * 4
    assert came(LESSON, WANG).version == 1
    refused = RefusedCheckIn(
        lesson_id=LESSON.id,
        id="x",
        class_id="cls_plain",
        division="340111",
        code="outside_site",
        kind=IN,
        person_key=WANG,
        place=HERE,
        device_id="d",
        nonce="n",
        happened_at=START,
        received_at=START,
        distance_m=1.0,
        actor=WANG,
    )
    assert refused.offline is False
