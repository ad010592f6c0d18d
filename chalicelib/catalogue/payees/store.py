"""The tables of accounts: one row an account, and one an institution that tells which counts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import Put, Update, lawful, none_of, update
from chalicelib.catalogue.payees.model import (
    LAPSES_AFTER,
    PAYEE_TRANSITIONS,
    ConfirmedPayee,
    PayeeAccount,
    Payees,
    PayeeStatus,
)
from chalicelib.kernel.divisions import group_of, groups_below, is_part_of_group
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Change, Hands


class PayeesByNumber(GlobalSecondaryIndex[Any]):
    """Accounts of one number, whoever's: two institutions with one account are to be found."""

    class Meta:
        index_name = "by_number"
        projection = AllProjection()

    number_digest = UnicodeAttribute(hash_key=True)
    institution = UnicodeAttribute(range_key=True)


class PayeesWaiting(GlobalSecondaryIndex[Any]):
    """Accounts of a city that wait for a decision, by time."""

    class Meta:
        index_name = "by_waiting"
        projection = AllProjection()

    waiting_in = UnicodeAttribute(hash_key=True)
    proposed_at = MomentAttribute(range_key=True)


class PayeeAccountRow(VersionedTable[PayeeAccount]):
    """One row an account that was ever put forward."""

    class Meta:
        table_name = table_name("payee-accounts")

    record_type = PayeeAccount
    streamed = True

    institution = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    status = UnicodeAttribute()
    holder = UnicodeAttribute()
    bank = UnicodeAttribute()
    sealed_number = UnicodeAttribute()
    masked_number = UnicodeAttribute()
    number_digest = UnicodeAttribute()
    holder_differs = BooleanAttribute()
    lately_renamed = BooleanAttribute(default=False)
    shared_with = StructAttribute(default=list)
    wait_days = NumberAttribute()
    reason = UnicodeAttribute()
    proposed_by = UnicodeAttribute()
    proposed_at = MomentAttribute()
    counts_from = MomentAttribute()
    decided_by = UnicodeAttribute(null=True)
    decided_at = MomentAttribute(null=True)
    decision_reason = UnicodeAttribute(null=True)
    mistyped = NumberAttribute(default=0)
    waiting_in = UnicodeAttribute(null=True)
    by_number = PayeesByNumber()
    by_waiting = PayeesWaiting()


class PayeesRow(VersionedTable[Payees]):
    """One row an institution. It is not streamed: what changes it is told by the account's own record."""

    class Meta:
        table_name = table_name("institution-payees")

    record_type = Payees

    institution = UnicodeAttribute(hash_key=True)
    division = UnicodeAttribute()
    confirmed = StructAttribute(default=list)
    waiting = UnicodeAttribute(null=True)
    proposals = NumberAttribute(default=0)


# --------------------------------------------------------------------------- reading


def find_payees(institution: str) -> Payees | None:
    """Read an institution's accounts at a glance."""
    return PayeesRow.find(institution)


def find_many_payees(institutions: Sequence[str]) -> list[Payees]:
    """Read those of many institutions, 100 a call."""
    return PayeesRow.find_many(institutions)


def want_accounts(keys: Iterable[tuple[str, str]]) -> None:
    """Have accounts, by institution and id, come along with the next read of a page."""
    ahead(PayeeAccountRow, keys)


def find_account(institution: str, payee_id: str) -> PayeeAccount | None:
    """Read one account."""
    return PayeeAccountRow.find(institution, payee_id)


def read_account(institution: str, payee_id: str) -> PayeeAccount:
    """Read one account or raise `NotFound`."""
    return PayeeAccountRow.read(institution, payee_id)


def accounts_of(keys: Sequence[tuple[str, str]]) -> list[PayeeAccount]:
    """Read many accounts by institution and id, 100 a call."""
    return PayeeAccountRow.find_many(keys)


def accounts_with(number_digests: Sequence[str]) -> list[PayeeAccount]:
    """Find the accounts of a number, given its digests under every live key."""
    return [row.record for digest in number_digests for row in PayeeAccountRow.by_number.query(digest)]


def waiting_accounts_in(area: str, request: PageRequest) -> Page[PayeeAccount]:
    """List the accounts of an area that wait for a decision, oldest first in each city."""
    here = PayeeAccountRow.division == area if is_part_of_group(area) else None

    def read(group: str, part: PageRequest) -> Page[PayeeAccount]:
        return page_of_list(PayeeAccountRow, PayeeAccountRow.by_waiting, group, request=part, picked=here)

    return page_over(groups_below(area), request, read)


# --------------------------------------------------------------------------- writing


def propose_writes(
    payee: PayeeAccount, before: Payees | None, *, lapsed: PayeeAccount | None
) -> list[Put | Update]:
    """Put an account forward, if no other one waits; one that has lapsed meanwhile is recorded as such."""
    after = Payees(
        institution=payee.institution,
        division=payee.division,
        confirmed=before.confirmed if before is not None else [],
        waiting=payee.id,
        proposals=before.proposals + 1 if before is not None else 1,
        version=before.version + 1 if before is not None else 1,
    )
    unchanged = None if before is None else PayeesRow.version == before.version
    row: Any = PayeeAccountRow.from_record(payee)
    row.waiting_in = group_of(payee.division)
    writes: list[Put | Update] = [
        Put(row),
        Put(PayeesRow.from_record(after), unchanged),
    ]
    if lapsed is not None:
        writes.append(
            Update(
                PayeeAccountRow,
                (lapsed.institution, lapsed.id),
                [
                    PayeeAccountRow.status.set(str(PAYEE_TRANSITIONS.target("lapse"))),
                    PayeeAccountRow.waiting_in.remove(),
                ],
                lawful(PayeeAccountRow, sources=PAYEE_TRANSITIONS.sources("lapse"), version=lapsed.version),
            )
        )
    return writes


def tell_renamed(payee: PayeeAccount, *, holder_differs: bool, change: Change) -> PayeeAccount:
    """Note on an account that waits that its institution was renamed, if it is still as it was read.

    Raises:
        ConditionFailed: it was decided on meanwhile.

    """
    waits = lawful(PayeeAccountRow, sources=PAYEE_TRANSITIONS.sources("confirm"), version=payee.version)
    actions = [PayeeAccountRow.holder_differs.set(holder_differs), PayeeAccountRow.lately_renamed.set(True)]
    return update(PayeeAccountRow, (payee.institution, payee.id), actions, condition=waits, change=change)


def note_mistyped(payee: PayeeAccount, change: Change) -> PayeeAccount:
    """Count that somebody who wanted to confirm an account typed another number.

    Raises:
        ConditionFailed: it was decided on, or counted, meanwhile.

    """
    waits = lawful(PayeeAccountRow, sources=PAYEE_TRANSITIONS.sources("confirm"), version=payee.version)
    counted = [PayeeAccountRow.mistyped.set(payee.mistyped + 1)]
    return update(PayeeAccountRow, (payee.institution, payee.id), counted, condition=waits, change=change)


def decide_writes(
    payee: PayeeAccount,
    payees: Payees,
    action: str,
    *,
    decided: PayeeAccount,
    hands: Hands,
    now: datetime,
) -> list[Update]:
    """Confirm or refuse an account, never by who proposed it; `model.why_not` tells why not.

    `decided` is the account as it is then.
    """
    actions: list[Action] = [
        PayeeAccountRow.waiting_in.remove(),
        PayeeAccountRow.status.set(str(PAYEE_TRANSITIONS.target(action))),
        PayeeAccountRow.decided_by.set(str(decided.decided_by)),
        PayeeAccountRow.decided_at.set(now),
        PayeeAccountRow.counts_from.set(decided.counts_from),
        PayeeAccountRow.shared_with.set(list(decided.shared_with)),
    ]
    if decided.decision_reason is not None:
        actions.append(PayeeAccountRow.decision_reason.set(decided.decision_reason))
    waits = lawful(PayeeAccountRow, sources=PAYEE_TRANSITIONS.sources(action), version=payee.version)
    others = none_of(PayeeAccountRow.proposed_by, hands)
    fresh = PayeeAccountRow.proposed_at > now - LAPSES_AFTER
    if payee.status is PayeeStatus.CONFIRMED:
        fresh = PayeeAccountRow.counts_from > now
    confirmed = payees.with_confirmed(ConfirmedPayee(payee.id, decided.counts_from), now)
    head: list[Action] = [PayeesRow.waiting.remove()]
    unchanged = PayeesRow.waiting == payee.id
    if action == "confirm":
        head.append(PayeesRow.confirmed.set(confirmed))
    elif payee.status is PayeeStatus.CONFIRMED:
        head = [PayeesRow.confirmed.set(payees.without(payee.id))]
        unchanged = PayeesRow.version == payees.version
    return [
        Update(PayeeAccountRow, (payee.institution, payee.id), actions, waits & others & fresh),
        Update(PayeesRow, (payee.institution,), head, unchanged),
    ]
