"""How far the rewriting of a table's older rows is."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from chalicelib.kernel.principal import Change

MIGRATED: Final[tuple[str, ...]] = ("deliveries", "refused-scans")
"""Tables with more than one schema version (`Table.upgrades`); a test holds the two together."""
SEGMENTS: Final = 16
"""Parts of a table that are walked apart from each other, and by as many runs at once."""
HELD: Final = timedelta(minutes=6)
"""For so long a part belongs to the run that took it: longer than a run may take."""


class MigrationStatus(StrEnum):
    """Where a part is."""

    RUNNING = "running"
    FINISHED = "finished"


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a table on its way to a schema version: after which row it is, until when it is taken."""

    id: str
    table: str
    target: int
    segment: int
    status: MigrationStatus = MigrationStatus.RUNNING
    after: dict[str, Any] | None = None
    held_until: datetime
    rows: int = 0
    written: int = 0
    version: int = 0
    last_change: Change | None = None

    def is_free(self, now: datetime) -> bool:
        """Tell whether somebody may go on with it: it is not done, and nobody is at it."""
        return self.status is MigrationStatus.RUNNING and self.held_until <= now


def migration_id_of(table: str, target: int, segment: int) -> str:
    """Name a part: the same however often it is started."""
    return f"{table}-{target}-{segment:02}"
