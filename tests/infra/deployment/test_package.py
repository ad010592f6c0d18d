"""The archive: small, free of what no function loads, compiled, and the same from the same sources."""

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from infra.deployment.package import (
    ARCHIVE,
    ROOT,
    RUNTIMES,
    SIZE_MAX_BYTES,
    TEMPLATE,
    THIS_RUNTIME,
    WrongPython,
    finish,
    require_runtime,
    runtime_asked,
)

UNCHECKED = b"\x01\0\0\0"
"""The flags of bytecode that is taken as it is (PEP 552)."""


@pytest.fixture(scope="module")
def archive(packaged: Callable[..., Path]) -> Path:
    return packaged("prod") / ARCHIVE


def _bytecode_of(source: str) -> str:
    path = PurePosixPath(source)
    return str(path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc")


def test_it_is_small_enough(archive: Path) -> None:
    assert archive.stat().st_size <= SIZE_MAX_BYTES


def test_it_holds_the_program_and_no_tests_or_build_files(archive: Path) -> None:
    with zipfile.ZipFile(archive) as entries:
        names = entries.namelist()
    assert {"app.py", "chalicelib/__init__.py", "chalice/app.py", "pynamodb/models.py"} <= set(names)
    assert not [name for name in names if {"tests", "test", "bin"} & set(name.split("/"))]
    assert not [name for name in names if name.endswith((".pyi", ".c", ".h"))]
    assert not [name for name in names if name.startswith(("infra/", "chalice/cli", "click/", "pip/"))]
    assert not [name for name in names if name.startswith("chalicelib/") and name.endswith(".md")]


def test_each_source_has_its_own_bytecode_and_there_is_no_other(archive: Path) -> None:
    with zipfile.ZipFile(archive) as entries:
        names = entries.namelist()
        compiled = {name: entries.read(name) for name in names if name.endswith(".pyc")}
        sources = {name: entries.read(name) for name in names if name.endswith(".py")}
    assert set(compiled) == {_bytecode_of(name) for name in sources}
    for name, source in sources.items():
        head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source)
        assert compiled[_bytecode_of(name)].startswith(head), name


def test_a_changed_source_gets_changed_bytecode(tmp_path: Path) -> None:
    archive = tmp_path / ARCHIVE
    for value in ("1", "2"):
        with zipfile.ZipFile(archive, "w") as entries:
            entries.writestr("part/module.py", f"VALUE = {value}\n")
            entries.writestr("part/__pycache__/" + PurePosixPath(_bytecode_of("module.py")).name, b"old")
        finish(archive)
        unpacked = tmp_path / value
        with zipfile.ZipFile(archive) as entries:
            entries.extractall(unpacked)
        code = "from part import module; print(module.VALUE, module.__cached__)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=unpacked, capture_output=True, text=True, check=True
        )
        told = done.stdout.split()
        assert told == [value, str(unpacked / _bytecode_of("part/module.py"))]


def test_it_describes_no_aws_service_that_is_not_used(archive: Path) -> None:
    with zipfile.ZipFile(archive) as entries:
        parts = [name.split("/") for name in entries.namelist() if name.startswith("botocore/data/")]
    services = {part[2] for part in parts if len(part) > 3}
    assert services == {"dynamodb", "kms", "s3", "secretsmanager", "sqs", "sts"}


def test_equal_sources_give_equal_bytes(packaged: Callable[..., Path], tmp_path: Path) -> None:
    first, again = packaged("prod"), packaged("prod", tmp_path / "again")
    for file in (ARCHIVE, TEMPLATE):
        assert (first / file).read_bytes() == (again / file).read_bytes(), file


def test_production_asks_for_a_runtime_that_aws_supports_longest() -> None:
    assert runtime_asked("prod") == RUNTIMES[-1] == "python3.13"
    assert runtime_asked("local") is None


@pytest.mark.parametrize("runtime", ["python3.10", "python3.11", "python3.12", "python3.14"])
def test_a_package_for_another_runtime_than_its_stage_asks_for_is_refused(runtime: str) -> None:
    with pytest.raises(WrongPython, match=r"asks for python3\.13 .* Python 3\.13"):
        require_runtime("prod", runtime)


def test_a_stage_that_asks_for_none_takes_any_that_is_supported() -> None:
    for runtime in RUNTIMES:
        require_runtime("local", runtime)
    for runtime in ("python3.10", "python3.14"):
        with pytest.raises(WrongPython, match="is none of"):
            require_runtime("local", runtime)


@pytest.mark.skipif(THIS_RUNTIME == "python3.13", reason="this is the Python that production asks for")
def test_production_is_packaged_with_another_python_only_to_be_checked(tmp_path: Path) -> None:
    for command in (
        ["infra.deployment.package", "--stage", "prod", "--out", str(tmp_path)],
        ["infra.deployment.deploy", "--stage", "prod", "--bucket", "artifacts"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "package it with Python 3.13" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_requirements_name_and_pin_what_the_program_imports() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = {_canonical(line.split("==")[0]) for line in lines if line[:1] not in ("#", "-")}
    distributions = importlib.metadata.packages_distributions()
    imported = {
        _canonical(distributions[name][0])
        for path in (ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py"))
        for name in _imported(ast.parse(path.read_text()))
        if name not in sys.stdlib_module_names and name != "chalicelib"
    }
    assert imported == pins


def _canonical(name: str) -> str:
    """Write a distribution's name in its one form (PEP 503): some name themselves with underscores."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def test_a_change_of_what_makes_the_template_makes_a_package_anew() -> None:
    """Grants, policies and functions stand in infra/deployment: a package of before is none of them."""
    from infra.deployment import package as packaging

    made_from = {str(path.relative_to(packaging.ROOT)) for path in packaging._source_files()}
    assert made_from >= {
        f"infra/deployment/{name}.py" for name in ("grants", "policies", "functions", "limits")
    }
    assert {"app.py", "chalicelib/aws/table.py"} <= made_from
