"""Races need the local cloud; what they saw is told at the end."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.local_cloud import require_local_cloud

TOLD: dict[str, dict[str, int]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse to race where there is no local cloud."""
    require_local_cloud(items, Path(__file__).parent)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how often each answer was given and each fault happened."""
    for name, counts in TOLD.items():
        told = ", ".join(f"{what} {count}" for what, count in counts.items())
        terminalreporter.write_line(f"{name}: {told}")
