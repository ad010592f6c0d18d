"""A call under a key is the same call however often it is sent: same ids, same marks on what it writes.

A client that heard no answer sends its call again under the same `Idempotency-Key`. What the first run made
is found by three things, all derived from the caller, method, path, query, body and key:

    1. new ids          the class it would make again is `cls_x…`, as in the first run: it is there already
    2. marks of writes  the row it would change again carries this very mark (`op_id`): its own success
    3. what it reads    a row that carries one of its marks was changed by an earlier run of it

What then stands against a change ("another version", "not in this state") is the call's own success. So
`reasons.refuse` lets it pass, excused: the writes that follow (`aws.writes`) change nothing that carries a
mark of an earlier run, and the one that begins with such a row is done. An example, of one call made twice:

    first   reads claim v1, submitted           writes it, op_id a1, v2 reviewed; the answer is lost
    again   reads claim v2, op_id a1: its own   "version_conflict" is excused; the write finds a1: done, v2

So no use case needs to think of repeats: it reads, decides, writes and answers from what is there. The thing
that a decision is about stands first in its transaction. Without a key ids and marks are random.
"""

import base64
import hashlib
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

_MARK_BYTES = 9


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


class RepeatableCall:
    """One run of a call under a key."""

    def __init__(self, seed: bytes) -> None:
        """Take what tells this call from every other; nobody outside the service can reckon it."""
        self._seed = seed
        self.mark = self._digest("mark")
        self._drawn: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._own: set[str] = set()
        self._left: dict[str, str] = {}
        self._is_excused = False
        self.met: set[str] = set()
        """Names of the rows that it has read and an earlier run has changed."""
        self.has_happened = False
        """Whether this run has read what an earlier one changed."""
        self.is_unfinished = False
        """Whether a part of it is left to its repeats: what it answers is not the last word."""

    def _digest(self, *parts: str, size: int = _MARK_BYTES) -> str:
        return _text(hashlib.sha256(self._seed + "\x1f".join(parts).encode()).digest()[:size])

    def draw(self, kind: str, size: int) -> bytes:
        """Give the next bytes of a kind: in every run the same ones in the same order."""
        number = self._drawn[kind]
        self._drawn[kind] += 1
        return hashlib.sha512(self._seed + f"\x1f{kind}\x1f{number}".encode()).digest()[:size]

    def begin_write(self, action: str, rows: Sequence[str]) -> "Mark":
        """Give the mark of a write: by this action, on these rows, after so many of the same in this run."""
        what = "\x1f".join([action, *sorted(rows)])
        mark = self.mark + self._digest(what, str(self._done[what]))
        self._own.add(mark)
        return Mark(self, what, mark, tuple(rows), self._is_excused)

    def end_write(self, mark: "Mark", *, found: str | None = None) -> None:
        """Take note of a write that is done, or of the mark by which it was found to be done already."""
        self._done[mark.what] += 1
        for row in mark.rows:
            self._left[row] = found or mark.id
        if found is not None:
            self._is_excused = False  # this is what stood against it

    def left_on(self, row: str) -> str | None:
        """Give the mark that this run itself left, or found, on a row."""
        return self._left.get(row)

    def meet(self, row: str, operation_id: str) -> None:
        """Look at the mark of a row that was read."""
        if self.is_of_earlier_run(operation_id):
            self.has_happened = True
            self.met.add(row)

    def is_of_earlier_run(self, operation_id: str | None) -> bool:
        """Tell whether an earlier run of this call left a mark, and none of the writes of this one."""
        is_ours = operation_id is not None and operation_id.startswith(self.mark)
        return is_ours and operation_id not in self._own

    def excuse(self) -> bool:
        """Let a refusal pass if it may tell of the call's own success; the writes find out."""
        self._is_excused = self._is_excused or self.has_happened
        return self.has_happened

    @contextmanager
    def part(self) -> Iterator[None]:
        """Do one of many things: what happened to the others says nothing about it."""
        before = self.has_happened
        self.has_happened = self._is_excused = False
        try:
            yield
        finally:
            self.has_happened, self._is_excused = before or self.has_happened, False


@dataclass(frozen=True)
class Mark:
    """What one write leaves on its rows, and knows them by."""

    call: RepeatableCall
    what: str
    id: str
    rows: tuple[str, ...]
    is_excused: bool

    @property
    def begins_with(self) -> str:
        """Tell how all marks of its call begin."""
        return self.call.mark

    def is_earlier(self, operation_id: str | None) -> bool:
        """Tell whether a row it may not change was changed by an earlier run of its call."""
        return self.is_excused and self.call.is_of_earlier_run(operation_id)


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
    with nullcontext() if call is None else call.part():
        yield


@contextmanager
def as_a_clock_would() -> Iterator[None]:
    """Write down, on the way, what a clock records anyway: it is nothing that the call was made for.

    Marked as the call's own it would pass for its success: a call that was refused after it would be told,
    when repeated, that it was done.
    """
    before = _current.set(None)
    try:
        yield
    finally:
        _current.reset(before)


def leave_unfinished() -> None:
    """Say that a part of this call could not be decided now: a repeat tries it again."""
    call = _current.get()
    if call is not None:
        call.is_unfinished = True


def answer_anew() -> None:
    """Say that each repeat of this call does it again: what it shows must leave a record at every look."""
    leave_unfinished()


def has_happened() -> bool:
    """Tell whether the call that runs now has found a change of its own in what it read."""
    call = _current.get()
    return call is not None and call.has_happened


def excused() -> bool:
    """Tell whether what stands against a change may be the own success of the call that runs now."""
    call = _current.get()
    return call is not None and call.excuse()


def draw(kind: str, size: int) -> bytes:
    """Give random bytes; under a key those that this call got before."""
    call = _current.get()
    return secrets.token_bytes(size) if call is None else call.draw(kind, size)
