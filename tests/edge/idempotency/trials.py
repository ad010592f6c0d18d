"""What a client sees that hears no answer and sends its call again under the same key: one effect, one answer.

A story tells calls in turn. Each is first made undisturbed; then, from the same state, it is disturbed at each of
its calls to tables and queues by each fault, repeated once as a client would, and compared: the answer, and what
stands in the tables.
"""

import contextlib
import copy
import random
import re
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from chalicelib.kernel.calendar import format_moment
from tests.support.http import Answer, Client
from tests.support.in_process import Emulator, Interrupted
from tests.support.plugin import forget_what_is_known

_ADDRESS = "https://dynamodb.cn-north-1.amazonaws.com.cn"
_LATER = timedelta(seconds=2)
_KEPT_ELSEWHERE = ("idempotency", "personal-data-accesses")
"""Tables that tell of the tries themselves: the key's own, and who was shown something sealed, each time."""


class Broke(Exception):
    """Something of ours fails after a call has had its effect."""


FAULTS: Mapping[str, Callable[[int], Exception | BaseException | None]] = {
    "dropped": lambda place: ConnectionClosedError(endpoint_url=_ADDRESS) if place > 0 else None,
    "answer lost": lambda place: ReadTimeoutError(endpoint_url=_ADDRESS) if place < 0 else None,
    "exception": lambda place: Broke() if place < 0 else None,
    "killed": lambda place: Interrupted() if place < 0 else None,
}
"""What goes wrong before (+) or after (-) a call: the SDK's repeats are over by then."""
OVERTAKEN = "overtaken"
"""The first run is so slow that its own repeat comes in, whole, before it goes on."""
KINDS = (*FAULTS, OVERTAKEN)
_AGAIN = 0.25
"""How many repeats fail as well, before the one that is heard."""


@dataclass(frozen=True)
class Use:
    """One call of a story, made `at` this time.

    One that works `in_steps` goes on where it was interrupted: how often its thing was written may differ.
    """

    client: Client
    path: str
    body: Any = None
    at: datetime | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    in_steps: bool = False
    method: str = "POST"

    def send(self, key: str | None, *, later: timedelta = timedelta()) -> Answer:
        """Send it under a key, if one is given."""
        options = dict(self.options)
        told = {
            name: value() if callable(value) else value for name, value in options.pop("headers", {}).items()
        }
        headers = {**told, **({"Idempotency-Key": key} if key is not None else {})}
        at = None if self.at is None else self.at + later
        body = {} if self.body is None and "raw" not in options else self.body
        return self.client.send(self.method, self.path, body, at=at, headers=headers, **options)


Story = Generator[Use, Answer, None]


@dataclass
class Told:
    """What was tried, and what broke."""

    uses: list[tuple[str, int]] = field(default_factory=list)
    points: int = 0
    faults: int = 0
    broken: list[str] = field(default_factory=list)


class Trials:
    """Tells stories with faults in them."""

    def __init__(self, emulator: Emulator, *, seed: int, faults_a_point: int) -> None:
        self._emulator = emulator
        self._random = random.Random(seed)
        self._faults_a_point = faults_a_point
        self.told = Told()

    def tell(self, story: Story) -> None:
        """Make each call of a story, and every trial of it."""
        answer: Answer | None = None
        while True:
            try:
                use = next(story) if answer is None else story.send(answer)
            except StopIteration:
                return
            answer = self._try(use)

    def _try(self, use: Use) -> Answer:
        key = f"key-{len(self.told.uses)}"
        before = self._keep()
        forget_what_is_known()  # so that this run makes as many calls as those that follow
        with self._emulator.interrupted(lambda _: None):
            first = use.send(key)
            points = self._emulator.calls
        self.told.uses.append((use.path, first.status))
        assert first.status < 500, first.text
        after, wanted = self._keep(), (masked(first, use), self._effects(use))
        self.told.points += points
        for point in range(1, points + 1):
            for fault in self._random.sample(KINDS, self._faults_a_point):
                self._restore(before)
                self._disturb(use, key, point, fault)
                again = ""
                if self._random.random() < _AGAIN:
                    self._let_leases_end()
                    second, other = self._random.randrange(1, points + 1), self._random.choice(tuple(FAULTS))
                    self._disturb(use, key, second, other)
                    again = f", then at {second} {other}"
                got = (masked(self._repeat(use, key), use), self._effects(use))
                self.told.faults += 1
                if got != wanted:
                    where = f"{use.path} point {point} of {points}, {fault}{again}"
                    self.told.broken.append(f"{where}: {_difference(wanted, got)}")
        self._restore(after)
        return first

    def _disturb(self, use: Use, key: str, point: int, name: str) -> None:
        def act(place: int) -> None:
            if abs(place) != point:
                return
            if name != OVERTAKEN:
                failure = FAULTS[name](place)
                if failure is not None:
                    raise failure
            elif place > 0:
                self._emulator.act = None
                self._let_leases_end()
                use.send(key, later=_LATER)

        with contextlib.suppress(Interrupted), self._emulator.interrupted(act):
            use.send(key)

    def _repeat(self, use: Use, key: str) -> Answer:
        answer = use.send(key, later=_LATER)
        if answer.status == 409 and answer.json["code"] == "in_progress":
            assert 1 <= int(answer.headers["Retry-After"]) <= 12
            self._let_leases_end()
            answer = use.send(key, later=_LATER)
        return answer

    def _let_leases_end(self) -> None:
        from chalicelib.edge.idempotency.store import FirstCallRow

        for call in self._emulator.rows(FirstCallRow):
            FirstCallRow(call.id).update(actions=[FirstCallRow.leased_until.set(0)])

    # ------------------------------------------------------------------------- state

    def _keep(self) -> tuple[bytes, Any]:
        waiting = {name: copy.deepcopy(queue["messages"]) for name, queue in self._emulator.queues.items()}
        return self._emulator.keep(), waiting

    def _restore(self, kept: tuple[bytes, Any]) -> None:
        items, waiting = kept
        self._emulator.restore(items)
        for name, queue in self._emulator.queues.items():
            queue["messages"][:] = copy.deepcopy(waiting[name])
        forget_what_is_known()

    def _effects(self, use: Use) -> Counter[str]:
        """Count what stands in the tables: each thing in its state and version."""
        from chalicelib.aws.table import all_tables

        effects: Counter[str] = Counter()
        for table in all_tables():
            name = table.Meta.table_name.removeprefix("voucher-test-")
            if not table.__module__.startswith("chalicelib.") or name in _KEPT_ELSEWHERE:
                continue
            for record in self._emulator.rows(table):
                key = getattr(record, table.key_names()[0], "")
                facts = ("status",) if use.in_steps else ("status", "version")
                state = [getattr(record, fact, None) for fact in facts]
                effects[_timeless(f"{name} {key} {state}", use.at)] += 1
        return effects


def masked(answer: Answer, use: Use) -> tuple[int, Any]:
    """Give an answer without what each try has of its own: its request, its moment, its signed links."""
    counted = {
        "expires_at",
        "proposed_until",
        "lapses_at",
        "counts_from",
        "good_until",
    }  # from the moment of the try
    own = {"request_id", "upload", "after", *counted} | ({"version"} if use.in_steps else set())
    return answer.status, _plain(answer.json, own, use.at)


def _plain(value: Any, own: set[str], at: datetime | None) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part, own, at) for name, part in value.items() if name not in own}
    if isinstance(value, list):
        return [_plain(part, own, at) for part in value]
    if isinstance(value, str) and value.startswith("http"):
        return urlsplit(value).path
    return _timeless(value, at) if isinstance(value, str) else value


_TIMES = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d\d:\d\d)")


def _timeless(text: str, at: datetime | None) -> str:
    """Say "now" for the moment of any try."""

    def name(match: re.Match[str]) -> str:
        if at is None:
            return "now"
        moment = datetime.fromisoformat(match.group())
        return "now" if at <= moment <= at + _LATER else match.group()

    text = _TIMES.sub(name, text)
    if at is not None:
        for moment in (at, at + _LATER):
            text = text.replace(str(int(moment.timestamp() * 1_000_000)), "now").replace(
                format_moment(moment), "now"
            )
    return text


def _difference(wanted: Any, got: Any) -> str:
    """Say what differs, and no more."""
    (answer, effects), (answer_now, effects_now) = wanted, got
    parts = [f"status {answer[0]} became {answer_now[0]}"] if answer[0] != answer_now[0] else []
    for name in sorted({*(answer[1] or {}), *(answer_now[1] or {})}):
        before, after = (answer[1] or {}).get(name), (answer_now[1] or {}).get(name)
        if before != after and (answer[0] == answer_now[0] or name == "code"):
            parts.append(f"{name}: {before!r} became {after!r}")
    if effects != effects_now:
        parts.append(f"effects -{dict(effects - effects_now)} +{dict(effects_now - effects)}")
    return "; ".join(parts)[:1_000]
