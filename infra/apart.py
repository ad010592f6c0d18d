"""Programs that look at ours and are no part of it: each in an environment of its own, never in `.venv`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.deployment.package import BUILD


def apart(name: str, *, version: str) -> Path:
    """Give the program of a package, installing it into `.build/apart` the first time."""
    folder = BUILD / "apart" / f"{name}-{version}"
    program = folder / "bin" / name
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin/pip"), "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{name}=={version}"], check=True)
    return program
