"""Same key, same answer: whatever fails at whichever call, a repeat has one effect and the first answer."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC
from tests.edge.idempotency.stories import STORIES
from tests.edge.idempotency.trials import Trials
from tests.support.depth import size_of
from tests.support.plugin import forget_what_is_known

FAULTS_A_POINT = size_of("FAULTS_A_POINT", usual=1, full=1)
USES_MIN = 90
NOT_TOLD = {
    "POST /v1/dead-letters/{queue}/redrive": "a queue's letters bear no mark: what a first run moved is told "
    "by the log, and a repeat moves what is there by then",
    "POST /v1/exchange/redrives": "a repeat sends again what a first run left, and tells how many that were",
}
"""Calls with a token that no story makes, and why."""

TOLD: dict[str, tuple[int, int, int, int]] = {}


@pytest.fixture(scope="module", autouse=True)
def _told(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what was tried."""
    yield
    calls, points, faults, broken = map(sum, zip((0, 0, 0, 0), *TOLD.values(), strict=True))
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\nsame key: {calls} calls, {points} points, {faults} faults, {broken} broken")  # noqa: T201


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_repeat_under_the_same_key_has_one_effect_and_the_first_answer(
    emulator: Any, world: Any, story: Any
) -> None:
    trials = Trials(emulator, seed=1, faults_a_point=FAULTS_A_POINT)
    trials.tell(story(world))
    told = trials.told
    TOLD[story.__name__] = (len(told.uses), told.points, told.faults, len(told.broken))
    assert not told.broken, "\n".join(told.broken)


def test_every_call_with_a_token_stands_in_a_story(emulator: Any, world: Any) -> None:
    trials = Trials(emulator, seed=1, faults_a_point=0)
    begun = emulator.keep()
    for story in STORIES:
        emulator.restore(begun)
        forget_what_is_known()
        trials.tell(story(world))
    paths = [path.partition("?")[0] for path, _ in trials.told.uses]
    never = {
        f"POST {endpoint.path}"
        for endpoint in ENDPOINTS
        if endpoint.method == "POST"
        and endpoint.action != PUBLIC
        and not any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", endpoint.path), path) for path in paths)
    }
    assert sorted(never) == sorted(NOT_TOLD)
    assert len(paths) >= USES_MIN
