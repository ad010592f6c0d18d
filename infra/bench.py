"""`make bench`: start a bare local cloud and measure what each operation costs on it.

Counts calls and units, never wall-clock time: the local cloud counts units as AWS does, moto does not.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from typing import Final

_ALL: Final = ("tests/costs", "tests/faults")


def main() -> int:
    """Run costs and races, or the tests named, on a cloud of their own; give pytest's exit code."""
    arguments = sys.argv[1:]
    tests = () if any(argument.startswith(_ALL) for argument in arguments) else _ALL
    with tempfile.TemporaryDirectory(prefix="voucher-bench-") as folder:
        os.environ.update(LOCAL_FOLDER=folder, PORT=_free_port(), AUTOSAVE_SECONDS="0", AUTH="false")
        from infra.local.cloud import CLOUD  # noqa: PLC0415 - reads the folder and port when imported
        from infra.local.layout import ENDPOINT  # noqa: PLC0415

        CLOUD.start()
        try:
            command = [sys.executable, "-m", "pytest", "-p", "no:randomly", *tests, *arguments]
            environment = {**os.environ, "AWS_ENDPOINT_URL": ENDPOINT}
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            CLOUD.stop()


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
