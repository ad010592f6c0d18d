"""Boxes and messages of programs, in the table of deliveries."""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.accounts.clients.store import is_there_still
from chalicelib.accounts.model import Account
from chalicelib.accounts.store import find_accounts, stopped_webhooks_in
from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.short_lists import add_all, listing, short_lists, take_off, want_short_lists
from chalicelib.aws.writes import ConditionFailed, Update, insert, transact, update
from chalicelib.exchange.lines import line_of, queue_of
from chalicelib.exchange.model import BOX, WEBHOOK, Delivery, DeliveryState
from chalicelib.exchange.store import DeliveryRow
from chalicelib.exchange.webhooks.boxes import (
    BOX_LINE,
    LEASE,
    new_box,
)
from chalicelib.kernel.divisions import group_of, groups_below
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change

_S = DeliveryState
_AWAKE = str(_S.PENDING)


def find_box(program: str) -> Delivery | None:
    """Read a program's box; None where it was told nothing yet."""
    return DeliveryRow.find(program, BOX)


def find_boxes(programs: list[str]) -> list[Delivery]:
    """Read the boxes of many programs."""
    return DeliveryRow.find_many([(program, BOX) for program in programs])


def wake(client: Account, now: datetime, change: Change) -> datetime | None:
    """Have a program's box looked at, since something was recorded for it; one that is stopped stays so.

    Gives when it is due; None if it is stopped, or waits for its next try anyway. Whoever is about to let it
    sleep learns of it by the version, and does not.
    """
    awake = [
        DeliveryRow.state.set(_AWAKE),
        DeliveryRow.occurred_at.set(now),
        DeliveryRow.due_at.set(DeliveryRow.due_at | now),
        DeliveryRow.due_line.set(BOX_LINE),
    ]
    lawful = DeliveryRow.state.is_in(_AWAKE, str(_S.ACKNOWLEDGED))
    try:
        box = update(DeliveryRow, (client.id, BOX), awake, condition=lawful, change=change)
    except ConditionFailed as failure:
        if failure.old is not None:
            return None
        with contextlib.suppress(ConditionFailed):  # another worker made it a moment ago: awake
            insert(DeliveryRow.from_record(new_box(client, now)), change=change)
        return now
    return box.due_at if box.attempts == 0 else None


def resume(program: str, now: datetime, change: Change) -> bool:
    """Send to a program that was stopped again; False if it was not."""
    actions = [
        DeliveryRow.state.set(_AWAKE),
        DeliveryRow.attempts.set(0),
        DeliveryRow.tried_since.remove(),
        DeliveryRow.occurred_at.set(now),
        DeliveryRow.due_at.set(now),
        DeliveryRow.due_line.set(BOX_LINE),
    ]
    return _write(program, actions, DeliveryRow.state == str(_S.DEAD), change) is not None


def hurry(program: str, now: datetime, change: Change) -> None:
    """Have a box that is awake or asleep looked at now: somebody asked for it."""
    actions = [
        DeliveryRow.state.set(_AWAKE),
        DeliveryRow.occurred_at.set(now),
        DeliveryRow.due_at.set(now),
        DeliveryRow.due_line.set(BOX_LINE),
    ]
    _write(program, actions, DeliveryRow.state.is_in(_AWAKE, str(_S.ACKNOWLEDGED)), change)


def take(program: str, now: datetime, change: Change) -> Delivery | None:
    """Take a box that is due for this worker; None if it is another's, asleep or stopped."""
    actions = [DeliveryRow.sent_at.set(now), DeliveryRow.due_at.set(now + LEASE)]
    return _write(program, actions, (DeliveryRow.state == _AWAKE) & (DeliveryRow.due_at <= now), change)


def put_back(
    box: Delivery, *, due_at: datetime, heard_at: datetime | None, failing: str | None, change: Change
) -> None:
    """Have a box that this worker took looked at again at a moment.

    `heard_at` tells that something was taken, `failing` why nothing was: the failures in a row are counted.
    """
    actions: list[Action] = [DeliveryRow.due_at.set(due_at)]
    if heard_at is not None:
        actions += [
            DeliveryRow.answered_at.set(heard_at),
            DeliveryRow.attempts.set(0),
            DeliveryRow.tried_since.remove(),
            DeliveryRow.failure.remove(),
        ]
    elif failing is not None:
        actions += [
            DeliveryRow.attempts.set(box.attempts + 1),
            DeliveryRow.tried_since.set(DeliveryRow.tried_since | box.sent_at),
            DeliveryRow.failure.set(failing),
        ]
    _write(box.subject, actions, _ours(box), change)


def sleep(box: Delivery, change: Change) -> None:
    """Let a box sleep in whose line nothing is left; not where something came meanwhile."""
    actions = [
        DeliveryRow.state.set(str(_S.ACKNOWLEDGED)),
        DeliveryRow.due_at.remove(),
        DeliveryRow.due_line.remove(),
    ]
    _write(box.subject, actions, _ours(box) & (DeliveryRow.version == box.version), change)


def stop(box: Delivery, client: Account, *, failing: str, now: datetime, change: Change) -> None:
    """Send nothing more to a program that took nothing for days: it stands in an in-tray from now on.

    That is the one of where its owner is now. Who moves at this moment is stopped with the next try.
    """
    actions = [
        DeliveryRow.state.set(str(_S.DEAD)),
        DeliveryRow.failure.set(failing),
        DeliveryRow.division.set(client.division),
        DeliveryRow.occurred_at.set(now),
        DeliveryRow.due_at.remove(),
        DeliveryRow.due_line.remove(),
    ]
    stopped = Update(DeliveryRow, box.key, actions, _ours(box))
    listed = listing(stopped_webhooks_in(group_of(client.division)), box.subject, at=now)
    with contextlib.suppress(ConditionFailed):
        transact([stopped, is_there_still(client), listed], change=change)


def want_stopped(area: str) -> None:
    """Have the short lists of an area come along with the next read of a page."""
    want_short_lists(map(stopped_webhooks_in, groups_below(area)))


def want_box(program: str) -> None:
    """Have a program's box come along with the next read of a page."""
    ahead(DeliveryRow, [(program, BOX)])


def stopped_boxes(area: str) -> list[Delivery]:
    """Give the boxes of an area that are stopped: they stand in short lists by city."""
    lists = short_lists(map(stopped_webhooks_in, groups_below(area)))
    return stopped_of({thing for one in lists for thing in one.things})


def stopped_of(programs: Collection[str]) -> list[Delivery]:
    """Give those boxes of some programs that are stopped."""
    return [box for box in find_boxes(sorted(programs)) if box.state is _S.DEAD]


def tidy_stopped(group: str, now: datetime) -> None:
    """Put a city's list right: what goes on is taken off, what moved away stands where it is now.

    What is stopped stays on it while its program is over: it is shown again once that is confirmed anew.
    """
    for short_list in short_lists([stopped_webhooks_in(group)]):
        stopped = find_accounts(sorted(box.subject for box in stopped_of(short_list.things)))
        here = {client.id for client in stopped if group_of(client.division) == group}
        for client in stopped:
            if client.id not in here:
                add_all(stopped_webhooks_in(group_of(client.division)), [client.id], at=now)
        take_off(short_list, short_list.things - here)


def _ours(box: Delivery) -> Condition:
    """Require that nobody has taken the box since this worker did."""
    ours: Condition = (DeliveryRow.state == _AWAKE) & (DeliveryRow.sent_at == box.sent_at)
    return ours


def _write(program: str, actions: Sequence[Action], condition: Condition, change: Change) -> Delivery | None:
    try:
        return update(DeliveryRow, (program, BOX), actions, condition=condition, change=change)
    except ConditionFailed:
        return None


def due_boxes(now: datetime, *, limit: int) -> list[str]:
    """Name the programs whose boxes are due, what is due longest first."""
    rows = DeliveryRow.by_due.query(BOX_LINE, DeliveryRow.due_at <= now, limit=limit)
    return [row.subject for row in rows]


def next_due(program: str) -> datetime | None:
    """Tell when the first message of a program is due; None if none is."""
    rows = DeliveryRow.by_due.query(line_of(WEBHOOK, "", program), limit=1)
    return next((row.due_at for row in rows), None)


def list_messages(program: str, state: DeliveryState, request: PageRequest) -> Page[Delivery]:
    """List a program's messages in a state, oldest first, without their bodies."""
    queue = queue_of(state, program, "", WEBHOOK)
    return page_of_list(DeliveryRow, DeliveryRow.by_queue, queue, request=request)


def messages_in(program: str, state: DeliveryState) -> Iterator[Delivery]:
    """Give a program's messages in a state, oldest first, without their bodies."""
    queue = queue_of(state, program, "", WEBHOOK)
    rows = DeliveryRow.by_queue.query(queue)  # the index does not tell whom they are for
    return (msgspec.structs.replace(row.record, audience=WEBHOOK) for row in rows)
