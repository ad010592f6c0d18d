"""What `infra/cost.py` reckons with is what was measured (last by its name: the others measure first)."""

import json
import os

import pytest

from infra.cost import MEASURED as WRITTEN
from infra.cost import Province, operations
from tests.costs.conftest import MEASURED

ABOUT = {"calls": 1.0, "reads": 1.0, "units": 0.1, "index": 0.1}
"""How far a figure may be from what is written: units cost, a call more or less is some milliseconds."""


def measured():
    return {
        name: {
            "calls": round(cost.calls, 3),
            "units": round(cost.writes, 3),
            "index": round(cost.index_writes, 3),
            "reads": round(cost.reads, 3),
        }
        for name, cost in MEASURED.items()
    }


def test_the_written_costs_are_those_measured():
    """`WRITE_COSTS=1 make bench` writes them anew."""
    known = {name: figures for name, figures in measured().items() if name in operations(Province())}
    if not known:
        pytest.skip("nothing was measured in this run")
    if os.environ.get("WRITE_COSTS"):
        before = json.loads(WRITTEN.read_text()) if WRITTEN.exists() else {}
        WRITTEN.write_text(json.dumps(before | known, indent=1, sort_keys=True) + "\n")
    written = json.loads(WRITTEN.read_text())
    for name, figures in known.items():
        for figure, value in figures.items():
            assert written[name][figure] == pytest.approx(value, rel=0.1, abs=ABOUT[figure]), (name, figure)
