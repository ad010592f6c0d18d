"""The time that a request is believed to be made at."""

from collections.abc import Mapping
from datetime import UTC, datetime

from chalicelib.aws.settings import settings
from chalicelib.edge.forms import malformed
from chalicelib.kernel.calendar import parse_moment
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error

_LOCAL_NOW = "x-local-now"


def believed_now(headers: Mapping[str, str]) -> datetime:
    """Tell the time of a request: the real one, save where the local stage travels."""
    moment = headers.get(_LOCAL_NOW)
    if moment is None:
        return datetime.now(UTC)
    if not settings().allow_time_travel:
        raise error("time_travel_off")
    try:
        return parse_moment(moment).astimezone(UTC)
    except ValueError:
        raise malformed([Fault("wrong_type", field="X-Local-Now")]) from None
