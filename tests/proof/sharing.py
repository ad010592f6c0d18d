"""How much of a large proof a run makes: a share that another tree draws anew; all of it by setting."""

import os
import subprocess
from pathlib import Path
from typing import Any

TOLD: dict[str, Any] = {}
"""What each part of the proof tells at the end of the run."""
_ROOT = Path(__file__).parents[2]


def drawn_by_the_tree() -> int:
    """Give a number that is the same for the same files: each change tries others, and a run can be made again."""
    asked = ["git", "rev-parse", "HEAD^{tree}"]
    found = subprocess.run(asked, cwd=_ROOT, capture_output=True, text=True, check=False).stdout
    return int(found[:7] or "1", 16)


SEED = int(os.environ.get("PROOF_SEED") or drawn_by_the_tree())
ASKED_FOR = "PROOF" in os.environ
"""Whether somebody asked for the proof: what is too long for every run is made only then."""


def part_of(setting: str, *, usual: float) -> float:
    """Give the likelihood of each trial: what `setting` says, 1 with `PROOF=full`, else the usual."""
    whole = {"": False, "share": False, "full": True}[os.environ.get("PROOF", "")]
    return float(os.environ.get(setting) or (1 if whole else usual))


def number_of(setting: str, *, usual: int, full: int) -> int:
    """Give a count: what `setting` says, or by `PROOF`."""
    whole = {"": False, "share": False, "full": True}[os.environ.get("PROOF", "")]
    return int(os.environ.get(setting) or (full if whole else usual))


def told_at_the_end(name: str, told: Any) -> None:
    """Add to what a part of the proof tells when the run is over."""
    if name in TOLD and hasattr(TOLD[name], "add"):
        TOLD[name].add(told)
    else:
        TOLD[name] = told
