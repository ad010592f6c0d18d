"""The writes that place and lift holds."""

from collections.abc import Sequence
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws.writes import ConditionFailed, Update, update
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.claims.model import Line, LineStatus
from chalicelib.subsidies.claims.store import LineRow, find_line

# --------------------------------------------------------------------------- holds and dropped lines


def holds_write(line: Line, holds: Sequence[str]) -> Update:
    """Replace the holds of a line that is not in a batch, if it is still as it was read."""
    return Update(
        LineRow,
        (line.id,),
        _hold_actions(line, holds),
        LineRow.status.is_in(*map(str, _STOPPABLE)) & (LineRow.version == line.version),
    )


def place_hold(line_id: str, hold: str, change: Change) -> Line | None:
    """Stop a line that is not in a batch yet; a hold placed twice is one. None if it is too late."""
    return _change_holds(line_id, change, lambda holds: [*holds, hold] if hold not in holds else holds)


def set_holds(line: Line, holds: Sequence[str], change: Change) -> Line | None:
    """Replace the holds of a line by what was decided on it; None if it is no longer as it was read."""
    condition = LineRow.status.is_in(*map(str, _STOPPABLE)) & (LineRow.version == line.version)
    try:
        return update(LineRow, (line.id,), _hold_actions(line, holds), condition=condition, change=change)
    except ConditionFailed:
        return None


def lift_hold(line_id: str, hold: str, change: Change) -> Line | None:
    """Take one hold off a line; when it was the last, the line may be paid."""
    return _change_holds(line_id, change, lambda holds: [one for one in holds if one != hold])


_HOLD_TRIES = 10
_STOPPABLE = (LineStatus.PENDING, LineStatus.HELD, LineStatus.PAYMENT_FAILED)


def _hold_actions(line: Line, holds: Sequence[str]) -> list[Action]:
    actions: list[Action] = [LineRow.holds.set(list(holds))]
    if line.status is not LineStatus.PAYMENT_FAILED:
        actions.append(LineRow.status.set(str(LineStatus.HELD if holds else LineStatus.PENDING)))
    return actions


def _change_holds(line_id: str, change: Change, wanted: Any) -> Line | None:
    for _ in range(_HOLD_TRIES):
        line = find_line(line_id)
        if line is None or line.status not in _STOPPABLE:
            return None
        holds = wanted(line.holds)
        if holds == line.holds:
            return line
        try:
            return update(
                LineRow,
                (line_id,),
                _hold_actions(line, holds),
                condition=LineRow.version == line.version,
                change=change,
            )
        except ConditionFailed:
            continue
    raise error("try_again")
