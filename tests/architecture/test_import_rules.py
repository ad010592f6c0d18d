"""The import rules name patterns: a new file of any kind is held to them without being listed anywhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
ROOM = re.compile(r"chalicelib\.(\*\*|[a-z_]+)(\.(\*{1,2}|model|store|service|routes|jobs|http))?")

PLANTED = {
    "chalicelib/vouchers/planted/__init__.py": "",
    "chalicelib/vouchers/planted/model.py": "from chalicelib.aws import objects\n",
    "chalicelib/vouchers/planted/store.py": "from chalicelib.vouchers import service\n",
    "chalicelib/vouchers/planted/service.py": "import botocore\nimport pynamodb.models\n",
    "chalicelib/vouchers/planted/routes.py": "import chalice\n",
    "chalicelib/vouchers/planted/jobs.py": "from chalicelib.vouchers import routes\n",
    "chalicelib/vouchers/planted_idea.py": "from chalicelib.classes import model\n",
    "chalicelib/enrolments/planted_one.py": "from chalicelib.enrolments import planted_two\n",
    "chalicelib/enrolments/planted_two.py": "from chalicelib.enrolments import planted_one\n",
    "chalicelib/people/planted/__init__.py": "",
    "chalicelib/people/planted/service.py": "from chalicelib.people.planted import routes\n",
    "chalicelib/people/planted/routes.py": "",
    "chalicelib/kernel/planted.py": "import cryptography\n",
}
CAUGHT = {
    "Nothing goes in a circle, at any depth": "planted_one -> .planted_two|planted_two -> .planted_one",
    "A step imports only the steps before it": r"chalicelib\.vouchers\.planted_idea -> chalicelib\.classes",
    "Only stores, their indexes and aws know PynamoDB and AWS's own library": r"vouchers\.planted\.service -> (botocore|pynamodb)",
    "Only the edge knows Chalice": r"vouchers\.planted\.routes -> chalice",
    "The kernel stands alone": r"kernel\.planted -> cryptography",
    "Models are pure: only the kernel, other models and ideas": r"vouchers\.planted\.model -> chalicelib\.aws",
    "A store serves, it does not ask: no use case, no HTTP": r"vouchers\.planted\.store -> chalicelib\.vouchers\.service",
    "A use case knows no HTTP and no job": r"people\.planted\.service -> chalicelib\.people\.planted\.routes",
    "Jobs know no HTTP": r"vouchers\.planted\.jobs -> chalicelib\.vouchers\.routes",
}


def lint(folder: Path) -> str:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_rules_name_patterns_and_steps_never_files() -> None:
    for contract in CONTRACTS:
        for key in ("source_modules", "forbidden_modules", "ancestors"):
            for module in contract.get(key, ()):
                inside = (
                    module == "chalicelib" or not module.startswith("chalicelib") or ROOM.fullmatch(module)
                )
                assert inside, (contract["name"], module)
        for rule in contract.get("ignore_imports", ()):
            assert "*" in rule, (contract["name"], rule)


def test_every_step_has_its_place_in_the_order() -> None:
    (layers,) = (contract for contract in CONTRACTS if contract["type"] == "layers")
    folders = {path.parent.name for path in (ROOT / "chalicelib").glob("*/__init__.py")}
    assert set(layers["layers"]) == folders
    assert layers["exhaustive"] is True


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give what the rules say of a copy of the program in which each kind of file does what it must not."""
    copy = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copytree(ROOT / "chalicelib", copy / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in PLANTED.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Planted."""\n{text}')
    return lint(copy)


@pytest.mark.parametrize("contract", [contract["name"] for contract in CONTRACTS])
def test_a_new_file_of_each_kind_is_caught(told: str, contract: str) -> None:
    assert f"{contract} BROKEN" in re.sub(r"\s+", " ", told), told
    assert re.search(CAUGHT[contract], told), told
