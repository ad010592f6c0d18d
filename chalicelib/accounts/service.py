"""Use cases of accounts: make, activate, read, disable, reset."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import rights, store
from chalicelib.accounts.attempts import store as attempts
from chalicelib.accounts.credentials import Credentials, counted, own_change
from chalicelib.accounts.model import (
    ACTIVATION,
    STAFF_ROLES,
    Account,
    AccountStatus,
    account_id_of,
    is_weak,
)
from chalicelib.accounts.passwords import hash_password, secret_digest
from chalicelib.aws import crypto
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, Refused
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error

_division_of_institution: Port[[str], str | None] = Port("division_of_institution")
"""Tells the division of an institution, None if it is not listed: the catalogue is a later step."""


@dataclass(frozen=True)
class Invitation:
    """A new or reset account with its activation code, shown once."""

    account: Account
    activation_code: str


# --------------------------------------------------------------------------- accounts


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
    _require_not_above(context.principal, role)
    rights.require(context.principal, "account.create", division=division)
    if institution is not None:
        of_institution = _division_of_institution(institution)
        if of_institution is None:
            raise error("malformed", faults=(Fault("unknown_institution", field="institution"),))
        rights.require(context.principal, "account.create", division=of_institution)
    code = secrets.token_urlsafe(12)
    made = Account(
        id=account_id_of(account),
        account=account.strip().lower(),
        sealed_name=seal_name(account_id_of(account), name),
        role=role,
        division=division,
        institution=institution,
        status=AccountStatus.PENDING,
        activation_hash=secret_digest(code),
        activation_until=context.now + ACTIVATION,
    )
    store.create_account(made, change_of(context, "account.create"))
    return Invitation(made, code)


def _require_not_above(principal: Principal, role: Role) -> None:
    """Keep the province's own accounts to the province: a clerk who reset one would hold it.

    Raises:
        NotFound: the account is above the caller.

    """
    if role is Role.PROVINCE and principal.role is not Role.PROVINCE:
        raise error("not_found")


def activate(given: Credentials, activation_code: str, *, now: datetime, request_id: str) -> None:
    """Set the first password with the one-time activation code, within `ACTIVATION` of its making.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.
        Malformed: `weak_password`, whoever asks.
        TooMany: too many failures from this source.

    """
    if is_weak(given.account, given.password):
        raise error("malformed", faults=(Fault("weak_password", field="password"),))
    account_id = account_id_of(given.account)
    code_hash = secret_digest(activation_code)
    with counted(given.source, now):
        found = store.find_account(account_id)
        password_hash = hash_password(given.password)
        good = (
            found is not None
            and found.status is AccountStatus.PENDING
            and hmac.compare_digest(found.activation_hash or "", code_hash)
            and (found.activation_until is None or now < found.activation_until)
        )
        if found is None or not good:
            raise error("sign_in_failed")
        try:
            store.set_password(
                account_id,
                password_hash=password_hash,
                sources=(AccountStatus.PENDING,),
                code_hash=code_hash,
                change=own_change(found, "activate", now, request_id),
            )
        except Refused:  # another activation or a reset was first
            raise error("sign_in_failed") from None
    attempts.forget(account_id)


def read_account(context: Context, account_id: str, action: str = "account.read") -> Account:
    """Read an account of the caller's area."""
    found = store.find_account(account_id)
    if found is None:
        raise error("not_found")
    rights.require(context.principal, action, division=found.division)
    if action != "account.read":
        _require_not_above(context.principal, found.role)
    return found


def allowed_actions(principal: Principal, account: Account) -> list[str]:
    """List what this caller may do with an account now."""
    if account.role is Role.PROVINCE and principal.role is not Role.PROVINCE:
        return []
    open_ones = ["reset"] if account.status is AccountStatus.DISABLED else ["disable", "reset"]
    return [
        action
        for action in open_ones
        if rights.reaches(principal, f"account.{action}", division=account.division)
    ]


def list_accounts(context: Context, division: str | None, request: PageRequest) -> Page[Account]:
    """List the accounts of a division of the caller's area and below it (by default the caller's own)."""
    wanted = division or context.principal.division
    rights.require(context.principal, "account.read", division=wanted)
    return store.list_accounts(wanted, request)


def disable(context: Context, account_id: str, *, version: int, reason: str) -> Account:
    """Switch an account off; within `STATUS_CACHE_SECONDS` its tokens stop working everywhere."""
    read_account(context, account_id, "account.disable")
    change = change_of(context, "account.disable", reason=reason)
    return store.disable_account(account_id, version=version, change=change)


def reset(context: Context, account_id: str, *, version: int) -> Invitation:
    """Take an account's password and second factor away and give a new activation code, once."""
    read_account(context, account_id, "account.reset")
    code = secrets.token_urlsafe(12)
    change = change_of(context, "account.reset")
    account = store.await_activation(
        account_id,
        code_hash=secret_digest(code),
        until=context.now + ACTIVATION,
        version=version,
        change=change,
    )
    return Invitation(account, code)


# --------------------------------------------------------------------------- secrets


def seal_name(account_id: str, name: str) -> str:
    """Seal the holder's name for the account."""
    return crypto.seal(name.encode(), item=account_id)


def name_of(account: Account) -> str:
    """Open the holder's name."""
    return crypto.open_sealed(account.sealed_name, item=account.id, purpose="show account").decode()
