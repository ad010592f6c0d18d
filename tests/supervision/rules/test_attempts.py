"""How rules read attempts, lessons, sites and ways between them: each figure by itself."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClassRecord,
    LessonRecord,
    Position,
    Severity,
    SiteRecord,
)
from chalicelib.supervision.rules.attempts import (
    came,
    counts,
    is_live,
    km_between,
    meetings_of,
    metres_from,
    minutes,
    moment_of,
    newest,
    overlap_of,
    placed,
    placed_late,
    point_of,
    stands,
)
from chalicelib.supervision.rules.travel import speed_judged

AT = datetime(2026, 9, 7, 1, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HERE = Position(lng=117.2272, lat=31.8206, coord_system="wgs84", accuracy_m=12.0)


def attempt(**told):
    known = {
        "id": "chk_1",
        "lesson": "les_1",
        "kind": "in",
        "outcome": "accepted",
        "received_at": AT,
        "location": HERE,
    }
    return CheckInRecord(**{**known, **told})


def lesson(name="les_1", starts_at=AT, ends_at=None, **told):
    return LessonRecord(id=name, starts_at=starts_at, ends_at=ends_at or starts_at + HOUR, **told)


# ------------------------------------------------------------------------------------------ attempts


def test_what_was_refused_says_nothing_and_going_is_not_coming():
    assert [counts(attempt(outcome=word)) for word in ("accepted", "needs_review", "refused")] == [
        True,
        True,
        False,
    ]
    assert came(attempt()) is True
    assert came(attempt(kind="out")) is False
    assert came(attempt(outcome="refused")) is False


def test_what_was_made_there_and_then_is_live():
    assert is_live(attempt()) is True
    assert is_live(attempt(offline=True)) is False
    assert is_live(attempt(made_up=True)) is False


def test_a_device_is_believed_where_it_was_offline():
    earlier = AT - HOUR
    assert moment_of(attempt(offline=True, happened_at=earlier)) == earlier
    assert moment_of(attempt(happened_at=earlier)) == AT
    assert moment_of(attempt(offline=True)) == AT


def test_a_place_is_of_a_live_attempt_or_of_a_late_one():
    live, late = attempt(), attempt(offline=True)
    spot = placed(live)
    assert spot is not None
    assert (spot.lng, spot.lat, spot.accuracy_m, spot.at) == (117.2272, 31.8206, 12.0, AT)
    assert spot.check_in is live
    assert placed(late) is None
    assert placed_late(live) is None
    assert placed_late(late) is not None
    assert placed_late(attempt(offline=True, made_up=True)) is None
    assert placed(attempt(made_up=True)) is None
    assert placed(attempt(location=None)) is None
    assert placed(attempt(location=msgspec.structs.replace(HERE, coord_system="nowhere"))) is None


@pytest.mark.parametrize(
    ("told", "known"), [(12.0, 12.0), (0.5, 0.5), (0.0, None), (-1.0, None), (None, None)]
)
def test_an_accuracy_of_nothing_is_none(told, known):
    spot = placed(attempt(location=msgspec.structs.replace(HERE, accuracy_m=told)))
    assert spot is not None
    assert spot.accuracy_m == known


def test_two_places_within_a_decimetre_are_one_spot():
    def spot(lng=117.2272, lat=31.8206):
        place = placed(attempt(location=msgspec.structs.replace(HERE, lng=lng, lat=lat)))
        assert place is not None
        return place.spot

    assert spot() == spot(117.2272004) == spot(lat=31.8206004) == (117.2272, 31.8206)
    assert len({spot(), spot(117.227201), spot(lat=31.820601)}) == 3


def test_a_place_is_read_in_its_own_system_if_there_is_such_a_place():
    assert point_of(None) is None
    shifted = point_of(msgspec.structs.replace(HERE, coord_system="GCJ02"))
    assert shifted is not None
    assert 0.003 < HERE.lng - shifted.lng < 0.008
    assert point_of(msgspec.structs.replace(HERE, coord_system="nowhere")) is None
    assert point_of(msgspec.structs.replace(HERE, lat=91.0)) is None


# ------------------------------------------------------------------------------------------ ways


def test_a_degree_is_as_long_as_the_earth_makes_it():
    def at(lng, lat):
        place = placed(attempt(location=Position(lng=lng, lat=lat, coord_system="wgs84")))
        assert place is not None
        return place

    assert km_between(at(117, 31), at(117, 32)) == pytest.approx(111.195, abs=0.001)
    assert km_between(at(117, 31), at(118, 31)) == pytest.approx(95.313, abs=0.001)
    assert km_between(at(117, 0.0), at(118, 60)) == pytest.approx(6672.1, abs=1)
    assert km_between(at(117, 31), at(117, 31)) == 0
    east, north = metres_from((117.0, 31.0), 117.001, 31.001)
    assert (east, north) == (pytest.approx(95.313, abs=0.001), pytest.approx(111.195, abs=0.001))
    assert metres_from((117.0, 60.0), 116.0, 59.0) == (
        pytest.approx(-55_597.5, abs=0.1),
        pytest.approx(-111_195, abs=0.1),
    )


@pytest.mark.parametrize(
    ("km", "hours", "same_day", "severity"),
    [
        (4.99, 0.0, True, None),
        (5.0, 0.0, True, Severity.HOLD),
        (15.0, 0.1, True, None),
        (15.1, 0.1, True, Severity.HOLD),
        (49.9, 0.3, True, Severity.HOLD),
        (50.0, 0.3, True, Severity.WARN),
        (49.9, 49.9 / 150, True, None),
        (350.0, 1.0, True, Severity.WARN),
        (350.1, 1.0, True, Severity.HOLD),
        (225.0, 1.0, True, None),
        (226.0, 1.0, True, Severity.WARN),
        (226.0, 1.0, False, None),
        (351.0, 1.0, False, Severity.HOLD),
    ],
)
def test_a_road_a_train_and_nobody_are_told_apart_to_the_kilometre(km, hours, same_day, severity):
    assert speed_judged(km, hours, Thresholds(), same_day=same_day) is severity


# ------------------------------------------------------------------------------------------ lessons


def test_lessons_of_classes_that_stand_are_told_in_order_with_their_own_room_first():
    site, own = (SiteRecord(lng=lng, lat=31.8, coord_system="wgs84") for lng in (117.2, 117.3))
    head = ClassRecord(
        id="cls_1",
        institution="x",
        status="approved",
        site=site,
        room=" Room  A ",
        lessons=[
            lesson("les_3", AT + HOUR),
            lesson("les_2", AT, room="B"),
            lesson("les_1", AT, room="  ", site=own),
        ],
    )
    told = meetings_of([head, head])
    assert [(one.lesson.id, one.room, one.site) for one in told] == [
        ("les_1", "room a", own),
        ("les_2", "b", site),
        ("les_3", "room a", site),
    ]
    assert {one.head.id for one in told} == {"cls_1"}
    for status in ("draft", "returned", "cancelled"):
        gone = msgspec.structs.replace(head, status=status)
        assert stands(gone) is False
        assert meetings_of([gone]) == []
    assert stands(head) is True
    nowhere = msgspec.structs.replace(head, room=None, site=None)
    assert (meetings_of([nowhere])[2].room, meetings_of([nowhere])[2].site) == (None, None)


def test_two_lessons_overlap_from_the_later_start_to_the_earlier_end():
    first = lesson(starts_at=AT, ends_at=AT + HOUR)
    assert overlap_of(first, lesson(starts_at=AT + 45 * MINUTE)) == 15 * MINUTE
    assert overlap_of(lesson(starts_at=AT + 45 * MINUTE), first) == 15 * MINUTE
    assert overlap_of(first, lesson(starts_at=AT + 61 * MINUTE)) == -MINUTE
    assert overlap_of(first, lesson(starts_at=AT + 15 * MINUTE, ends_at=AT + 30 * MINUTE)) == 15 * MINUTE


def test_figures_for_the_evidence():
    assert minutes(timedelta(seconds=93)) == 1.6
    assert minutes(timedelta(minutes=90)) == 90.0
    assert newest([None, AT, AT + HOUR, None], AT - HOUR) == AT + HOUR
    assert newest([None], AT - HOUR) == AT - HOUR
    assert newest([], AT) == AT
