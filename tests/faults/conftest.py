"""What the races saw is told at the end."""

from typing import Any

TOLD: dict[str, dict[str, int]] = {}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how often each answer was given and each fault happened."""
    for name, counts in TOLD.items():
        told = ", ".join(f"{what} {count}" for what, count in counts.items())
        terminalreporter.write_line(f"{name}: {told}")
