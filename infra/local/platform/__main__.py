"""Serve the simulated platform until told to stop."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import Any

from infra.local.keys import key_pairs
from infra.local.layout import FOLDER, HOST, PLATFORM_PORT, PLATFORM_STATE, SERVICE_KEYS_FILE, STACK_FILE
from infra.local.platform.ledger import Ledger
from infra.local.platform.rules import Platform
from infra.local.platform.server import server_of, tell_forever


def _service_keys() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(SERVICE_KEYS_FILE.read_text())
    return told


def _api_url() -> str | None:
    return json.loads(STACK_FILE.read_text())["api_url"] if STACK_FILE.exists() else None


def main() -> None:
    """Serve until told to stop."""
    keys = key_pairs()
    platform = Platform(
        Ledger(PLATFORM_STATE),
        signing=keys["platform"].key,
        opening=keys["platform_sealing"].sealing_key,
        service_keys=_service_keys,
    )
    threading.Thread(target=tell_forever, args=(platform, _api_url), daemon=True).start()
    server = server_of(platform, (HOST, PLATFORM_PORT), alive=str(FOLDER).encode())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
