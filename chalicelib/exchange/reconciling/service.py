"""Use cases of the reconciliation: go on with the daily walk, and tell what it found."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import PLATFORM_DIFFERENCES, PLATFORM_UNEXPLAINED
from chalicelib.exchange import store as outbox
from chalicelib.exchange.lines import queue_of
from chalicelib.exchange.messages.model import HeldVoucher, HeldVouchers
from chalicelib.exchange.messages.reported import REPORTED
from chalicelib.exchange.model import Delivery, DeliveryState, message_id_of
from chalicelib.exchange.reconciling import store
from chalicelib.exchange.reconciling.asking import NoFigures, figures, vouchers_held
from chalicelib.exchange.reconciling.model import (
    LISTED_MAX,
    STREAM_MEMORY,
    UNEXPLAINED,
    VERSIONS_MAX,
    Difference,
    Reconciliation,
    Standing,
    Sums,
    Why,
    begun,
    divisions_to_compare,
    figure_name,
    figures_apart,
    is_asked_about,
    is_due,
    lacking_of,
    leave,
    list_unreadable,
    mark_of,
    mark_of_key,
    standing_there,
    to_be_named,
    why_apart,
)
from chalicelib.exchange.service import delivery_of
from chalicelib.kernel.divisions import PROVINCE, covers
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.walking import StandingRow, onwards
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.stretches.store import vouchers_behind

RUN_SECONDS = 100
_TABLES = sorted(REPORTED)
_COUNTED = "vouchers"
_A_SHARD = 100
"""Vouchers of each shard that one step compares."""


def reconcile(
    context: Context, *, pages: int | None = None, stale: timedelta = STREAM_MEMORY, anew: bool = False
) -> Reconciliation:
    """Go on with the walk, or begin one, for so many steps or until the time is up.

    Each step is kept as it is done: one that fails, or is killed, is all that is done again.
    """
    at = store.find()
    if at is None or anew or is_due(at, context.now):
        at = begun(at, context.now, stale=stale, first_table=_TABLES[0])
    if at.finished_at is not None:
        return at
    until = time.monotonic() + RUN_SECONDS
    done, finished = 0, False
    while not finished and time.monotonic() < until and (pages is None or done < pages):
        finished = _step(context, at)
        store.save(at)
        done += 1
    if finished:
        measure(PLATFORM_DIFFERENCES, at.difference_count)
        unheard = at.platform_asked not in ("answered", "no_platform")
        measure(PLATFORM_UNEXPLAINED, at.unexplained + at.rebuilt + at.missing + unheard)
        log(
            "exchange_compared",
            rows=at.rows,
            rebuilt=at.rebuilt,
            missing=at.missing,
            differences=at.difference_count,
            unexplained=at.unexplained,
        )
    return at


def _step(context: Context, at: Reconciliation) -> bool:
    """Do the next piece: a page of a table, the platform's figures, or some vouchers; tell if it was all."""
    if at.table:
        _page(context, at)
    elif at.to_compare is None:
        _compare_figures(at)
    elif at.to_compare:
        _compare_next(context, at, at.to_compare[0])
    else:
        at.finished_at = context.now
    return at.finished_at is not None


def _page(context: Context, at: Reconciliation) -> None:
    rows, after = store.page(at)
    reported = REPORTED[at.table]
    counted = _counted(at, rows) if at.table == _COUNTED else rows
    asked = [row for row in counted if is_asked_about(row, at)]
    if reported.numbered_by_version:
        for row, told in _with_told(context, at, asked):
            _look_after(context, at, row, told)
    else:
        for row in asked:
            _look_after_standing(context, at, row)
    at.rows += len(rows)
    for name, value in onwards(at.table, at.segment, _TABLES, after).items():
        setattr(at, name, value)


def _look_after(context: Context, at: Reconciliation, row: StandingRow, told: Sequence[Delivery]) -> None:
    """Record what no stream brings any more of a row, and note what it may still bring."""
    lacking = lacking_of(row, told, at, context.now)
    if lacking.stale:
        delivery = _described(context, at, row)
        if delivery is None:
            return
        try:
            if not _rebuild(context, at, delivery, lacking.stale):
                at.held_up += 1
                leave(at, row, lacking.stale[0], context.now)
                return
        except Exception as error:  # noqa: BLE001 - one bad row must not stop the walk
            _hold_up(context, at, row, error, lowest=lacking.stale[0])
            return
        log("delivery_rebuilt", table=row.table, version=row.version)
    if lacking.young:
        at.gaps += lacking.is_gap
        leave(at, row, lacking.young[0], context.now)


def _look_after_standing(context: Context, at: Reconciliation, row: StandingRow) -> None:
    delivery = _described(context, at, row)
    try:
        if delivery is not None:
            _tell_standing(context, row, delivery)
    except Exception as error:  # noqa: BLE001 - one bad row must not stop the walk
        _hold_up(context, at, row, error)


def _described(context: Context, at: Reconciliation, row: StandingRow) -> Delivery | None:
    """Describe a row as it stands; None of one that cannot be read, or lacks what its form has to say."""
    try:
        delivery = delivery_of(context, store.standing(row))
        if delivery is None:
            raise ValueError("no version")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it will not get better
        _put_aside(at, row, error)
        return None
    return delivery


def _hold_up(
    context: Context, at: Reconciliation, row: StandingRow, error: Exception, *, lowest: int = 0
) -> None:
    """Note that what is missing of a row could not be recorded: the next walk looks at it again."""
    log_failure("delivery_unrebuilt", error, table=row.table, version=row.version, key=mark_of(row))
    at.held_up += 1
    leave(at, row, lowest, context.now)


def _put_aside(at: Reconciliation, row: StandingRow, error: Exception) -> None:
    """List a row that cannot be read, and park it once; the walk goes on without it."""
    log_failure("row_unreadable", error, table=row.table, version=row.version, key=mark_of(row))
    entry = list_unreadable(at, row)
    if entry is not None:
        store.put_aside(row, entry.record, reason=type(error).__name__)


def _counted(at: Reconciliation, rows: Sequence[StandingRow]) -> list[StandingRow]:
    """Add rows to the sums, and give those that could be added."""
    counted = []
    for row in rows:
        try:
            image = {name: next(iter(value.values())) for name, value in row.raw.items()}
            name = figure_name(row.division, str(image.get("status", "")))
            sums = at.sums.get(name, Sums())
            sums.add(image)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it will not get better
            _put_aside(at, row, error)
        else:
            at.sums[name] = sums
            counted.append(row)
    return counted


def _subjects_of(at: Reconciliation, rows: Sequence[StandingRow]) -> list[tuple[StandingRow, str]]:
    """Give the subject of each row that can be read: nothing is asked of anybody here."""
    readable = []
    for row in rows:
        try:
            subject = REPORTED[row.table].subject_of(store.standing(row).after or {})
            if row.version is None:
                raise ValueError("no version")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it will not get better
            _put_aside(at, row, error)
        else:
            readable.append((row, subject))
    return readable


def _with_told(
    context: Context, at: Reconciliation, rows: Sequence[StandingRow]
) -> Iterator[tuple[StandingRow, Sequence[Delivery]]]:
    """Give each row with what was told of it; one whose messages cannot be read is held up."""
    named = _subjects_of(at, rows)
    few = [(row, subject) for row, subject in named if len(_versions_of(row)) <= VERSIONS_MAX]
    others = [(row, subject) for row, subject in named if len(_versions_of(row)) > VERSIONS_MAX]
    keys = [(subject, version) for row, subject in few for version in _versions_of(row)]
    told: dict[tuple[str, int], Delivery] = {}
    try:
        told = {delivery.key: delivery for delivery in outbox.find_many(keys)}
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001 - one message that cannot be read: only its own row is held up
        few, others = [], named
    for row, subject in few:
        yield row, [told[key] for version in _versions_of(row) if (key := (subject, version)) in told]
    for row, subject in others:
        try:
            messages = outbox.deliveries_of(subject)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            _hold_up(context, at, row, error)
        else:
            yield row, messages


def _versions_of(row: StandingRow) -> range:
    assert row.version is not None
    return range(1, row.version + 1)


def _rebuild(context: Context, at: Reconciliation, standing: Delivery, stale: Sequence[int]) -> bool:
    """Record those versions of a row, in order; False if they wait for an open message before them."""
    told = outbox.deliveries_of(standing.subject)
    known = {message.sequence for message in told}
    lacking = [number for number in stale if number not in known]
    for number in to_be_named(standing.sequence, lacking, told):
        if number == standing.sequence:
            _tell(context, at, standing)
        elif _name_missing(context, standing, number):
            at.missing += 1
        else:
            return False
    return True


def _name_missing(context: Context, standing: Delivery, number: int) -> bool:
    state = DeliveryState.MISSING
    missing = msgspec.structs.replace(
        standing,
        sequence=number,
        message_id=message_id_of(standing.subject, number),
        event=f"{standing.event.partition('.')[0]}.missing",
        state=state,
        queue=queue_of(state, standing.area, standing.subject),
        body={},
        due_at=None,
        due_line=None,
        rebuilt=True,
        answered_at=context.now,
    )
    change = change_of(context, "exchange.rebuild")
    return outbox.add_missing(missing, now=context.now, change=change).done


def _tell(context: Context, at: Reconciliation, delivery: Delivery) -> None:
    rebuilt = msgspec.structs.replace(delivery, rebuilt=True)
    if outbox.add(rebuilt, change_of(context, "exchange.rebuild")).is_new:
        at.rebuilt += 1
        at.rebuilt_listed = [*at.rebuilt_listed, rebuilt.message_id][:LISTED_MAX]


def _tell_standing(context: Context, row: StandingRow, delivery: Delivery) -> None:
    """Tell how a row stands that no stream tells, unless that was told; its messages count by themselves."""
    last = outbox.last_of(delivery.subject)
    if last is not None and last.body.get("version") == row.version:
        return
    number = last.sequence + 1 if last is not None else 1
    numbered = msgspec.structs.replace(
        delivery, sequence=number, message_id=message_id_of(delivery.subject, number)
    )
    settled = last is None or last.state in (DeliveryState.ACKNOWLEDGED, DeliveryState.PASSED)
    outbox.add(numbered, change_of(context, "exchange.record"), follows_settled=settled)


# --------------------------------------------------------------------------- the platform's own


def _compare_figures(at: Reconciliation) -> None:
    at.to_compare = []
    try:
        told = figures()
    except NoFigures as reason:
        at.platform_asked = str(reason)
        return
    at.platform_asked = "answered"
    at.platform_as_of = told.as_of
    at.figures = figures_apart(at.sums, told.figures)
    at.to_compare = divisions_to_compare(at.figures, at.sums)


def _compare_next(context: Context, at: Reconciliation, division: str) -> None:
    """Compare the next vouchers of a division, one by one, as they stand now on both sides."""
    is_done = True
    try:
        told = vouchers_held(division, at.their_page)
    except NoFigures as reason:
        at.platform_asked = str(reason)
    else:
        is_done = _compare_stretch(context, at, division, told)
    if is_done and at.to_compare:
        at.to_compare, at.their_page, at.compared_to = at.to_compare[1:], None, ""


def _compare_stretch(context: Context, at: Reconciliation, division: str, told: HeldVouchers) -> bool:
    """Compare as far as both sides have told what they have; tell whether that was all of the division."""
    ours = vouchers_behind(division, at.compared_to, limit=_A_SHARD)
    their_end = max([at.compared_to, *(held.id for held in told.vouchers)]) if told.next is not None else None
    until = min((end for end in (ours.until, their_end) if end is not None), default=None)
    there = {
        held.id: held
        for held in told.vouchers
        if held.id > at.compared_to
        and (until is None or held.id <= until)
        and held.id not in ours.unreadable  # the walk over the tables has counted it
    }
    for voucher in ours.vouchers:
        if until is not None and voucher.id > until:
            break
        _compare(context, at, voucher, there.pop(voucher.id, None))
    for voucher_id, held in there.items():
        _list(
            at,
            Difference(
                voucher_id=voucher_id,
                division=division,
                why=Why.UNKNOWN_HERE,
                here=None,
                there=standing_there(held),
            ),
        )
    if until is None:
        return True
    if until == their_end:
        at.their_page = told.next
    at.compared_to = until
    return False


def _compare(context: Context, at: Reconciliation, voucher: Voucher, held: HeldVoucher | None) -> None:
    here = Standing(
        sequence=voucher.version,
        status=voucher.status.value,
        paid_fen=voucher.paid_fen,
        reversed_fen=voucher.reversed_fen,
    )
    there = standing_there(held) if held is not None else None
    if here != there:
        _note(context, at, voucher, here, there)


def _note(
    context: Context, at: Reconciliation, voucher: Voucher, here: Standing, there: Standing | None
) -> None:
    try:
        told = outbox.deliveries_of(voucher.id)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one message that cannot be read must not stop the walk
        log_failure("messages_unreadable", error, table=_COUNTED, key=mark_of_key(_COUNTED, voucher.id))
        told, why = [], Why.STUCK  # a person has to see to it
    else:
        why = why_apart(voucher, told, now=context.now)
    if why is Why.FORGOTTEN:
        change = change_of(context, "exchange.tell_again")
        at.told_again += outbox.tell_again(told[-1], now=context.now, change=change)
    _list(at, Difference(voucher_id=voucher.id, division=voucher.division, why=why, here=here, there=there))


def _list(at: Reconciliation, difference: Difference) -> None:
    at.difference_count += 1
    at.unexplained += difference.why in UNEXPLAINED
    if len(at.differences) < LISTED_MAX:
        at.differences = [*at.differences, difference]


# --------------------------------------------------------------------------- people


def found_for(context: Context) -> Reconciliation | None:
    """Tell what the last walk found in the caller's area; None before the first one."""
    rights.admit(context.principal, "exchange.read")
    at = store.find()
    if at is None:
        return None
    area = context.principal.division
    if area == PROVINCE:
        return at
    return msgspec.structs.replace(
        at,
        figures=[figure for figure in at.figures if covers(area, figure.division)],
        differences=[difference for difference in at.differences if covers(area, difference.division)],
        unreadable={mark: row for mark, row in at.unreadable.items() if covers(area, row.division)},
        rebuilt_listed=[],
    )
