"""What changed of a plan, said as people do: which part of it, and what stood and stands there."""

import re
from datetime import datetime
from typing import Any, Final

from chalicelib.console import words
from chalicelib.console.staff.rendering import Page

_STEP: Final = re.compile(r"([a-z_]+)(?:\[(\d+)\])?")
_ONE_OF: Final[dict[str, tuple[words.Pair, words.Pair]]] = {
    "lessons": (("第", "lesson "), ("次课", "")),
    "trainers": (("教师 ", "trainer "), ("", "")),
}


def as_said(page: Page, changes: Any) -> list[tuple[str, str, str]]:
    """Give each change as the name of its field, what it was and what it is."""
    return [
        (
            _field(page, change.field),
            _value(page, change.field, change.before),
            _value(page, change.field, change.after),
        )
        for change in changes
    ]


def _field(page: Page, path: str) -> str:
    """Say where in a plan something is: `lessons[0].starts_at` is the beginning of the first lesson."""
    said: list[str] = []
    within = ""
    for step in path.split("."):
        matched = _STEP.fullmatch(step)
        if matched is None:
            return path
        name, place = matched.groups()
        if place is not None and name in _ONE_OF:
            before, after = (words.said(pair, english=page.english) for pair in _ONE_OF[name])
            said.append(f"{before}{int(place) + 1}{after}")
        else:
            said.append(_name(page, within, name))
        within = name
    return " ".join(said)


def _name(page: Page, within: str, name: str) -> str:
    table = words.PLAN_PARTS if within else words.FIELDS
    own = f"{within}.{name}"
    return words.word(table, own if own in table else name, english=page.english)


def _value(page: Page, path: str, value: Any) -> str:
    name = path.rpartition(".")[2]
    if value is None or value == "":
        return page.say("（无）", "(none)")
    if isinstance(value, dict):
        within = _STEP.match(name)
        inside = within.group(1) if within is not None else ""
        told = [(part, one) for part, one in value.items() if part != "id" and one not in (None, "")]
        return page.say("；", "; ").join(
            f"{_name(page, inside, part)} {_value(page, f'{path}.{part}', one)}" for part, one in told
        )
    if isinstance(value, datetime):
        return page.moment(value)
    if isinstance(value, str) and name.endswith("_at"):
        return page.moment(datetime.fromisoformat(value))
    if name == "trainer" and isinstance(value, int):
        return str(value + 1)
    return str(value)
