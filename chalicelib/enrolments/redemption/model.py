"""A scan to redeem, and one that was refused."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

LOOKED_AT_BY = "preview"
"""What stands for the device of a refused preview, which names none."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A code scanned to be redeemed; `nonce` tells a repeat, `happened_at` is the device's clock."""

    token: str
    project_id: str
    nonce: str
    device_id: str
    happened_at: datetime


class ScanReason(StrEnum):
    """Why a scan is refused, and what a list of refused scans is narrowed by."""

    CODE_MISKEYED = "token_miskeyed"
    CODE_INVALID = "token_invalid"
    CODE_EXPIRED = "token_expired"
    CODE_REPLAYED = "token_replayed"
    OTHER_DEVICE = "other_device"
    VOUCHER_NOT_CLAIMED = "voucher_not_claimed"
    VOUCHER_ALREADY_REDEEMED = "voucher_already_redeemed"
    VOUCHER_EXPIRED = "voucher_expired"
    VOUCHER_REVOKED = "voucher_revoked"
    VOUCHER_SETTLED = "voucher_settled"
    VOUCHER_CLOSED = "voucher_closed"
    LISTED_EMPLOYED = "listed_employed"
    LISTED_SELF_EMPLOYED = "listed_self_employed"
    LISTED_IN_SCHOOL = "listed_in_school"
    LISTED_IN_MILITARY = "listed_in_military"
    LISTED_RETIRED = "listed_retired"
    LISTED_IMPRISONED = "listed_imprisoned"
    LISTED_DECEASED = "listed_deceased"
    LISTED_SUBSIDISED_ELSEWHERE = "listed_subsidised_elsewhere"
    NAME_MISMATCH = "name_mismatch"
    INSTITUTION_SUSPENDED = "institution_suspended"
    PROJECT_NOT_COVERED = "project_not_covered"
    STAFF_IS_TRAINEE = "staff_is_trainee"
    ALREADY_ENROLLED = "already_enrolled"


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
