"""A scan to redeem, and one that was refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A code scanned to be redeemed; `nonce` tells a repeat, `happened_at` is the device's clock."""

    token: str
    project_id: str
    nonce: str
    device_id: str
    happened_at: datetime


class RefusedScan(msgspec.Struct, frozen=True, kw_only=True):
    """A scan that was refused: evidence, with both clocks, and the facts that the reason's sentence tells.

    `network` is the key of where it came from (`edge.networks`).
    """

    institution: str
    id: str
    division: str
    code: str
    project_id: str
    device_id: str
    actor: str
    facts: dict[str, Any] = {}
    voucher_id: str | None = None
    happened_at: datetime
    received_at: datetime
    outcome: str = "refused"
    network: str | None = None
