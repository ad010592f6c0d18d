"""AWS clients: one a service and process, with time-outs far below the gateway's 29 s.

Whatever a service does not answer is "try again" for whoever asked us: a failure of KMS or SQS is no fault of
the program, and repeating a call is safe. A request has one more bound, since it may make many calls: after
`ASKING_SECONDS` it begins none, so that its caller hears a 503 before the gateway gives up.

    a call begun at the last moment     16 s + 2 s to connect + 6 s to read
    its repeat, which is not sent any more     + 2 s pause                      26 s in all
"""

import contextlib
import functools
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chalicelib.aws.logs import log_failure
from chalicelib.kernel.reasons import error

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 6
MAX_ATTEMPTS = 3
ASKING_SECONDS: Final = 16
"""So long a request may begin calls; nobody hears an answer after 28 s (`infra.deployment.functions`)."""
ServiceFailure: Final = (BotoCoreError, ClientError)
"""What a call raises that was not answered, or was refused."""

_TRANSIENT: Final = frozenset(
    {
        "DependencyTimeoutException",
        "InternalError",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Refusals of the moment that some services give with a status of the caller's."""
_SERVER_ERROR: Final = 500


class AskedWrongly(TypeError):
    """A call that cannot be made at all: a mistake of the program, which no repeat mends."""


class TooLate(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """A request has no time left for another call."""

    fmt = "no time is left for another call"


_until: ContextVar[float | None] = ContextVar("calls_begin_until", default=None)


@contextlib.contextmanager
def asking_within(seconds: float) -> Iterator[None]:
    """Begin no call, and no repeat of one, once so many seconds are over.

    Whoever asks then gets `TooLate`, as if the service had not answered.
    """
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def refuse_late(**_: Any) -> None:
    """Stop a request that is about to be sent too late: a handler of botocore's `before-send`."""
    until = _until.get()
    if until is not None and time.monotonic() > until:
        raise TooLate


class _Answering:
    """What each client does besides: a failure of the moment is "try again", whatever it is called."""

    def _make_api_call(self, operation: str, asked: dict[str, Any]) -> Any:
        parent: Any = super()
        try:
            return parent._make_api_call(operation, asked)  # noqa: SLF001 - botocore's way to add to a client
        except ParamValidationError as failure:
            raise AskedWrongly(operation) from failure
        except ServiceFailure as failure:
            code = _code_of(failure)
            if isinstance(failure, ClientError) and not _is_transient(failure):
                raise
            log_failure("service_failed", failure, operation=operation, code=code)
            raise error("try_again") from failure


def _is_transient(failure: ClientError) -> bool:
    status = failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR or _code_of(failure) in _TRANSIENT


def _code_of(failure: Exception) -> str | None:
    told: dict[str, Any] = getattr(failure, "response", None) or {}  # what was not answered has none
    code: str | None = told.get("Error", {}).get("Code")
    return code


def _answer_so(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _Answering)


@functools.cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register("creating-client-class", _answer_so)
    return session


@functools.cache
def client(service: str) -> Any:
    """Give the botocore client of a service (`s3`, `sqs`, `kms`, `secretsmanager`).

    Its calls raise `Unavailable` where the service did not answer now, `ClientError` where it refused.
    """
    made = _session().create_client(
        service,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"} if service == "s3" else None,
        ),
    )
    made.meta.events.register("before-send", refuse_late)
    return made
