"""Whatever fails at whichever call to AWS, or of the platform: started again, each function ends the same."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.aws.settings import settings
from chalicelib.exchange.platform import platform_at
from infra.deployment.functions import API, FUNCTIONS
from tests.proof.points.functions import CASES
from tests.proof.points.trials import Points, Share
from tests.proof.sharing import SEED, part_of, told_at_the_end
from tests.support.platform import FakePlatform

PART = part_of("FAULT_SHARE", usual=0.02)


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


@pytest.mark.parametrize("function", CASES)
def test_whatever_fails_at_whichever_call_a_function_ends_the_same(
    emulator: Any, world: Any, platform: TellingPlatform, function: str
) -> None:
    points = Points(emulator, Share(SEED, PART))
    points.work(CASES[function](world, platform))
    told_at_the_end("functions", points.told)
    if points.told.broken:
        pytest.fail(f"PROOF_SEED={SEED}\n" + "\n".join(points.told.broken), pytrace=False)


def test_every_function_has_a_case() -> None:
    deployed = {function.name for function in FUNCTIONS} - {API}
    assert deployed - set(CASES) == set(), (
        "each function is tried with every fault at every call: prepare a state for these in "
        "tests/proof/points/functions.py"
    )
    assert set(CASES) == deployed
