"""How far a re-encryption is."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.kernel.principal import Change


class RekeyingStatus(StrEnum):
    """Where a re-encryption is in its life."""

    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"


class Rekeying(msgspec.Struct, frozen=True, kw_only=True):
    """The last re-encryption: in which table or folder it is (`place`), and after which row or object."""

    id: str = "last"
    run: str
    status: RekeyingStatus
    not_before: datetime
    index_key: str = ""
    place: int = 0
    after: dict[str, Any] | None = None
    rows: int = 0
    written: int = 0
    version: int = 0
    last_change: Change | None = None
