"""Staff accounts: their states, and who may do what with one."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import AccountId, derived_id
from chalicelib.kernel.principal import Change, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

STAFF_ROLES = (Role.INSTITUTION, Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE)
ACTIVATION_VALIDITY = timedelta(days=7)


class AccountStatus(StrEnum):
    """An account waits for its first password, works, or is switched off."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


ACCOUNT_TRANSITIONS = Transitions(
    "account",
    {
        "activate": Step((AccountStatus.PENDING,), AccountStatus.ACTIVE),
        "disable": Step((AccountStatus.PENDING, AccountStatus.ACTIVE), AccountStatus.DISABLED),
        "reset": Step(tuple(AccountStatus), AccountStatus.PENDING),
    },
)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One staff member's account; `name` and the TOTP secret are sealed, the password is an argon2id hash.

    Whatever was signed in before `password_set_at` is out. A TOTP secret counts once its holder has proved
    it (`totp_on`).
    """

    id: AccountId
    account: str
    sealed_name: str
    role: Role
    division: str
    status: AccountStatus
    institution: str | None = None
    password_hash: str | None = None
    password_set_at: datetime | None = None
    activation_hash: str | None = None
    activation_until: datetime | None = None
    sealed_totp: str | None = None
    totp_on: bool = False
    version: int = 1
    last_change: Change | None = None


def account_id_of(account: str) -> AccountId:
    """Give the id of an account name: names are unique whatever their case."""
    return AccountId(derived_id("acc", account.strip().lower()))


def principal_of(account: Account) -> Principal:
    """Describe the holder of an account as a caller."""
    return Principal(
        actor=account.id, role=account.role, division=account.division, institution=account.institution
    )


def stands(account: Account | None, principal: Principal, issued_at: float) -> bool:
    """Tell whether an account still is what a token or session of it, begun at this second, says."""
    if account is None or account.status is not AccountStatus.ACTIVE or principal_of(account) != principal:
        return False
    return account.password_set_at is None or issued_at >= int(account.password_set_at.timestamp())


def may_hold(principal: Principal, role: Role) -> bool:
    """Tell whether a caller may make, change or reset accounts of a role: whoever resets one could hold it.

    The province's own accounts are the province's alone, also where a clerk belongs to the province's bureau.
    """
    return role is not Role.PROVINCE or principal.role is Role.PROVINCE


def why_not(
    action: str, account: Account, principal: Principal, *, version: int | None = None
) -> DomainError | None:
    """Tell what stands against an action of `ACCOUNT_TRANSITIONS`; `version` is the one that was decided on.

    Of its right to act the caller knows already (`rights`). The store's conditions are the truth of it.
    """
    if not may_hold(principal, account.role):
        return error("not_found")
    if version is not None and version != account.version:
        return error("version_conflict", version=account.version)
    if not ACCOUNT_TRANSITIONS.allows(action, account.status):
        return error("wrong_state", status=account.status.value)
    return None
