"""Every call this process makes to AWS, with a hand on each: what can go wrong with it, goes wrong.

A call is met where botocore begins it (`before-call`) and where it ends (`after-call`): there the SDK's own
repeats are over, so what is raised is what the program has to live with. `resent` is the SDK's repeat itself.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.support.in_process import Emulator, Interrupted

_ADDRESS = "https://aws.invalid"
SERVICES = ("dynamodb", "sqs", "s3", "kms", "secretsmanager")
_REFUSED = {
    "dynamodb": (400, "AccessDeniedException"),
    "sqs": (403, "AccessDenied"),
    "s3": (403, "AccessDenied"),
    "kms": (400, "DisabledException"),
    "secretsmanager": (400, "DecryptionFailure"),
}
_FAILED = {
    "dynamodb": (500, "InternalServerError"),
    "sqs": (503, "ServiceUnavailable"),
    "s3": (500, "InternalError"),
    "kms": (500, "KMSInternalException"),
    "secretsmanager": (500, "InternalServiceError"),
}
_THROTTLED = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "sqs": (403, "RequestThrottled"),
    "s3": (503, "SlowDown"),
    "kms": (400, "ThrottlingException"),
    "secretsmanager": (400, "ThrottlingException"),
}
_WRITES_ONE = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
REFUSED, FAILED, DROPPED, TIMED_OUT, THROTTLED, CONFLICT, LOST, KILLED, RESENT = FAULTS = (
    "refused before",
    "failed before",
    "dropped before",
    "timed out before",
    "throttled",
    "transaction conflict",
    "done, answer lost",
    "killed after",
    "done, sent again by the SDK",
)
"""`refused` is an error of the service's own (a key that is disabled), `failed` one of its servers."""
DIES = frozenset({KILLED})


class _Refusal:
    """What botocore asks of an HTTP answer."""

    headers: dict[str, str] = {}  # noqa: RUF012 - empty for ever

    def __init__(self, status: int) -> None:
        self.status_code = status


def _refusal(status: int, code: str, **facts: Any) -> tuple[_Refusal, dict[str, Any]]:
    told = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    return _Refusal(status), {"Error": {"Code": code, "Message": code}, "ResponseMetadata": told, **facts}


class Network:
    """Counts the calls while it listens, and does something at one of them."""

    def __init__(self, emulator: Emulator | None) -> None:
        self._emulator = emulator
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._at: dict[int, str] = {}
        self._between: Callable[[], None] | None = None
        self.seen: list[str] = []
        self.happened = 0

    @contextmanager
    def watched(
        self, at: dict[int, str] | None = None, *, between: Callable[[], None] | None = None
    ) -> Iterator[list[str]]:
        """Count the calls, and let faults happen at some of them; `between` is done before the first of these."""
        from chalicelib.aws.clients import client
        from chalicelib.aws.table import connection

        self._numbers, self._at, self._between = itertools.count(1), at or {}, between
        self.seen, self.happened = [], 0
        events = [connection().client.meta.events, *(client(name).meta.events for name in SERVICES[1:])]
        for each in events:
            each.register_first("before-call", self._before)
            each.register_first("after-call", self._after)
        try:
            yield self.seen
        finally:
            for each in events:
                each.unregister("before-call", self._before)
                each.unregister("after-call", self._after)

    def _before(self, model: Any, params: dict[str, Any], context: dict[str, Any], **call: Any) -> Any:
        service, operation = model.service_model.service_name, model.name
        with self._lock:
            number = next(self._numbers)
            self.seen.append(f"{service}.{operation}")
        context["proof_fault"] = fault = self._at.get(number)
        if fault is None:
            return None
        if self._between is not None:
            act, self._between = self._between, None
            act()
            return None
        self.happened += fault not in (LOST, KILLED)
        if fault == DROPPED:
            raise EndpointConnectionError(endpoint_url=_ADDRESS)
        if fault == TIMED_OUT:
            raise ReadTimeoutError(endpoint_url=_ADDRESS)
        if fault == RESENT:
            assert self._emulator is not None
            self._emulator.answer(model, params, **call)
            return None
        return self._told(fault, service, operation, params)

    @staticmethod
    def _told(fault: str, service: str, operation: str, params: dict[str, Any]) -> Any:
        if fault == CONFLICT and operation == "TransactWriteItems":
            count = bytes(params["body"]).count(b'"ConditionExpression"') or 1
            reasons = [{"Code": "TransactionConflict" if place == 0 else "None"} for place in range(count)]
            return _refusal(400, "TransactionCanceledException", CancellationReasons=reasons)
        if fault == CONFLICT and operation in _WRITES_ONE:
            return _refusal(400, "TransactionConflictException")
        if fault == THROTTLED and operation == "TransactWriteItems":
            reasons = [{"Code": "ThrottlingError"}]
            return _refusal(400, "TransactionCanceledException", CancellationReasons=reasons)
        kinds = {REFUSED: _REFUSED, FAILED: _FAILED, THROTTLED: _THROTTLED}
        return _refusal(*kinds[fault][service]) if fault in kinds else None

    def _after(self, context: dict[str, Any], **_: Any) -> None:
        fault = context.get("proof_fault")
        if fault == LOST:
            self.happened += 1
            raise ConnectionClosedError(endpoint_url=_ADDRESS)
        if fault == KILLED:
            self.happened += 1
            raise Interrupted


def faults_of(call: str) -> tuple[str, ...]:
    """Name what can go wrong with a call, as `service.Operation`."""
    service, _, operation = call.partition(".")
    conflicts = service == "dynamodb" and (operation in _WRITES_ONE or operation == "TransactWriteItems")
    without = {*(() if conflicts else (CONFLICT,)), *(() if service in {"dynamodb", "sqs"} else (RESENT,))}
    return tuple(fault for fault in FAULTS if fault not in without)
