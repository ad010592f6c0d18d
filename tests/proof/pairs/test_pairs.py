"""Two people at once on one thing: what comes of it is what would come of one after the other.

One operation is stopped before each of its calls to AWS in turn, another is done as a whole there, and the first
goes on. Who succeeded, and what stands in the tables, queues and buckets then, must be as in one of both orders.
"""

import contextvars
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import app
from chalicelib.edge.endpoints import ENDPOINTS
from tests.proof.network import Network
from tests.proof.pairs.operations import Moment, Operation, moments
from tests.proof.points.requests import STORIES
from tests.proof.points.trials import COUNT_AGAIN, Share
from tests.proof.sharing import ASKED_FOR, SEED, part_of, told_at_the_end
from tests.proof.state import State

pytestmark = pytest.mark.skipif(not ASKED_FOR, reason="make proof: longer than a run of everything may take")
PART = part_of("PAIR_SHARE", usual=0.015)
MONEY = frozenset({"claims", "withdrawn_approval", "holds", "settlement", "overrides", "objections"})
ALONE = {"POST /v1/dead-letters/{queue}/redrive": "it moves messages, at least once each; no row is its own"}


@dataclass
class Told:
    """What was tried."""

    pairs: int = 0
    interleavings: int = 0
    both: int = 0
    broken: int = 0

    def add(self, other: "Told") -> None:
        self.pairs += other.pairs
        self.interleavings += other.interleavings
        self.both += other.both
        self.broken += other.broken

    def __str__(self) -> str:
        return (
            f"{self.pairs} pairs ({self.both} of which both could be done), "
            f"{self.interleavings} interleavings, {self.broken} broken"
        )


Act = Callable[[], bool]


def _apart(act: Act) -> Act:
    """Do something as another process would: without what this one has in hand."""
    return lambda: contextvars.Context().run(act)


class Pairs:
    """All operations, and the trials of two of them at a moment."""

    def __init__(self, emulator: Any, share: Share, operations: list[Operation]) -> None:
        self._network, self._state, self._share = Network(emulator), State(emulator), share
        self._operations = operations
        self.told, self.broken = Told(), list[str]()

    def at(self, moment: Moment, *, money: bool) -> None:
        """Try the call of this moment with every operation on one of its things."""
        before = self._state.keep()
        others = [one for one in self._operations if self._fits(one, moment)]
        acts = [(one.route, self._sending(one.aimed(moment))) for one in others if self._share.draws()]
        if money and self._share.draws():
            acts.append(("the night", _night(moment)))
        mine = self._sending(moment.use)
        for name, act in acts:
            self._pair(f"{moment.route} × {name}", mine, act, before)
        self._state.restore(before)

    @staticmethod
    def _fits(operation: Operation, moment: Moment) -> bool:
        shares = operation.names & moment.names or (not operation.names and operation.route == moment.route)
        return bool(shares) and operation.names <= moment.ids.keys()

    @staticmethod
    def _sending(use: Any) -> Act:
        return lambda: use.send(None).status < 300

    def _pair(self, name: str, one: Act, other: Act, before: Any) -> None:
        self.told.pairs += 1
        self._before = before
        serial = [self._one_after_the_other(one, other), self._one_after_the_other(other, one, turned=True)]
        self.told.both += serial[0][0] == serial[1][0] == (True, True)
        self._state.restore(before)
        with self._network.watched() as calls:
            one()
        for number in range(1, len(calls) + 1):
            self._state.restore(before)
            said: list[bool] = []
            with self._network.watched({number: "met"}, between=lambda s=said: s.append(_apart(other)())):
                mine = one()
            got = (mine, *said), self._stands()
            self.told.interleavings += 1
            if got not in serial:
                self.told.broken += 1
                self.broken.append(
                    f"{name}, met before call {number} {calls[number - 1]}: {_unlike(got, serial)}"
                )

    def _one_after_the_other(self, first: Act, second: Act, *, turned: bool = False) -> Any:
        self._state.restore(self._before)
        said = (first(), second())
        return (said[::-1] if turned else said), self._stands()

    def _stands(self) -> Any:
        return self._state.told(None, own_ids=False)


def _night(moment: Moment) -> Act:
    at = moment.use.at or moment.world.now
    body = json.dumps({"work": "settle", "division": "3401", "now": at.isoformat()})
    event = {"Records": [{"messageId": "1", "body": body}]}
    return lambda: app.seal_settlement(event, None) == {"batchItemFailures": []}


def _unlike(got: Any, serial: list[Any]) -> str:
    said, stands = got
    nearest = min(serial, key=lambda one: (stands - one[1]).total() + (one[1] - stands).total())
    return (
        f"said {said}, in turn {[one[0] for one in serial]}; "
        f"missing {dict(nearest[1] - stands)}, besides {dict(stands - nearest[1])}"
    )[:900]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_two_at_once_do_what_one_after_the_other_would(
    emulator: Any, world: Any, operations: list[Operation], story: Any
) -> None:
    pairs = Pairs(emulator, Share(SEED, PART), operations)
    for moment in moments(world, story(world)):
        if not _counts_again(moment):
            pairs.at(moment, money=story.__name__ in MONEY)
    told_at_the_end("pairs", pairs.told)
    if pairs.broken:
        pytest.fail(f"PROOF_SEED={SEED}\n" + "\n".join(pairs.broken), pytrace=False)


def _counts_again(moment: Moment) -> bool:
    return any(re.fullmatch(pattern, moment.use.path) for pattern in COUNT_AGAIN)


def test_every_route_that_changes_something_has_a_partner(operations: list[Operation]) -> None:
    known = {operation.route for operation in operations} | set(ALONE)
    never = [
        f"{endpoint.method} {endpoint.path}"
        for endpoint in ENDPOINTS
        if endpoint.method != "GET" and f"{endpoint.method} {endpoint.path}" not in known
    ]
    assert never == [], "add a call of these to a story in tests/proof/points/requests.py"
