"""The public tools that integrators use read the published document without a complaint, and leave nothing out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.contract import tools

pytestmark = pytest.mark.skipif(not tools.are_here(), reason="needs Node.js and npm")


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    tools.install()


@pytest.mark.parametrize("read", tools.READERS.values(), ids=tools.READERS)
def test_a_public_tool_reads_the_document(read: Callable[[], None]) -> None:
    read()


COMPLAIN: dict[str, Callable[[Path], None]] = {
    "openapi-spec-validator": lambda _: tools.valid(),
    "redocly": lambda _: tools.redocly(),
    "spectral": lambda _: tools.spectral(),
    "openapi-typescript": tools.types,
    "openapi-python-client": tools.python_client,
}


@pytest.mark.parametrize("read", COMPLAIN.values(), ids=COMPLAIN)
def test_a_tool_complains_about_a_document_that_is_none(
    read: Callable[[Path], None], tmp_path: Path, monkeypatch: Any
) -> None:
    document = json.loads(tools.PUBLISHED.read_text())
    first = next(iter(document["paths"].values()))
    answers = next(iter(first.values()))["responses"]
    answers["200"] = {"content": {"application/json": {"schema": {"$ref": "#/nowhere"}}}}
    broken = tmp_path / "openapi.json"
    broken.write_text(json.dumps(document))
    monkeypatch.setattr(tools, "PUBLISHED", broken)
    with pytest.raises(tools.NotUnderstood):
        read(tmp_path / "made")
