"""The nine steps on the deployed template, over HTTP, told by the demo's own story."""

from typing import Any

import pytest
from rich.console import Console

from infra.demo.story import tell
from infra.privacy_scan import scan_local_stack
from tests.e2e.stack import Stack

pytestmark = pytest.mark.cloud


def test_the_whole_life_of_a_voucher_has_no_figure_off_and_shows_nobody(
    facts: dict[str, Any], quiet: Console, stack: Stack
) -> None:
    told = tell(facts, quiet).teller.expectations
    assert [str(check) for check in told.wrong] == []
    assert len(told.checks) > 120
    report = scan_local_stack(stack.folder / "local")
    assert report.read["items"] > 1000
    assert report.found == []
