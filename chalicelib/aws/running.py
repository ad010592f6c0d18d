"""How long a run of a function took of the time it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import RUNS_NEAR_TIME_OUT

_LEFT_MIN: Final = 0.1
"""Of the time-out: who ends with less is near it."""


@contextmanager
def timed(context: Any, function: str) -> Iterator[None]:
    """Count a run that ends with less than a tenth of its time-out left.

    A run that is cut off counts as an error of the function; this tells of those that only just ended. The
    program counts them, for an alarm of AWS's `Duration` would need one row for each function of a stack.

    Args:
        context: Lambda's, which knows how many milliseconds are left; a run by hand has none.
        function: its name in `app.FUNCTIONS`, for the log line.

    """
    left = getattr(context, "get_remaining_time_in_millis", None)
    if left is None:
        yield
        return
    given_ms = left()
    try:
        yield
    finally:
        left_ms = left()
        if left_ms < given_ms * _LEFT_MIN:
            measure(RUNS_NEAR_TIME_OUT, function=function, given_ms=given_ms, left_ms=left_ms)
