"""Where the local stack lives: ports, addresses and files, in one place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
FOLDER: Final = Path(os.environ.get("LOCAL_FOLDER") or ROOT / ".local").absolute()
"""Tests bring up a stack of their own in another folder and on another port."""
HOST: Final = "127.0.0.1"
PORT: Final = int(os.environ.get("PORT") or "4566")
PLATFORM_PORT: Final = PORT + 1
WEBHOOK_RECEIVER: Final = f"{HOST}:{PORT + 2}"
"""Where every program's webhook is told on this machine; nobody listens there until somebody tries one."""
REGION: Final = "us-east-1"
ACCOUNT_ID: Final = "000000000000"
STAGE: Final = "local"
STACK: Final = "voucher-local"
ARTIFACTS_BUCKET: Final = "voucher-artifacts"

ENDPOINT: Final = f"http://{HOST}:{PORT}"
PLATFORM_URL: Final = f"http://{HOST}:{PLATFORM_PORT}"
CONTROL_URL: Final = f"{PLATFORM_URL}/control"

STATE: Final = FOLDER / "state"
OBJECTS: Final = FOLDER / "objects"
CODE: Final = FOLDER / "code"
SCRATCH: Final = FOLDER / "tmp"
PLATFORM_STATE: Final = FOLDER / "platform"
KEYS_FILE: Final = FOLDER / "keys.json"
PASSWORDS_FILE: Final = FOLDER / "passwords.json"
SERVICE_KEYS_FILE: Final = FOLDER / "service_jwks.json"
STACK_FILE: Final = FOLDER / "stack.json"
DEPLOYED_FILE: Final = FOLDER / "deployed.json"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(path.suffix + ".part")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
