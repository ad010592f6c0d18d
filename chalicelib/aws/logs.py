"""Logs and figures: one JSON object a line, opaque ids only; personal data never comes here.

Figures are lines too, in CloudWatch's embedded metric format: CloudWatch makes metrics of them, without a
call. Powertools writes them. It takes 15 ms of CPU to load, so it is loaded with a process's first figure:
what measures nothing starts as before.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from chalicelib.aws.metrics import JOB_DIMENSION, NAMESPACE, STAGE_DIMENSION, Metric
from chalicelib.aws.settings import settings

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


def measure(metric: Metric, value: float = 1, *, job: str | None = None, **facts: str | float) -> None:
    """Write one figure (`value` in the metric's unit), with facts that are searched for and not counted by.

    Raises:
        ValueError: a job is named for a figure that is not one of each job, or is missing for one that is.

    """
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415 - see above

    if metric.by_job != (job is not None):
        raise ValueError(metric.name)
    with single_metric(
        name=metric.name, unit=MetricUnit(metric.unit), value=value, namespace=NAMESPACE
    ) as figure:
        figure.add_dimension(name=STAGE_DIMENSION, value=settings().stage)
        if job is not None:
            figure.add_dimension(name=JOB_DIMENSION, value=job)
        for name, fact in facts.items():
            figure.add_metadata(key=name, value=fact)


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
