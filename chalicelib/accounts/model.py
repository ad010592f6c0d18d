"""Staff accounts: states, lock-out, and what an account may be made for."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.ids import AccountId, derived_id
from chalicelib.kernel.principal import Change, Principal, Role

STAFF_ROLES = (Role.INSTITUTION, Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE)
FREE_FAILURES = 5
LOCK_FIRST = timedelta(minutes=1)
LOCK_LONGEST = timedelta(hours=4)


class AccountStatus(StrEnum):
    """An account waits for its first password, works, or is switched off."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One staff member's account; `name` is sealed, the password is an argon2id hash."""

    id: AccountId
    account: str
    sealed_name: str
    role: Role
    division: str
    status: AccountStatus
    institution: str | None = None
    password_hash: str | None = None
    activation_hash: str | None = None
    failures: int = 0
    locked_until: datetime | None = None
    version: int = 1
    last_change: Change | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One family of refresh tokens: only its newest member is good, a spent one ends it."""

    id: str
    actor: str
    role: Role
    current_hash: str
    expires: int
    person_key: str | None = None


def account_id_of(account: str) -> AccountId:
    """Give the id of an account name: names are unique whatever their case."""
    return AccountId(derived_id("acc", account.strip().lower()))


def principal_of(account: Account) -> Principal:
    """Describe the holder of an account as a caller."""
    return Principal(
        actor=account.id, role=account.role, division=account.division, institution=account.institution
    )


def locked_until_after(failures: int, now: datetime) -> datetime | None:
    """Tell until when an account rests after so many failures in a row: doubling, at most four hours."""
    if failures < FREE_FAILURES:
        return None
    delay: timedelta = LOCK_FIRST * int(2 ** min(failures - FREE_FAILURES, 20))
    return now + min(delay, LOCK_LONGEST)


def is_locked(account: Account, now: datetime) -> bool:
    """Tell whether the account rests after failed sign-ins."""
    return account.locked_until is not None and account.locked_until > now
