"""Use cases of accounts: make, read, disable, reset. Their holders activate them: see `sign_in`."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights, store
from chalicelib.accounts.disclosures.service import disclose
from chalicelib.accounts.model import (
    ACTIVATION_VALIDITY,
    STAFF_ROLES,
    Account,
    AccountStatus,
    account_id_of,
    may_hold,
    why_not,
)
from chalicelib.accounts.passwords import secret_digest
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import new_secret
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error, refuse

_division_of_institution: Port[[str], str | None] = Port("division_of_institution")
"""Tells the division of an institution, None if it is not listed: the catalogue is a later step."""


@dataclass(frozen=True)
class Invitation:
    """A new or reset account with its activation code, shown once."""

    account: Account
    activation_code: str


def create_account(
    context: Context, *, account: str, name: str, role: Role, division: str, institution: str | None
) -> Invitation:
    """Make an account in the caller's area and give its activation code, once (step 2 of the notice).

    Only the province makes bureau accounts of other divisions; nobody makes one above themselves. An
    account of an institution is made by whoever the institution itself belongs to.

    Raises:
        Malformed: with the field that is wrong.
        NotFound: the division or institution is outside the caller's area.
        Refused: `already_exists`.

    """
    if role not in STAFF_ROLES:
        raise error("malformed", faults=(Fault("wrong_type", field="role"),))
    if not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    if (role is Role.INSTITUTION) != (institution is not None):
        raise error("malformed", faults=(Fault("wrong_type", field="institution"),))
    if not may_hold(context.principal, role):
        raise error("not_found")
    rights.require(context.principal, "account.create", division=division)
    if institution is not None:
        its_division = _division_of_institution(institution)
        if its_division is None:
            raise error("malformed", faults=(Fault("unknown_institution", field="institution"),))
        rights.require(context.principal, "account.create", division=its_division)
    code = new_secret("activation")
    account_id = account_id_of(account)
    pending = Account(
        id=account_id,
        account=account.strip().lower(),
        sealed_name=seal_name(account_id, name),
        role=role,
        division=division,
        institution=institution,
        status=AccountStatus.PENDING,
        activation_hash=secret_digest(code),
        activation_until=context.now + ACTIVATION_VALIDITY,
    )
    store.create_account(pending, change_of(context, "account.create"))
    return Invitation(pending, code)


def read_account(context: Context, account_id: str, action: str = "account.read") -> Account:
    """Read an account of the caller's area.

    Raises:
        NotFound: there is none, or it is outside the area.

    """
    account = store.find_account(account_id)
    if account is None:
        raise error("not_found")
    rights.require(context.principal, action, division=account.division)
    return account


def allowed_actions(principal: Principal, account: Account) -> list[str]:
    """List what this caller may do with an account now."""
    return rights.offered(
        principal,
        {"disable": "account.disable", "reset": "account.reset"},
        lambda action: why_not(action, account, principal),
        division=account.division,
    )


def list_accounts(context: Context, division: str | None, request: PageRequest) -> Page[Account]:
    """List the accounts of a division of the caller's area and below it (by default the caller's own)."""
    area = division or context.principal.division
    rights.require(context.principal, "account.read", division=area)
    return store.list_accounts(area, request)


def disable(context: Context, account_id: str, *, version: int, reason: str) -> Account:
    """Switch an account off; within `guard.STATUS_CACHE_SECONDS` its tokens stop working everywhere.

    Raises:
        NotFound: see `read_account`; also of an account above the caller.
        Refused: `version_conflict`, or `wrong_state` where it is off already.

    """
    account = read_account(context, account_id, "account.disable")
    refuse(why_not("disable", account, context.principal, version=version))
    change = change_of(context, "account.disable", reason=reason)
    return store.disable_account(account.id, version=version, change=change)


def reset(context: Context, account_id: str, *, version: int) -> Invitation:
    """Take an account's password and second factor away and give a new activation code, once.

    Raises:
        NotFound: see `read_account`; also of an account above the caller.
        Refused: `version_conflict`.

    """
    account = read_account(context, account_id, "account.reset")
    refuse(why_not("reset", account, context.principal, version=version))
    code = new_secret("activation")
    account = store.await_activation(
        account.id,
        code_hash=secret_digest(code),
        until=context.now + ACTIVATION_VALIDITY,
        version=version,
        change=change_of(context, "account.reset"),
    )
    return Invitation(account, code)


def seal_name(account_id: str, name: str) -> str:
    """Seal the holder's name for the account."""
    return crypto.seal(name.encode(), item=account_id)


def names_of(context: Context, accounts: Sequence[Account], *, subject: str) -> list[str]:
    """Open the holders' names; one record of the subject (an account, a division's list) tells who looked."""
    sealed = [SealedText(account.sealed_name, account.id) for account in accounts]
    division = accounts[0].division if len(accounts) == 1 else subject
    opened = disclose(context, sealed, subject=subject, division=division, purpose="show accounts")
    return [name.decode() for name in opened]
