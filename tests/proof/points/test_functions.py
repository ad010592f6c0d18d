"""Whatever fails at whichever call to AWS, or of the platform: started again, each function ends the same."""

from typing import Any

import pytest

from infra.deployment.functions import API, FUNCTIONS
from tests.proof.points.functions import CASES
from tests.proof.points.trials import Points, Share
from tests.proof.sharing import ASKED_FOR, SEED, part_of, told_at_the_end

PART = part_of("FAULT_SHARE", usual=0.02)


@pytest.mark.skipif(not ASKED_FOR, reason="make proof: longer than a run of everything may take")
@pytest.mark.parametrize("function", CASES)
def test_whatever_fails_at_whichever_call_a_function_ends_the_same(
    emulator: Any, world: Any, platform: Any, function: str
) -> None:
    points = Points(emulator, Share(SEED, PART))
    points.work(CASES[function](world, platform))
    told_at_the_end("functions", points.told)
    if points.told.broken:
        pytest.fail(f"PROOF_SEED={SEED}\n" + "\n".join(points.told.broken), pytrace=False)


def test_every_function_has_a_case() -> None:
    deployed = {function.name for function in FUNCTIONS} - {API}
    assert deployed - set(CASES) == set(), (
        "each function is tried with every fault at every call: prepare a state for these in "
        "tests/proof/points/functions.py"
    )
    assert set(CASES) == deployed
