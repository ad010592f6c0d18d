"""The table of accounts."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.accounts.model import ACCOUNT_TRANSITIONS, Account
from chalicelib.aws.table import MomentAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, insert, transition, update
from chalicelib.kernel.divisions import divisions_below
from chalicelib.kernel.paging import DIVISIONS_A_PAGE, Page, PageRequest, page_over
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error


class ByDivision(GlobalSecondaryIndex[Any]):
    """Accounts of a division, by name."""

    class Meta:
        index_name = "by_division"
        projection = AllProjection()

    division = UnicodeAttribute(hash_key=True)
    account = UnicodeAttribute(range_key=True)


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
    password_hash = UnicodeAttribute(null=True)
    activation_hash = UnicodeAttribute(null=True)
    password_set_at = MomentAttribute(null=True)
    activation_until = MomentAttribute(null=True)
    sealed_totp = UnicodeAttribute(null=True)
    totp_on = BooleanAttribute(default=False)
    by_division = ByDivision()


def find_account(account_id: str) -> Account | None:
    """Read an account."""
    return AccountRow.find(account_id)


def create_account(account: Account, change: Change) -> None:
    """Store a new account.

    Raises:
        Refused: `already_exists`.

    """
    try:
        insert(AccountRow.from_record(account), change=change)
    except ConditionFailed:
        raise error("already_exists") from None


def list_accounts(area: str, request: PageRequest) -> Page[Account]:
    """List the accounts of a division and those below it, division by division, by name in each."""

    def read(division: str, part: PageRequest) -> Page[Account]:
        rows = AccountRow.by_division.query(division, limit=part.limit, last_evaluated_key=part.after)
        return page_of(rows, part)

    return page_over(divisions_below(area), request, read, lists_a_page=DIVISIONS_A_PAGE)


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
            AccountRow.activation_hash.remove(),
            AccountRow.activation_until.remove(),
        ],
        also=AccountRow.activation_hash == code_hash,
    )


def await_activation(
    account_id: str, *, code_hash: str, until: datetime, version: int, change: Change
) -> Account:
    """Take an account's password and second factor away and wait for a new activation."""
    return transition(
        AccountRow,
        (account_id,),
        sources=ACCOUNT_TRANSITIONS.sources("reset"),
        target=ACCOUNT_TRANSITIONS.target("reset"),
        version=version,
        change=change,
        actions=[
            AccountRow.activation_hash.set(code_hash),
            AccountRow.activation_until.set(until),
            AccountRow.password_hash.remove(),
            AccountRow.sealed_totp.remove(),
            AccountRow.totp_on.set(False),
        ],
    )


def disable_account(account_id: str, *, version: int, change: Change) -> Account:
    """Switch an account off."""
    return transition(
        AccountRow,
        (account_id,),
        sources=ACCOUNT_TRANSITIONS.sources("disable"),
        target=ACCOUNT_TRANSITIONS.target("disable"),
        version=version,
        change=change,
    )


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


def switch_totp_on(account: Account, *, change: Change) -> None:
    """Require the offered TOTP secret from now on.

    Raises:
        ConditionFailed: another secret was offered meanwhile.

    """
    update(
        AccountRow,
        (account.id,),
        [AccountRow.totp_on.set(True)],
        condition=AccountRow.sealed_totp == account.sealed_totp,
        change=change,
    )
