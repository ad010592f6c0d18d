"""`make one T=tests/…[::test]`: run one test, a file or a folder, where it can run, and say how."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import Final

_HOW: Final = "make one T=tests/kernel/test_geo.py runs a file; a folder or T=file::test_name does too"
_ON_A_CLOUD: Final = ("tests/costs", "tests/faults")
"""What needs a local cloud of its own; tests of the deployed template bring up theirs themselves."""


def command_for(test: str) -> list[str]:
    """Give the command that runs a test: `infra.bench` starts a local cloud for races and costs."""
    if test.startswith(_ON_A_CLOUD):
        return [sys.executable, "-m", "infra.bench", test]
    return [sys.executable, "-m", "pytest", "-p", "no:randomly", "--durations=3", test]


def main() -> int:
    """Say what is done and do it; give pytest's exit code."""
    test = " ".join(sys.argv[1:]).strip()
    if not test:
        sys.exit(f"which test? {_HOW}")
    command = command_for(test)
    shown = ["python" if part == sys.executable else part for part in command]
    print(f"+ {shlex.join(shown)}", flush=True)
    return subprocess.run(command, env=dict(os.environ), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
