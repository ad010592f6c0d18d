"""What lists say of a person, summed up: which standing holds on a day, and what is told of it."""

from datetime import date, timedelta

import pytest

from chalicelib.people.eligibility import bar_of, facts_of
from chalicelib.people.standings.model import Situation
from tests.people.test_eligibility import PROGRAM, Listed, codes, standing

DAY = timedelta(days=1)
TODAY = date(2026, 6, 1)
SCHOOL = standing(Situation.IN_SCHOOL, since=date(2026, 2, 1), until=date(2026, 7, 31))
PRISON = standing(Situation.IMPRISONED, since=date(2026, 9, 1))


def test_one_standing_is_the_bar_itself():
    bar = bar_of([SCHOOL], PROGRAM, today=TODAY)
    assert bar is not None
    assert (bar.first_day, bar.last_day, bar.standing, bar.several) == (
        SCHOOL.since,
        SCHOOL.until,
        SCHOOL,
        [],
    )
    assert bar.code == "listed_in_school"
    assert bar.standing_on(TODAY) == SCHOOL
    assert bar.standing_on(date(2026, 8, 1)) is None
    counts = [
        bar.counts_on(day) for day in (SCHOOL.since - DAY, SCHOOL.since, SCHOOL.until, SCHOOL.until + DAY)
    ]
    assert counts == [False, True, True, False]


def test_of_several_the_span_is_taken_and_on_a_day_between_none_holds():
    bar = bar_of([PRISON, SCHOOL], PROGRAM, today=TODAY)
    assert bar is not None
    assert (bar.first_day, bar.last_day, bar.standing, bar.several) == (
        SCHOOL.since,
        None,
        SCHOOL,
        [SCHOOL, PRISON],
    )
    assert [bar.standing_on(day) for day in (TODAY, date(2026, 8, 15), date(2030, 1, 1))] == [
        SCHOOL,
        None,
        PRISON,
    ]
    assert bar.counts_on(date(2026, 8, 15)) is True
    ended = standing(Situation.IMPRISONED, since=date(2026, 3, 1), until=date(2026, 6, 30))
    both = bar_of([ended, SCHOOL], PROGRAM, today=TODAY)
    assert both is not None
    assert both.last_day == date(2026, 7, 31)


def test_what_is_over_sums_up_to_nothing():
    assert bar_of([], PROGRAM, today=TODAY) is None
    assert bar_of([SCHOOL], PROGRAM, today=date(2026, 8, 1)) is None
    assert bar_of([SCHOOL], PROGRAM, today=date(2026, 7, 31)) is not None


def test_a_standing_tells_since_when_and_of_when_its_data_are():
    assert facts_of(SCHOOL) == {"since": "2026-02-01", "as_of": "2026-08-31"}


@pytest.mark.parametrize(("graduated_on", "told"), [(date(2020, 6, 1), False), (date(2020, 5, 31), True)])
def test_the_first_day_of_graduation_that_counts_is_the_policys(graduated_on, told):
    listed = Listed(graduated_on=graduated_on)
    assert ("graduated_too_early" in codes(listed)) is told
