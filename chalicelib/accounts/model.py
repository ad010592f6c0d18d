"""Staff accounts: their states, their sessions, and which passwords are too weak."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.ids import AccountId, derived_id
from chalicelib.kernel.principal import Change, Principal, Role

STAFF_ROLES = (Role.INSTITUTION, Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE)
TOTP_ROLES = frozenset({Role.REVIEWER, Role.FINANCE, Role.PROVINCE})
"""Who needs a second factor where the setting `TOTP_REQUIRED` is on; anyone may have one."""
ACTIVATION = timedelta(days=7)
_DISTINCT_MIN = 5


class AccountStatus(StrEnum):
    """An account waits for its first password, works, or is switched off."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


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


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One family of refresh tokens: only its newest member is good, a spent one ends it."""

    id: str
    actor: str
    role: Role
    current_hash: str
    expires: int
    begun_at: datetime | None = None
    person_key: str | None = None


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


def is_weak(account: str, password: str) -> bool:
    """Tell whether a password of good length is still guessed first.

    After NIST SP 800-63B-4, 3.1.1.2: length and a look at what is expected, no rules of composition.
    """
    folded = password.casefold()
    return (
        account.strip().casefold() in folded
        or len(set(folded)) < _DISTINCT_MIN
        or folded in "01234567890123456789" * 2
        or folded in "98765432109876543210" * 2
        or folded in _GUESSED_FIRST
    )


_GUESSED_FIRST = frozenset(
    {
        "password123",
        "password1234",
        "passw0rd123",
        "1q2w3e4r5t6y",
        "qwertyuiop",
        "qwerty123456",
        "qwertyuiop123",
    }
    | {
        "admin123456",
        "abc1234567",
        "abcd123456",
        "a123456789",
        "1qaz2wsx3edc",
        "woaini1314520",
        "changeme123",
    }
)
"""Of ten characters or more, from published lists; shorter ones never get here."""
