"""Settings, read from the environment in this one place."""

import functools
import os
from typing import Any

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the deployment tells the program; see `infra/deployment/template.py` for where it is set."""

    stage: str = "test"
    table_prefix: str = "voucher-test-"
    intake_bucket: str = "voucher-test-intake"
    evidence_bucket: str = "voucher-test-evidence"
    imports_queue_url: str = ""
    issuance_queue_url: str = ""
    standings_queue_url: str = ""
    expiry_queue_url: str = ""
    reminders_queue_url: str = ""
    settlement_queue_url: str = ""
    supervision_queue_url: str = ""
    exports_queue_url: str = ""
    data_key_id: str = "alias/voucher-test-data"
    signing_secret_id: str = "voucher-test-signing"  # noqa: S105 - its name
    index_secret_id: str = "voucher-test-index"  # noqa: S105
    partners_secret_id: str = "voucher-test-partners"  # noqa: S105
    card_issuer: str = "https://card.example"
    card_audience: str = "voucher-service"
    platform_url: str = ""
    webhook_receiver: str = ""
    allow_time_travel: bool = False
    totp_required: bool = False
    cors_origins: tuple[str, ...] = ()


class ReceiverForbidden(RuntimeError):
    """A deployed stage was told to send every webhook to one place."""


class TimeTravelForbidden(RuntimeError):
    """A deployed stage was told to believe clocks from outside."""


_SWITCHES = frozenset({"allow_time_travel", "totp_required"})
_LISTS = frozenset({"cors_origins"})
_TIME_TRAVEL_STAGES = frozenset({"local", "test"})


def read_settings(environment: dict[str, str]) -> Settings:
    """Read and check the settings.

    Raises:
        ReceiverForbidden: `WEBHOOK_RECEIVER` is set in a stage that serves people.
        TimeTravelForbidden: `ALLOW_TIME_TRAVEL` is set in a stage that serves people.

    """
    values: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        text = environment.get(name.upper())
        if text is None or text == "":
            continue
        if name in _SWITCHES:
            values[name] = text == "1"
        elif name in _LISTS:
            values[name] = tuple(text.split())
        else:
            values[name] = text
    settings = msgspec.convert(values, Settings)
    if settings.allow_time_travel and settings.stage not in _TIME_TRAVEL_STAGES:
        raise TimeTravelForbidden(settings.stage)
    if settings.webhook_receiver and settings.stage not in _TIME_TRAVEL_STAGES:
        raise ReceiverForbidden(settings.stage)
    return settings


def served_handler() -> str | None:
    """Give what Lambda runs in this process, e.g. `app.expire_vouchers`; None anywhere else."""
    return os.environ.get("_HANDLER")


@functools.cache
def settings() -> Settings:
    """Give the settings of this process."""
    return read_settings(dict(os.environ))
