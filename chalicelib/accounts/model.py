"""Staff accounts: their states, and who may do what with one."""

import hashlib
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.clocks import PROPOSED_DAYS
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import AccountId, PersonKey, derived_id
from chalicelib.kernel.principal import Change, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

STAFF_ROLES = (Role.INSTITUTION, Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE)
DECIDERS = frozenset({Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE})
"""Whose accounts are asked for by one person and confirmed by another."""
CLIENT = "cli"
"""How the id of a program's account begins."""
ACTIVATION_VALIDITY = timedelta(days=7)
PROPOSAL_VALIDITY = timedelta(days=PROPOSED_DAYS)
REPEAT_VALIDITY = timedelta(minutes=10)
"""So long the holder who did not hear the answer may send the same activation again."""


class AccountStatus(StrEnum):
    """An account is asked for, waits for its first password, works, or is switched off.

    `proposed`: a second person has to confirm it; `pending`: it waits for its first password, which a program
    never does; `active`: in use; `disabled`: refused, switched off or revoked; `lapsed`: it was not confirmed
    in time, or a program's is over.
    """

    PROPOSED = "proposed"
    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"
    LAPSED = "lapsed"


_A = AccountStatus

ACCOUNT_TRANSITIONS = Transitions(
    "account",
    {
        "confirm": Step((_A.PROPOSED,), _A.PENDING),
        "activate": Step((_A.PENDING,), _A.ACTIVE),
        "disable": Step((_A.PROPOSED, _A.PENDING, _A.ACTIVE), _A.DISABLED),
        "reset": Step(tuple(_A), _A.PENDING),
        "propose_reset": Step(tuple(_A), _A.PROPOSED),
        "lapse": Step((_A.PROPOSED,), _A.LAPSED),
    },
)


class SoftwareKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key (RFC 7517) that software proves itself by, with the one algorithm it is good for."""

    kid: str
    alg: str
    jwk: dict[str, str]
    added_at: datetime

    @property
    def mark(self) -> str:
        """Tell it from every other key: what is signed in by it says so, and ends with it."""
        raw = msgspec.json.encode([self.kid, self.jwk], order="deterministic")
        return hashlib.sha256(raw).hexdigest()[:32]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where a program is told what happens to what it may read, and of which kinds of event it is told."""

    url: str
    events: list[str]


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """What a program of an institution or a bureau is, and may do: see `accounts.clients`.

    `made_by` are those by whose hands who asked for it had an account then: they do not decide on it.
    `webhook` is confirmed with it, and changed as it is: asked for anew (`exchange.webhooks`).
    """

    name: str
    purpose: str
    scopes: list[str]
    keys: list[SoftwareKey]
    confirmed_at: datetime | None = None
    made_by: list[str] = []
    webhook: Webhook | None = None


PROGRAM_PREFIX = "software:"
"""Begins the account names of programs, which people's cannot have."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One person's account, or with `software` that of a program, which has no password.

    `name` and the TOTP secret are sealed, the password is an argon2id hash. Whose it is tells `person_key`,
    for good; accounts from before persons were asked for have none until their next reset. `proposed_by`
    asked for it (or for its reset), `confirmed_by` is another person, who confirmed version
    `confirmed_version`. Its holder signs in from `works_from` on. Whatever was signed in before
    `password_set_at` is out. A TOTP secret counts once its holder has proved it (`totp_on`). A program's
    account is good until `good_until`; `used_at` is when it last signed in, to the day. In `since_version` it
    was last asked for anew or reset; what is older was another matter (`is_past`).
    """

    id: AccountId
    account: str
    sealed_name: str
    role: Role
    division: str
    status: AccountStatus
    institution: str | None = None
    person_key: PersonKey | None = None
    masked_id_number: str | None = None
    proposed_by: str | None = None
    proposed_until: datetime | None = None
    confirmed_by: str | None = None
    confirmed_version: int | None = None
    works_from: date | None = None
    password_hash: str | None = None
    password_set_at: datetime | None = None
    activation_hash: str | None = None
    activation_until: datetime | None = None
    activated_hash: str | None = None
    sealed_totp: str | None = None
    totp_on: bool = False
    totp_proof_hash: str | None = None
    totp_on_at: datetime | None = None
    software: Software | None = None
    good_until: datetime | None = None
    used_at: datetime | None = None
    since_version: int | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def holder(self) -> str:
        """The key of the person whose account this is; its own id where that is not known."""
        return self.person_key or self.id


def account_id_of(account: str) -> AccountId:
    """Give the id of an account name: names are unique whatever their case."""
    return AccountId(derived_id("acc", account.strip().lower()))


def principal_of(account: Account) -> Principal:
    """Describe the holder of an account as a caller, as a token does."""
    return Principal(
        actor=account.id, role=account.role, division=account.division, institution=account.institution
    )


def stands(account: Account | None, principal: Principal, issued_at: float) -> bool:
    """Tell whether an account still is what a token or session of it, begun at this second, says.

    How long a program's account is good is asked when it signs in, whose token lives for minutes, and no
    longer than the key that it was got by.
    """
    if account is None or account.status is not AccountStatus.ACTIVE:
        return False
    key, holder = principal.key, principal_of(account)
    known = {key.mark for key in account.software.keys} if account.software is not None else {None}
    said = msgspec.structs.replace(holder, key=key, scopes=principal.scopes)
    if key not in known or said != principal or (principal.scopes is not None and account.software is None):
        return False
    return account.password_set_at is None or issued_at >= int(account.password_set_at.timestamp())


def is_past(account: Account, version: int) -> bool:
    """Tell whether a version that a right was to be taken away by is none of the account as it now stands.

    What its holder does (a second factor, a program's day of use, another key) counts the version up as well.
    It stands against nobody who takes the right away, or who holds a stolen key could keep it by using it:

        version 2   confirmed; the school's office has this page open
        version 3   the program signs in      version 4   whoever stole its key adds another
        revoked by what version 2 showed: it is over. Asked for anew as 6, it is not: 2 was the one before
    """
    return not (account.since_version or 1) <= version <= account.version


def may_hold(principal: Principal, role: Role) -> bool:
    """Tell whether a caller may make, change or reset accounts of a role.

    The province's own accounts are the province's alone, also where a clerk belongs to the province's bureau.
    """
    return role is not Role.PROVINCE or principal.role is Role.PROVINCE


def is_confirmed(account: Account, principal: Principal, version: int) -> bool:
    """Tell whether this very version was confirmed by the caller before: the answer was lost on its way."""
    return (
        account.confirmed_version == version
        and principal.had_hand_in(account.confirmed_by)
        and account.status in (AccountStatus.PENDING, AccountStatus.ACTIVE)
    )


def _is_of_another(action: str, account: Account, version: int) -> bool:
    """Tell whether a version that was decided on is none by which this may be done now.

    A reset takes the password away from an account that works. One that was switched off it brings back:
    whoever wants that has to have seen it switched off, or a page from before would undo it unawares.
    """
    takes_away = action == "disable" or (action == "reset" and account.status is _A.ACTIVE)
    return is_past(account, version) if takes_away else version != account.version


def why_not(
    action: str, account: Account, principal: Principal, *, now: datetime, version: int | None = None
) -> DomainError | None:
    """Tell what stands against disabling, resetting or confirming; `version` is the one that was decided on.

    Of its right to act the caller knows already (`rights`). A second person confirms, who is not the holder
    either. Example: clerk 甲 asks for a reviewer's account for 乙 on 1 September. A supervisor or the
    province may confirm it until 1 October, unless they are 甲 or 乙 under another account. The
    store's conditions are the truth of it.
    """
    if not may_hold(principal, account.role):
        return error("not_found")
    if action == "confirm" and principal.had_hand_in(account.proposed_by, account.id, account.person_key):
        return error("self_approval")
    if version is not None and _is_of_another(action, account, version):
        return error("version_conflict", version=account.version)
    if not ACCOUNT_TRANSITIONS.allows(action, account.status):
        return error("wrong_state", status=account.status.value)
    if action == "confirm" and account.proposed_until is not None and now >= account.proposed_until:
        return error("wrong_state", status=AccountStatus.LAPSED.value)
    return None
