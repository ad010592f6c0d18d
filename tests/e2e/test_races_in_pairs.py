"""A small fixed share of the races that `make races` tries: two operations on one thing at once, on the deployed API."""

import os
import subprocess
import sys

import pytest

from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.cloud

SETTINGS = {
    "PAIRS": os.environ.get("PAIRS") or "0.5",
    "PAIRS_MAX": os.environ.get("PAIRS_MAX") or "6",
    "PAIR_STORIES": os.environ.get("PAIR_STORIES") or "holds",
    "CLIENTS": os.environ.get("CLIENTS") or "6",
    "PROOF_SEED": os.environ.get("PROOF_SEED") or "20261130",
}
SECONDS_MAX = 300
"""Far above what it takes on an idle machine: who is late is not wrong."""


def test_two_at_once_over_http_leave_what_one_after_the_other_would(stack: Stack) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.proof.pairs.over_http"],
        cwd=ROOT,
        env=stack.environment() | SETTINGS,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
