"""`make races`: every two operations on one thing, called at once by up to 32 clients of the running local cloud.

The stories of `tests.proof.points` are told in this process. Before each of their calls the state is put on the
stack (`make up`), and the call and another operation on one of its things are sent over HTTP to the deployed API, all
clients at once: half of them the one, half the other. Where an operation takes an `Idempotency-Key`, or names
the version it decides on, all of its clients send the same; else it has one client. What stands there then has to be
what one of both orders leaves in this process, and so has who succeeded and what the audit records of it; every answer has to be
one that the document knows. No line is paid twice and the ledger balances.

PAIRS=0.03 is the share of all pairs, CLIENTS=32, PAIR_STORIES=vouchers,claims names the stories (all), PAIRS_MAX ends
a run after so many, PAIRS_ONLY="holds × POST" takes those whose name holds that, PROOF_SEED draws. The rows that stood on the stack are put back at the end, unless somebody kills
the run.
"""

import json
import logging
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from infra.local.layout import STACK_FILE
from tests.proof.pairs.stack import RunningStack

PAIRS = float(os.environ.get("PAIRS") or 0.03)
CLIENTS = int(os.environ.get("CLIENTS") or 32)
ONLY = os.environ.get("PAIRS_ONLY") or ""
PAIRS_MAX = int(os.environ.get("PAIRS_MAX") or 100_000)
TOLD_EACH = 10
SUCCESS_ENDS, SERVER_ERROR = 300, 500
TRIES = 12
"""So often a client comes again that is told to."""
AGAIN = ("in_progress", "try_again")
KEPT_IN_WORKERS = ("accounts", "classes", "class", "institution", "program", "project", "holding", "duties")
"""Tables of which a worker remembers rows, by how their names begin: once these change, workers that know them end."""


@dataclass
class Told:
    """What was tried."""

    pairs: int = 0
    both: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


@dataclass
class Said:
    """What the clients of one operation heard."""

    done: bool = False
    unsure: bool = False
    heard: Counter[str] = field(default_factory=Counter)


@dataclass
class Outcome:
    """Who succeeded, what stands there, and what the audit has of it."""

    said: tuple[bool, bool]
    stands: Counter[str]
    audit: Counter[str]


class Races:
    """Pairs of operations at a moment: in turn in this process, at once on the stack."""

    def __init__(self, stack: RunningStack, emulator: Any, operations: list[Any]) -> None:
        from tests.proof.points.trials import Share
        from tests.proof.sharing import SEED
        from tests.proof.state import State

        self._stack, self._emulator, self._operations = stack, emulator, operations
        self._share, self._random = Share(SEED, PAIRS), random.Random(SEED)
        self._state = State(emulator)
        self.told = Told()

    def at(self, moment: Any, *, money: bool) -> None:
        """Race the call of this moment with each operation on one of its things that the share draws."""
        fitting = [one for one in self._operations if _fits(one, moment)]
        before = self._state.keep()
        others = [(one.route, one.aimed(moment)) for one in fitting if self._share.draws()]
        for route, other in others:
            if self.told.pairs < PAIRS_MAX:
                self._race(f"{moment.route} × {route}", [moment.use, other], before)
        if money and self._share.draws() and self.told.pairs < PAIRS_MAX:
            self._race(f"{moment.route} × the night", [moment.use, _Night(moment)], before)
        self._state.restore(before)

    def _race(self, name: str, uses: list[Any], before: Any) -> None:
        if ONLY not in name:
            return
        self.told.pairs += 1
        serial = [self._in_turn(uses, before), self._in_turn(uses[::-1], before, turned=True)]
        self.told.both += all(all(one.said) for one in serial)
        self._state.restore(before)
        got, said = self._at_once(uses, before)
        for one in said:
            self.told.answers.update(one.heard)
        fits = [
            order
            for order, one in zip(("the first", "the other"), serial, strict=True)
            if (got.stands, got.audit) == (one.stands, one.audit)
            and all(
                mine == its or its_said.unsure
                for mine, its, its_said in zip(got.said, one.said, said, strict=True)
            )
        ]
        self.told.orders[" or ".join(fits) + " came first" if fits else "neither"] += 1
        if not fits:
            self._break(f"{name}: {_unlike(got, serial)}; heard {[dict(one.heard) for one in said]}")
        self._state.restore(before)
        if self.told.pairs % TOLD_EACH == 0:
            self._tell(f"{self.told.pairs} pairs, {len(self.told.broken)} broken")

    def _break(self, what: str) -> None:
        self.told.broken.append(what)
        self._tell(f"broken: {what}")

    @staticmethod
    def _tell(what: str) -> None:
        sys.stdout.write(f"{what}\n")
        sys.stdout.flush()

    # ------------------------------------------------------------------------- in turn, in this process

    def _in_turn(self, uses: list[Any], before: Any, *, turned: bool = False) -> Outcome:
        import contextvars

        for _ in range(TRIES):
            self._state.restore(before)
            self._emulator.changes()
            told = [contextvars.Context().run(lambda use=use: use.send(None).status) for use in uses]
            if max(told) < SERVER_ERROR:
                break  # else a key of the stack's was not to be had
        said = tuple(status < SUCCESS_ENDS for status in told)
        return self._outcome(said[::-1] if turned else said, self._emulator.changes())

    def _outcome(self, said: Any, changes: list[Any]) -> Outcome:
        stands = self._state.told(None, own_ids=False)
        return Outcome(said, stands, _audit_of(self._emulator, changes))

    # ------------------------------------------------------------------------- at once, on the stack

    def _at_once(self, uses: list[Any], before: Any) -> tuple[Outcome, list[Said]]:
        import pickle

        stack = self._stack
        stack.put(pickle.loads(before[0]))
        stack.take_messages()
        self._wake(before)
        calls = [(place, call) for place, use in enumerate(uses) for call in _clients_of(use, CLIENTS // 2)]
        self._random.shuffle(calls)
        said = [Said() for _ in uses]
        gate = threading.Barrier(len(calls))

        def go(one: tuple[int, Any]) -> None:
            place, (use, key) = one
            gate.wait()
            try:
                use.race(stack, key, said[place]) if isinstance(use, _Night) else _call(
                    stack, use, key, said[place]
                )
            except Exception as failure:  # noqa: BLE001 - it is told as what broke
                said[place].heard["broken"] += 1
                self._break(f"{use.path}: {failure!r}"[:500])

        with ThreadPoolExecutor(len(calls)) as pool:
            list(pool.map(go, calls))
        items, changes = stack.stands()
        messages = stack.take_messages()
        self._changed = {
            name for name, part in items.items() if part != pickle.loads(before[0]).get(name, {})
        }
        self._emulator.restore(pickle.dumps(items))
        for url, queue in self._emulator.queues.items():
            kept = before[1][url]
            queue["messages"][:] = [
                *kept,
                *({"body": body} for body in messages.get(url.rpartition("/")[2], [])),
            ]
        self._hold_invariants()
        return self._outcome(tuple(one.done for one in said), changes), said

    _changed: set[str] = set()  # noqa: RUF012 - replaced, never added to
    _moment: Any = None

    def _wake(self, before: Any) -> None:
        """Have workers there that know nothing of what was put back."""
        from chalicelib.aws.settings import settings

        prefix = settings().table_prefix
        if self._moment is not before or any(
            name.removeprefix(prefix).startswith(KEPT_IN_WORKERS) for name in self._changed
        ):
            self._stack.forget()
        self._moment = before
        self._stack.warm()

    def _hold_invariants(self) -> None:
        """No line is paid twice, and what the ledger debits it credits."""
        from chalicelib.settlement.ledger import service as ledger
        from chalicelib.settlement.ledger.model import MEMORANDUM, Event
        from chalicelib.settlement.ledger.store import GroupRow, SummaryRow
        from chalicelib.subsidies.claims.store import LineRow

        payments: Counter[str] = Counter()
        for row in self._emulator.rows(GroupRow):
            sign = {Event.PAID: 1, Event.RETURNED: -1, Event.UNPAID: -1}.get(row.event, 0)
            for posting in row.postings:
                payments[posting.line_id] += sign
        attempts = {
            row.id: sum(str(attempt.status) == "paid" for attempt in row.attempts)
            for row in self._emulator.rows(LineRow)
        }
        twice = [line for told in (payments, attempts) for line, count in told.items() if count > 1]
        if twice:
            self._break(f"paid twice: {twice}")
        sums = ledger.add_up(self._emulator.rows(SummaryRow))
        books = [one for name, one in sums.items() if not name.startswith(MEMORANDUM)]
        if sum(one.debit_fen for one in books) != sum(one.credit_fen for one in books):
            self._break(f"the ledger does not balance: {sums}")


def _fits(operation: Any, moment: Any) -> bool:
    shares = operation.names & moment.names or (not operation.names and operation.route == moment.route)
    return bool(shares) and operation.names <= moment.ids.keys()


class _Night:
    """The worker that seals what is due, started beside a request."""

    path = "the night"

    def __init__(self, moment: Any) -> None:
        at = moment.use.at or moment.world.now
        body = json.dumps({"work": "settle", "division": "3401", "now": at.isoformat()})
        self._event = {"Records": [{"messageId": "1", "body": body}]}

    def send(self, _: None) -> Any:
        """Do it in this process."""
        import app

        done = app.seal_settlement(self._event, None) == {"batchItemFailures": []}
        return SimpleNamespace(status=200 if done else 500)

    def race(self, stack: RunningStack, _: str | None, said: Said) -> None:
        """Do it on the stack, again as its queue does where it was not done."""
        for _attempt in range(TRIES):
            if stack.service.invoke("seal_settlement", self._event) == {"batchItemFailures": []}:
                said.done = True
                said.heard["done"] += 1
                return
            said.heard["not done"] += 1


def _clients_of(use: Any, many: int) -> list[tuple[Any, str | None]]:
    """Give the clients of an operation: several where their calls are one, by a key or by the version they name."""
    if isinstance(use, _Night):
        return [(use, None)] * 2
    if use.method == "POST" and use.client._headers:
        return [(use, f"race-{uuid.uuid4().hex}")] * many
    named = isinstance(use.body, dict) and "version" in use.body
    return [(use, None)] * (many if named else 1)


def _call(stack: RunningStack, use: Any, key: str | None, said: Said) -> None:
    """Make a call as its client does: again, under its key, where it is told to."""
    from tests.support.published import require_published

    options = dict(use.options)
    told = {name: value() if callable(value) else value for name, value in options.get("headers", {}).items()}
    body = options["raw"] if "raw" in options else json.dumps({} if use.body is None else use.body).encode()
    headers = {"Accept": "application/json", "Content-Type": options.get("content_type", "application/json")}
    headers |= use.client._headers | told | ({"Idempotency-Key": key} if key else {})
    if use.at is not None:
        headers["X-Local-Now"] = use.at.isoformat()
    for attempt in range(TRIES):
        got = stack.request(use.method, use.path, body, headers)
        parsed = json.loads(got.data) if got.data else None
        code = parsed.get("code") if isinstance(parsed, dict) and got.status >= 400 else None
        said.heard[f"{got.status} {code}" if code else str(got.status)] += 1
        require_published(use.method, use.path, got.status, got.headers, parsed)
        if got.status < 300:
            said.done = True
            return
        if got.status >= 500 and got.status != 503:
            raise RuntimeError(f"{use.method} {use.path}: {got.status} {got.data[:200]!r}")
        said.unsure = said.unsure or (got.status == 503 and not key)
        if code not in AGAIN and got.status not in (429, 503):
            return
        time.sleep(0.05 * 2 ** min(attempt, 6))
    raise RuntimeError(f"{use.method} {use.path}: told to come again {TRIES} times")


def _audit_of(emulator: Any, changes: list[Any]) -> Counter[str]:
    """Count what the audit records of some changes: who did what to which kind of thing."""
    import app
    from chalicelib.supervision.audit.store import AuditRow

    kept = emulator.keep()
    before = {(row.subject, row.entry) for row in emulator.rows(AuditRow)}
    for _ in range(2):  # a stream gives a batch again
        app.record_audit({"Records": changes}, None)
    new = [row for row in emulator.rows(AuditRow) if (row.subject, row.entry) not in before]
    emulator.restore(kept)
    return Counter(f"{row.table} {row.action} {row.actor}" for row in new)


def _unlike(got: Outcome, serial: list[Outcome]) -> str:
    nearest = min(
        serial, key=lambda one: (got.stands - one.stands).total() + (one.stands - got.stands).total()
    )
    return (
        f"said {got.said}, in turn {[one.said for one in serial]}; "
        f"missing {dict(nearest.stands - got.stands)}, besides {dict(got.stands - nearest.stands)}; "
        f"the audit has {dict(got.audit)}, in turn {[dict(one.audit) for one in serial]}"
    )[:1500]


# ----------------------------------------------------------------------------- the run


@contextmanager
def _in_this_process(stack: RunningStack) -> Iterator[Any]:
    """Have tables and queues in memory, under the names that they have on the stack."""
    import boto3

    import app  # noqa: F401 - registers every table
    from infra.local.layout import REGION
    from tests.support import keys
    from tests.support.in_process import emulator_everywhere
    from tests.support.plugin import QUEUES, _tables
    from tests.support.streams import Taps

    stack.share_keys(keys)
    with emulator_everywhere() as emulator:
        sqs = boto3.client("sqs", region_name=REGION)
        for name in stack.queues():
            sqs.create_queue(QueueName=name)
        for name in QUEUES:
            setting = f"{name.upper()}_QUEUE_URL"
            os.environ[setting] = sqs.get_queue_url(QueueName=os.environ[setting].rpartition("/")[2])[
                "QueueUrl"
            ]
        from chalicelib.aws.settings import settings

        settings.cache_clear()
        tables = _tables()
        for table in tables:
            table.create_table(billing_mode="PAY_PER_REQUEST")
        streamed = stack.streamed()
        taps = Taps([table for table in tables if table.Meta.table_name in streamed])
        emulator.taps, emulator.changes = taps, taps.records
        yield emulator


def _stories() -> list[Any]:
    from tests.proof.points.requests import STORIES

    wanted = (os.environ.get("PAIR_STORIES") or "").replace(",", " ").split()
    unknown = set(wanted) - {story.__name__ for story in STORIES}
    if unknown:
        raise SystemExit(f"no such stories: {sorted(unknown)}")
    return [story for story in STORIES if not wanted or story.__name__ in wanted]


def _run(stack: RunningStack, emulator: Any) -> Told:
    from tests.proof.pairs.operations import Operation, moments
    from tests.proof.pairs.test_pairs import MONEY, _counts_again
    from tests.support.http import Gateway
    from tests.support.plugin import Cloud, forget_what_is_known
    from tests.support.world import World

    def worlds(story: Any) -> Any:
        emulator.empty()
        emulator.taps.begin_again()
        forget_what_is_known()
        world = World(Cloud(), Gateway())
        world.seed()
        return moments(world, story(world))

    found: dict[str, Operation] = {}
    for story in _stories():
        for moment in worlds(story):
            found.setdefault(moment.route, Operation(moment.route, moment.use, moment.names))
    races = Races(stack, emulator, list(found.values()))
    for story in _stories():
        for moment in worlds(story):
            if not _counts_again(moment):
                races.at(moment, money=story.__name__ in MONEY)
    return races.told


def main() -> int:
    """Run the command."""
    if not STACK_FILE.exists():
        sys.stdout.write("No stack runs here: `make up` first.\n")
        return 1
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what stood on the stack is put back all the same
    logging.disable(logging.ERROR)  # of what this process does in place of the stack
    stack = RunningStack(json.loads(STACK_FILE.read_text()), CLIENTS)
    stack.become_its_function()
    from tests.proof.sharing import SEED

    with _in_this_process(stack) as emulator:
        from tests.support.plugin import _tables

        with stack.lent([table.Meta.table_name for table in _tables()]):
            told = _run(stack, emulator)
    sys.stdout.write(f"{dict(sorted(told.answers.items()))}\n{dict(told.orders)}\n")
    sys.stdout.write(
        f"{told.pairs} pairs ({told.both} of which both could be done), {CLIENTS} clients, "
        f"{len(told.broken)} broken, {time.monotonic() - began:.0f} s (PROOF_SEED={SEED})\n"
    )
    return 1 if told.broken or not told.pairs else 0


if __name__ == "__main__":
    sys.exit(main())
