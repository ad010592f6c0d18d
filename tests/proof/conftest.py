"""What was tried is told at the end, with the seed that draws it again."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.aws.settings import settings
from chalicelib.exchange.platform import platform_at
from tests.proof.pairs.operations import Operation, moments
from tests.proof.points.requests import STORIES
from tests.proof.sharing import SEED, TOLD
from tests.support.platform import FakePlatform
from tests.support.plugin import forget_what_is_known


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was tried here; workers of xdist tell theirs with each test's own output."""
    for name, told in TOLD.items():
        terminalreporter.write_line(f"proof, {name}: {told} (PROOF_SEED={SEED})")


@pytest.fixture(scope="session")
def operations(emulator: Any) -> list[Operation]:
    """Take an example of each route from the stories, told once."""
    from tests.support.http import Gateway
    from tests.support.plugin import Cloud, _empty
    from tests.support.world import World

    found: dict[str, Operation] = {}
    for story in STORIES:
        _empty(emulator)
        forget_what_is_known()
        world = World(Cloud(), Gateway())
        emulator.prepare("world", world.seed)
        for moment in moments(world, story(world)):
            found.setdefault(moment.route, Operation(moment.route, moment.use, moment.names))
    return list(found.values())


class TellingPlatform(FakePlatform):
    """A platform that says what it knows in the end, however often it was told."""

    def distinct(self) -> Any:
        """Give each message once, and forget them."""
        known = sorted({message["message_id"] for message in self.messages})
        self.messages.clear()
        return known

    def told_in_the_end(self) -> Any:
        """Let the hourly job send what waits, then give each message once, by subject in the order it came."""
        import app

        app.reconcile_exchange({"now": "2026-09-03T01:00:00+00:00"}, None)
        first: dict[str, tuple[str, int]] = {}
        for message in self.messages:
            first.setdefault(message["message_id"], (message["subject"], message["sequence"]))
        self.messages.clear()
        orders: dict[str, list[int]] = {}
        for subject, sequence in first.values():
            orders.setdefault(subject, []).append(sequence)
        return orders


@pytest.fixture
def platform(cloud: Any) -> Iterator[TellingPlatform]:
    fake = TellingPlatform()
    os.environ["PLATFORM_URL"] = fake.url
    settings.cache_clear()
    yield fake
    os.environ["PLATFORM_URL"] = ""
    settings.cache_clear()
    platform_at(fake.url).close()
    fake.close()
