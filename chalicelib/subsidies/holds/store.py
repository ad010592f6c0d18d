"""The writes that place and lift holds, on the table of lines; `model` tells what holds there are."""

from collections.abc import Callable, Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.writes import ConditionFailed, Update, lawful, until_written, update
from chalicelib.kernel.principal import Change
from chalicelib.subsidies.claims.model import Line
from chalicelib.subsidies.claims.store import LineRow, find_line
from chalicelib.subsidies.holds.model import STOPPABLE, status_with

_TRIES = 10
"""Lists, sealing and objections change a line's holds at once, and nobody sends a list of thousands again."""


def holds_write(line: Line, holds: Sequence[str]) -> Update:
    """Replace the holds of a line that is not in a batch, if it is still as it was read."""
    return Update(LineRow, (line.id,), _actions(line, holds), _unchanged(line))


def set_holds(line: Line, holds: Sequence[str], change: Change) -> Line | None:
    """Replace the holds of a line by what was decided on it; None if it is no longer as it was read."""
    try:
        return _replace(line, holds, change)
    except ConditionFailed:
        return None


def place_hold(line_id: str, hold: str, change: Change) -> Line | None:
    """Stop a line that is not in a batch yet; a hold placed twice is one. None if it is too late."""
    return _change_holds(line_id, change, lambda holds: [*holds, hold] if hold not in holds else holds)


def lift_hold(line_id: str, hold: str, change: Change) -> Line | None:
    """Take one hold off a line; when it was the last, the line may be paid."""
    return _change_holds(line_id, change, lambda holds: [other for other in holds if other != hold])


def _change_holds(line_id: str, change: Change, replaced: Callable[[list[str]], list[str]]) -> Line | None:
    def attempt() -> Line | None:
        line = find_line(line_id)
        if line is None or line.status not in STOPPABLE:
            return None
        holds = replaced(line.holds)
        return line if holds == line.holds else _replace(line, holds, change)

    return until_written(attempt, tries=_TRIES)


def _replace(line: Line, holds: Sequence[str], change: Change) -> Line:
    return update(LineRow, (line.id,), _actions(line, holds), condition=_unchanged(line), change=change)


def _actions(line: Line, holds: Sequence[str]) -> list[Action]:
    return [LineRow.holds.set(list(holds)), LineRow.status.set(str(status_with(line, holds)))]


def _unchanged(line: Line) -> Condition:
    return lawful(LineRow, sources=STOPPABLE, version=line.version)
