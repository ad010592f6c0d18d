"""`make contract`: the published document, read by the tools that integrators read it with (`tools`).

With STEPS=1 two of the generated clients then go through the nine steps on the running stack (`steps`). CI
does all of it, among the tests.
"""

from __future__ import annotations

import json
import os
import sys

from infra.contract import steps, tools
from infra.local.layout import STACK_FILE


def main() -> int:
    """Ask each tool; tell what it said."""
    if not tools.are_here():
        print("Node.js and npm are needed (Debian: nodejs npm).", file=sys.stderr)
        return 2
    tools.install()
    for name, read in tools.READERS.items():
        read()
        print(f"{name}: no complaint")
    print(f"{len(tools.operations())} operations in each client")
    if os.environ.get("STEPS"):
        steps.walk(json.loads(STACK_FILE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
