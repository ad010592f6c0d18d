"""The job that goes on with a migration."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import MIGRATION_OPEN
from chalicelib.kernel.principal import Context
from chalicelib.supervision.migration import service as migration
from chalicelib.supervision.migration.model import MigrationStatus


def migrate_rows(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Go on with a migration; `{"order": "start"}` begins one, after a deployment that brought a new form."""
    parts = migration.migrate(context, migration.Order(event.get("order", "continue")))
    still_open = sum(part.status is MigrationStatus.RUNNING for part in parts)
    measure(MIGRATION_OPEN, still_open)
    return {
        "open": still_open,
        "rows": sum(part.rows for part in parts),
        "written": sum(part.written for part in parts),
    }
