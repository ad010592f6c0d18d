"""Package a stage: `python -m infra.deployment.package --stage local --out .build/local`.

Runs `chalice package --merge-template` on a staged copy of the project whose dependencies are already
installed, pruned, in `vendor/`; they are fetched again only when the pins change. The archive comes out the
same byte for byte from the same sources, and so does the template.

An archive is for the Python that packages it: wheels and bytecode are of that version, and so is the runtime
in the template. A stage may ask for one (`runtime` in `.chalice/config.json`); with another Python it is then
refused, or made with `--for-this-python` to be looked at, and `infra.deployment.deploy` refuses that one.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from chalicelib.aws import index
from chalicelib.aws.settings import Settings
from infra.deployment.storage import Table, prefix, read_table
from infra.deployment.template import build, by_alias, with_every_method

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / ".build"
TEMPLATE: Final = "sam.json"
ARCHIVE: Final = "deployment.zip"
SIZE_MAX_BYTES: Final = 20 * 1024 * 1024
_STAMP: Final = "sources.sha256"
_SOURCES: Final = (
    "app.py",
    "chalicelib",
    "infra/deployment/*.py",
    "infra/deployment/*.json",
    ".chalice/config.json",
    "requirements.txt",
    "infra/constraints.txt",
    "infra/requirements.lock",
)
RUNTIMES: Final = ("python3.11", "python3.12", "python3.13")
"""Those of AWS that the program runs on; 3.11 leaves support on 2027-06-30."""
THIS_RUNTIME: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
PLATFORM: Final = "manylinux2014_x86_64"
"""What the runtime's C library can load."""
_LAMBDA_PLATFORM: Final = (
    f"--platform={PLATFORM}",
    f"--python-version={sys.version_info.major}.{sys.version_info.minor}",
    "--implementation=cp",
    "--only-binary=:all:",
)
_ARCHIVE_ROOT: Final = "/var/task"
"""Where the runtime unpacks the archive."""
_PROVIDED: Final = "chalice"
"""A dependency whose runtime `chalice package` adds itself, without what the command line needs."""
_BOTOCORE_SERVICES: Final = frozenset({"dynamodb", "kms", "s3", "secretsmanager", "sqs", "sts"})
_POWERTOOLS_UTILITIES: Final = frozenset({"jmespath_utils"})
"""Those that its metrics load; the others are three quarters of it."""
_BUILD_ONLY: Final = frozenset({"bin", "cffi", "pycparser"})
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_SKIPPED: Final = frozenset({"__pycache__", "tests", "test"})


class PackageTooLarge(RuntimeError):
    """The archive is above the size this service allows itself."""


class WrongPython(RuntimeError):
    """The archive would not be for the runtime that its stage asks for."""


def stage_environment(stage: str) -> dict[str, str]:
    """Give the settings that `.chalice/config.json` fixes for a stage."""
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    try:
        environment: dict[str, str] = config["stages"][stage]["environment_variables"]
    except KeyError:
        raise SystemExit(
            f"unknown stage {stage!r}: .chalice/config.json knows {sorted(config['stages'])}"
        ) from None
    return environment


def generation_of(stage: str) -> str:
    """Give the generation of the tables that a stage uses: "" until it was moved to restored ones."""
    return stage_environment(stage)["TABLE_PREFIX"].removeprefix(f"{prefix(stage)}-").removesuffix("-")


def runtime_asked(stage: str) -> str | None:
    """Give the runtime that `.chalice/config.json` asks for in a stage; None: that of whoever packages it."""
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    asked: str | None = config["stages"].get(stage, {}).get("runtime")
    return asked


def require_runtime(stage: str, runtime: str) -> None:
    """Refuse a runtime that is not the one a stage asks for.

    Raises:
        WrongPython: it is not, or AWS does not support it.

    """
    asked = runtime_asked(stage) or runtime
    if asked not in RUNTIMES:
        raise WrongPython(f"{asked} is none of {', '.join(RUNTIMES)}")
    if asked != runtime:
        raise WrongPython(
            f"stage {stage} asks for {asked} (.chalice/config.json) and this is for {runtime}: "
            f"package it with Python {asked.removeprefix('python')}"
        )


def read_program(stage: str) -> tuple[tuple[Table, ...], index.Index]:
    """Import the program as a stage would run it; read its tables, and what is declared where."""
    for name in Settings.__struct_fields__:  # what the caller's shell sets is for the caller's stage
        os.environ.pop(name.upper(), None)
    os.environ.update(stage_environment(stage))
    sys.path.insert(0, str(ROOT))
    os.environ.pop("_HANDLER", None)
    routes = importlib.import_module("app").app.routes
    models = importlib.import_module("chalicelib.aws.table").all_tables()
    generation = generation_of(stage)
    tables = tuple(read_table(model, stage, generation=generation) for model in models)
    return tables, index.Index(
        routes={path: _modules_of(entries) for path, entries in routes.items()},
        tables={table.name: model.__module__ for table, model in zip(tables, models, strict=True)},
    )


def _modules_of(entries: dict[str, Any]) -> tuple[str, ...]:
    """Give the modules that declare the methods of a path; preflights come along with the first."""
    methods = entries.keys() - {"OPTIONS"}
    return tuple(sorted({entries[method].view_function.__module__ for method in methods}))


def sources_digest(stage: str) -> str:
    """Digest everything the package of a stage is made from."""
    digest = hashlib.sha256(f"{stage} {sys.version}".encode())
    for path in sorted(_source_files()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for pattern in _SOURCES:
        for path in ROOT.glob(pattern):
            found = path.rglob("*") if path.is_dir() else (path,)
            yield from (file for file in found if file.is_file() and not _is_left_out(file))


def _is_left_out(path: Path) -> bool:
    return "__pycache__" in path.parts or path.suffix == ".md"


def package(stage: str, out: Path) -> Path:
    """Make template and archive of a stage in `out`, for this Python, unless they are there already.

    Gives the archive.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out / ".lock"):
        return _package(stage, out)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process at a time through; tests package from several."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _package(stage: str, out: Path) -> Path:
    stamp = out / _STAMP
    digest = sources_digest(stage)
    archive = out / ARCHIVE
    if archive.exists() and stamp.exists() and stamp.read_text() == digest:
        return archive
    stamp.unlink(missing_ok=True)
    project = out / "project"
    tables, declared = read_program(stage)
    _stage_project(project)
    (project / index.FILE).write_bytes(msgspec.json.format(msgspec.json.encode(declared, order="sorted")))
    extension = out / "extension.json"
    extension.write_text(_json(build(tables, stage)))
    _run_chalice(project, stage, extension, out)
    template = out / TEMPLATE
    template.write_text(_by_lines(with_every_method(by_alias(json.loads(template.read_text())))))
    finish(archive)
    _check_size(archive)
    stamp.write_text(digest)
    return archive


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _by_lines(template: Any) -> str:
    """Write a template with a line for each resource: blanks before each word made half of its megabyte."""
    parts = []
    for name, part in sorted(template.items()):
        told = json.dumps(part, ensure_ascii=False, sort_keys=True)
        if name == "Resources":
            resources = sorted(part.items())
            lines = (
                f"{json.dumps(key)}: {json.dumps(one, ensure_ascii=False, sort_keys=True)}"
                for key, one in resources
            )
            told = "{\n" + ",\n".join(lines) + "\n}"
        parts.append(f"{json.dumps(name)}: {told}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _stage_project(project: Path) -> None:
    shutil.rmtree(project, ignore_errors=True)
    (project / ".chalice").mkdir(parents=True)
    shutil.copy2(ROOT / ".chalice/config.json", project / ".chalice/config.json")
    shutil.copy2(ROOT / "app.py", project / "app.py")
    left_out = shutil.ignore_patterns("__pycache__", "*.md")
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=left_out)
    (project / "requirements.txt").touch()  # everything is in vendor/ already
    (project / "vendor").symlink_to(dependencies(), target_is_directory=True)


def _run_chalice(project: Path, stage: str, extension: Path, out: Path) -> None:
    command = [sys.executable, "-c", "from chalice.cli import main; main()"]
    command += ["--project-dir", str(project), "package", "--stage", stage]
    command += ["--merge-template", str(extension.resolve()), str(out)]
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"chalice package failed:\n{done.stdout}{done.stderr}")


def dependencies() -> Path:
    """Give the folder of pruned runtime dependencies, fetching them if the pins are new.

    Each file has to have one of the hashes in `infra/requirements.lock` (`infra.supply` writes it).
    """
    lock = ROOT / "infra/requirements.lock"
    told = [THIS_RUNTIME.encode(), *(path.read_bytes() for path in (lock, Path(__file__)))]
    digest = hashlib.sha256(b"\0".join(told)).hexdigest()[:16]
    target = BUILD / "dependencies" / digest
    with _alone(BUILD / "dependencies/.lock"):
        if not target.exists():
            _fetch(target, lock)
    return target


def _fetch(target: Path, lock: Path) -> None:
    fresh = target.with_suffix(".part")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile", "--target", str(fresh)]
    command += [*_LAMBDA_PLATFORM, "--no-deps", "--require-hashes", "--requirement", str(lock)]
    subprocess.run(command, check=True)
    _prune(fresh)
    fresh.rename(target)


def packed_requirements() -> list[str]:
    """Give the pins of what the program imports, without Chalice."""
    lines = [line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    pins = [line for line in lines if line and not line.startswith(("#", "-"))]
    return [pin for pin in pins if pin.partition("==")[0] != _PROVIDED]


def _prune(folder: Path) -> None:
    """Leave out what no function loads: tests, stubs, build tools, descriptions of other AWS services."""
    data = folder / "botocore/data"
    unwanted = [path for path in data.iterdir() if path.is_dir() and path.name not in _BOTOCORE_SERVICES]
    unwanted += [folder / name for name in _BUILD_ONLY]
    powertools = folder / "aws_lambda_powertools"
    unwanted += [powertools / "event_handler"]
    unwanted += [
        path
        for path in (powertools / "utilities").iterdir()
        if path.is_dir() and path.name not in _POWERTOOLS_UTILITIES
    ]
    unwanted += [path for path in folder.rglob("*") if path.is_dir() and path.name in _SKIPPED]
    for path in unwanted:
        shutil.rmtree(path, ignore_errors=True)
    for path in [*folder.rglob("*.pyi"), *folder.rglob("*.pyx"), *folder.rglob("*.c"), *folder.rglob("*.h")]:
        path.unlink()
    for path in folder.glob("*.dist-info"):
        for part in path.rglob("*"):
            if part.is_file() and part.name != "METADATA":
                part.unlink()


def finish(archive: Path) -> None:
    """Add bytecode; rewrite the archive sorted, with fixed times and rights: equal sources, equal bytes."""
    fresh = archive.with_suffix(".part")
    with tempfile.TemporaryDirectory(dir=archive.parent) as unpacked:
        folder = Path(unpacked)
        with zipfile.ZipFile(archive) as old:
            old.extractall(folder, [name for name in old.namelist() if _SKIPPED.isdisjoint(name.split("/"))])
        _compile(folder)
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as new:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                new.writestr(entry, path.read_bytes())
    fresh.replace(archive)


def _compile(folder: Path) -> None:
    """Put its bytecode beside each source: a function cannot keep any, and would compile at every start.

    The runtime takes it as it is, unchecked, since times of files mean nothing in an archive. So whatever is
    packed is compiled anew each time, from the very files that are packed; and in a process with nothing else
    loaded, because the bytes depend on which strings the process has seen before.
    """
    command = [sys.executable, "-P", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", _ARCHIVE_ROOT, str(folder)]
    subprocess.run(command, env={"PYTHONHASHSEED": "0"}, check=True)


def _check_size(archive: Path) -> None:
    size = archive.stat().st_size
    if size > SIZE_MAX_BYTES:
        raise PackageTooLarge(f"{size} bytes, {SIZE_MAX_BYTES} allowed")


def main() -> None:
    """Package one stage and tell its size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--for-this-python",
        action="store_true",
        help="whatever runtime the stage asks for; such a package can be checked and not deployed",
    )
    options = parser.parse_args()
    try:
        require_runtime(options.stage, THIS_RUNTIME)
    except WrongPython as reason:
        if not options.for_this_python:
            raise SystemExit(f"{reason}, or --for-this-python to check the package only") from None
        print(f"Not deployable: {reason}.")
    archive = package(options.stage, options.out or BUILD / options.stage)
    with zipfile.ZipFile(archive) as entries:
        count = len(entries.namelist())
    size = archive.stat().st_size / 1024 / 1024
    print(f"{prefix(options.stage)}: {archive} {size:.1f} MB, {count} files")


if __name__ == "__main__":
    main()
