"""The nine steps on the deployed template, over HTTP, told by the demo's own story."""

from typing import Any

import pytest
from rich.console import Console

from infra.demo.story import tell

pytestmark = pytest.mark.cloud


def test_the_whole_life_of_a_voucher_has_no_figure_off(facts: dict[str, Any], quiet: Console) -> None:
    told = tell(facts, quiet).teller.expectations

    assert [str(check) for check in told.wrong] == []
    assert len(told.checks) > 120
