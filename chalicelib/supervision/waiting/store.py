"""Where what waits stands: the index of each machine's table, read list by list.

The one place that reads tables of other steps itself. Most of them have the same two indexes (`aws.waiting`),
by city and of the whole province; the others have one of their own by city, or one list for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.accounts.model import PROPOSAL_VALIDITY
from chalicelib.accounts.store import proposed_accounts
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.attendance.footage.store import SegmentRow
from chalicelib.attendance.make_ups.store import MakeUpRow
from chalicelib.aws.waiting import WaitingKey, all_waiting, lists_of, queues_of
from chalicelib.catalogue.payees.store import PayeeAccountRow
from chalicelib.classes.store import HEAD, ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.kernel.divisions import PROVINCE, covers, groups_below
from chalicelib.kernel.paging import PageRequest
from chalicelib.people.lists.renames.store import RenameRow
from chalicelib.settlement.batches.store import WAITING_LIST, BatchRow
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.claims.store import ClaimRow, LineRow, line_queue
from chalicelib.subsidies.holds.model import HoldStatus
from chalicelib.subsidies.holds.store import PaymentHoldRow, list_of_holds
from chalicelib.subsidies.overrides.store import OverrideRow
from chalicelib.subsidies.publicity.model import ObjectionStatus
from chalicelib.subsidies.publicity.store import ObjectionRow, list_of_objections
from chalicelib.vouchers.batches.store import IssuanceBatchRow
from chalicelib.vouchers.model import VoucherFlag
from chalicelib.vouchers.restoring.model import open_restoration
from chalicelib.vouchers.store import vouchers_flagged

LISTED_MAX = 1_000
"""Of one list and machine so many are counted and shown: who has more in one part of a city decides first."""


class Waiting(NamedTuple):
    """A row that waits: of which machine, in which state."""

    machine: str
    state: str
    key: WaitingKey


class _Lists(NamedTuple):
    """How a machine's lists are read: by which index and moment, and which there are for an area.

    `state` where the rows do not tell it. With `everywhere` the province reads the index of all.
    """

    table: Any
    by_index: str = "waiting"
    by: str = "queued_at"
    state: str | None = None
    of: Callable[[str], Sequence[str]] = queues_of
    everywhere: bool = False


_LISTS: Mapping[str, _Lists] = {
    "class": _Lists(ClassRow, everywhere=True),
    "check_in": _Lists(CheckInRow, state="needs_review", everywhere=True),
    "make_up": _Lists(MakeUpRow, by="requested_at", everywhere=True),
    "enrolment": _Lists(EnrolmentRow, everywhere=True),
    "subsidy_claim": _Lists(ClaimRow, everywhere=True),
    "override": _Lists(OverrideRow, everywhere=True),
    "footage": _Lists(SegmentRow),
    "issuance batch": _Lists(IssuanceBatchRow, of=lambda _: lists_of(PROVINCE)),
    "rename": _Lists(RenameRow, of=lambda _: lists_of(PROVINCE)),
    "settlement_batch": _Lists(BatchRow, of=lambda _: [WAITING_LIST]),
    "claim_line": _Lists(LineRow, of=lambda area: [line_queue(city) for city in cities_of(area)[0]]),
    "payee_account": _Lists(PayeeAccountRow, by_index="by_waiting", by="proposed_at", of=groups_below),
    "hold": _Lists(
        PaymentHoldRow,
        by_index="by_city",
        by="placed_at",
        of=lambda area: [list_of_holds(city, HoldStatus.OPEN) for city in cities_of(area)[0]],
    ),
    "objection": _Lists(
        ObjectionRow,
        by_index="by_state",
        by="created_at",
        of=lambda area: [list_of_objections(group, ObjectionStatus.OPEN) for group in groups_below(area)],
    ),
}
"""By machine; changes of classes stand in the lists of classes, what is asked of lines in those of lines."""


def waiting_in(machine: str, area: str, *, until: datetime) -> tuple[list[Waiting], bool]:
    """Give everything of a machine that waits in a division and below it, and whether there is more."""
    if machine in _OWN:
        return [Waiting(machine, "proposed", key) for key in _OWN[machine](area, until)], False
    lists = _LISTS[machine]
    of_all = lists.everywhere and area == PROVINCE
    found = all_waiting(
        lists.table,
        lists_of(PROVINCE) if of_all else lists.of(area),
        area,
        until=until,
        most=LISTED_MAX,
        by=lists.by,
        index="waiting_all" if of_all else lists.by_index,
    )
    return [_told(machine, lists.state, key) for key in found.keys], found.after is not None


def _told(machine: str, state: str | None, key: WaitingKey) -> Waiting:
    if machine == "class" and key.key[1] != HEAD:
        return Waiting("class change", str(key.status), key)
    if machine == "claim_line" and key.status != "payment_failed":
        return Waiting("line_request", "asked", key)
    return Waiting(machine, state or str(key.status), key)


def _proposed_accounts(area: str, until: datetime) -> Iterator[WaitingKey]:
    """Give the accounts that nobody has confirmed; all of the province have one list, which is short."""
    for account in proposed_accounts():
        if account.proposed_until is not None and covers(area, account.division):
            since = account.proposed_until - PROPOSAL_VALIDITY
            if since <= until < account.proposed_until:
                yield WaitingKey((account.id,), since, account.status, account.institution, account.division)


def _proposed_restorations(area: str, until: datetime) -> Iterator[WaitingKey]:
    """Give the lost vouchers that somebody proposes to give back; those of a city are few."""
    after: Any = None
    while True:
        page = vouchers_flagged(VoucherFlag.RESTORE_ASKED, area, PageRequest(limit=LISTED_MAX, after=after))
        for voucher in page.items:
            restoration = open_restoration(voucher, until)
            if restoration is not None:
                institution = voucher.institution
                yield WaitingKey((voucher.id,), restoration.asked_at, None, institution, voucher.division)
        after = page.after
        if after is None:
            return


_OWN: Mapping[str, Callable[[str, datetime], Iterator[WaitingKey]]] = {
    "account": _proposed_accounts,
    "restoration": _proposed_restorations,
}
"""Machines whose lists are read in a way of their own."""


def machines() -> list[str]:
    """Name the machines whose lists there are."""
    return [*_LISTS, *_OWN]
