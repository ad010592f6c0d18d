"""`make bench`: start a bare local cloud and measure what each operation costs on it.

Counts calls and units, never wall-clock time: the local cloud counts units as AWS does, moto does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

_PORT = "4990"


def main() -> int:
    """Run the cost tests on a cloud of their own; give pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="voucher-bench-") as folder:
        port = os.environ.get("BENCH_PORT", _PORT)
        os.environ.update(LOCAL_FOLDER=folder, PORT=port, AUTOSAVE_SECONDS="0")
        from infra.local.cloud import CLOUD  # noqa: PLC0415 - reads the folder and port when imported
        from infra.local.layout import ENDPOINT  # noqa: PLC0415

        CLOUD.start()
        try:
            command = [
                sys.executable,
                "-m",
                "pytest",
                "tests/costs",
                "tests/faults",
                "-p",
                "no:randomly",
                *sys.argv[1:],
            ]
            environment = {**os.environ, "AWS_ENDPOINT_URL": ENDPOINT}
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            CLOUD.stop()


if __name__ == "__main__":
    sys.exit(main())
