"""What was tried is told at the end, with the seed that draws it again."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws.settings import settings
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.model import PAUSE_MAX, PLATFORM, PlatformVerdict
from chalicelib.exchange.platform import platform_at
from chalicelib.exchange.sending import SendingRun, drain
from chalicelib.exchange.service import Acknowledgement, acknowledge
from chalicelib.kernel.principal import system_context
from tests.proof.pairs.operations import Operation, moments
from tests.proof.points.requests import STORIES
from tests.proof.sharing import SEED, TOLD
from tests.support.platform import FakePlatform
from tests.support.plugin import forget_what_is_known

IN_THE_END = datetime(2026, 9, 3, 1, tzinfo=UTC)
ROUNDS_MAX = 20


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
        """Accept what came and have the rest handed over until nothing is due; give each message once.

        By subject, in the order in which they came. A message that was sent in vain is due again within hours.
        """
        heard: set[str] = set()
        for at in (IN_THE_END + PAUSE_MAX * round_ for round_ in range(ROUNDS_MAX)):
            context = system_context("exchange", now=at, request_id="req_end")
            drain(context, lists.lines_of(PLATFORM), SendingRun(seconds=60, patience=50), workers=1)
            new = {message["message_id"] for message in self.messages} - heard
            words = [
                Acknowledgement(message_id, PlatformVerdict.ACCEPTED, None) for message_id in sorted(new)
            ]
            acknowledge(context, words)
            heard |= new
            if not new and not sum(map(lists.number_due, lists.lines_of(PLATFORM))):
                break
        else:
            raise AssertionError("messages are due for ever")
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
