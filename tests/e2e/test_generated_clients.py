"""The nine steps through clients that public generators made of the document, on the deployed template."""

from typing import Any

import pytest

from infra.contract import steps, tools

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(not tools.are_here(), reason="needs Node.js and npm"),
]


def test_the_nine_steps_go_through_generated_clients(facts: dict[str, Any], capsys: Any) -> None:
    tools.install()
    steps.walk(facts)
    told = capsys.readouterr().out
    assert told.count("\n9 ") == 2, told
