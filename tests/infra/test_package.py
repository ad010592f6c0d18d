"""The archive: small, free of what no function loads, and the same from the same sources."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.package import ARCHIVE, SIZE_MAX_BYTES, TEMPLATE


@pytest.fixture(scope="module")
def archive(packaged: Callable[..., Path]) -> Path:
    return packaged("prod") / ARCHIVE


def test_it_is_small_enough(archive: Path) -> None:
    assert archive.stat().st_size <= SIZE_MAX_BYTES


def test_it_holds_the_program_and_no_tests_or_build_files(archive: Path) -> None:
    with zipfile.ZipFile(archive) as entries:
        names = entries.namelist()
    assert {"app.py", "chalicelib/__init__.py", "chalice/app.py", "pynamodb/models.py"} <= set(names)
    assert not [name for name in names if {"tests", "test", "__pycache__", "bin"} & set(name.split("/"))]
    assert not [name for name in names if name.endswith((".pyc", ".pyi", ".c", ".h"))]
    assert not [name for name in names if name.startswith("infra/")]
    assert not [name for name in names if name.startswith("chalicelib/") and name.endswith(".md")]


def test_it_describes_no_aws_service_that_is_not_used(archive: Path) -> None:
    with zipfile.ZipFile(archive) as entries:
        parts = [name.split("/") for name in entries.namelist() if name.startswith("botocore/data/")]
    services = {part[2] for part in parts if len(part) > 3}
    assert services == {"dynamodb", "kms", "s3", "secretsmanager", "sqs", "sts"}


def test_equal_sources_give_equal_bytes(packaged: Callable[..., Path], tmp_path: Path) -> None:
    first, again = packaged("prod"), packaged("prod", tmp_path / "again")
    for file in (ARCHIVE, TEMPLATE):
        assert (first / file).read_bytes() == (again / file).read_bytes(), file
