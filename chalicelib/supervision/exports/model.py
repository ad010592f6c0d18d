"""An export of records (监督数据导出): of what a supervisor asked for one, what for, what became of it."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error

KEPT: Final = timedelta(days=30)
"""So long the intake bucket keeps what it holds."""
GIVEN_UP_AFTER: Final = timedelta(hours=6)
"""The queue tries three times, each for a quarter of an hour."""


class ExportStatus(StrEnum):
    """Whether an export can be opened, as it is shown at a moment."""

    WAITING = "waiting"
    READY = "ready"
    GIVEN_UP = "given_up"
    LAPSED = "lapsed"


class RecordExport(msgspec.Struct, frozen=True, kw_only=True):
    """One export: of a division from the first through the last day, as of when it was asked for."""

    id: str
    division: str
    first: date
    last: date
    purpose: str
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None = None
    records: dict[str, int] = {}
    size_bytes: int = 0
    version: int = 1
    last_change: Change | None = None

    def status_at(self, now: datetime) -> ExportStatus:
        """Tell what it is now: time alone gives it up or lets it lapse, so nobody has to record that."""
        if self.finished_at is not None:
            return ExportStatus.READY if now < self.finished_at + KEPT else ExportStatus.LAPSED
        return ExportStatus.WAITING if now < self.asked_at + GIVEN_UP_AFTER else ExportStatus.GIVEN_UP

    @property
    def object_key(self) -> str:
        """Name the object that holds it."""
        return f"records/{self.id}.zip"


def why_not_open(export: RecordExport, now: datetime) -> DomainError | None:
    """Tell what stands against opening an export; None if nothing does."""
    status = export.status_at(now)
    return None if status is ExportStatus.READY else error("wrong_state", status=status.value)
