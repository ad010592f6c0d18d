"""Logs: one JSON object a line, opaque ids only; personal data never comes here."""

import json
import logging
import sys
from datetime import UTC, datetime

_logger = logging.getLogger("training-voucher")
_logger.setLevel(logging.INFO)
_logger.propagate = False
if not _logger.handlers:
    _logger.addHandler(logging.StreamHandler(sys.stderr))


def log(event: str, **facts: str | float | bool | None) -> None:
    """Write one event with its facts."""
    _logger.info(
        json.dumps({"at": datetime.now(UTC).isoformat(), "event": event, **facts}, ensure_ascii=False)
    )


def log_failure(event: str, error: BaseException, **facts: str | float | bool | None) -> None:
    """Write an unexpected failure: its type and place, never its text, which may hold personal data."""
    frames = []
    place = error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}:{code.co_name}")
        place = place.tb_next
    chain = [type(error).__name__]
    cause = error.__cause__ or error.__context__
    while cause is not None:
        chain.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    _logger.error(
        json.dumps(
            {
                "at": datetime.now(UTC).isoformat(),
                "event": event,
                "error": " < ".join(chain),
                "trace": frames[-8:],
                **facts,
            }
        )
    )
