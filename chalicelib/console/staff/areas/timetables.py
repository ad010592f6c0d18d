"""Timetables as rows of a form: lessons as they are typed, as they are stored, and as the API reads them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from chalicelib.console.staff.rendering import Page
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.reasons import error

ROWS_MOST: Final = 120
BLANK_ROWS: Final = 8
COLUMNS: Final = ("day", "from", "to", "hours", "topic", "trainer")


def typed_rows(page: Page, wanted: Sequence[str] = COLUMNS) -> list[dict[str, str]]:
    """Give the rows that were typed; an emptied row is none."""
    columns = {name: page.visit.fields.get(f"lesson_{name}", ()) for name in wanted}
    length = min(ROWS_MOST, max((len(values) for values in columns.values()), default=0))
    rows = [
        {name: values[place].strip() if place < len(values) else "" for name, values in columns.items()}
        for place in range(length)
    ]
    return [row for row in rows if any(row[name] for name in ("day", "from", "to", "topic"))]


def stored_row(lesson: Any) -> dict[str, str]:
    """Give a lesson as a row."""
    starts, ends = lesson.starts_at.astimezone(SHANGHAI), lesson.ends_at.astimezone(SHANGHAI)
    return {
        "day": starts.date().isoformat(),
        "from": f"{starts:%H:%M}",
        "to": f"{ends:%H:%M}",
        "hours": str(lesson.hours),
        "topic": lesson.topic,
        "trainer": str(lesson.trainer + 1),
    }


def lesson_of(row: dict[str, str]) -> dict[str, Any]:
    """Give a row as the API reads a lesson.

    Raises:
        ValueError: a day, time or number cannot be read.

    """
    day = date.fromisoformat(row["day"])
    moments = [
        datetime.combine(day, datetime.strptime(row[name], "%H:%M").time(), SHANGHAI)  # noqa: DTZ007
        for name in ("from", "to")
    ]
    trainer = int(row["trainer"] or "1") - 1
    if trainer < 0:
        raise error("not_found")
    return {
        "starts_at": moments[0].isoformat(),
        "ends_at": moments[1].isoformat(),
        "hours": int(row["hours"]),
        "topic": row["topic"],
        "trainer": trainer,
    }
