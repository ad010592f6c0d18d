"""`make contract`: the published document, read by the tools that integrators read it with.

Two linters pass it without a warning (what is switched off has its reason in the file that does so), and two
generators make a client of every operation: Python by openapi-python-client, TypeScript by
openapi-typescript, which the compiler then checks strictly. The tools are pinned and live in
`.build/contract`, apart from all that is deployed; Node.js is needed. With STEPS=1 both clients then go
through the nine steps on the running stack (`steps`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from infra.contract import steps
from infra.contract.openapi import PUBLISHED
from infra.deployment.package import BUILD

HERE: Final = Path(__file__).parent
ROOM: Final = BUILD / "contract"
_PINS: Final = ("package.json", "package-lock.json", "requirements.txt")


class NotUnderstood(RuntimeError):
    """A tool complained about the document, or left something out."""


def main() -> int:
    """Ask each tool; tell what it said."""
    if shutil.which("npm") is None:
        print("Node.js and npm are needed (Debian: nodejs npm).", file=sys.stderr)
        return 2
    _install()
    document = str(PUBLISHED)
    _ask("redocly", [_node("redocly"), "lint", f"--config={HERE / 'redocly.yaml'}", document])
    _ask(
        "spectral",
        [_node("spectral"), "lint", "--fail-severity=warn", f"--ruleset={HERE / 'spectral.yaml'}", document],
    )
    types = ROOM / "client.ts"
    # What has a default need not be sent; without this the types ask for it.
    options = ["--default-non-nullable=false", f"--output={types}"]
    _ask("openapi-typescript", [_node("openapi-typescript"), document, *options])
    _ask("tsc --strict", [_node("tsc"), "--noEmit", "--strict", str(types)])
    print(f"openapi-python-client: {_python_client(document)} operations of {len(_operations())}")
    if os.environ.get("STEPS"):
        steps.walk(ROOM)
    return 0


def _install() -> None:
    """Bring the tools in, once for these pins."""
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
    _ask("pip", [_python("pip"), "install", "--quiet", "-r", str(HERE / "requirements.txt")])
    stamp.write_text(digest)


def _node(name: str) -> str:
    return str(ROOM / "node_modules" / ".bin" / name)


def _python(name: str) -> str:
    return str(ROOM / "venv" / "bin" / name)


def _ask(tool: str, command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOM, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotUnderstood(f"{tool}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    print(f"{tool}: no complaint")


def _operations() -> list[str]:
    paths = json.loads(PUBLISHED.read_text())["paths"]
    return [operation["operationId"] for item in paths.values() for operation in item.values()]


def _python_client(document: str) -> int:
    """Generate the client; count the operations that it has.

    Raises:
        NotUnderstood: some are missing.

    """
    folder = ROOM / "voucher_client"
    shutil.rmtree(folder, ignore_errors=True)
    _ask(
        "openapi-python-client",
        [
            _python("openapi-python-client"),
            "generate",
            f"--path={document}",
            f"--config={HERE / 'client.yaml'}",
            f"--output-path={folder}",
            "--meta=none",
            "--fail-on-warning",
        ],
    )
    made = {path.stem for path in folder.glob("api/*/*.py")}
    missing = sorted({name for name in _operations() if re.sub(r"\W", "_", name) not in made})
    if missing:
        raise NotUnderstood(f"openapi-python-client left out {', '.join(missing)}")
    return len(made - {"__init__"})


if __name__ == "__main__":
    sys.exit(main())
