"""`make down`: stop the local stack and keep its state; with `--forget` (`make clean`) forget it."""

from __future__ import annotations

import shutil
import sys

from infra.local.cloud import CLOUD
from infra.local.layout import FOLDER
from infra.local.platform import PLATFORM


def main() -> None:
    """Stop what runs."""
    stopped = [service.name for service in (PLATFORM, CLOUD) if service.stop()]
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing runs")
    if "--forget" in sys.argv[1:]:
        shutil.rmtree(FOLDER, ignore_errors=True)
        print("state forgotten")


if __name__ == "__main__":
    main()
