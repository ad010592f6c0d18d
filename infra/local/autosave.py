"""Keeps the local cloud's state on disk while it runs, so that even `kill -9` loses next to nothing.

ministack writes its state only when it is asked to stop. Here the process forks a moment after something
changed: the child holds a frozen copy of all state, writes it at its leisure and ends, while the parent goes
on answering. The fork happens on the event loop, between two requests, so no half-done write is caught.
Files are replaced all together at the end, each atomically.

ministack forgets the records of table streams when it stops, though it remembers how far each consumer has
read; both are kept here, or consumers would skip changes after a restart.
"""

# ruff: noqa: SLF001 - ministack offers no public way to its state

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

from ministack import app as cloud
from ministack.core import persistence
from ministack.services import dynamodb, lambda_svc

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

_log = logging.getLogger("autosave")
_TICK_SECONDS: Final = 0.1
_TAIL_SECONDS: Final = 2.0
"""Consumers work on after the last request; what they move is saved too."""
_BUSY_SHARE: Final = 3
"""Pause at least this many times as long as the last saving took."""
_STREAMS_FILE: Final = "streams.json"
_READ_OPERATIONS: Final = (
    "BatchGet",
    "Decrypt",
    "Describe",
    "Get",
    "List",
    "Query",
    "Scan",
    "TransactGet",
)


class Autosave:
    """Saves when something changed, at most every `interval_seconds`; 0 switches it off."""

    def __init__(self, folder: Path, interval_seconds: float) -> None:
        self._folder = folder
        self._interval_seconds = interval_seconds
        self._changed_at = 0.0
        self._started_at = 0.0
        self._took_seconds = 0.0
        self._child: int | None = None

    def watch(self, app: Asgi) -> Asgi:
        """Wrap the cloud so that each request that may change something is noticed."""

        async def watched(scope: Scope, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if scope["type"] == "http" and _may_change(scope):
                    self._changed_at = time.monotonic()

        return watched

    async def run(self) -> None:
        """Save for as long as the cloud runs."""
        while self._interval_seconds:
            await asyncio.sleep(_TICK_SECONDS)
            if self._child is not None:
                self._collect()
            elif self._is_due():
                self._fork()

    def save_now(self) -> None:
        """Save in this process and wait for it; for an orderly stop."""
        if self._child is not None:
            os.waitpid(self._child, 0)
        _write(self._folder)

    def restore_streams(self) -> None:
        """Give the tables back the stream records of the last run."""
        path = self._folder / _STREAMS_FILE
        if path.exists():
            saved = json.loads(path.read_text(), object_hook=persistence._json_object_hook)
            dynamodb._stream_records.update(saved["records"])
            dynamodb._stream_trimmed.update(saved["trimmed"])
            dynamodb._stream_seq_counter = saved["sequence"]

    def _is_due(self) -> bool:
        pause = max(self._interval_seconds, _BUSY_SHARE * self._took_seconds)
        return (
            self._changed_at + _TAIL_SECONDS > self._started_at
            and time.monotonic() - self._started_at > pause
            and self._changed_at > 0
        )

    def _fork(self) -> None:
        self._started_at = time.monotonic()
        self._child = os.fork()
        if self._child == 0:
            status = 1
            try:
                _write_in_child(self._folder)
                status = 0
            finally:
                os._exit(status)

    def _collect(self) -> None:
        assert self._child is not None
        done, status = os.waitpid(self._child, os.WNOHANG)
        if done:
            self._child = None
            self._took_seconds = time.monotonic() - self._started_at
            if status:
                _log.error("saving the state failed, will try again")
                self._changed_at = time.monotonic()


def _may_change(scope: Scope) -> bool:
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return False
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
    return not target.decode("latin-1").rpartition(".")[2].startswith(_READ_OPERATIONS)


def _write_in_child(folder: Path) -> None:
    os.nice(5)
    # The listening socket and the workers' pipes are the parent's: held here, they would outlive it.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    # Only the forking thread lives on here: a lock another thread held would never be released.
    for name, module in list(sys.modules.items()):
        if name.startswith("ministack."):
            for key, value in list(vars(module).items()):
                if isinstance(value, _LOCKS):
                    setattr(module, key, threading.RLock())
    # The child is a copy already, and its memory is thrown away: nothing in it needs copying again.
    vars(copy)["deepcopy"] = _same
    vars(lambda_svc)["_prune_orphan_code_blobs"] = _same
    _write(folder)


def _same(value: Any) -> Any:
    return value


_LOCKS: Final = (type(threading.Lock()), type(threading.RLock()))


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    written: list[tuple[Path, Path]] = []
    states = {f"{key}.json": (key, get()) for key, get in cloud._build_persistence_save_dict().items()}
    texts = {
        file: _encode({"__ministack_format__": persistence._state_format_version(key), "payload": state})
        for file, (key, state) in states.items()
        if state is not None
    }
    texts[_STREAMS_FILE] = _encode(
        {
            "records": dynamodb._stream_records,
            "trimmed": dynamodb._stream_trimmed,
            "sequence": dynamodb._stream_seq_counter,
        }
    )
    for file, text in texts.items():
        fresh = folder / f"{file}.part"
        fresh.write_text(text)
        written.append((fresh, folder / file))
    for fresh, final in written:
        fresh.replace(final)


def _encode(value: Any) -> str:
    return json.dumps(value, default=persistence._json_default)
