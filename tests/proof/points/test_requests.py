"""Whatever fails at whichever call to AWS: one effect, the right answer, nothing half."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.edge.endpoints import ENDPOINTS
from tests.proof.points import requests
from tests.proof.points.requests import STORIES
from tests.proof.points.trials import Points, Share
from tests.proof.sharing import ASKED_FOR, SEED, part_of, told_at_the_end
from tests.support.in_process import Interrupted
from tests.support.plugin import forget_what_is_known

PART = part_of("FAULT_SHARE", usual=0.02)


@pytest.mark.skipif(not ASKED_FOR, reason="make proof: longer than a run of everything may take")
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_whatever_fails_at_whichever_call_a_request_has_one_effect(
    emulator: Any, world: Any, story: Any
) -> None:
    points = Points(emulator, Share(SEED, PART))
    points.tell(story(world))
    told_at_the_end("requests", points.told)
    if points.told.broken:
        pytest.fail(f"PROOF_SEED={SEED}\n" + "\n".join(points.told.broken), pytrace=False)


def each_fault(emulator: Any, use: Any) -> Iterator[str]:
    """Make a call from one state with each fault at each of its own calls; gives which it was each time."""
    from tests.proof.network import Network, faults_of
    from tests.proof.state import State

    network, state = Network(emulator), State(emulator)
    before = state.keep()
    with network.watched() as calls:
        use.send(None)
    for number, call in enumerate(calls, start=1):
        for fault in faults_of(call):
            state.restore(before)
            with network.watched({number: fault}), contextlib.suppress(Interrupted):
                use.send(None)
            yield f"call {number} {call}: {fault}"


def test_whatever_fails_no_dead_letter_is_lost_on_its_way_back(emulator: Any, world: Any) -> None:
    """Two letters: at each call of their redriving, and whatever fails at it, each stands in one queue at least."""
    for tried in each_fault(emulator, next(requests.redriven(world))):
        bodies = [message["body"] for queue in emulator.queues.values() for message in queue["messages"]]
        assert len(set(bodies)) == 2, tried


def test_whatever_fails_all_of_a_filter_is_sent_again_in_the_end(emulator: Any, world: Any) -> None:
    """Three refused messages: at each call of their redriving, and whatever fails at it, a repeat leaves none."""
    from chalicelib.exchange.model import DeliveryState
    from chalicelib.exchange.store import deliveries_of

    use = next(requests.sent_again(world))
    for tried in each_fault(emulator, use):
        assert use.send(None).status == 200, tried
        states = [deliveries_of(subject)[0].state for subject in requests.REFUSED_SUBJECTS]
        assert set(states) == {DeliveryState.PENDING}, tried


def test_every_route_that_changes_something_stands_in_a_story(emulator: Any, world: Any) -> None:
    begun = emulator.keep()
    made: set[str] = set()
    for story in STORIES:
        emulator.restore(begun)
        forget_what_is_known()
        made |= {f"{method} {path}" for method, path in Points(emulator, Share(SEED, 0)).tell(story(world))}
    never = [
        f"{endpoint.method} {endpoint.path}"
        for endpoint in ENDPOINTS
        if endpoint.method != "GET" and not any(_is_of(endpoint, call) for call in made)
    ]
    assert never == [], (
        "each route that changes something is tried with every fault at every call: add a call of these to a "
        "story in tests/proof/points/requests.py or tests/edge/idempotency/stories.py"
    )


def _is_of(endpoint: Any, call: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", f"{endpoint.method} {endpoint.path}"), call) is not None
