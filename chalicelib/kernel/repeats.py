"""A call under a key is the same call however often it is sent: same ids, same marks on what it writes.

A client that heard no answer sends its call again under the same `Idempotency-Key`. What the first run made
is found by three things, all derived from the caller, method, path, query, body and key:

    1. new ids          the class it would make again is `cls_x…`, as in the first run: it is there already
    2. marks of writes  the row it would change again carries this very mark (`op_id`): its own success
    3. what it reads    a row that carries one of its marks was changed by an earlier run of it, so what now
                        stands against the change ("another version", "not in this state") is its own success

So no use case needs to think of repeats: it reads, decides and writes as ever, the condition of its write is
the truth, and the answer is made from what is there. Without a key ids and marks are random.
"""

import base64
import hashlib
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_MARK_BYTES = 9


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _what(action: str, rows: Sequence[str]) -> str:
    return "\x1f".join([action, *sorted(rows)])


class RepeatableCall:
    """One run of a call under a key."""

    def __init__(self, seed: bytes) -> None:
        """Take what tells this call from every other; nobody outside the service can reckon it."""
        self._seed = seed
        self._mark = self._digest("mark")
        self._drawn: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._own: set[str] = set()
        self.has_happened = False
        """Whether this run has read what an earlier one changed."""
        self.is_unfinished = False
        """Whether a part of it was put off: what it answers is not the last word."""

    def _digest(self, *parts: str, size: int = _MARK_BYTES) -> str:
        return _text(hashlib.sha256(self._seed + "\x1f".join(parts).encode()).digest()[:size])

    def draw(self, kind: str, size: int) -> bytes:
        """Give the next bytes of a kind: in every run the same ones in the same order."""
        number = self._drawn[kind]
        self._drawn[kind] += 1
        return hashlib.sha512(self._seed + f"\x1f{kind}\x1f{number}".encode()).digest()[:size]

    def operation_id(self, action: str, rows: Sequence[str]) -> str:
        """Give the mark of a write: by this action, on these rows, after so many of the same in this run."""
        what = _what(action, rows)
        mark = self._mark + self._digest(what, str(self._done[what]))
        self._own.add(mark)
        return mark

    def wrote(self, action: str, rows: Sequence[str]) -> None:
        """Take note of a write that is done: the next one of the same is another."""
        self._done[_what(action, rows)] += 1

    def meet(self, operation_id: str) -> None:
        """Look at the mark of a row that was read."""
        if operation_id.startswith(self._mark) and operation_id not in self._own:
            self.has_happened = True


_current: ContextVar[RepeatableCall | None] = ContextVar("repeatable_call", default=None)


def current_call() -> RepeatableCall | None:
    """Give the call under a key that runs now; None without a key, and in jobs."""
    return _current.get()


@contextmanager
def running(call: RepeatableCall) -> Iterator[RepeatableCall]:
    """Run a call under its key."""
    before = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(before)


@contextmanager
def each_apart() -> Iterator[None]:
    """Decide on one thing of many in a call: what happened to the others says nothing about it."""
    call = _current.get()
    if call is None:
        yield
        return
    before, call.has_happened = call.has_happened, False
    try:
        yield
    finally:
        call.has_happened = before


def leave_unfinished() -> None:
    """Say that a part of this call could not be decided now: a repeat tries it again."""
    call = _current.get()
    if call is not None:
        call.is_unfinished = True


def has_happened() -> bool:
    """Tell whether the call that runs now has found its own change in what it read."""
    call = _current.get()
    return call is not None and call.has_happened


def draw(kind: str, size: int) -> bytes:
    """Give random bytes; under a key those that this call got before."""
    call = _current.get()
    return secrets.token_bytes(size) if call is None else call.draw(kind, size)
