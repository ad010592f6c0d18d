"""`make mutants`: each mutant of what keeps money, vouchers and rights right, against the tests of that module.

A mutant counts as killed when a test fails (or does not end). Each runs in a process of its own, forked from one
that has the libraries loaded and nothing of ours. What survives is told, or stands in `ALIKE` with its reason.
"""

import importlib.abc
import importlib.util
import os
import random
import sys
import time
from pathlib import Path
from types import ModuleType

from tests.proof.mutants.alike import ALIKE
from tests.proof.mutants.mutation import mutants_of
from tests.proof.sharing import SEED

ROOT = Path(__file__).parents[3]
_STEP = "tests/settlement"
_RULES = "tests/supervision/rules"
TARGETS: dict[str, tuple[str, ...]] = {
    "chalicelib/kernel/money.py": ("tests/kernel/test_money.py",),
    "chalicelib/kernel/geo.py": ("tests/kernel/test_geo.py", "tests/attendance/check_ins"),
    "chalicelib/settlement/ledger/model.py": (
        f"{_STEP}/ledger/test_model.py",
        f"{_STEP}/ledger",
        f"{_STEP}/verification",
    ),
    "chalicelib/settlement/set_off/model.py": (f"{_STEP}/set_off",),
    "chalicelib/settlement/clawback/model.py": (f"{_STEP}/clawback",),
    "chalicelib/settlement/corrections/model.py": (
        f"{_STEP}/corrections/test_model.py",
        f"{_STEP}/corrections",
    ),
    "chalicelib/settlement/results/model.py": (
        f"{_STEP}/results/test_judging.py",
        f"{_STEP}/results",
        f"{_STEP}/batches/test_batches.py",
    ),
    "chalicelib/settlement/batches/model.py": (f"{_STEP}/batches/test_model.py", f"{_STEP}/batches"),
    "chalicelib/vouchers/model.py": (
        "tests/vouchers/test_model.py",
        "tests/vouchers/test_every_reason.py",
        "tests/vouchers/test_every_state_and_action.py",
        "tests/vouchers",
        "tests/enrolments",
    ),
    "chalicelib/vouchers/batches/model.py": (
        "tests/vouchers/batches/test_model.py",
        "tests/vouchers/batches",
    ),
    "chalicelib/vouchers/restoring/model.py": ("tests/vouchers/restoring", "tests/vouchers/test_actions.py"),
    "chalicelib/people/eligibility.py": ("tests/people/test_bars.py", "tests/people/test_eligibility.py"),
    "chalicelib/accounts/rights.py": (
        "tests/accounts/test_rights.py",
        "tests/accounts/test_separation.py",
        "tests/subsidies/test_clerk_and_school.py",
        "tests/architecture/test_lists.py",
        "tests/architecture/test_rights_matrix.py",
    ),
    "chalicelib/subsidies/payability/model.py": ("tests/subsidies/payability", "tests/subsidies/claims"),
    "chalicelib/subsidies/claims/model.py": (
        "tests/subsidies/claims/test_each_rule.py",
        "tests/subsidies/claims",
        "tests/subsidies/reviews",
        _STEP,
    ),
    "chalicelib/subsidies/claims/moves.py": (
        "tests/subsidies/claims/test_moves.py",
        "tests/subsidies/claims",
    ),
    "chalicelib/subsidies/overrides/model.py": (
        "tests/subsidies/overrides/test_model.py",
        "tests/subsidies/overrides",
    ),
    "chalicelib/settlement/verification/model.py": (
        f"{_STEP}/verification/test_model.py",
        f"{_STEP}/verification",
    ),
    "chalicelib/subsidies/budgets/model.py": ("tests/subsidies/budgets", f"{_STEP}/ledger"),
    "chalicelib/subsidies/publicity/model.py": (
        "tests/subsidies/publicity/test_model.py",
        "tests/subsidies/publicity",
        "tests/subsidies/claims",
    ),
    "chalicelib/subsidies/holds/model.py": (
        "tests/subsidies/holds/test_each_rule.py",
        "tests/subsidies/holds",
    ),
    "chalicelib/subsidies/register/model.py": ("tests/subsidies/register",),
    "chalicelib/attendance/make_ups/model.py": (
        "tests/attendance/make_ups/test_model.py",
        "tests/attendance/make_ups",
    ),
    "chalicelib/attendance/summary/model.py": (
        "tests/attendance/summary/test_model.py",
        "tests/attendance/summary",
        "tests/attendance/make_ups",
        "tests/attendance/reviews",
        "tests/attendance/roll_calls",
        "tests/attendance/check_ins",
    ),
    "chalicelib/attendance/model.py": (
        "tests/attendance/test_marks.py",
        "tests/attendance/roll_calls",
        "tests/attendance/reviews",
        "tests/attendance/make_ups",
    ),
    "chalicelib/attendance/footage/model.py": (
        "tests/attendance/footage/test_model.py",
        "tests/attendance/footage/test_each_rule.py",
    ),
    "chalicelib/attendance/check_ins/model.py": (
        "tests/attendance/check_ins/test_model.py",
        "tests/attendance/check_ins",
        "tests/attendance/summary",
    ),
    **{
        f"chalicelib/supervision/rules/{rule}.py": (
            *(f"{_RULES}/test_{test}.py" for test in tests.split()),
            _RULES,
            "tests/supervision/cases",
        )
        for rule, tests in {
            "attempts": "attempts",
            "bursts": "edges stored_places bursts",
            "capacity": "edges overlaps",
            "contacts": "figures",
            "devices": "figures devices",
            "dossier": "dossier",
            "elsewhere": "elsewhere scoring",
            "evaluation": "dossier evaluation",
            "filming": "edges filming",
            "idling": "figures people",
            "ineligibility": "edges people",
            "marks": "elsewhere scoring",
            "mocking": "figures",
            "offline": "edges offline",
            "overlaps": "edges overlaps",
            "positions": "edges stored_places positions",
            "register": "register",
            "repeats": "figures people",
            "rule": "dossier",
            "scatter": "scatter stored_places positions",
            "scoring": "edges scoring",
            "travel": "attempts figures travel",
        }.items()
    },
}
"""Each module, and what is to find its mutants: the nearest tests first, for the first that fails ends it."""
SHARE_MAX = int(os.environ.get("MUTANTS_EACH") or 1_000_000)
"""How many mutants of a module are tried, drawn by `PROOF_SEED` where there are more."""
SECONDS_MAX = 300
KILLED, SURVIVED = range(2)


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from another text."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> object:
        del path, target
        if fullname != self._name:
            return None
        place = ROOT / (fullname.replace(".", "/") + ".py")
        return importlib.util.spec_from_loader(fullname, self, origin=str(place))

    def exec_module(self, module: ModuleType) -> None:
        place = str(ROOT / (self._name.replace(".", "/") + ".py"))
        module.__file__ = place
        exec(compile(self._source, place, "exec"), vars(module))


def main(arguments: list[str]) -> int:
    """Try all mutants of the modules whose names hold one of the words; 0 if nine of ten were killed."""
    chosen = [name for name in TARGETS if not arguments or any(word in name for word in arguments)]
    began, all_told, all_killed = time.monotonic(), 0, 0
    for name in chosen:
        place = ROOT / name
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            told, killed = _try(file, TARGETS[name])
            all_told, all_killed = all_told + told, all_killed + killed
    share = all_killed / all_told if all_told else 1.0
    sys.stdout.write(
        f"{all_told} mutants, {all_killed} killed ({share:.1%}) in {time.monotonic() - began:.0f} s\n"
    )
    return 0 if share >= 0.9 else 1


def _try(file: Path, tests: tuple[str, ...]) -> tuple[int, int]:
    module = str(file.relative_to(ROOT)).removesuffix(".py").replace("/", ".")
    source = file.read_text(encoding="utf-8")
    missing = [test for test in tests if not (ROOT / test).exists()]
    if missing:
        raise SystemExit(f"{module}: its tests are gone: {missing}")
    if _survives(module, source, tests) is not SURVIVED:
        raise SystemExit(f"{module}: the tests fail without any mutant")
    mutants = list(mutants_of(source))
    gone = {key for key in ALIKE if key[0] == module} - {(module, one.text, one.became) for one in mutants}
    if gone:
        raise SystemExit(f"{module}: told to be alike, and no mutant any more: {sorted(gone)}")
    mutants = [one for one in mutants if (module, one.text, one.became) not in ALIKE]
    if len(mutants) > SHARE_MAX:
        mutants = random.Random(f"{SEED}{module}").sample(mutants, SHARE_MAX)
    alive = [mutant for mutant in mutants if _survives(module, mutant.source, tests) is SURVIVED]
    sys.stdout.write(f"{module}: {len(mutants)} mutants, {len(mutants) - len(alive)} killed\n")
    for mutant in alive:
        sys.stdout.write(f"  survived  {mutant}\n")
    sys.stdout.flush()
    return len(mutants), len(mutants) - len(alive)


def _survives(module: str, source: str, tests: tuple[str, ...]) -> int:
    child = os.fork()
    if child == 0:
        _run(module, source, tests)
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return SURVIVED if os.waitstatus_to_exitcode(status) == 0 else KILLED
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return KILLED


def _run(module: str, source: str, tests: tuple[str, ...]) -> None:
    import pytest

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    sys.meta_path.insert(0, _Mutated(module, source))
    options = ["-x", "-q", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=1"]
    code = 1
    try:
        code = int(pytest.main([*options, *tests]))
    finally:
        os._exit(code)


def _load_libraries() -> None:
    """Load what every child needs, and nothing of ours: that is loaded anew, with the mutant in it."""
    for name in (
        "pytest",
        "msgspec",
        "pynamodb.models",
        "botocore.session",
        "boto3",
        "moto",
        "chalice.local",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    _load_libraries()
    sys.exit(main(sys.argv[1:]))
