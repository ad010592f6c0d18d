"""The table of accounts."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.accounts.model import ACCOUNT_TRANSITIONS, Account, AccountStatus, is_past
from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.short_lists import listing, short_lists, want_short_lists
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import (
    ConditionFailed,
    Put,
    Update,
    Write,
    lawful,
    none_of,
    refuse_stale,
    transact,
    transition,
    update,
)
from chalicelib.kernel.divisions import covers, divisions_below, group_of, groups_below
from chalicelib.kernel.paging import LISTS_OF_A_WIDE_PAGE, Page, PageRequest, cut, page_over
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error


class ByDivision(GlobalSecondaryIndex[Any]):
    """Accounts of a division, by name."""

    class Meta:
        index_name = "by_division"
        projection = AllProjection()

    division = UnicodeAttribute(hash_key=True)
    account = UnicodeAttribute(range_key=True)


class ByProposal(GlobalSecondaryIndex[Any]):
    """Accounts that wait to be confirmed, the oldest first; none else stand in it."""

    class Meta:
        index_name = "by_proposal"
        projection = KeysOnlyProjection()

    status = UnicodeAttribute(hash_key=True)
    proposed_until = MomentAttribute(range_key=True)


class ByInstitution(GlobalSecondaryIndex[Any]):
    """Accounts of an institution's staff."""

    class Meta:
        index_name = "by_institution"
        projection = KeysOnlyProjection()

    institution = UnicodeAttribute(hash_key=True)


class AccountRow(VersionedTable[Account]):
    """One row an account."""

    class Meta:
        table_name = table_name("accounts")

    record_type = Account
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    account = UnicodeAttribute()
    sealed_name = UnicodeAttribute()
    role = UnicodeAttribute()
    division = UnicodeAttribute()
    status = UnicodeAttribute()
    institution = UnicodeAttribute(null=True)
    person_key = UnicodeAttribute(null=True)
    masked_id_number = UnicodeAttribute(null=True)
    proposed_by = UnicodeAttribute(null=True)
    proposed_until = MomentAttribute(null=True)
    confirmed_by = UnicodeAttribute(null=True)
    confirmed_version = NumberAttribute(null=True)
    works_from = StructAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)
    activation_hash = UnicodeAttribute(null=True)
    activated_hash = UnicodeAttribute(null=True)
    password_set_at = MomentAttribute(null=True)
    activation_until = MomentAttribute(null=True)
    sealed_totp = UnicodeAttribute(null=True)
    totp_on = BooleanAttribute(default=False)
    totp_proof_hash = UnicodeAttribute(null=True)
    totp_on_at = MomentAttribute(null=True)
    software = StructAttribute(null=True)
    good_until = MomentAttribute(null=True)
    used_at = MomentAttribute(null=True)
    since_version = NumberAttribute(null=True)
    by_division = ByDivision()
    by_proposal = ByProposal()
    by_institution = ByInstitution()


def find_account(account_id: str) -> Account | None:
    """Read an account."""
    return AccountRow.find(account_id)


def create_account(account: Account, beside: Sequence[Write], change: Change) -> None:
    """Store a new account, and what its person holds beside it.

    Raises:
        Refused: `already_exists`.
        ConditionFailed: what its person holds changed meanwhile.

    """
    writes = [Put(AccountRow.from_record(account)), *beside, *listings(account, change)]
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            raise error("already_exists") from None
        raise


def list_accounts(area: str, request: PageRequest) -> Page[Account]:
    """List people's accounts of a division and those below it, division by division, by name in each."""

    def read(division: str, part: PageRequest) -> Page[Account]:
        of_people = AccountRow.software.does_not_exist()
        return page_of_list(AccountRow, AccountRow.by_division, division, request=part, picked=of_people)

    return page_over(divisions_below(area), request, read, lists_a_page=LISTS_OF_A_WIDE_PAGE)


def accounts_in(division: str) -> Iterator[Account]:
    """Go through the accounts of one division, without those below it."""
    return (row.record for row in AccountRow.by_division.query(division))


def find_accounts(account_ids: Sequence[str]) -> list[Account]:
    """Read many accounts, 100 a call."""
    return AccountRow.find_many(account_ids)


def want_accounts(account_ids: Iterable[str]) -> None:
    """Have accounts come along with the next read of a page."""
    ahead(AccountRow, account_ids)


def listings(account: Account, change: Change) -> list[Write]:
    """Have an account stand in the short lists of its city, beside its own write.

    There are those that wait to be confirmed, and those of programs.
    """
    group = group_of(account.division)
    writes: list[Write] = []
    if account.proposed_until is not None:
        writes.append(listing(proposals_in(group), account.id, at=change.at))
    if account.software is not None:
        writes.append(listing(programs_listed_in(group), place_of_program(account), at=change.at))
    return writes


def proposals_in(group: str) -> str:
    """Name a city's list of accounts that wait to be confirmed."""
    return f"account#{group}"


def programs_listed_in(group: str) -> str:
    """Name a city's list of programs."""
    return f"client#{group}"


def stopped_webhooks_in(group: str) -> str:
    """Name a city's list of programs whose webhooks may be stopped; who moves there may be one of them."""
    return f"webhook-stopped#{group}"


def place_of_program(account: Account) -> str:
    """Give a program's place in the lists of programs: division by division."""
    return f"{account.division}#{account.id}"


def want_proposed_accounts(area: str) -> None:
    """Have the short lists of an area come along with the next read of a page."""
    want_short_lists(map(proposals_in, groups_below(area)))


def proposed_accounts(area: str, *, by_index: bool = False) -> list[Account]:
    """Read the accounts that wait to be confirmed, people's and programs', a hundred a call.

    They stand in short lists by city, which may name others of before; `by_index` finds besides those that
    were proposed before there were such lists, of all divisions.
    """
    named = {thing for one in short_lists(map(proposals_in, groups_below(area))) for thing in one.things}
    if by_index:
        named.update(proposed_ids())
    return [account for account in AccountRow.find_many(sorted(named)) if account.status in PROPOSED]


PROPOSED = ACCOUNT_TRANSITIONS.sources("lapse")
"""The states in which an account waits to be confirmed."""


def proposed_ids() -> list[str]:
    """Give the ids of accounts that wait to be confirmed, of all divisions, by an index that lags."""
    return [row.id for row in AccountRow.by_proposal.query(str(PROPOSED[0]))]


def programs_in(area: str, request: PageRequest) -> Page[Account]:
    """List the programs of a division and those below it, division by division: two calls, a full page."""
    places = sorted(
        place
        for one in short_lists(map(programs_listed_in, groups_below(area)))
        for place in one.things
        if covers(area, place.partition("#")[0])
    )
    page = cut(places, request, key=str)
    found = {place_of_program(client): client for client in programs_at(page.items)}
    return Page(items=[found[place] for place in page.items if place in found], after=page.after)


def programs_at(places: Iterable[str]) -> list[Account]:
    """Read programs by their places in the lists of programs."""
    return AccountRow.find_many([place.partition("#")[2] for place in places])


def proposals_over(now: datetime) -> Iterator[str]:
    """Give the ids of accounts that nobody confirmed in time."""
    rows = AccountRow.by_proposal.query(str(PROPOSED[0]), AccountRow.proposed_until <= now)
    return (row.id for row in rows)


def accounts_of(institution: str) -> list[Account]:
    """Read the accounts of an institution's staff."""
    return AccountRow.find_many([row.id for row in AccountRow.by_institution.query(institution)])


def not_past(version: int) -> Condition:
    """Require that a version belongs to the account as it stands: see `model.is_past`."""
    row: Any = AccountRow
    condition: Condition = (row.version >= version) & (
        row.since_version.does_not_exist() | (row.since_version <= version)
    )
    return condition


def refuse_past(old: Account | None, *, sources: Iterable[AccountStatus], version: int) -> None:
    """Explain a failed `not_past`, or another state, from the old item.

    Raises:
        NotFound: there is no such account.
        Refused: `version_conflict`, or `wrong_state`.

    """
    if old is not None and is_past(old, version):
        raise error("version_conflict", version=old.version)
    refuse_stale(old, sources=sources, version=None)


def _move(
    account_id: str,
    action: str,
    actions: Sequence[Action],
    *,
    version: int,
    beside: Sequence[Write],
    change: Change,
    also: Condition | None = None,
) -> None:
    """Move an account by its table, with what its person holds beside it.

    Raises:
        NotFound, Refused: see `refuse_past`.
        ConditionFailed: the extra condition `also` did not hold, or what its person holds changed meanwhile.

    """
    sources = ACCOUNT_TRANSITIONS.sources(action)
    condition = lawful(AccountRow, sources=sources) & not_past(version)
    if also is not None:
        condition &= also
    target = AccountRow.status.set(str(ACCOUNT_TRANSITIONS.target(action)))
    try:
        transact([Update(AccountRow, (account_id,), [target, *actions], condition), *beside], change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            refuse_past(failure.old, sources=sources, version=version)
        raise


def confirm_account(
    account_id: str, *, version: int, by: str, hands: Hands, until: datetime, change: Change
) -> Account:
    """Confirm an account, never one's own proposal: the truth of what `model.why_not` told.

    Raises:
        NotFound, Refused: see `transition`.
        ConditionFailed: it is the caller's own doing, or its time is over.

    """
    return transition(
        AccountRow,
        (account_id,),
        sources=ACCOUNT_TRANSITIONS.sources("confirm"),
        target=ACCOUNT_TRANSITIONS.target("confirm"),
        version=version,
        change=change,
        actions=[
            AccountRow.confirmed_by.set(by),
            AccountRow.confirmed_version.set(version),
            AccountRow.activation_until.set(until),
            AccountRow.proposed_until.remove(),
        ],
        also=none_of(AccountRow.proposed_by, hands) & (AccountRow.proposed_until > change.at),
    )


def activate_account(account_id: str, *, password_hash: str, code_hash: str, change: Change) -> Account:
    """Activate an account with the password its holder chose, once per activation code.

    Raises:
        NotFound, Refused: see `transition`.
        ConditionFailed: the code is another one by now.

    """
    return transition(
        AccountRow,
        (account_id,),
        sources=ACCOUNT_TRANSITIONS.sources("activate"),
        target=ACCOUNT_TRANSITIONS.target("activate"),
        version=None,
        change=change,
        actions=[
            AccountRow.password_hash.set(password_hash),
            AccountRow.password_set_at.set(change.at),
            AccountRow.activated_hash.set(code_hash),
            AccountRow.activation_hash.remove(),
            AccountRow.activation_until.remove(),
        ],
        also=AccountRow.activation_hash == code_hash,
    )


def reset_account(
    after: Account, action: str, *, version: int, beside: Sequence[Write], change: Change
) -> None:
    """Take an account's password and second factor away: it waits for a new activation, or to be confirmed.

    `after` is the account as it is to be, from what was read; `version` is what it was decided on.

    Raises:
        NotFound, Refused: see `refuse_past`.
        ConditionFailed: it, or what its person holds, changed since it was read.

    """
    kept: tuple[tuple[Any, Any], ...] = (
        (AccountRow.activation_hash, after.activation_hash),
        (AccountRow.activation_until, after.activation_until),
        (AccountRow.proposed_by, after.proposed_by),
        (AccountRow.proposed_until, after.proposed_until),
        (AccountRow.person_key, after.person_key),
        (AccountRow.masked_id_number, after.masked_id_number),
        (AccountRow.works_from, after.works_from),
        (AccountRow.since_version, after.version + 1),
    )
    gone = (
        AccountRow.password_hash,
        AccountRow.activated_hash,
        AccountRow.sealed_totp,
        AccountRow.totp_proof_hash,
        AccountRow.confirmed_by,
        AccountRow.confirmed_version,
    )
    actions: list[Any] = [
        column.set(value) if value is not None else column.remove() for column, value in kept
    ]
    actions += [column.remove() for column in gone]
    actions.append(AccountRow.totp_on.set(False))
    also = [*beside, *listings(after, change)]
    as_read = AccountRow.version == after.version
    _move(after.id, action, actions, version=version, beside=also, change=change, also=as_read)


def end_account(
    account_id: str, action: str, *, version: int, beside: Sequence[Write], change: Change
) -> None:
    """Switch an account off, or let its proposal lapse; what its holder does meanwhile changes nothing of it.

    Raises:
        NotFound, Refused: see `refuse_past`.
        ConditionFailed: what its person holds changed meanwhile.

    """
    actions = [AccountRow.proposed_until.remove()]
    _move(account_id, action, actions, version=version, beside=beside, change=change)


def move_account(account: Account, division: str, change: Change) -> None:
    """Take an account along to another division, if it is still as it was read.

    Raises:
        ConditionFailed: it changed meanwhile.

    """
    moved = Update(
        AccountRow,
        (account.id,),
        [AccountRow.division.set(division)],
        AccountRow.version == account.version,
    )
    there = msgspec.structs.replace(account, division=division)
    also = listings(there, change)
    if account.software is not None and account.software.webhook is not None:
        also.append(listing(stopped_webhooks_in(group_of(division)), account.id, at=change.at))
    transact([moved, *also], change=change)


def offer_totp(account: Account, *, sealed: str, change: Change) -> None:
    """Keep a TOTP secret that its holder has yet to prove; an earlier offer is replaced.

    Raises:
        ConditionFailed: a second factor is on already, or the account changed meanwhile.

    """
    update(
        AccountRow,
        (account.id,),
        [AccountRow.sealed_totp.set(sealed)],
        condition=(AccountRow.totp_on != True)  # noqa: E712 - PynamoDB overloads it
        & (AccountRow.password_hash == account.password_hash),
        change=change,
    )


def switch_totp_on(account: Account, *, proof_hash: str, change: Change) -> None:
    """Require the offered TOTP secret from now on.

    Raises:
        ConditionFailed: another secret was offered meanwhile.

    """
    update(
        AccountRow,
        (account.id,),
        [
            AccountRow.totp_on.set(True),
            AccountRow.totp_on_at.set(change.at),
            AccountRow.totp_proof_hash.set(proof_hash),
        ],
        condition=AccountRow.sealed_totp == account.sealed_totp,
        change=change,
    )
