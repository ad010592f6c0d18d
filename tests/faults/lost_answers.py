"""Faults on the way to DynamoDB: a write happens and its answer is lost, or its sender dies.

Injected at botocore's `before-send`: the request is sent by hand, then the SDK is told that the connection broke
(it repeats the request), or an error is raised that nothing catches (the process that would have read the
answer is gone; a client would send its request again).
"""

import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

_REQUEST_ID = re.compile(r"req_[0-9.]+[0-9]")
WRITES = ("UpdateItem", "PutItem", "TransactWriteItems")


class Died(Exception):
    """The process went away after its write."""


class Faults:
    """How often what goes wrong, and how often it did."""

    def __init__(self, *, lost: float, died: float, seed: int) -> None:
        self.lost, self.died = lost, died
        self.happened: Counter[str] = Counter()
        self.hidden: set[str] = set()
        """Request ids of the writes whose answers were lost."""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._session = URLLib3Session(max_pool_connections=64)
        self._on = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let everything pass for a while."""
        self._on = False
        try:
            yield
        finally:
            self._on = True

    def before_send(self, request: Any, **_: Any) -> None:
        """Let most requests go; send some by hand and hide their answer."""
        if not self._on:
            return
        with self._lock:
            drawn = self._random.random()
        if drawn < self.lost:
            self._session.send(request)
            self.happened["lost"] += 1
            self.hidden |= set(_REQUEST_ID.findall(bytes(request.body).decode()))
            raise ConnectionClosedError(endpoint_url=request.url)
        if drawn < self.lost + self.died:
            self._session.send(request)
            self.happened["died"] += 1
            raise Died


@contextmanager
def faults_on(connection: Any, faults: Faults) -> Iterator[Faults]:
    """Inject the faults into every write of a connection."""
    events = connection.client.meta.events
    for operation in WRITES:
        events.register(f"before-send.dynamodb.{operation}", faults.before_send)
    try:
        yield faults
    finally:
        for operation in WRITES:
            events.unregister(f"before-send.dynamodb.{operation}", faults.before_send)
