"""The re-encryption job: after a key is rotated, everything sealed or indexed under the key before is redone.

Rotate first (a new version of the `index` secret; a new KMS key behind the setting), then start the job. It
begins when no process can hold the key before in its cache, walks every table with sealed values and every
folder of sealed objects page by page, and notes after each page how far it is; whoever kills it loses one
page, which is done again without harm. A schedule calls it until it is finished; it may be stopped, and goes
on where it was.

Identifiers do not change: person keys are random (`chalicelib.accounts.persons`), only the index that leads
to them and the digests of names and phones are rewritten.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.accounts.persons.service import person_digests
from chalicelib.aws.crypto import DATA_KEY_SECONDS, SealedText, forget_data_keys
from chalicelib.aws.keys import SETTLING_SECONDS, forget_keys, index_key_id
from chalicelib.aws.logs import log
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.people.vault.service import digests_now
from chalicelib.supervision.rekeying import resealing, store
from chalicelib.supervision.rekeying.model import Rekeying, RekeyingStatus

RUN_SECONDS = 200
WAIT = timedelta(seconds=max(SETTLING_SECONDS, 2 * DATA_KEY_SECONDS))
PLACES = (*resealing.SEALED, *resealing.SEALED_OBJECTS)
"""What is walked, in this order: new ones come last, since a run keeps its place by number."""


class Order(StrEnum):
    """What an operator, or the schedule, asks for."""

    CONTINUE = "continue"
    START = "start"
    STOP = "stop"


def reencrypt(context: Context, order: Order, *, pages: int | None = None) -> Rekeying | None:
    """Start, stop or go on with a re-encryption, for so many pages or until the time is up.

    To start while one is under way is to go on with it; to start after one was stopped resumes it.
    """
    run = store.find_rekeying()
    if order is Order.STOP:
        return _set(run, context, status=RekeyingStatus.STOPPED) if _is_open(run) else run
    if order is Order.START:
        run = _start(context, run)
    if run is None or run.status is not RekeyingStatus.RUNNING or context.now < run.not_before:
        return run
    forget_keys()
    forget_data_keys()
    if run.index_key != index_key_id():
        return _begin_anew(context, run)
    return _walk(context, run, pages=pages)


def _begin_anew(context: Context, run: Rekeying) -> Rekeying | None:
    """Wait and walk from the start: the key was rotated again, and other processes do not know it yet."""
    return _set(run, context, not_before=context.now + WAIT, index_key=index_key_id(), place=0, after=None)


def _is_open(run: Rekeying | None) -> bool:
    return run is not None and run.status is RekeyingStatus.RUNNING


def _start(context: Context, last: Rekeying | None) -> Rekeying | None:
    if last is not None and last.status is not RekeyingStatus.FINISHED:
        return _set(last, context, status=RekeyingStatus.RUNNING)
    forget_keys()
    fresh = Rekeying(
        run=new_id("rek"),
        status=RekeyingStatus.RUNNING,
        not_before=context.now + WAIT,
        index_key=index_key_id(),
        version=last.version if last is not None else 0,
    )
    return _save(fresh, context)


def _walk(context: Context, at: Rekeying, *, pages: int | None) -> Rekeying:
    until = time.monotonic() + RUN_SECONDS
    done = 0
    while at.place < len(PLACES) and time.monotonic() < until and (pages is None or done < pages):
        moved = _redo_page(context, at)
        if moved is None:  # stopped, or another run is ahead
            return store.find_rekeying() or at
        at, done = moved, done + 1
    if at.place >= len(PLACES):
        at = _set(at, context, status=RekeyingStatus.FINISHED) or at
        log("reencryption_finished", run=at.run, rows=at.rows, written=at.written)
    return at


def _redo_page(context: Context, at: Rekeying) -> Rekeying | None:
    """Redo the page that comes next and note how far that is; None if somebody else has noted something."""
    place = PLACES[at.place]
    if place in resealing.SEALED_OBJECTS:
        names, after = resealing.page_of_objects(place, at.after)
        count, written = len(names), sum(resealing.reseal_object(name) for name in names)
    else:
        rows, after = resealing.page_of_rows(place, at.after)
        count, written = len(rows), _redo_rows(context, place, rows, run=at.run)
    onwards = {"after": after} if after else {"place": at.place + 1, "after": None}
    return _set(at, context, rows=at.rows + count, written=at.written + written, **onwards)


def _redo_rows(context: Context, name: str, rows: Sequence[Any], *, run: str) -> int:
    """Redo rows of a table; where digests must be made anew, one record tells that they were opened."""
    change = change_of(context, "personal_data.reencrypt", reason=run)
    if name == "person-index":
        return _reindex(context, rows, run=run, change=change)
    facts: list[dict[str, str]] = [{} for _ in rows]
    if name == "people":
        facts = [digests_now(raw) for raw in _opened(context, name, rows, run=run)]
    return sum(
        resealing.reseal(name, row, facts=new, change=change) for row, new in zip(rows, facts, strict=True)
    )


def _reindex(context: Context, rows: Sequence[Any], *, run: str, change: Change) -> int:
    for row, raw in zip(rows, _opened(context, "person-index", rows, run=run), strict=True):
        digests = person_digests(raw.decode())
        if row.digest == digests[0]:
            resealing.reseal("person-index", row, facts={}, change=change)
        else:
            resealing.reindex(row, digests)
    return len(rows)


def _opened(context: Context, name: str, rows: Sequence[Any], *, run: str) -> list[bytes]:
    item = resealing.SEALED[name]["sealed"]
    sealed = [SealedText(row.sealed, item.format_map(row.attribute_values)) for row in rows]
    return disclose(context, sealed, subject=run, division=str(PROVINCE), purpose=resealing.PURPOSE)


def _set(at: Rekeying | None, context: Context, **facts: Any) -> Rekeying | None:
    assert at is not None
    return _save(msgspec.structs.replace(at, **facts), context)


def _save(fresh: Rekeying, context: Context) -> Rekeying | None:
    try:
        return store.save_rekeying(fresh, change=change_of(context, "personal_data.reencrypt"))
    except ConditionFailed:
        return None
