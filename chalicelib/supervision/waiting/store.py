"""Where what waits stands: the index of each machine's table, read list by list.

The one place that reads tables of other steps itself. Most of them have the same two indexes (`aws.waiting`),
by city and of the whole province; the others have one of their own by city, or one list for all.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.accounts.model import PROPOSAL_VALIDITY
from chalicelib.accounts.store import (
    AccountRow,
    find_accounts,
    proposed_accounts,
    want_proposed_accounts,
)
from chalicelib.accounts.tidying import tidy_short_lists
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.attendance.footage.store import SegmentRow
from chalicelib.attendance.make_ups.store import MakeUpRow
from chalicelib.aws.ahead import ahead, already_read
from chalicelib.aws.waiting import PARTS, WaitingKey, all_waiting, lists_of, waiting_since
from chalicelib.catalogue.institutions.store import want_institutions
from chalicelib.catalogue.payees.store import PayeeAccountRow
from chalicelib.classes.model import ClassStatus
from chalicelib.classes.store import HEAD, ROSTER, ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.exchange.lists.store import stuck
from chalicelib.exchange.model import ALL_AREAS, area_of
from chalicelib.exchange.store import DeliveryRow
from chalicelib.exchange.webhooks.model import has_webhook
from chalicelib.exchange.webhooks.store import stopped_boxes, tidy_stopped, want_box, want_stopped
from chalicelib.kernel.divisions import PROVINCE, covers, groups_below
from chalicelib.people.lists.renames.store import RenameRow
from chalicelib.people.standings.store import want_standings
from chalicelib.settlement.batches.store import WAITING_LIST, BatchRow
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.claims.facts import is_barred
from chalicelib.subsidies.claims.model import claim_id_of, claim_of_line
from chalicelib.subsidies.claims.store import ClaimRow, LineRow, find_lines, line_queue
from chalicelib.subsidies.holds.institutions import TO_BE_BATCHED
from chalicelib.subsidies.holds.model import HoldStatus
from chalicelib.subsidies.holds.store import PaymentHoldRow, list_of_holds
from chalicelib.subsidies.overrides.store import OverrideRow
from chalicelib.subsidies.publicity.model import ObjectionStatus
from chalicelib.subsidies.publicity.store import ObjectionRow, list_of_objections
from chalicelib.supervision.cases.model import RiskCase
from chalicelib.supervision.cases.store import RiskCaseRow
from chalicelib.vouchers.batches.store import IssuanceBatchRow
from chalicelib.vouchers.model import Voucher, VoucherFlag
from chalicelib.vouchers.restoring.model import open_restoration
from chalicelib.vouchers.store import VoucherRow, vouchers_under

LISTED_MAX = 1_000
"""Of one list and machine so many are counted and shown: who has more in one part of a city decides first."""


class Waiting(NamedTuple):
    """A row that waits: of which machine, in which state."""

    machine: str
    state: str
    key: WaitingKey


class _Lists(NamedTuple):
    """How a machine's lists are read: by which index and moment, and which there are for an area.

    `state` where the rows do not tell it. `places` are those of an area that have lists; `name` gives the
    list of a place, None where it has several parts. With `everywhere` the province reads the index of all.
    """

    table: Any
    by_index: str = "waiting"
    by: str = "queued_at"
    state: str | None = None
    places: Callable[[str], Sequence[str]] = groups_below
    name: Callable[[str], str] | None = None
    everywhere: bool = False

    def names(self, area: str, *, parts: int, in_group: bool = False) -> list[str]:
        """Name the lists of an area; `in_group` takes the province as the group of what is its own."""
        places = [PROVINCE] if in_group and area == PROVINCE else self.places(area)
        if self.name is not None:
            return [self.name(place) for place in places]
        return [queue for place in places for queue in lists_of(place, parts=parts)]


def _of_the_province(_: str) -> Sequence[str]:
    return [PROVINCE]


def _cities(area: str) -> Sequence[str]:
    return cities_of(area)[0]


_LISTS: Mapping[str, _Lists] = {
    "class": _Lists(ClassRow, everywhere=True),
    "check_in": _Lists(CheckInRow, state="needs_review", everywhere=True),
    "make_up": _Lists(MakeUpRow, by="requested_at", everywhere=True),
    "enrolment": _Lists(EnrolmentRow, everywhere=True),
    "subsidy_claim": _Lists(ClaimRow, everywhere=True),
    "override": _Lists(OverrideRow, everywhere=True),
    "footage": _Lists(SegmentRow),
    "risk_case": _Lists(RiskCaseRow, everywhere=True),
    "issuance batch": _Lists(IssuanceBatchRow, places=_of_the_province),
    "rename": _Lists(RenameRow, places=_of_the_province),
    "settlement_batch": _Lists(BatchRow, places=_of_the_province, name=lambda _: WAITING_LIST),
    "claim_line": _Lists(LineRow, places=_cities, name=line_queue),
    "payee_account": _Lists(PayeeAccountRow, by_index="by_waiting", by="proposed_at", name=str),
    "hold": _Lists(
        PaymentHoldRow,
        by_index="by_city",
        by="placed_at",
        places=_cities,
        name=lambda city: list_of_holds(city, HoldStatus.OPEN),
    ),
    "objection": _Lists(
        ObjectionRow,
        by_index="by_state",
        by="created_at",
        name=lambda group: list_of_objections(group, ObjectionStatus.OPEN),
    ),
}
"""By machine; some stand in the lists of another one (`model`)."""


def waiting_in(
    machine: str,
    area: str,
    *,
    until: datetime,
    parts: int,
    institution: str | None = None,
    in_group: bool = False,
) -> tuple[list[Waiting], datetime | None]:
    """Give everything of a machine that waits in a division and below it, and since when more may wait.

    That moment is None where everything was read. `parts` is 1 where no row of before is left in the
    other parts of its lists. With `in_group` the province is only the group of what is the province's
    own.
    """
    if machine in _OWN:
        own = list(itertools.islice(_OWN[machine](area, until, parts), LISTED_MAX + 1))
        # They come in no order by age: what was not read may be as old as what was.
        since = min(one.key.since for one in own) if len(own) > LISTED_MAX else None
        return own[:LISTED_MAX], since
    lists = _LISTS[machine]
    of_all = lists.everywhere and area == PROVINCE and not in_group
    found = all_waiting(
        lists.table,
        lists_of(PROVINCE, parts=PARTS if lists.table.many_at_once else parts)
        if of_all
        else lists.names(area, parts=parts, in_group=in_group),
        area,
        until=until,
        most=LISTED_MAX,
        by=lists.by,
        index="waiting_all" if of_all else lists.by_index,
        institution=institution if hasattr(lists.table, "institution") else None,
    )
    return [_told(machine, lists.state, key) for key in found.keys], found.unread_since


def tell_barred(found: Sequence[Waiting]) -> list[Waiting]:
    """Tell lines whose payment failed that wait for a reviewer by their rows: the index has no holds.

    What is wanted before comes along with them.
    """
    failed = [one.key.key[0] for one in found if (one.machine, one.state) == _FAILED]
    if not failed:
        return list(found)
    barred = {str(line.id) for line in find_lines(failed) if is_barred(line)}
    return [Waiting("barred_line", "stands", one.key) if one.key.key[0] in barred else one for one in found]


_FAILED = ("claim_line", "payment_failed")


def is_spread(machine: str, group: str, *, until: datetime) -> bool:
    """Tell whether rows of before still wait elsewhere than in the first part of a group's lists."""
    if machine == "restoration":
        return next(_restorations_in_city(group, until), None) is not None
    if machine == "account":
        return not tidy_short_lists(group, until)
    if machine == "webhook":
        tidy_stopped(group, until)
        return False
    lists = _LISTS.get(machine)
    if lists is None or lists.name is not None or group not in lists.places(group):
        return False
    return any(
        waiting_since(lists.table, queue, until=until, limit=1, by=lists.by, index=lists.by_index).keys
        for queue in lists_of(group)[1:]
    )


def want_subjects(waiting: Sequence[Waiting]) -> None:
    """Have what is shown of these come along with the next read of a page: their rows, classes and claims."""
    tables = {**{machine: lists.table for machine, lists in _LISTS.items()}, **_TABLES}
    cases = [key for machine, _, key in waiting if machine == "risk_case"]
    read_before: list[RiskCase] = already_read(RiskCaseRow, [case.key for case in cases])
    classes = {class_id for case in read_before for class_id in case.class_ids}
    classes |= {class_id for case in cases for class_id in (case.about or "").split()}
    ahead(ClassRow, [(class_id, part) for class_id in classes for part in (HEAD, ROSTER)])
    ahead(ClaimRow, [claim_id_of(class_id) for class_id in classes])
    for machine, _, key in waiting:
        ahead(tables[machine], [_as_stored(machine, key.key)])
        if key.key[0].startswith("cls_"):
            ahead(ClassRow, [(key.key[0], HEAD)])
            ahead(ClassRow, [(key.key[0], ROSTER)] if may_have_roster(machine, str(key.status)) else [])
        if machine == "objection":
            ahead(ClaimRow, [key.about])
        if machine == "override":
            ahead(ClaimRow, [claim_id_of(key.key[0])])
        if machine in ("claim_line", "barred_line", "line_request"):
            ahead(ClaimRow, [claim_of_line(key.key[0])])
        if machine == "restoration":
            want_standings([key.about])
        if machine == "webhook":
            want_box(key.key[0])
        if machine == "hold":
            ahead(ClaimRow, [_claim_of_hold(str(key.about))])
    want_institutions(key.institution for _, _, key in waiting)


def _claim_of_hold(subject: str) -> str | None:
    """Name the claim that a hold is on, or that its line is of."""
    if subject.startswith("lin_"):
        return claim_of_line(subject)
    return subject if subject.startswith("clm_") else None


def may_have_roster(machine: str, state: str) -> bool:
    """Tell whether anybody can be taught in what waits: a class that is applied for has no roster yet.

    Fifty classes with their rosters are all the keys that a call reads.
    """
    return (machine, state) != ("class", ClassStatus.SUBMITTED)


def _as_stored(machine: str, key: tuple[str, ...]) -> tuple[Any, ...]:
    """Give a key as its table has it: a message's is its subject and a number."""
    return (key[0], int(key[1])) if machine == "delivery" else key


_TABLES: Mapping[str, Any] = {
    "class change": ClassRow,
    "barred_line": LineRow,
    "line_request": LineRow,
    "account": AccountRow,
    "client": AccountRow,
    "restoration": VoucherRow,
    "delivery": DeliveryRow,
    "webhook": AccountRow,
    "stopped_claim": ClaimRow,
}


def _told(machine: str, state: str | None, key: WaitingKey) -> Waiting:
    if machine == "class" and key.key[1] != HEAD:
        return Waiting("class change", str(key.status), key)
    if machine == "subsidy_claim" and key.status in TO_BE_BATCHED:
        return Waiting("stopped_claim", "stands", key)
    if machine == "claim_line" and key.status not in ("payment_failed", "held"):
        return Waiting("line_request", "asked", key)
    return Waiting(machine, state or str(key.status), key)


def _proposed_accounts(area: str, until: datetime, parts: int) -> Iterator[Waiting]:
    """Give the accounts that nobody has confirmed, people's and software's, from short lists."""
    for account in proposed_accounts(area, by_index=parts > 1):
        if account.proposed_until is not None and covers(area, account.division):
            since = account.proposed_until - PROPOSAL_VALIDITY
            if since <= until < account.proposed_until:
                key = WaitingKey((account.id,), since, account.status, account.institution, account.division)
                yield Waiting("account" if account.software is None else "client", "proposed", key)


def _proposed_restorations(area: str, until: datetime, parts: int) -> Iterator[Waiting]:
    """Give the lost vouchers that somebody proposes to give back: the province's one list."""
    vouchers = vouchers_under(VoucherFlag.RESTORE_ASKED, PROVINCE)
    yield from (one for one in _open_restorations(vouchers, until) if covers(area, str(one.key.division)))
    if parts > 1:
        for group in groups_below(area):
            yield from _restorations_in_city(group, until)


def _stuck_messages(area: str, until: datetime, parts: int) -> Iterator[Waiting]:
    """Give the messages that the national platform refused, or that were given up."""
    del parts
    areas = ALL_AREAS if area == PROVINCE else (area_of(area),)
    for delivery in stuck(areas):
        since = delivery.answered_at or delivery.occurred_at
        if since <= until and covers(area, delivery.division):
            key = (delivery.subject, str(delivery.sequence))
            yield Waiting("delivery", delivery.state, WaitingKey(key, since, None, None, delivery.division))


def _stopped_webhooks(area: str, until: datetime, parts: int) -> Iterator[Waiting]:
    """Give the programs that took nothing for days and are sent nothing more, from short lists."""
    del parts
    boxes = {box.subject: box for box in stopped_boxes(area)}
    for client in find_accounts(sorted(boxes)):
        since = boxes[client.id].occurred_at
        if since <= until and covers(area, client.division) and has_webhook(client, until):
            state = "stopped" if client.institution is not None else "stopped_at_bureau"
            key = WaitingKey((client.id,), since, None, client.institution, client.division)
            yield Waiting("webhook", state, key)


def _restorations_in_city(group: str, until: datetime) -> Iterator[Waiting]:
    """Give those that were proposed before there was one list."""
    before = vouchers_under(VoucherFlag.RESTORE_ASKED, group) if group != PROVINCE else ()
    return _open_restorations(before, until)


def _open_restorations(vouchers: Iterable[Voucher], until: datetime) -> Iterator[Waiting]:
    for voucher in vouchers:
        restoration = open_restoration(voucher, until)
        if restoration is not None:
            since, institution = restoration.asked_at, voucher.institution
            key = WaitingKey(
                (voucher.id,), since, None, institution, voucher.division, about=voucher.person_key
            )
            yield Waiting("restoration", "proposed", key)


_OWN: Mapping[str, Callable[[str, datetime, int], Iterator[Waiting]]] = {
    "restoration": _proposed_restorations,
    "delivery": _stuck_messages,
    "webhook": _stopped_webhooks,
    "account": _proposed_accounts,
}
"""Machines whose lists are read in a way of their own; accounts last, so that all other things come along."""


def want_short_lists(area: str) -> None:
    """Have every short list of an area come along with the next read of a page: it costs no call of its own.

    What is proposed now and then belongs here (`aws.short_lists`), so that one list more is no call more.
    """
    want_proposed_accounts(area)
    want_stopped(area)


def machines() -> list[str]:
    """Name the machines whose lists there are."""
    return [*_LISTS, *_OWN]
