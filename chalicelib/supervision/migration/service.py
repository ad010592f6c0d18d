"""The migration job: rows of an older schema version are written anew, so that their upgrade can go one day.

Readers upgrade each older row that they meet (`Table.upgrades`), and writers rewrite it first, so nothing
waits for this. It walks each table in parts; a run takes a part that nobody holds, notes after each page how
far it is, and the next one goes on there: whoever kills it loses one page, which is done again without harm.
An operator starts it when no program of before runs any more; a schedule calls it until it is done.

Nothing is told to anybody: what a row says, its version and its last change stay as they are, so there is no
change that the audit chain or the platform could hear of. Who started it stands with its progress.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.aws.logs import log
from chalicelib.aws.schema import modernise, older_rows
from chalicelib.aws.table import table_named
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.principal import Context, change_of
from chalicelib.supervision.migration import store
from chalicelib.supervision.migration.model import (
    HELD,
    MIGRATED,
    SEGMENTS,
    Migration,
    MigrationStatus,
    migration_id_of,
)

RUN_SECONDS = 240
_WRITERS = 8
_ACTION = "rows.migrate"


class Order(StrEnum):
    """What an operator, or the schedule, asks for."""

    CONTINUE = "continue"
    START = "start"


def migrate(
    context: Context, order: Order, *, names: Sequence[str] = MIGRATED, pages: int | None = None
) -> list[Migration]:
    """Start a migration of these tables or go on with it, for so many pages or until the time is up.

    Gives how far each part is. To start what was started goes on with it; what is finished stays so.
    """
    if order is Order.START:
        _start(context, names)
    until = time.monotonic() + RUN_SECONDS
    left = pages
    for part in store.find_migrations(_ids(names)):
        if (left is not None and left <= 0) or time.monotonic() >= until:
            break
        held = _take(context, part)
        if held is not None:
            done = _walk(context, held, until=until, pages=left)
            left = None if left is None else left - done
    return store.find_migrations(_ids(names))


def _ids(names: Sequence[str]) -> list[str]:
    return [
        migration_id_of(name, table_named(name).schema_version, segment)
        for name in names
        for segment in range(SEGMENTS)
    ]


def _start(context: Context, names: Sequence[str]) -> None:
    for name in names:
        target = table_named(name).schema_version
        for segment in range(SEGMENTS):
            part = Migration(
                id=migration_id_of(name, target, segment),
                table=name,
                target=target,
                segment=segment,
                held_until=context.now,
            )
            _save(context, part)


def _take(context: Context, part: Migration) -> Migration | None:
    """Take a part that nobody holds; None if it is not free, or another run was faster."""
    if not part.is_free(context.now):
        return None
    return _save(context, msgspec.structs.replace(part, held_until=context.now + HELD))


def _walk(context: Context, part: Migration, *, until: float, pages: int | None) -> int:
    """Go on with a part; give how many pages were done."""
    done = 0
    with ThreadPoolExecutor(_WRITERS) as pool:
        while time.monotonic() < until and (pages is None or done < pages):
            moved = _migrate_page(context, part, pool)
            if moved is None:  # the hold had ended and another run has it
                return done
            part, done = moved, done + 1
            if part.status is MigrationStatus.FINISHED:
                log("migration_part_finished", part=part.id, rows=part.rows, written=part.written)
                return done
    _save(context, msgspec.structs.replace(part, held_until=context.now))
    return done


def _migrate_page(context: Context, part: Migration, pool: ThreadPoolExecutor) -> Migration | None:
    """Rewrite the older rows of the page that comes next, and note how far that is."""
    table = table_named(part.table)
    page = older_rows(table, segment=part.segment, of=SEGMENTS, after=part.after)
    written = sum(pool.map(lambda raw: modernise(table, raw), page.rows))
    facts: dict[str, Any] = {"after": page.after} if page.after else {"status": MigrationStatus.FINISHED}
    moved = msgspec.structs.replace(part, rows=part.rows + page.seen, written=part.written + written, **facts)
    return _save(context, moved)


def _save(context: Context, part: Migration) -> Migration | None:
    try:
        return store.save_migration(part, change=change_of(context, _ACTION))
    except ConditionFailed:
        return None
