"""Days and moments as the law counts them."""

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel import calendar
from chalicelib.kernel.calendar import (
    SHANGHAI,
    add_months,
    add_working_days,
    calendar_known,
    expires_at,
    format_moment,
    is_working_day,
    parse_moment,
    read_date,
    shanghai_date,
    start_of_day,
    valid_through,
)

D = dt.date
moments = st.datetimes(timezones=st.timezones()).filter(lambda moment: 1970 < moment.year < 2199)
days = st.dates(min_value=D(2000, 1, 1), max_value=D(2100, 1, 1))


def test_a_day_in_shanghai_begins_at_sixteen_hours_utc():
    before = dt.datetime(2026, 6, 30, 15, 59, 59, tzinfo=dt.UTC)
    assert shanghai_date(before) == D(2026, 6, 30)
    assert shanghai_date(before + dt.timedelta(seconds=1)) == D(2026, 7, 1)


def test_a_moment_without_a_zone_has_no_day_and_no_text():
    naive = dt.datetime(2026, 7, 1, 8)  # noqa: DTZ001 — that is the point
    with pytest.raises(ValueError, match="time zone"):
        shanghai_date(naive)
    with pytest.raises(ValueError, match="time zone"):
        format_moment(naive)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01T08:00:00+08:00", dt.datetime(2026, 7, 1, 0, tzinfo=dt.UTC)),
        ("2026-07-01T00:00:00Z", dt.datetime(2026, 7, 1, 0, tzinfo=dt.UTC)),
        ("2026-07-01t00:00:00z", dt.datetime(2026, 7, 1, 0, tzinfo=dt.UTC)),
        ("2026-06-30T19:00:00-05:00", dt.datetime(2026, 7, 1, 0, tzinfo=dt.UTC)),
        ("2026-07-01T00:00:00.5Z", dt.datetime(2026, 7, 1, 0, 0, 0, 500_000, tzinfo=dt.UTC)),
        ("2026-07-01T00:00:00.123456789Z", dt.datetime(2026, 7, 1, 0, 0, 0, 123_456, tzinfo=dt.UTC)),
    ],
)
def test_an_rfc_3339_date_time_is_read(text, expected):
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-07-01",
        "2026-07-01T08:00:00",
        "2026-07-01T08:00+08:00",
        "2026-07-01 08:00:00+08:00",
        "2026-07-01T08:00:00+0800",
        "2026-07-01T08:00:00+08:00:00",
        "2026-07-01T08:00:00+24:00",
        "2026-07-01T24:00:00+08:00",
        "2026-07-01T08:00:60+08:00",
        "2026-02-29T08:00:00+08:00",
        "20260701T080000Z",
        "2026-W27-3T08:00:00Z",
        "2026-07-01T08:00:00+08:00\n",
        " 2026-07-01T08:00:00+08:00",
        "２０２６-07-01T08:00:00+08:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1782864000",
        "now",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text)


@given(st.text())
def test_no_text_makes_the_parser_fail_otherwise(text):
    with contextlib.suppress(ValueError):
        parse_moment(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-30",
        "2026-9-30",
        "2026/9/30",
        "2026.9.30",
        "2026年9月30日",
        "20260930",
        "２０２６/9/30",
        "2026-9-30 10:20",
    ],
)
def test_a_date_is_read_as_people_and_banks_write_it(text):
    assert read_date(text) == D(2026, 9, 30)


@pytest.mark.parametrize(
    "text",
    ["", "2026-W40-3", "2026-273", "2026-02-30", "9/30/2026", "昨天", "1949-10-01", "9999-12-31", "46295"],
)
def test_what_is_no_such_date_is_none(text):
    assert read_date(text) is None


def test_a_moment_is_written_at_beijing_time_to_the_second():
    moment = dt.datetime(2026, 6, 30, 16, 0, 5, tzinfo=dt.UTC)
    assert format_moment(moment) == "2026-07-01T00:00:05+08:00"
    assert format_moment(moment.replace(microsecond=1500)) == "2026-07-01T00:00:05.001500+08:00"


@given(moments)
def test_a_written_moment_reads_back_the_same(moment):
    # Compared as instants: Python calls an ambiguous local time unequal to every other zone.
    assert parse_moment(format_moment(moment)).timestamp() == moment.timestamp()


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (D(2026, 7, 1), 12, D(2027, 7, 1)),
        (D(2024, 2, 29), 12, D(2025, 2, 28)),
        (D(2024, 2, 29), 48, D(2028, 2, 29)),
        (D(2026, 1, 31), 1, D(2026, 2, 28)),
        (D(2026, 8, 31), 1, D(2026, 9, 30)),
        (D(2026, 12, 15), 1, D(2027, 1, 15)),
        (D(2026, 3, 31), -1, D(2026, 2, 28)),
        (D(2026, 1, 15), -24, D(2024, 1, 15)),
        (D(2026, 1, 15), 0, D(2026, 1, 15)),
    ],
)
def test_months_run_to_the_same_date_or_the_months_last_day(day, months, expected):
    assert add_months(day, months) == expected


@given(days, st.integers(min_value=-600, max_value=600))
def test_adding_months_lands_in_that_month_and_never_later_in_it(day, months):
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + dt.timedelta(days=1)).day == 1)


def test_a_voucher_of_twelve_months_is_good_through_the_same_date_a_year_later():
    last = valid_through(D(2026, 7, 1), 12)
    assert last == D(2027, 7, 1)
    assert expires_at(last) == dt.datetime(2027, 7, 2, tzinfo=SHANGHAI)
    assert format_moment(expires_at(last)) == "2027-07-02T00:00:00+08:00"


@given(days)
def test_expiry_is_the_first_moment_after_the_last_day(last):
    assert shanghai_date(expires_at(last) - dt.timedelta(microseconds=1)) == last
    assert shanghai_date(expires_at(last)) == last + dt.timedelta(days=1)
    assert shanghai_date(start_of_day(last)) == last


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (D(2026, 3, 6), 5, D(2026, 3, 13)),  # an ordinary Friday
        (D(2026, 3, 7), 1, D(2026, 3, 9)),  # a Saturday
        (D(2026, 9, 30), 1, D(2026, 10, 8)),  # National Day, 1 to 7 October
        (D(2024, 2, 9), 2, D(2024, 2, 19)),  # Spring Festival ends on a make-up Sunday
        (D(2026, 3, 6), 0, D(2026, 3, 6)),
    ],
)
def test_working_days_count_from_the_next_one_with_holidays_and_make_up_days(day, n, expected):
    assert add_working_days(day, n) == expected


def test_a_make_up_sunday_is_a_working_day():
    assert is_working_day(D(2024, 2, 18))
    assert not is_working_day(D(2024, 2, 25))


def test_a_year_without_a_published_plan_counts_monday_to_friday_without_what_the_law_frees():
    assert calendar_known(2024)
    assert not calendar_known(2090)
    free = [
        D(2090, 1, 1),
        *(D(2090, 1, day) for day in (29, 30, 31)),
        D(2090, 2, 1),
        D(2090, 4, 4),
        *(D(2090, 5, day) for day in (1, 2)),
        D(2090, 6, 2),
        D(2090, 9, 8),
        *(D(2090, 10, day) for day in (1, 2, 3)),
    ]
    days = [D(2090, 1, 1) + dt.timedelta(days=n) for n in range(365)]
    assert [day for day in days if not is_working_day(day)] == sorted(
        {*free, *(day for day in days if day.weekday() >= 5)}
    )


def test_publicity_into_a_year_whose_plan_is_not_out_counts_no_new_years_day():
    if calendar_known(2027):
        pytest.skip("the plan of 2027 is in the library")
    assert add_working_days(D(2026, 12, 30), 2) == D(2027, 1, 4)


def test_beyond_the_tables_of_the_lunar_calendar_fixed_days_are_free():
    new_year = D(2150, 1, 1)
    assert new_year.weekday() == 3
    assert not is_working_day(new_year)
    assert is_working_day(D(2150, 1, 28)), "the Spring Festival of 2150 is in no table"
    assert add_working_days(D(2150, 1, 2), 1) == D(2150, 1, 5)


@pytest.mark.parametrize("year", range(2008, 2027))
def test_what_the_law_frees_was_free_in_every_published_plan(year):
    free = calendar._free_by_law(year)
    assert len(free) in (12, 13), "Mid-Autumn may fall on National Day"
    since_2025 = {D(year, 5, 2), min(free - {D(year, 1, 1)})}  # the eve of Spring Festival
    for day in free if year >= 2025 else free - since_2025:
        assert not is_working_day(day), day


@pytest.mark.parametrize("n", [-1, 1001])
def test_an_absurd_number_of_working_days_is_refused(n):
    with pytest.raises(ValueError, match="working days"):
        add_working_days(D(2026, 3, 6), n)


@given(st.dates(min_value=D(2010, 1, 1), max_value=D(2040, 1, 1)), st.integers(min_value=1, max_value=30))
def test_the_nth_working_day_is_one_and_has_n_in_its_span(day, n):
    end = add_working_days(day, n)
    span = [day + dt.timedelta(days=k) for k in range(1, (end - day).days + 1)]
    assert is_working_day(end)
    assert sum(map(is_working_day, span)) == n
