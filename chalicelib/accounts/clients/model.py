"""A program's credential: its states, how long it is good, and who may decide on it.

    1 Sept   the school's office asks for its timetable program, with a public key and what it may do
    2 Sept   a clerk, another person, confirms it: it proves itself by its private key, which it never sends
    9 Sept   its first day; each day that it signs in, it is good for ninety days more, for two years at most
    1 Oct    it adds its next key and retires the old one a day later: two are good at once, never none
    5 Oct    the school is suspended: no token, and those that it has stop; reinstated, it goes on

What it may do is a part of what its role may (`rights.may_be_softwares`), asked at the time of use.
"""

from datetime import datetime, timedelta
from typing import Final

from chalicelib.accounts.model import CLIENT, Account, AccountStatus, is_past, may_hold
from chalicelib.kernel.clocks import PROPOSED_DAYS
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import AccountId, derived_id
from chalicelib.kernel.names import folded
from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

UNDECIDED_FOR = timedelta(days=PROPOSED_DAYS)
UNUSED_FOR = timedelta(days=90)
"""So long one that does not sign in is good. No source fixes it: a term passes without its program."""
GOOD_FOR = timedelta(days=730)
"""So long after its confirmation it has to be asked for anew. No source fixes it."""
KEYS_MAX = 2

_A = AccountStatus
CLIENT_TRANSITIONS: Transitions[AccountStatus] = Transitions(
    "client",
    {
        "confirm": Step((_A.PROPOSED,), _A.ACTIVE),
        "refuse": Step((_A.PROPOSED,), _A.DISABLED),
        "revoke": Step((_A.PROPOSED, _A.ACTIVE), _A.DISABLED),
        "rotate": Step((_A.ACTIVE,), _A.ACTIVE),
        "lapse": Step((_A.PROPOSED,), _A.LAPSED),
        "ask_again": Step((_A.PROPOSED, _A.ACTIVE, _A.DISABLED, _A.LAPSED), _A.PROPOSED),
    },
)
"""`ask_again` leads out of `proposed` and `active` only once these are over: see `status_shown`."""


def client_id_of(role: Role, division: str, institution: str | None, name: str) -> AccountId:
    """Give the id of a program: one owner has one of a name."""
    owner = institution or f"{division}:{role}"
    return AccountId(derived_id(CLIENT, owner, folded(name)))


def status_shown(client: Account, now: datetime) -> AccountStatus:
    """Tell a program's state now: what was undecided or unused too long has lapsed, recorded or not."""
    ends = client.proposed_until if client.status is _A.PROPOSED else client.good_until
    if client.status in (_A.PROPOSED, _A.ACTIVE) and ends is not None and ends <= now:
        return _A.LAPSED
    return client.status


def good_until(confirmed_at: datetime, now: datetime) -> datetime:
    """Tell until when a program is good that was confirmed then and is in use now."""
    return min(now + UNUSED_FOR, confirmed_at + GOOD_FOR)


PROGRAMS_MAX: Final = 50
"""Names of programs of one owner, whether they are over or not. No source fixes it: a school buys a few, and
a list that everybody reads has to stay short."""


def can_be_asked_again(client: Account, now: datetime) -> bool:
    """Tell whether a program of this name is over, so that it may be asked for anew."""
    return status_shown(client, now) in (_A.DISABLED, _A.LAPSED)


def why_not(
    action: str, client: Account, principal: Principal, *, now: datetime, version: int | None = None
) -> DomainError | None:
    """Tell what stands against confirming, refusing or revoking; `version` is the one that was decided on.

    Of its right to act the caller knows already (`rights`). Another person decides than who asked, under
    whatever account, or who made, confirmed or reset the account of who asked in the thirty days before: a
    clerk could make an accomplice's account, and confirm what that asks for. Of a bureau's program a
    supervisor or the province decides. `store.decide` holds it under races: by the version who made, too.
    What the program itself does stands against no revoking (`is_past`).
    """
    if not may_hold(principal, client.role):
        return error("not_found")
    if action in ("confirm", "refuse"):
        if client.role is not Role.INSTITUTION and principal.role is Role.CLERK:
            return error("forbidden")
        makers = client.software.made_by if client.software is not None else []
        if principal.had_hand_in(client.proposed_by, *makers):
            return error("self_approval")
    takes_away = action == "revoke"
    if version is not None and (is_past(client, version) if takes_away else version != client.version):
        return error("version_conflict", version=client.version)
    shown = status_shown(client, now)
    if not CLIENT_TRANSITIONS.allows(action, shown):
        return error("wrong_state", status=shown.value)
    return None


def why_not_rotate(
    client: Account, *, kid: str, adds: bool, signed_in_by: str | None, now: datetime, version: int
) -> DomainError | None:
    """Tell what stands against adding a key of this name, or retiring it: one or two there are.

    It retires no key that it is signed in by (the mark of that one is given): so it has proved the one that
    is left. Nor does it retire the last, should the one it is signed in by have gone meanwhile. Its own uses
    count the version up, which it cannot read: they do not stand against it (`is_past`).
    """
    assert client.software is not None
    if is_past(client, version):
        return error("version_conflict", version=client.version)
    if status_shown(client, now) is not _A.ACTIVE:
        return error("wrong_state", status=status_shown(client, now).value)
    keys = {key.kid: key for key in client.software.keys}
    if adds:
        if len(keys) >= KEYS_MAX:
            return error("keys_full", most=KEYS_MAX)
        return error("already_exists") if kid in keys else None
    if kid not in keys:
        return error("not_found")
    return error("key_in_use") if keys[kid].mark == signed_in_by or len(keys) == 1 else None
