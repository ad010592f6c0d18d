"""The packaged stages, as `make check` and `make up` package them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.archive import package

Template = dict[str, Any]


@pytest.fixture(scope="session")
def packaged() -> Callable[..., Path]:
    return package


@pytest.fixture(scope="session")
def template(packaged: Callable[..., Path]) -> Template:
    return json.loads((packaged("prod") / "sam.json").read_text())


@pytest.fixture(scope="session")
def local_template(packaged: Callable[..., Path]) -> Template:
    return json.loads((packaged("local") / "sam.json").read_text())
