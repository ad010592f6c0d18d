"""`make mutants`: each mutant of what keeps money, vouchers and rights right, against the tests of that module.

A mutant counts as killed when a test fails (or does not end). Each runs in a process of its own, forked from one
that has the libraries loaded and nothing of ours. What survives is told, or stands in `ALIKE` with its reason.
"""

import importlib.abc
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType

from tests.proof.mutants.alike import ALIKE
from tests.proof.mutants.mutation import mutants_of

ROOT = Path(__file__).parents[3]
TARGETS: dict[str, tuple[str, ...]] = {
    "chalicelib/kernel/money.py": ("tests/kernel/test_money.py",),
    "chalicelib/settlement/ledger/model.py": ("tests/settlement/ledger/test_model.py",),
    "chalicelib/settlement/set_off/model.py": ("tests/settlement/set_off",),
    "chalicelib/settlement/clawback/model.py": ("tests/settlement/clawback",),
    "chalicelib/vouchers/model.py": ("tests/vouchers/test_model.py",),
    "chalicelib/accounts/rights.py": ("tests/architecture/test_rights_matrix.py",),
    "chalicelib/subsidies/payability/model.py": ("tests/subsidies/payability",),
    "chalicelib/attendance/summary/model.py": ("tests/attendance/summary",),
    "chalicelib/supervision/rules": ("tests/supervision/rules",),
}
SECONDS_MAX = 120
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
    if _survives(module, source, tests) is not SURVIVED:
        raise SystemExit(f"{module}: the tests fail without any mutant")
    mutants = [one for one in mutants_of(source) if (module, one.was, one.became) not in ALIKE]
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
