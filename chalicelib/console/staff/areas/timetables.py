"""Timetables as rows of a form: lessons as they are typed, as they are stored, and as the API reads them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from chalicelib.console.staff import numbers
from chalicelib.console.staff.rendering import Page
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.errors import Fault

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


def lesson_of(row: dict[str, str], place: int, faults: list[Fault]) -> dict[str, Any]:
    """Give a row as the API reads a lesson; each cell that cannot be read is one more fault."""

    def read(name: str, how: Callable[[str], Any], form: str | None, otherwise: str = "") -> Any:
        try:
            return how(row[name] or otherwise)
        except ValueError:
            faults.append(Fault("wrong_type", field=f"lessons[{place}].{name}", form=form))
            return None

    day = read("day", date.fromisoformat, "date")
    begins, ends = (read(name, _time_of, None) for name in ("from", "to"))
    hours = read("hours", numbers.whole, "whole_number")
    trainer = read("trainer", _number_of_trainer, "whole_number", "1")
    if None in (day, begins, ends, hours, trainer):
        return {}
    return {
        "starts_at": datetime.combine(day, begins, SHANGHAI).isoformat(),
        "ends_at": datetime.combine(day, ends, SHANGHAI).isoformat(),
        "hours": hours,
        "topic": row["topic"],
        "trainer": trainer - 1,
    }


def _time_of(typed: str) -> time:
    return datetime.strptime(typed, "%H:%M").time()  # noqa: DTZ007


def _number_of_trainer(typed: str) -> int:
    number = numbers.whole(typed)
    if number < 1:
        raise ValueError(typed)
    return number
