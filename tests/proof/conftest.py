"""What was tried is told at the end, with the seed that draws it again."""

from typing import Any

from tests.proof.sharing import SEED, TOLD


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was tried here; workers of xdist tell theirs with each test's own output."""
    for name, told in TOLD.items():
        terminalreporter.write_line(f"proof, {name}: {told} (PROOF_SEED={SEED})")
