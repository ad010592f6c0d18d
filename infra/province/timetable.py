"""When honest classes meet: by day, half a day, in the evening, at night, at weekends; never on holidays."""

from datetime import date, datetime, time, timedelta, timezone
from random import Random
from typing import NamedTuple

CHINA = timezone(timedelta(hours=8))
"""The time of all dates here; a fixed offset, for a zone's rules cost time on each of a million moments."""

LESSON_HOUR = timedelta(minutes=45)

# Weeks without training: Spring Festival, Labour Day, National Day, New Year.
_HOLIDAYS = (
    (date(2026, 2, 14), date(2026, 2, 24)),
    (date(2026, 4, 4), date(2026, 4, 6)),
    (date(2026, 5, 1), date(2026, 5, 5)),
    (date(2026, 6, 19), date(2026, 6, 21)),
    (date(2026, 10, 1), date(2026, 10, 8)),
    (date(2027, 1, 1), date(2027, 1, 3)),
)


class Sitting(NamedTuple):
    """One lesson of a day: when it starts, how many lesson hours it has."""

    starts: time
    hours: int


class Shift(NamedTuple):
    """How a class meets: on which weekdays (0 is Monday), in which lessons a day."""

    name: str
    weekdays: tuple[int, ...]
    sittings: tuple[Sitting, ...]


_WORKDAYS, _WEEKEND = (0, 1, 2, 3, 4), (5, 6)


def _times(*texts: str) -> tuple[Sitting, ...]:
    parsed = []
    for text in texts:
        starts, _, hours = text.partition("/")
        parsed.append(Sitting(time.fromisoformat(starts), int(hours)))
    return tuple(parsed)


SHIFTS = (
    (Shift("day", _WORKDAYS, _times("08:30/4", "13:30/4")), 20),
    (Shift("day", (0, 1, 2, 3, 4, 5), _times("09:00/4", "14:00/4")), 8),
    (Shift("split", _WORKDAYS, _times("08:30/2", "10:00/2", "14:00/3")), 6),
    (Shift("morning", _WORKDAYS, _times("08:30/4")), 12),
    (Shift("afternoon", _WORKDAYS, _times("14:00/4")), 12),
    (Shift("evening", _WORKDAYS, _times("18:30/4")), 18),
    (Shift("evening", (0, 2, 4), _times("18:40/3")), 5),
    (Shift("night", _WORKDAYS, _times("22:30/4")), 5),
    (Shift("weekend", _WEEKEND, _times("08:30/4", "13:30/4")), 14),
)


def draw_shift(rng: Random) -> Shift:
    """Draw how a class meets."""
    shifts, weights = zip(*SHIFTS, strict=True)
    shift: Shift = rng.choices(shifts, weights)[0]
    return shift


def is_holiday(day: date) -> bool:
    """Tell whether nobody trains on this day."""
    return any(first <= day <= last for first, last in _HOLIDAYS)


class Slot(NamedTuple):
    """A lesson to be: from when until when, for how many lesson hours."""

    starts_at: datetime
    ends_at: datetime
    hours: float


def slot(day: date, starts: time, hours: float, *, breaks: int = 0) -> Slot:
    """Make a lesson of so many hours of 45 minutes, with breaks in minutes beside them."""
    starts_at = datetime.combine(day, starts, CHINA)
    return Slot(starts_at, starts_at + LESSON_HOUR * hours + timedelta(minutes=breaks), hours)


def timetable(rng: Random, shift: Shift, first_day: date, hours: float) -> list[Slot]:
    """Lay the hours of a project out from a day on; now and then a day falls out and is made good."""
    breaks = rng.choice((0, 0, 10)) if shift.name != "split" else 0
    slots: list[Slot] = []
    left, day = hours, first_day
    while left > 0:
        if day.weekday() in shift.weekdays and not is_holiday(day) and (not slots or rng.random() > 0.04):
            for sitting in shift.sittings:
                if left <= 0:
                    break
                taken = min(float(sitting.hours), left)
                slots.append(slot(day, sitting.starts, taken, breaks=breaks))
                left -= taken
        day += timedelta(days=1)
    return slots
