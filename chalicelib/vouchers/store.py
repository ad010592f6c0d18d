"""The table of vouchers, and every lawful write on a voucher that has no folder of its own.

The conditions of these writes are the truth of what `model.why_not` and its neighbours give the reason for.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Self

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import (
    TRANSACTION_ITEMS_MAX,
    ConditionFailed,
    Put,
    Update,
    lawful,
    transact,
    until_written,
    update,
)
from chalicelib.kernel.divisions import PROVINCE, group_of, groups_below
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import ENTITLEMENTS, ProgramKind
from chalicelib.vouchers.model import (
    FOUND_INELIGIBLE,
    VOUCHER_TRANSITIONS,
    Voucher,
    VoucherFlag,
    VoucherStatus,
    bar_reason,
    extended,
    status_released,
)


class VouchersByHolder(GlobalSecondaryIndex[Any]):
    """A person's vouchers."""

    class Meta:
        index_name = "by_holder"
        projection = AllProjection()

    person_key = UnicodeAttribute(hash_key=True)
    issued_at = MomentAttribute(range_key=True)


class VouchersByDivision(GlobalSecondaryIndex[Any]):
    """The vouchers of a city and its counties, in shards: those of one division may be issued in minutes.

    One key takes 1,000 write units a second, so a city's would starve the table; `AREA_SHARDS` keys take more
    than the workers write.
    """

    class Meta:
        index_name = "by_division"
        projection = AllProjection()

    area_shard = UnicodeAttribute(hash_key=True)
    division_id = UnicodeAttribute(range_key=True)


class VouchersByDueShard(GlobalSecondaryIndex[Any]):
    """Vouchers that may still expire, in shards, by their moment; `due_shard` goes when that is settled.

    What is overdue stands at the beginning of its shard however long ago it fell due, so one query finds it
    and nothing else: no night that was missed needs to be remembered.
    """

    class Meta:
        index_name = "by_due_shard"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    expires_at = MomentAttribute(range_key=True)


class VouchersByFlag(GlobalSecondaryIndex[Any]):
    """Vouchers that somebody has to look at, by why and by city; the attribute goes with the reason."""

    class Meta:
        index_name = "by_flag"
        projection = AllProjection()

    flagged = UnicodeAttribute(hash_key=True)
    division_id = UnicodeAttribute(range_key=True)


class VoucherRow(VersionedTable[Voucher]):
    """One row a voucher; its key is derived from person × program."""

    class Meta:
        table_name = table_name("vouchers")

    record_type = Voucher
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    program_id = UnicodeAttribute()
    person_key = UnicodeAttribute()
    division = UnicodeAttribute()
    batch_id = UnicodeAttribute()
    status = UnicodeAttribute()
    face_value_fen = NumberAttribute()
    holder_name = UnicodeAttribute()
    holder_id_number = UnicodeAttribute()
    issued_at = MomentAttribute()
    expires_at = MomentAttribute()
    valid_through = StructAttribute()
    claimed_at = MomentAttribute(null=True)
    redeemed_at = MomentAttribute(null=True)
    settled_at = MomentAttribute(null=True)
    enrolment_id = UnicodeAttribute(null=True)
    institution = UnicodeAttribute(null=True)
    served_in = UnicodeAttribute(null=True)
    redeem_nonce = UnicodeAttribute(null=True)
    last_step = NumberAttribute(default=0)
    due_shard = UnicodeAttribute(null=True)
    device = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(default=str(ProgramKind.TARGETED_FACE_VALUE))
    paid_fen = NumberAttribute(default=0)
    reversed_fen = NumberAttribute(default=0)
    barred_from = MomentAttribute(null=True)
    barred_until = MomentAttribute(null=True)
    bar = StructAttribute(null=True)
    named_at = MomentAttribute(null=True)
    name_mismatch_at = MomentAttribute(null=True)
    restoration = StructAttribute(null=True)
    restored_at = MomentAttribute(null=True)
    flagged = UnicodeAttribute(null=True)
    area_shard = UnicodeAttribute()
    division_id = UnicodeAttribute()
    by_holder = VouchersByHolder()
    by_division = VouchersByDivision()
    by_due_shard = VouchersByDueShard()
    by_flag = VouchersByFlag()

    @classmethod
    def from_record(cls, record: Voucher) -> Self:
        """Make the row that stores a voucher, with the keys under which its division lists it."""
        row = super().from_record(record)
        row.area_shard = f"{group_of(record.division)}#{sum(record.id.encode()) % AREA_SHARDS}"
        row.division_id = f"{record.division}#{record.id}"
        return row


def lawful_for(action: str, *, version: int | None = None) -> Condition:
    """Require that the voucher is in a state in which the action may be done."""
    return lawful(VoucherRow, sources=VOUCHER_TRANSITIONS.sources(action), version=version)


def not_barred(now: datetime) -> Condition:
    """Require that no cross-match list stands against it: eligibility asked without another call."""
    row = VoucherRow
    condition: Condition = (
        row.barred_from.does_not_exist() | (row.barred_from > now) | (row.barred_until <= now)
    )
    return condition


def target_of(action: str) -> str:
    """Give the state the action leads to, as stored."""
    return str(VOUCHER_TRANSITIONS.target(action))


# --------------------------------------------------------------------------- reading


def find_voucher(voucher_id: str) -> Voucher | None:
    """Read a voucher."""
    return VoucherRow.find(voucher_id)


def read_voucher(voucher_id: str) -> Voucher:
    """Read a voucher or raise `NotFound`."""
    return VoucherRow.read(voucher_id)


def want_vouchers(voucher_ids: Iterable[str | None]) -> None:
    """Have vouchers come along with the next read of a page."""
    ahead(VoucherRow, voucher_ids)


def find_vouchers(voucher_ids: Sequence[str]) -> list[Voucher]:
    """Read many vouchers, 100 a call; unknown ones are left out."""
    return VoucherRow.find_many(voucher_ids)


def vouchers_of(person_key: str, request: PageRequest) -> Page[Voucher]:
    """List a person's vouchers, newest first."""
    rows = VoucherRow.by_holder.query(
        person_key, limit=request.limit, last_evaluated_key=request.after, scan_index_forward=False
    )
    return page_of(rows, request)


AREA_SHARDS = 8


def vouchers_in(division: str, request: PageRequest) -> Page[Voucher]:
    """List the vouchers of a division and those below it, shard by shard; a page may be short."""
    shards = [f"{group}#{shard}" for group in groups_below(division) for shard in range(AREA_SHARDS)]
    under = VoucherRow.division_id.startswith(division)

    def read(shard: str, part: PageRequest) -> Page[Voucher]:
        return page_of_list(VoucherRow, VoucherRow.by_division, shard, request=part, between=under)

    return page_over(shards, request, read)


def vouchers_alive(area: str, *, since: datetime, until: datetime) -> Iterator[Voucher]:
    """Go through the vouchers of a division and below that were good, or were spent, in a time.

    Shard by shard, page by page. Such as were over before are read and left out: the lists of a division are
    not in the order of time.
    """
    alive = (VoucherRow.expires_at >= since) | (VoucherRow.redeemed_at >= since)
    wanted = alive & (VoucherRow.issued_at < until)
    for group in groups_below(area):
        for shard in range(AREA_SHARDS):
            under = VoucherRow.division_id.startswith(area)
            rows = VoucherRow.by_division.query(f"{group}#{shard}", under, filter_condition=wanted)
            yield from (row.record for row in rows)


def vouchers_flagged(flag: VoucherFlag, division: str, request: PageRequest) -> Page[Voucher]:
    """List the vouchers of a division and those below it that somebody has to look at, city by city."""
    under = VoucherRow.division_id.startswith(division)

    def read(group: str, part: PageRequest) -> Page[Voucher]:
        index: Any = VoucherRow.by_flag
        return page_of_list(VoucherRow, index, _flagged(flag, group), request=part, between=under)

    first = [PROVINCE] if flag in _OF_THE_PROVINCE else []
    return page_over(list(dict.fromkeys([*first, *groups_below(division)])), request, read)


def vouchers_under(flag: VoucherFlag, group: str) -> Iterator[Voucher]:
    """Go through the vouchers under a flag in one list: a city's, or the province's."""
    return (row.record for row in VoucherRow.by_flag.query(_flagged(flag, group)))


_OF_THE_PROVINCE = frozenset({VoucherFlag.RESTORE_ASKED})
"""Flags that only the province acts on: such vouchers stand in one list, those of before in their city's."""


def flag_action(voucher: Voucher, flag: VoucherFlag | None) -> Action:
    """Have a voucher listed under a flag, or under none."""
    if flag is None:
        removed: Action = VoucherRow.flagged.remove()
        return removed
    group = PROVINCE if flag in _OF_THE_PROVINCE else group_of(voucher.division)
    listed: Action = VoucherRow.flagged.set(_flagged(flag, group))
    return listed


def _flagged(flag: VoucherFlag, group: str) -> str:
    return f"{flag}#{group}"


DUE_SHARDS = 32
"""So many keys share the index writes of an issuance: 5,000 a second are 160 to each."""


def due_shard_of(voucher: Voucher) -> str:
    """Give the shard in which a voucher waits for its last day."""
    return f"{sum(voucher.id.encode()) % DUE_SHARDS:02d}"


# --------------------------------------------------------------------------- single writes


def issue(vouchers: Sequence[Voucher], change: Change) -> int:
    """Store vouchers where their people have none yet; tell how many are this batch's (invariant 1).

    A hundred go in one transaction. Where some of a hundred are held already, the others are stored without.
    """
    return sum(
        _issue_together(vouchers[start : start + TRANSACTION_ITEMS_MAX], change)
        for start in range(0, len(vouchers), TRANSACTION_ITEMS_MAX)
    )


def _issue_together(vouchers: Sequence[Voucher], change: Change) -> int:
    with contextlib.suppress(ConditionFailed):  # mostly nobody holds one: nothing needs to be read
        _put_all(vouchers, change)
        return len(vouchers)

    def attempt() -> int:
        batch_of = {held.id: held.batch_id for held in find_vouchers([voucher.id for voucher in vouchers])}
        fresh = [voucher for voucher in vouchers if voucher.id not in batch_of]
        if fresh:
            _put_all(fresh, change)
        return len(fresh) + sum(batch_of.get(voucher.id) == voucher.batch_id for voucher in vouchers)

    return until_written(attempt)


def _put_all(vouchers: Sequence[Voucher], change: Change) -> None:
    transact([Put(VoucherRow.from_record(voucher)) for voucher in vouchers], change=change)


def revoke(voucher_id: str, *, version: int, change: Change) -> None:
    """Take an unspent voucher back (`revoke_write` takes a spent one, with its enrolment).

    Raises:
        ConditionFailed: another version; or its life is over, recorded or not (the reason: `model.why_not`).

    """
    update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.status.set(target_of("revoke")), VoucherRow.due_shard.remove()],
        condition=lawful_for("revoke", version=version)
        & (lawful(VoucherRow, sources=[VoucherStatus.REDEEMED]) | (VoucherRow.expires_at > change.at)),
        change=change,
    )


# --------------------------------------------------------------------------- parts of transactions


def redeem_write(
    voucher: Voucher,
    *,
    enrolment_id: str,
    institution: str,
    served_in: str,
    nonce: str,
    step: int,
    now: datetime,
    device: str = "",
    stays_due: bool = False,
) -> Update:
    """Spend a claimed, unexpired voucher on an enrolment.

    The QR step must be a new one, and shown by the phone that the voucher is bound to (`device`, its tag); no
    card with another name than the list's has tried to use it (`names`).
    `stays_due` where the class has to be completed by the voucher's date: it keeps its due shard.
    """
    own = VoucherRow.device.startswith(device) if device else VoucherRow.device.does_not_exist()
    return Update(
        VoucherRow,
        (voucher.id,),
        [
            VoucherRow.status.set(target_of("redeem")),
            VoucherRow.enrolment_id.set(enrolment_id),
            VoucherRow.institution.set(institution),
            VoucherRow.served_in.set(served_in),
            VoucherRow.redeem_nonce.set(nonce),
            VoucherRow.last_step.set(step),
            VoucherRow.redeemed_at.set(now),
            *([] if stays_due else [VoucherRow.due_shard.remove()]),
        ],
        lawful_for("redeem")
        & (VoucherRow.expires_at > now)
        & (VoucherRow.last_step < step)
        & own
        & VoucherRow.name_mismatch_at.does_not_exist()
        & not_barred(now),
    )


def release_write(voucher: Voucher, *, enrolment_id: str, change: Change, days_back: bool = False) -> Update:
    """Give a redeemed voucher back to its holder, if it is still of use to them (`status_released`).

    With `days_back` they get the days that it was spent on a class as well (`model.extended`).
    """
    now = change.at
    after = extended(voucher, now) if days_back else voucher
    target = status_released(after, now)
    is_over = target is VoucherStatus.EXPIRED
    holds: Condition = VoucherRow.expires_at <= now if is_over else VoucherRow.expires_at > now
    if days_back:
        holds = (
            VoucherRow.expires_at == voucher.expires_at
        )  # the new date follows from this one: it moves once
    match target:
        case VoucherStatus.EXPIRED:
            pass
        case VoucherStatus.REVOKED:
            holds &= ~not_barred(now)
            why = f"{change.reason or ''} {bar_reason(voucher.bar)}" if voucher.bar is not None else None
            change = msgspec.structs.replace(change, action=FOUND_INELIGIBLE, reason=why)
        case _:
            holds &= not_barred(now)
    actions: list[Action] = [
        VoucherRow.status.set(str(target)),
        VoucherRow.enrolment_id.remove(),
        VoucherRow.institution.remove(),
        VoucherRow.served_in.remove(),
        VoucherRow.redeem_nonce.remove(),
        VoucherRow.redeemed_at.remove(),
    ]
    due_shard = VoucherRow.due_shard
    unspent = target is VoucherStatus.CLAIMED
    if days_back:
        actions += [
            VoucherRow.valid_through.set(after.valid_through),
            VoucherRow.expires_at.set(after.expires_at),
        ]
    actions.append(due_shard.set(due_shard_of(voucher)) if unspent else due_shard.remove())
    return Update(
        VoucherRow,
        (voucher.id,),
        actions,
        lawful_for("release") & (VoucherRow.enrolment_id == enrolment_id) & holds,
        change,
    )


def settle_write(
    voucher_id: str, *, enrolment_id: str, served_in: str, amount_fen: int, now: datetime
) -> Update:
    """Settle a redeemed voucher with what was paid for it: at most once ever (invariant 2).

    Never with more than its face value, unless it is of a kind that covers a course whatever its fee.
    """
    return Update(
        VoucherRow,
        (voucher_id,),
        [
            VoucherRow.status.set(target_of("settle")),
            VoucherRow.paid_fen.set(amount_fen),
            VoucherRow.served_in.set(served_in),
            VoucherRow.settled_at.set(now),
            VoucherRow.due_shard.remove(),
        ],
        lawful_for("settle")
        & (VoucherRow.enrolment_id == enrolment_id)
        & ((VoucherRow.face_value_fen >= amount_fen) | VoucherRow.kind.is_in(*map(str, ENTITLEMENTS))),
    )


def close_write(voucher_id: str, *, enrolment_id: str) -> Update:
    """Close a redeemed voucher that was used and is not payable."""
    return Update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.status.set(target_of("close")), VoucherRow.due_shard.remove()],
        lawful_for("close") & (VoucherRow.enrolment_id == enrolment_id),
    )


def revoke_write(voucher_id: str, *, version: int) -> Update:
    """Revoke a redeemed voucher together with its enrolment."""
    return Update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.status.set(target_of("revoke")), VoucherRow.due_shard.remove()],
        lawful_for("revoke", version=version),
    )


def reverse_write(voucher_id: str, *, before_fen: int, amount_fen: int) -> Update:
    """Note on a settled voucher that so much of its payment was taken back in all; it stays settled."""
    return Update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.reversed_fen.set(amount_fen)],
        lawful(VoucherRow, sources=[VoucherStatus.SETTLED])
        & (VoucherRow.reversed_fen == before_fen)
        & (VoucherRow.paid_fen >= amount_fen),
    )


def pay_back_write(voucher_id: str, *, enrolment_id: str, amount_fen: int) -> Update:
    """Note on a settled voucher that what was paid for it came back; it stays settled (退票)."""
    return Update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.paid_fen.set(0)],
        lawful(VoucherRow, sources=[VoucherStatus.SETTLED])
        & (VoucherRow.enrolment_id == enrolment_id)
        & (VoucherRow.paid_fen == amount_fen)
        & (VoucherRow.reversed_fen == 0),
    )


def pay_again_write(voucher_id: str, *, enrolment_id: str, amount_fen: int) -> Update:
    """Note on a settled voucher that what had come back is paid once more."""
    return Update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.paid_fen.set(amount_fen)],
        lawful(VoucherRow, sources=[VoucherStatus.SETTLED])
        & (VoucherRow.enrolment_id == enrolment_id)
        & (VoucherRow.paid_fen == 0),
    )
