"""The packaged stages, as `make check` and `make up` package them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent

Template = dict[str, Any]


@pytest.fixture(scope="session")
def packaged() -> Callable[..., Path]:
    def package(stage: str, out: Path | None = None) -> Path:
        out = out or ROOT / ".build" / stage
        command = [sys.executable, "-m", "infra.package", "--stage", stage, "--out", str(out)]
        command.append("--for-this-python")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return out

    return package


@pytest.fixture(scope="session")
def template(packaged: Callable[..., Path]) -> Template:
    return json.loads((packaged("prod") / "sam.json").read_text())


@pytest.fixture(scope="session")
def local_template(packaged: Callable[..., Path]) -> Template:
    return json.loads((packaged("local") / "sam.json").read_text())
