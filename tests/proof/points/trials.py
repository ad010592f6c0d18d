"""A call or a job is disturbed at each of its calls to AWS by each fault, repeated as in life, and compared."""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.edge.idempotency.trials import Story, Use, masked
from tests.proof.life import converge
from tests.proof.network import DIES, FAULTS, Network, faults_of
from tests.proof.state import LATER, State, without_ids
from tests.support.http import Answer
from tests.support.in_process import Emulator, Interrupted

TRIES = 4
"""So often a client, a queue or the clock comes again before somebody looks."""
NATURAL_KEYS = (
    "/v1/vouchers/[^/]+/claim",
    "/v1/enrolments",
    "/v1/enrolments/[^/]+/(release|withdraw)",
    "/v1/lessons/[^/]+/check-ins",
    "/v1/classes/[^/]+/subsidy-claims",
    "/v1/settlement-batches/[^/]+/results",
)
"""What is the same call again without an `Idempotency-Key`, as the API's contract has it: it is told the same.

Whatever else comes twice without a key is two calls, the second of which may be done too, or refused.
"""
COUNT_AGAIN = {
    "/v1/auth/totp": "whoever asks gets a new secret, and the one before counts no more",
    "/v1/publicity/[^/]+/objections": "the same words once more count as one more who says so",
    "/v1/dead-letters/[^/]+/redrive": "letters that a first run took come back when SQS shows them again",
    "/v1/clients/[^/]+/webhook/redrive": "a repeat sends again what a first run left, and tells how many",
    "/v1/exchange/redrives": "a repeat sends again what a first run left, and tells how many that were",
}
"""Where a repeat is another call, and why that is right; what these may not lose has tests of its own."""
SPENT_BY_TRYING = ("/v1/auth/totp/confirm",)
"""A one-time code is good for one try: who heard no answer enters the next one."""
TOLD_MAX = 700


@dataclass
class Told:
    """What was tried, and what broke."""

    cases: int = 0
    points: int = 0
    trials: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Told") -> None:
        self.cases += other.cases
        self.points += other.points
        self.trials += other.trials
        self.faults += other.faults
        self.broken += other.broken

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {self.faults[name]}" for name in FAULTS if self.faults[name])
        return (
            f"{self.cases} cases, {self.points} points, {self.trials} faults, "
            f"{len(self.broken)} broken ({kinds})"
        )


class Share:
    """Which of all trials are made: each with this likelihood, drawn from a seed; all of them at 1."""

    def __init__(self, seed: int, part: float) -> None:
        self._random, self._part = random.Random(seed), part

    @property
    def whole(self) -> bool:
        return self._part >= 1

    def draws(self, likelihood: float | None = None) -> bool:
        return self._random.random() < (self._part if likelihood is None else likelihood)


@dataclass(frozen=True)
class Job:
    """A function and what starts it; `again` where the next start is of another event, as a later night's.

    `seen` are facts of a case that no state shows: what else has to be the same after the faults. `later` is
    what the next day does of itself.
    """

    function: str
    run: Callable[[], Any]
    at: datetime
    again: Callable[[], Any] | None = None
    seen: Callable[[], Any] = lambda: None
    later: Callable[[], Any] = lambda: None


class Points:
    """Makes the trials of one case after another."""

    def __init__(self, emulator: Emulator, share: Share, *, only: str = "") -> None:
        self._emulator, self._share, self._only = emulator, share, only
        self._network, self._state = Network(emulator), State(emulator)
        self.told = Told()

    # ------------------------------------------------------------------------- requests

    def tell(self, story: Story) -> list[tuple[str, str]]:
        """Make each call of a story, and the trials of it; gives method and path of each."""
        answer: Answer | None = None
        made = []
        while True:
            try:
                use = next(story) if answer is None else story.send(answer)
            except StopIteration:
                return made
            made.append((use.method, use.path.partition("?")[0]))
            answer = self._try(use)

    def _try(self, use: Use) -> Answer:
        before = self._state.keep()
        may_bear_key = use.method == "POST" and use.client._headers
        keys = [f"key-{self.told.cases}", None] if may_bear_key else [None]
        if not self._share.whole and len(keys) > 1:
            keys = [keys[self._share.draws(0.5)]]
        first = None
        for key in keys:
            first = _Request(self, use, key, before).tried()
        assert first is not None
        return first

    # ------------------------------------------------------------------------- jobs

    def work(self, job: Job) -> None:
        """Run a job, and the trials of it: first as it is, then disturbed and started again."""
        before = self._state.keep()
        self._state.restore(before)
        with self._network.watched() as calls:
            job.run()
        wanted = self._settled(job)
        self._count(calls)
        for number, call in enumerate(calls, start=1):
            for fault in faults_of(call):
                if not self._share.draws() or self._only not in job.function:
                    continue
                self._state.restore(before)
                with self._network.watched({number: fault}):
                    done = _tried(job.run)
                self.told.trials += self._network.happened
                self.told.faults[fault] += self._network.happened
                if not done:
                    done = any(_tried(job.again or job.run) for _ in range(TRIES))
                got = self._settled(job)
                if not done or got != wanted:
                    where = f"{job.function}, call {number} of {len(calls)} {call}: {fault}"
                    self.break_(where, "never done" if not done else _difference(wanted, got))
        self._state.restore(before)
        job.run()

    def _settled(self, job: Job) -> Any:
        converge(self._emulator, job.at)
        job.later()
        return self._state.told(job.at, own_ids=False, versions=False), job.seen()

    def _count(self, calls: list[str]) -> None:
        self.told.cases += 1
        self.told.points += len(calls)

    def break_(self, where: str, what: str) -> None:
        self.told.broken.append(f"{where}: {what}"[:TOLD_MAX])


class _Request:
    """The trials of one call, with a key or without."""

    def __init__(self, points: Points, use: Use, key: str | None, before: Any) -> None:
        self._points, self._use, self._key, self._before = points, use, key, before
        self._state, self._network = points._state, points._network
        self._emulator, self._share, self._told = points._emulator, points._share, points.told

    def tried(self) -> Answer:
        use, key = self._use, self._key
        self._state.restore(self._before)
        with self._network.watched() as calls:
            first = use.send(key)
        assert first.status < 500, first.text
        after = self._state.keep()
        self._answer, self._wanted = masked(first, use), self._effects()
        self._outcomes = [(self._answer, self._wanted)]
        if key is None:
            self._outcomes.append(self._made_again())
        self._after = after
        self._points._count(calls)
        for number, call in enumerate(calls, start=1):
            for fault in faults_of(call):
                if self._share.draws() and self._points._only in use.path:
                    self._trial(number, fault)
                    self._told.trials += self._network.happened
                    self._told.faults[fault] += self._network.happened
                    named = "with a key" if key else "without a key"
                    self._where = (
                        f"{use.method} {use.path} {named}, call {number} of {len(calls)} {call}: {fault}"
                    )
                    self._judge(fault)
        self._state.restore(after)
        return first

    def _effects(self) -> Counter[str]:
        return self._state.told(self._use.at, own_ids=self._key is not None, versions=not self._use.in_steps)

    def _trial(self, number: int, fault: str) -> None:
        """Send the call with a fault in it, then again until somebody hears an answer."""
        self._state.restore(self._before)
        self._heard: list[Answer] = []
        with self._network.watched({number: fault}):
            try:
                self._heard.append(self._use.send(self._key))
            except Interrupted:
                assert fault in DIES
        happened = self._network.happened
        for _ in range(TRIES):
            answer = self._use.send(self._key, later=LATER)
            if answer.status == 409 and answer.json["code"] == "in_progress":
                self._let_leases_end()
                continue
            self._heard.append(answer)
            if answer.status < 500:
                break
        self._network.happened = happened

    def _let_leases_end(self) -> None:
        from chalicelib.edge.idempotency.store import FirstCallRow

        for call in self._emulator.rows(FirstCallRow):
            FirstCallRow(call.id).update(actions=[FirstCallRow.leased_until.set(0)])

    def _made_again(self) -> tuple[tuple[int, Any], Counter[str]]:
        """Make the call once more, undisturbed: without a key it is another call, which may be told otherwise.

        What has a natural key is told the same again.
        """
        again = self._use.send(None, later=LATER)
        assert again.status < 500, again.text
        told, effects = masked(again, self._use), self._effects()
        if _has_natural_key(self._use.path) and not (_alike(told, self._answer) and effects == self._wanted):
            self._points.break_(
                f"{self._use.method} {self._use.path} made twice, with nothing in its way",
                f"is told {again.status} {again.text[:200]}, {_difference((self._wanted, None), (effects, None))}",
            )
        return told, effects

    def _judge(self, fault: str) -> None:
        """Compare with what calls one after another leave and are told: with a key one, without it one or two."""
        if not self._network.happened:
            return
        *disturbed, last = self._heard
        if _counts_again(self._use.path):
            if last.status >= 300:
                self._points.break_(self._where, f"the repeat is told {last.status} {last.text[:200]}")
            return
        if last.status == 401 and self._use.path in SPENT_BY_TRYING:
            return
        wrong = [what for answer in disturbed if (what := self._wrong_at_first(answer)) is not None]
        told = masked(last, self._use)
        fitting = [
            effects
            for answer, effects in self._outcomes
            if told == answer or (self._key is None and _alike(told, answer))
        ]
        if not fitting and _is_mixed(told, [answer for answer, _ in self._outcomes]):
            fitting = [effects for _, effects in self._outcomes]
        if not fitting:
            wrong.append(f"the repeat is told {last.status} {last.text[:200]}")
        got = self._effects()
        if got not in fitting:
            wrong += self._still_wrong_when_settled(got)
        if wrong:
            self._points.break_(self._where, "; ".join(wrong))

    def _is_right(self, answer: Answer) -> bool:
        """Tell whether it is the first answer; without a key it may say so as what is there (200), not new."""
        told = masked(answer, self._use)
        return told == self._answer if self._key is not None else _alike(told, self._answer)

    def _wrong_at_first(self, answer: Answer) -> str | None:
        """Tell what is wrong with the answer to the disturbed call: it is right, or says when to come again."""
        if answer.status == 503:
            return None if "Retry-After" in answer.headers else "503 without Retry-After"
        if self._is_right(answer) or _says_try_again(answer):
            return None
        return f"disturbed, it is told {answer.status} {answer.text[:200]}"

    def _still_wrong_when_settled(self, got: Counter[str]) -> list[str]:
        """Let queues and clocks work, of this run and of the undisturbed one: is it the same in the end?"""
        at = self._use.at
        if at is None:
            return [_difference((self._wanted, None), (got, None))]
        disturbed = self._state.keep()
        for night in (False, True):
            self._state.restore(disturbed)
            converge(self._emulator, at, night=night)
            got = self._effects()
            self._state.restore(self._after)
            converge(self._emulator, at, night=night)
            wanted = self._effects()
            if got == wanted:
                return []
        return ["in the end " + _difference((wanted, None), (got, None))]


def _alike(told: tuple[int, Any], other: tuple[int, Any]) -> bool:
    """Tell whether two answers of calls without a key say the same of things that have ids of their own."""
    (status, text), (other_status, other_text) = told, other
    if status != other_status and not {status, other_status} <= {200, 201}:
        return False
    return without_ids(_without_own(text)) == without_ids(_without_own(other_text))


def _each(told: Any) -> list[Any]:
    """Give what an answer says of each of many that were sent in one call."""
    return next((told[name] for name in _EACH if name in told), []) if isinstance(told, dict) else []


def _is_mixed(told: tuple[int, Any], outcomes: list[tuple[int, Any]]) -> bool:
    """Tell whether an answer to many says of each what the first call was told of it, or the one after that."""
    if any(told[0] != status for status, _ in outcomes):
        return False
    known = zip(*(_each(text) for _, text in outcomes), strict=False)
    return bool(_each(told[1])) and all(
        one in serial for one, serial in zip(_each(told[1]), known, strict=True)
    )


def _says_try_again(answer: Answer) -> bool:
    """Tell whether an answer to many says of some to try them again, which had no effect."""
    return any(one.get("code") == "try_again" for one in _each(answer.json) if isinstance(one, dict))


def _has_natural_key(path: str) -> bool:
    return any(re.fullmatch(pattern, path.partition("?")[0]) for pattern in NATURAL_KEYS)


def _counts_again(path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in COUNT_AGAIN)


_EACH = ("results", "items")
_TOLD_ONCE = ("access_token", "refresh_token", "activation_code", "secret", "uri")
_DRAWN = frozenset({*_TOLD_ONCE, "seed", "commitment", "committed_at", "lot", "minutes"})
_OWN_SHARE = frozenset({"created", "changed", "unchanged", "warnings"})
"""How much of a sheet this call did: of rows that an interrupted one has applied it says that they are so already."""


def _without_own(told: Any) -> Any:
    """Leave out what is made anew for whoever asks, so that it is told once only, and who did which part."""
    if isinstance(told, dict):
        left_out = _DRAWN | _OWN_SHARE if told.keys() >= _OWN_SHARE else _DRAWN
        return {name: _without_own(part) for name, part in told.items() if name not in left_out}
    return [_without_own(part) for part in told] if isinstance(told, list) else told


def _tried(run: Callable[[], Any]) -> bool:
    """Run a job; tell whether it says that it is done."""
    try:
        answer = run()
    except (Exception, Interrupted):  # noqa: BLE001 - Lambda, the queue or the clock starts it again
        return False
    return not (isinstance(answer, dict) and answer.get("batchItemFailures"))


def _difference(wanted: Any, got: Any) -> str:
    (told, seen), (told_now, seen_now) = wanted, got
    text = f"missing {dict(told - told_now)}, besides {dict(told_now - told)}"
    return text if seen == seen_now else f"{text}; {seen!r} became {seen_now!r}"
