"""A power cut: what was answered before it is there after it, and the story goes on."""

import time
from typing import Any

import pytest
from rich.console import Console

from infra.demo.client import Service
from infra.demo.story import tell
from tests.e2e.stack import Stack

pytestmark = pytest.mark.cloud

UNTIL_CLAIMED = 5
SAVED_WITHIN_SECONDS = 120
"""Far above what saving takes on an idle machine."""


def test_the_same_vouchers_are_there_after_kill_9(saving_stack: Stack, quiet: Console) -> None:
    stack, facts = saving_stack, saving_stack.facts()
    told = tell(facts, quiet, chapters=UNTIL_CLAIMED)
    assert [str(check) for check in told.teller.expectations.wrong] == []
    before = _vouchers(facts)
    _wait_until_saved(stack, facts)

    stack.kill()
    facts = stack.up()

    assert _vouchers(facts) == before
    changes = sum(told.messages.values())
    with Service(facts) as service:
        ours = {one.voucher_id for one in told.graduates}

        def heard() -> int:
            return sum(one["subject"] in ours for one in service.platform("/received")["items"])

        assert (
            told.teller.wait_for("the platform", heard, lambda count: count >= changes, seconds=60) == changes
        )
    again = tell(facts, quiet).teller.expectations
    assert [str(check) for check in again.wrong] == []


def _wait_until_saved(stack: Stack, facts: dict[str, Any]) -> None:
    """Wait for two whole savings: the second began after the first was done, so after this was called."""
    deadline = time.monotonic() + SAVED_WITHIN_SECONDS
    savings = {stack.saved_at()}
    with Service(facts) as service:
        while len(savings) < 3:
            assert time.monotonic() < deadline, "the state is not saved"
            service.anyone().post("/v1/auth/tokens", {})  # what changes nothing is not saved again
            time.sleep(0.2)
            savings.add(stack.saved_at())


def _vouchers(facts: dict[str, Any]) -> dict[str, tuple[str, int]]:
    with Service(facts) as service:
        every = service.staff("province-1").every("/v1/vouchers")
        return {one["id"]: (one["status"], one["version"]) for one in every}
