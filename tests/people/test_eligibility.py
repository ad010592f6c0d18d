"""Who may have a voucher: every reason is told, each as of its own day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from chalicelib.kernel.reasons import REASONS
from chalicelib.people.eligibility import bar_of, code_of, reasons_against
from chalicelib.people.standings.model import Situation, Standing, merged
from chalicelib.programs.model import Face, Policy, Program, ProgramKind

ISSUED_ON = date(2026, 9, 1)
PROGRAM = Program(
    id="prg_x",
    name="x",
    division="34",
    kind=ProgramKind.TARGETED_FACE_VALUE,
    face=Face(title="t", issuer="i"),
    policy=Policy(),
    policy_version=1,
)


@dataclass(frozen=True)
class Listed:
    graduated_on: date = date(2025, 6, 30)
    left_school_on: date = date(2025, 7, 1)
    employment_status: str = "未就业"


def standing(
    situation=Situation.EMPLOYED, *, since=date(2026, 8, 1), until=None, as_of=date(2026, 8, 31), day=1
):
    return Standing(
        situation=situation,
        since=since,
        until=until,
        as_of=as_of,
        import_id=f"imp_{day}",
        listed_at=datetime(2026, 9, day, tzinfo=UTC),
        listed_by="acc_x",
    )


def codes(listed=None, standings=(), *, entitled_on=ISSUED_ON, today=None, program=PROGRAM):
    against = reasons_against(
        listed or Listed(), standings, program, entitled_on=entitled_on, today=today or entitled_on
    )
    return [reason.code for reason in against]


def test_all_reasons_are_told_not_the_first():
    listed = Listed(date(2019, 6, 30), date(2019, 7, 1), "已就业")
    assert codes(listed, [standing(), standing(Situation.RETIRED)]) == [
        "graduated_too_early",
        "left_school_too_long_ago",
        "not_unemployed",
        "listed_employed",
        "listed_retired",
    ]


@pytest.mark.parametrize(
    "listed",
    [
        Listed(left_school_on=date(2026, 9, 2)),
        Listed(date(2026, 9, 2), date(2026, 9, 2)),
        Listed(date(2030, 6, 30), date(2026, 6, 30)),
    ],
)
def test_whoever_has_not_left_school_yet_waits_for_that_day(listed):
    """Seen: a list typed with 2030 for 2020 gave its people vouchers."""
    assert codes(listed) == ["not_left_school_yet"]
    last = max(listed.graduated_on, listed.left_school_on)
    assert "not_left_school_yet" not in codes(listed, entitled_on=last)


def test_a_voucher_of_one_year_does_not_die_because_two_years_since_school_run_out():
    left = Listed(left_school_on=date(2024, 9, 1))
    assert codes(left) == [], "two years to the day"
    assert codes(left, entitled_on=ISSUED_ON + timedelta(days=1)) == ["left_school_too_long_ago"]
    assert codes(left, entitled_on=ISSUED_ON, today=ISSUED_ON + timedelta(days=300)) == []


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (date(2026, 9, 1), None, True),
        (date(2026, 9, 2), None, False),
        (date(2026, 3, 1), date(2026, 9, 1), True),
        (date(2026, 3, 1), date(2026, 8, 31), False),
    ],
)
def test_a_standing_counts_from_its_first_through_its_last_day(since, until, counts):
    assert bool(codes(None, [standing(since=since, until=until)])) is counts


def test_standings_count_as_of_the_day_asked():
    later = standing(since=date(2027, 1, 1))
    assert codes(None, [later]) == []
    assert codes(None, [later], today=date(2027, 1, 1)) == ["listed_employed"]


@pytest.mark.parametrize("situation", list(Situation))
def test_every_situation_has_a_sentence_that_says_since_when(situation):
    reason = REASONS[code_of(situation)]
    for text in (reason.zh, reason.en):
        assert "{since}" in text
        assert "{as_of}" in text


def test_a_program_that_is_open_to_people_in_work_does_not_mind_work():
    program = msgspec.structs.replace(PROGRAM, policy=Policy(employment="any"))
    reasons = codes(
        Listed(employment_status="已就业"), [standing(), standing(Situation.IMPRISONED)], program=program
    )
    assert reasons == ["listed_imprisoned"]
    assert bar_of([standing()], program, today=ISSUED_ON) is None


def test_the_bar_says_what_the_function_would_say_on_every_later_day():
    several = [
        standing(since=date(2026, 8, 1), until=date(2026, 10, 1)),
        standing(Situation.IN_SCHOOL, since=date(2026, 9, 15), until=date(2026, 12, 31)),
        standing(Situation.RETIRED, since=date(2020, 1, 1), until=date(2021, 1, 1)),
    ]
    bar = bar_of(several, PROGRAM, today=ISSUED_ON)
    assert bar is not None
    assert (bar.first_day, bar.last_day, bar.code) == (
        date(2026, 8, 1),
        date(2026, 12, 31),
        "listed_employed",
    )
    for days in range(-40, 200):
        day = ISSUED_ON + timedelta(days=days)
        if day >= ISSUED_ON:
            assert bar.counts_on(day) is bool(codes(None, several, today=day)), day


def test_newer_data_replace_older_whatever_the_order_they_arrive_in():
    first = standing(as_of=date(2026, 8, 31), day=1)
    ended = standing(until=date(2026, 9, 5), as_of=date(2026, 9, 30), day=2)
    other = standing(Situation.IN_SCHOOL)
    assert merged(merged([], [first]), [ended]) == merged(merged([], [ended]), [first]) == [ended]
    assert merged([ended], [ended]) == [ended], "applied twice"
    assert merged([ended], [other]) == [ended, other], "a list says nothing of whom it does not name"


def test_of_data_of_one_day_the_list_announced_later_wins():
    a, b = standing(day=1), standing(until=date(2026, 12, 31), day=2)
    assert merged(merged([], [b]), [a]) == merged(merged([], [a]), [b]) == [b]
