"""What only the local cloud can show says so where there is none, instead of failing by chance."""

import os
from pathlib import Path

import pytest


def require_local_cloud(items: list[pytest.Item], folder: Path) -> None:
    """Refuse to run a folder's tests on the emulators of this process.

    Raises:
        pytest.UsageError: a test of the folder works on the cloud, and no endpoint of a local one is given.

    """
    if "AWS_ENDPOINT_URL" in os.environ:
        return
    if any(
        item.path.is_relative_to(folder) and "cloud" in getattr(item, "fixturenames", ()) for item in items
    ):
        raise pytest.UsageError(
            f"tests/{folder.name} need the local cloud: `make bench` runs them on one of their own, "
            "`.venv/bin/python -m infra.bench -k ...` some of them"
        )
