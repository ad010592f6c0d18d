"""Dates and moments as the law and the service count them, in Asia/Shanghai.

A moment is an aware `datetime`, a date is a calendar day in Shanghai. Nothing here reads a clock.
"""

import calendar
import datetime as dt
import functools
import re
import unicodedata
from zoneinfo import ZoneInfo

RECKONED_YEARS = range(1970, 2200)
"""The years that the service works with: sums with days beyond could overflow."""
SHANGHAI = ZoneInfo("Asia/Shanghai")

# Written moments carry today's offset even for years when Shanghai's clocks differed (summer time
# until 1991, local mean time before 1901, whose seconds RFC 3339 cannot express).
_BEIJING_OFFSET = dt.timezone(dt.timedelta(hours=8))
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII | re.IGNORECASE
)
_MONTHS_A_YEAR = 12
_WEEKDAYS = 5
_WORKING_DAYS_MAX = 1000
_FREE_BY_DATE = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
"""New Year, Labour Day, National Day."""
_FIRST_LUNAR_YEAR, _LAST_LUNAR_YEAR = 1901, 2100
_EARLIEST_WRITTEN = dt.date(1950, 1, 1)
MIDNIGHT_MISSED = dt.timedelta(minutes=6)
"""Programs in JavaScript write a day in Shanghai up to 5 min 43 s too early, most of them 43 s: its clocks
were ahead by so much before 1901, and the difference is kept where days are counted from 1900."""
_TIME_BEHIND = re.compile(
    r"[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$", re.ASCII | re.IGNORECASE
)
_WRITTEN_DATES = (
    re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII),
    re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII),
)


def _require_aware(moment: dt.datetime) -> None:
    if moment.utcoffset() is None:
        msg = "a moment needs a time zone"
        raise ValueError(msg)


def shanghai_date(moment: dt.datetime) -> dt.date:
    """Tell which day it is in Shanghai at a moment.

    Raises:
        ValueError: the moment has no time zone.

    """
    _require_aware(moment)
    return moment.astimezone(SHANGHAI).date()


def parse_moment(text: str) -> dt.datetime:
    """Read an RFC 3339 date-time, which always carries an offset, and give it in Shanghai's zone.

    Digits of the second beyond microseconds are dropped. Years outside 1970 to 2199 are refused, so
    that adding months or hours to a moment from outside can never overflow. A leap second (`:60`) is
    refused too: Python cannot hold it.

    Raises:
        ValueError: anything else than such a date-time.

    """
    if not _MOMENT.fullmatch(text):
        msg = "not an RFC 3339 date-time with offset"
        raise ValueError(msg)
    moment = dt.datetime.fromisoformat(text.upper())
    if moment.year not in RECKONED_YEARS:
        msg = f"not between the years {RECKONED_YEARS[0]} and {RECKONED_YEARS[-1]}"
        raise ValueError(msg)
    return moment.astimezone(SHANGHAI)


def read_date(text: str) -> dt.date | None:
    """Read a whole date as people and banks write it in a sheet, such as 2026年9月30日 or 2026/9/30.

    A time of day behind it is left out. One with a zone tells a moment: its day is that of Shanghai, so
    `2024-06-29T16:00:00.000Z`, as programs write the last of June, is the 30th. None if it is no such date,
    or not between 1950 and 2199.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    time = _TIME_BEHIND.search(plain)
    written = plain[: time.start()] if time else plain
    match = next(filter(None, (form.fullmatch(written) for form in _WRITTEN_DATES)), None)
    if match is None:
        return None
    try:
        day = dt.date(*map(int, match.groups()))
        if time is not None:
            day = _day_at(day, time)
    except (ValueError, OverflowError):
        return None
    return day if day >= _EARLIEST_WRITTEN and day.year < RECKONED_YEARS.stop else None


def _day_at(day: dt.date, time: re.Match[str]) -> dt.date:
    hour, minute, second, zone = time.groups()
    moment = dt.datetime.combine(day, dt.time(int(hour), int(minute), int(second or 0)))
    if zone:
        aware = dt.datetime.fromisoformat(f"{moment.isoformat()}{zone.upper().replace('Z', '+00:00')}")
        moment = aware.astimezone(_BEIJING_OFFSET).replace(tzinfo=None)
    return midnight_meant(moment).date()


def midnight_meant(moment: dt.datetime) -> dt.datetime:
    """Give the midnight that a program missed by less than `MIDNIGHT_MISSED`; any other moment as it is."""
    late = moment + MIDNIGHT_MISSED
    return (
        dt.datetime.combine(late.date(), dt.time(), moment.tzinfo) if late.date() > moment.date() else moment
    )


def format_moment(moment: dt.datetime) -> str:
    """Write a moment as RFC 3339 at `+08:00`, to the second; microseconds only when there are any.

    Raises:
        ValueError: the moment has no time zone.

    """
    _require_aware(moment)
    return moment.astimezone(_BEIJING_OFFSET).isoformat()


def add_months(day: dt.date, months: int) -> dt.date:
    """Give the same date so many months later (earlier if negative).

    Where that month has no such date, its last day (Civil Code art. 202): a month after 31 January 2027 is
    28 February 2027.
    """
    month_index = day.year * _MONTHS_A_YEAR + day.month - 1 + months
    year, month = month_index // _MONTHS_A_YEAR, month_index % _MONTHS_A_YEAR + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def valid_through(issued_on: dt.date, validity_months: int) -> dt.date:
    """Give the last day, inclusive, on which a voucher issued on a day can be used.

    The day of issue is not counted, so the term ends on the corresponding date (Civil Code
    art. 201-202). Art. 203, which moves a last day off a holiday, is deliberately not applied: the
    date printed on the voucher is the date that counts.

    Issued on 1 July 2026 for 12 months: valid through 1 July 2027, expired as 2 July begins.
    """
    return add_months(issued_on, validity_months)


def start_of_day(day: dt.date) -> dt.datetime:
    """Give the midnight in Shanghai at which a day begins."""
    return dt.datetime.combine(day, dt.time(), tzinfo=SHANGHAI)


DAY_ENDS_BEFORE_MIDNIGHT = dt.timedelta(minutes=30)
"""A day of supervision ends then: its evaluation is over before what is due is sealed, at 0:35."""


def night_of(moment: dt.datetime) -> dt.datetime:
    """Tell since when an evaluation counts for what is sealed at a moment: from the end of the day before."""
    return start_of_day(shanghai_date(moment)) - DAY_ENDS_BEFORE_MIDNIGHT


def expires_at(valid_through: dt.date) -> dt.datetime:
    """Give the first moment at which the voucher is no longer valid: the midnight after its last day."""
    return start_of_day(valid_through + dt.timedelta(days=1))


@functools.cache
def _known_years() -> frozenset[int]:
    import chinese_calendar  # noqa: PLC0415 — large, and only publicity needs it

    return frozenset(day.year for day in chinese_calendar.holidays)


def calendar_known(year: int) -> bool:
    """Tell whether the State Council's holidays and make-up days of a year are in the library."""
    return year in _known_years()


@functools.cache
def _free_by_law(year: int) -> frozenset[dt.date]:
    """Give the free days that no plan is needed for (State Council order 795, in force since 2025).

    Some have a fixed date; the others follow the lunar calendar, of which tables end with 2100.
    """
    fixed = frozenset(dt.date(year, month, day) for month, day in _FREE_BY_DATE)
    if not _FIRST_LUNAR_YEAR <= year <= _LAST_LUNAR_YEAR:
        return fixed
    from borax.calendars.lunardate import LunarDate, TermUtils  # noqa: PLC0415 — for years without a plan

    new_year = LunarDate(year, 1, 1).to_solar_date()
    spring_festival = [new_year + dt.timedelta(days=n) for n in (-1, 0, 1, 2)]
    dragon_boat, mid_autumn = (LunarDate(year, *day).to_solar_date() for day in ((5, 5), (8, 15)))
    tomb_sweeping = TermUtils.day_start_from_term(year, "清明")
    return fixed | {*spring_festival, tomb_sweeping, dragon_boat, mid_autumn}


def is_working_day(day: dt.date) -> bool:
    """Tell whether a day is a Chinese working day.

    Where the year's plan is known: weekdays and make-up days (调休上班), without holidays. The plan
    of a year is published in the preceding November; until the library has it, Monday to Friday without
    the days that are free by law whatever the plan says.
    """
    if not calendar_known(day.year):
        return day.weekday() < _WEEKDAYS and day not in _free_by_law(day.year)
    import chinese_calendar  # noqa: PLC0415 — as above

    return bool(chinese_calendar.is_workday(day))


def add_working_days(day: dt.date, n: int) -> dt.date:
    """Give the n-th working day after a day; counting starts on the next working day.

    With n = 0 it is the day itself. Publicity of 5 working days begun on a Friday therefore ends on
    the next Friday if no holiday lies between.

    Raises:
        ValueError: n is negative or above 1000.

    """
    if not 0 <= n <= _WORKING_DAYS_MAX:
        msg = f"0 to {_WORKING_DAYS_MAX} working days"
        raise ValueError(msg)
    while n:
        day += dt.timedelta(days=1)
        n -= is_working_day(day)
    return day


def working_days_since(day: dt.date, today: dt.date) -> int:
    """Count the working days after a day, up to today: 5 means that the fifth one has come.

    At most 1000; 0 if today is not after the day.
    """
    days = min((today - day).days, _WORKING_DAYS_MAX)
    return sum(is_working_day(day + dt.timedelta(days=n)) for n in range(1, days + 1))
