"""The public tools that read the document, pinned by their hashes, in a room of their own.

openapi-spec-validator and two linters pass it without a warning (what is switched off has its reason in the
file that does so), and three generators make a client of every operation: Python by openapi-python-client and
by OpenAPI Generator, TypeScript by openapi-typescript, which the compiler then checks strictly. The tools
live in `.build/contract`, apart from all that is deployed; Node.js is needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from infra.contract.openapi import PUBLISHED
from infra.deployment.package import BUILD

HERE: Final = Path(__file__).parent
ROOM: Final = BUILD / "contract"
_PINS: Final = ("package.json", "package-lock.json", "requirements.lock")


class NotUnderstood(RuntimeError):
    """A tool complained about the document, or left something out."""


def are_here() -> bool:
    """Tell whether the tools can be brought in: most of them are npm's."""
    return shutil.which("npm") is not None


def install() -> None:
    """Bring the tools in, once for these pins, whoever else does so at the same time."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "contract.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()


def _install() -> None:
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _PINS)).hexdigest()
    stamp = ROOM / "pins.sha256"
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(ROOM, ignore_errors=True)
    ROOM.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, ROOM / name)
    _ask("npm ci", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    venv.create(ROOM / "venv", with_pip=True)
    pins = ["--require-hashes", "--no-deps", "-r", str(HERE / "requirements.lock")]
    _ask("pip", [_python("pip"), "install", "--quiet", "--disable-pip-version-check", *pins])
    stamp.write_text(digest)


def _node(name: str) -> str:
    return str(ROOM / "node_modules" / ".bin" / name)


def _python(name: str) -> str:
    return str(ROOM / "venv" / "bin" / name)


def _ask(tool: str, command: list[str]) -> None:
    """Run a tool.

    Raises:
        NotUnderstood: it complained; what it said.

    """
    path = f"{ROOM / 'venv/bin'}{os.pathsep}{os.environ.get('PATH', '')}"  # generators call their formatter
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=ROOM, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotUnderstood(f"{tool}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def valid() -> None:
    """Have openapi-spec-validator read the document."""
    _ask("openapi-spec-validator", [_python("openapi-spec-validator"), str(PUBLISHED)])


def redocly() -> None:
    """Have redocly lint the document by its strict rules."""
    _ask("redocly", [_node("redocly"), "lint", f"--config={HERE / 'redocly.yaml'}", str(PUBLISHED)])


def spectral() -> None:
    """Have spectral lint the document; a warning fails."""
    rules = f"--ruleset={HERE / 'spectral.yaml'}"
    _ask("spectral", [_node("spectral"), "lint", "--fail-severity=warn", rules, str(PUBLISHED)])


def types(into: Path = ROOM) -> None:
    """Have openapi-typescript make `client.ts` of the document, and the compiler read it strictly."""
    into.mkdir(exist_ok=True)
    made = into / "client.ts"
    # What has a default need not be sent; without this the types ask for it.
    options = ["--default-non-nullable=false", f"--output={made}"]
    _ask("openapi-typescript", [_node("openapi-typescript"), str(PUBLISHED), *options])
    _ask("tsc --strict", [_node("tsc"), "--noEmit", "--strict", str(made)])


def operations() -> list[str]:
    """Name every operation of the document."""
    paths = json.loads(PUBLISHED.read_text())["paths"]
    return [operation["operationId"] for item in paths.values() for operation in item.values()]


def python_client(into: Path = ROOM) -> None:
    """Have openapi-python-client generate `voucher_client`.

    Raises:
        NotUnderstood: it complained, or left an operation out.

    """
    into.mkdir(exist_ok=True)
    folder = into / "voucher_client"
    shutil.rmtree(folder, ignore_errors=True)
    _ask(
        "openapi-python-client",
        [
            _python("openapi-python-client"),
            "generate",
            f"--path={PUBLISHED}",
            f"--config={HERE / 'client.yaml'}",
            f"--output-path={folder}",
            "--meta=none",
            "--fail-on-warning",
        ],
    )
    made = {path.stem for path in folder.glob("api/*/*.py")}
    missing = sorted({name for name in operations() if re.sub(r"\W", "_", name) not in made})
    if missing:
        raise NotUnderstood(f"openapi-python-client left out {', '.join(missing)}")


def other_python_client() -> None:
    """Have OpenAPI Generator, which most use, generate its client, and Python read it.

    Raises:
        NotUnderstood: it complained, or left an operation out.

    """
    folder = ROOM / "voucher_generated"
    shutil.rmtree(folder, ignore_errors=True)
    unasked = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
    _ask(
        "OpenAPI Generator",
        [
            _python("openapi-generator-cli"),
            "generate",
            "--generator-name=python",
            f"--input-spec={PUBLISHED}",
            f"--output={folder}",
            "--package-name=voucher_generated",
            f"--global-property={unasked}",
        ],
    )
    _ask("its Python", [_python("python"), "-m", "compileall", "-q", str(folder)])
    made = "".join(path.read_text() for path in folder.glob("voucher_generated/api/*_api.py"))
    missing = sorted(name for name in operations() if f"    def {name}(" not in made)
    if missing:
        raise NotUnderstood(f"OpenAPI Generator left out {', '.join(missing)}")


READERS: Final[Mapping[str, Callable[[], None]]] = {
    "openapi-spec-validator": valid,
    "redocly": redocly,
    "spectral": spectral,
    "openapi-typescript": types,
    "openapi-python-client": python_client,
    "OpenAPI Generator": other_python_client,
}
"""Each reads the document, and fails with `NotUnderstood`."""
