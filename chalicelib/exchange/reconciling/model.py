"""A daily walk that holds three things together: the tables, what was told, and what the platform has.

    vch_a stands at version 5; told are 1 to 5            nothing to say
    vch_b stands at version 5; told are 1 and 2           the stream was lost: 5 is told from the row;
                                                          3 and 4 are named as missing
    vch_c was changed an hour ago, and not told           left to the stream, which may bring it for a day
    vch_d changes each hour; told are 1 to 3, and 5       4 is as old as 5 at least: after a day it is named
    vch_e changes each hour, and nothing is told of it    noted with its version: what it was by then is named
                                                          once the note is a day old

The figures of the walk, counts and sums of vouchers by division and state, are compared with the platform's
own. Where a division differs, its vouchers are compared one by one, and each that differs is listed with why:
most are on their way; what the platform took and has no more is told again.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from chalicelib.exchange.messages.model import Figure, HeldVoucher
from chalicelib.exchange.model import SETTLED, STUCK, Delivery, DeliveryState
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import divisions_below, is_known
from chalicelib.kernel.walking import StandingRow
from chalicelib.vouchers.model import Voucher

LAG: Final = timedelta(hours=1)
"""Younger changes may be on their way to the outbox."""
STREAM_MEMORY: Final = timedelta(hours=26)
"""Older changes come no more: a stream forgets after a day. What was not told of them is rebuilt."""
VERSIONS_MAX: Final = 50
"""The messages of a row that changed oftener are asked for by themselves: many rows are asked for at once."""
LEFT_MAX: Final = 2000
"""So many rows that something is left to be done about are noted for the next walk; where there are more,
that looks as far back as this one did."""
LISTED_MAX: Final = 500
"""Differences, and rebuilt messages, that one walk lists; all are counted."""
_DIGITS_OF_A_MARK = 16


class Sums(msgspec.Struct, kw_only=True):
    """How many vouchers of a division are in a state, and what they are worth."""

    count: int = 0
    face_value_fen: int = 0
    paid_fen: int = 0
    reversed_fen: int = 0

    def add(self, image: Mapping[str, Any]) -> None:
        """Count one voucher.

        Raises:
            ValueError: an amount of it is no number; nothing of it is counted.

        """
        face_value, paid, reversed_ = (
            int(image.get(name, 0)) for name in ("face_value_fen", "paid_fen", "reversed_fen")
        )
        self.count += 1
        self.face_value_fen += face_value
        self.paid_fen += paid
        self.reversed_fen += reversed_


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A row of which something was not told, and the version in which it stood at that moment.

    So what it was by then has that age at least, however often the row changes.
    """

    version: int
    at: datetime


class UnreadableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that cannot be read, or told: it lies among the parked records under the name `record`."""

    table: str
    record: str
    division: str


class Why(StrEnum):
    """Why a voucher is not on the platform as it is here."""

    ON_ITS_WAY = "on_its_way"
    STUCK = "stuck"
    UNTOLD = "untold"
    FORGOTTEN = "forgotten"
    """It accepted the last message, and has it no more: it is told again."""
    PASSED_OVER = "passed_over"
    UNKNOWN_HERE = "unknown_here"


UNEXPLAINED: Final = frozenset({Why.UNTOLD, Why.FORGOTTEN, Why.UNKNOWN_HERE})
"""What nobody decided and no message on its way will mend: it is an alarm. What is stuck is one by itself."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher as one side has it."""

    sequence: int
    status: str
    paid_fen: int
    reversed_fen: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher that the two sides have otherwise, and why."""

    voucher_id: str
    division: str
    why: Why
    here: Standing | None
    there: Standing | None


class FigureDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A count or sum of a division and state that the two sides have otherwise."""

    division: str
    status: str
    here: Sums
    there: Sums


class Reconciliation(msgspec.Struct, kw_only=True):
    """The last walk: where it is, and what it found.

    `since`: rows that changed after it are looked at; the walk before has seen to the others, save to those
    that it left behind: they stand in `left` by their mark, and the next walk has them as `left_before`.
    `overlooked` are those that found no place there. `held_up` counts rows whose missing messages have to
    wait for one before them or could not be made. Rows that cannot be read are parked once each, and listed
    by their mark in `unreadable` as long as they stand so; nothing waits for them.

    Once the walk over the tables is done, `to_compare` are the divisions still to be compared: the first one
    is, up to the voucher `compared_to`, and goes on with the page `their_page` of the platform.
    """

    begun_at: datetime
    finished_at: datetime | None = None
    table: str = ""
    segment: int = 0
    after: dict[str, Any] | None = None
    since: datetime | None = None
    left: dict[str, Left] = {}
    left_before: dict[str, Left] = {}
    overlooked: int = 0
    unreadable: dict[str, UnreadableRow] = {}
    unreadable_before: dict[str, UnreadableRow] = {}
    unreadable_count: int = 0
    keeps_left: bool = False
    """Only then `left` is told: a walk of before knew no such notes."""
    stale_hours: float = STREAM_MEMORY.total_seconds() / 3600
    rows: int = 0
    gaps: int = 0
    held_up: int = 0
    rebuilt: int = 0
    missing: int = 0
    rebuilt_listed: list[str] = []
    sums: dict[str, Sums] = {}
    platform_asked: str = "not_yet"
    platform_as_of: datetime | None = None
    figures: list[FigureDifference] = []
    to_compare: list[str] | None = None
    their_page: str | None = None
    compared_to: str = ""
    difference_count: int = 0
    unexplained: int = 0
    told_again: int = 0
    differences: list[Difference] = []


def is_due(last: Reconciliation | None, now: datetime) -> bool:
    """Tell whether another walk is to begin: the last one is over, and a day of Asia/Shanghai with it."""
    return last is None or (
        last.finished_at is not None and shanghai_date(last.begun_at) < shanghai_date(now)
    )


def begun(
    last: Reconciliation | None, now: datetime, *, stale: timedelta, first_table: str
) -> Reconciliation:
    """Begin a walk; where the one before left more behind than it noted, it looks as far back as that did."""
    since, left, unreadable = None, {}, {}
    if last is not None:
        is_whole = last.finished_at is not None and last.keeps_left and not last.overlooked
        since = last.begun_at - STREAM_MEMORY - LAG if is_whole else last.since
        is_over = last.finished_at is not None
        left = last.left if is_over else {**last.left_before, **last.left}
        unreadable = last.unreadable if is_over else {**last.unreadable_before, **last.unreadable}
    return Reconciliation(
        begun_at=now,
        table=first_table,
        since=since,
        left_before=left,
        unreadable_before=unreadable,
        keeps_left=True,
        stale_hours=stale.total_seconds() / 3600,
    )


# --------------------------------------------------------------------------- what was not told


def mark_of(row: StandingRow) -> str:
    """Mark a row in notes and logs."""
    return mark_of_key(row.table, row.subject, row.part)


def mark_of_key(table: str, subject: str, part: str = "") -> str:
    """Mark a row by its key: who has the key finds the mark, and the mark does not tell the key."""
    return hashlib.sha256(f"{table}/{subject}/{part}".encode()).hexdigest()[:_DIGITS_OF_A_MARK]


def is_asked_about(row: StandingRow, at: Reconciliation) -> bool:
    """Tell whether it is looked up what was told of a row: not what a walk before has seen to."""
    if at.since is None or row.version is None or row.changed_at is None or row.changed_at >= at.since:
        return True
    mark = mark_of(row)
    return mark in at.left_before or mark in at.unreadable_before


def happened_by(
    number: int, row: StandingRow, told: Iterable[Delivery], left: Left | None
) -> datetime | None:
    """Tell when a version of a row had been made at the latest; None if nothing tells.

    That is before the row's last change, and before each later one that was told: a stream brings the changes
    of a row in their order. What a walk found the row to be was made before that walk.
    """
    moments = [delivery.occurred_at for delivery in told if delivery.sequence > number]
    moments += [row.changed_at] if row.changed_at is not None else []
    moments += [left.at] if left is not None and number <= left.version else []
    return min(moments, default=None)


class Lacking(msgspec.Struct, frozen=True, kw_only=True):
    """The versions of a row that have no message: those that no stream brings any more, and the younger ones.

    `is_gap`: some of the younger are older than a stream usually takes.
    """

    stale: list[int]
    young: list[int]
    is_gap: bool


def lacking_of(row: StandingRow, told: Sequence[Delivery], at: Reconciliation, now: datetime) -> Lacking:
    """Tell what was not told of a row, version by version."""
    assert row.version is not None
    left = at.left_before.get(mark_of(row))
    stale, young, is_gap = [], [], False
    for number in untold(row.version, told):
        by = happened_by(number, row, told, left)
        if by is None or now - by >= timedelta(hours=at.stale_hours):
            stale.append(number)
        else:
            young.append(number)
            is_gap |= now - by >= LAG
    return Lacking(stale=stale, young=young, is_gap=is_gap)


def leave(at: Reconciliation, row: StandingRow, lowest: int, now: datetime) -> None:
    """Note a row of which something is left to be done, from the version `lowest` on.

    A note of before stands as long as it says something of that version.
    """
    mark = mark_of(row)
    before = at.left_before.get(mark)
    if before is None and len(at.left) >= LEFT_MAX:
        at.overlooked += 1
    elif before is not None and lowest <= before.version:
        at.left[mark] = before
    else:
        at.left[mark] = Left(version=row.version or 0, at=now)


def list_unreadable(at: Reconciliation, row: StandingRow) -> UnreadableRow | None:
    """List a row that cannot be read; gives it if it is to be parked, None if an earlier walk did that."""
    mark = mark_of(row)
    entry = UnreadableRow(table=row.table, record=f"walk-{mark}-{row.version or 0}", division=row.division)
    before = at.unreadable_before.get(mark)
    at.unreadable_count += 1
    if before is None and len(at.unreadable) >= LEFT_MAX:
        at.overlooked += 1
    else:
        at.unreadable[mark] = entry
    return None if before == entry else entry


def untold(version: int, told: Iterable[Delivery]) -> list[int]:
    """Name the versions, up to the one in which a row stands, that have no message, in their order.

    A first message that is named as missing stands for all before it.
    """
    known = {delivery.sequence: delivery.state for delivery in told}
    first = min(known, default=1)
    if known.get(first) is not DeliveryState.MISSING:
        first = 1
    return [number for number in range(max(1, first), version + 1) if number not in known]


def to_be_named(version: int, stale: Sequence[int], told: Sequence[Delivery]) -> list[int]:
    """Name those of the stale versions that are recorded: where nothing is, one missing stands for all."""
    if told:
        return list(stale)
    return [number for number in stale if number == version or number == max(set(stale) - {version})]


# --------------------------------------------------------------------------- figures


def figure_name(division: str, status: str) -> str:
    """Name a figure."""
    return f"{division}#{status}"


def figures_apart(here: Mapping[str, Sums], there: Sequence[Figure]) -> list[FigureDifference]:
    """List the figures that differ; what one side does not name is nothing there."""
    theirs = {
        figure_name(figure.division, figure.status): Sums(
            count=figure.count,
            face_value_fen=figure.face_value_fen,
            paid_fen=figure.paid_fen,
            reversed_fen=figure.reversed_fen,
        )
        for figure in there
    }
    apart = []
    for name in sorted({*here, *theirs}):
        division, _, status = name.rpartition("#")
        ours, other = here.get(name, Sums()), theirs.get(name, Sums())
        if ours != other:
            apart.append(FigureDifference(division=division, status=status, here=ours, there=other))
    return apart


def divisions_to_compare(apart: Iterable[FigureDifference], here: Mapping[str, Sums]) -> list[str]:
    """Name the divisions whose vouchers are compared one by one, of those whose figures differ.

    The platform may name what we do not know, or a city with the sums of its counties, or the province: such
    a figure is listed, and there is nothing to walk over, unless vouchers here carry that division.
    """
    carried = {name.rpartition("#")[0] for name in here}
    return [
        division
        for division in sorted({figure.division for figure in apart})
        if is_known(division) and (division in carried or len(divisions_below(division)) == 1)
    ]


def standing_there(held: HeldVoucher) -> Standing:
    """Tell how the platform has a voucher."""
    return Standing(
        sequence=held.sequence, status=held.status, paid_fen=held.paid_fen, reversed_fen=held.reversed_fen
    )


def why_apart(voucher: Voucher, told: Sequence[Delivery], *, now: datetime) -> Why:
    """Tell why the platform has a voucher otherwise, from what it was told of it.

    What changed, or was answered, within the last hour may not have come through yet on either side.
    """
    open_ones = [delivery for delivery in told if delivery.state not in SETTLED]
    if open_ones:
        return Why.STUCK if open_ones[0].state in STUCK else Why.ON_ITS_WAY
    moments = [delivery.answered_at for delivery in told if delivery.answered_at is not None]
    moments += [voucher.last_change.at] if voucher.last_change is not None else []
    if any(moment > now - LAG for moment in moments):
        return Why.ON_ITS_WAY
    last = max(told, key=lambda delivery: delivery.sequence, default=None)
    if last is None or last.sequence < voucher.version:
        return Why.UNTOLD
    return Why.FORGOTTEN if last.state is DeliveryState.ACKNOWLEDGED else Why.PASSED_OVER
