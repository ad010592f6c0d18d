"""Use cases of programs' credentials: asked for by one, confirmed by another person, revoked by one."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from chalicelib.accounts import rights
from chalicelib.accounts import store as account_store
from chalicelib.accounts.access_tokens import write_token
from chalicelib.accounts.clients import store
from chalicelib.accounts.clients.addresses import is_public_address
from chalicelib.accounts.clients.assertions import prove, use_up
from chalicelib.accounts.clients.keys import is_same
from chalicelib.accounts.clients.model import (
    PROGRAMS_MAX,
    UNDECIDED_FOR,
    can_be_asked_again,
    client_id_of,
    good_until,
    status_shown,
    why_not,
    why_not_rotate,
)
from chalicelib.accounts.duties.service import asking
from chalicelib.accounts.model import (
    PROGRAM_PREFIX,
    Account,
    AccountStatus,
    Software,
    SoftwareKey,
    Webhook,
    may_hold,
    principal_of,
)
from chalicelib.accounts.refusals.store import keep_refusal
from chalicelib.accounts.service import seal_name
from chalicelib.accounts.sign_in.credentials import counted
from chalicelib.aws.writes import ConditionFailed, until_written
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.paging import LIMIT_MAX, Page, PageRequest, cut
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import BUREAU_ROLES, Change, Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error, refuse

TOKEN_SECONDS = 900
_SCOPE_SHOWN_CHARS = 64
ACTION_RIGHTS = {"confirm": "client.decide", "refuse": "client.decide", "revoke": "client.revoke"}
_KEPT = frozenset({"self_approval", "forbidden"})

_institution_stands: Port[[str], bool] = Port("institution_stands")
"""Tells whether an institution is listed and not suspended: the catalogue is a later step."""


_events_told: Port[[Sequence[str]], Collection[str]] = Port("events_told")
"""Names the events of which a program with these scopes may be told: what happens is later steps' to say."""


def is_suspended(institution: str) -> bool:
    """Tell whether an institution's programs get nothing now."""
    return not _institution_stands(institution)


# --------------------------------------------------------------------------- asking for one


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for: a program by its name, what it is for, what it may do, and its first key."""

    name: str
    purpose: str
    role: Role | None
    scopes: Sequence[str]
    key: SoftwareKey
    webhook: Webhook | None = None


def ask(context: Context, wish: Wish) -> Account:
    """Ask for a program of the caller's own institution, or of their bureau in one of its roles.

    One owner has one program of a name; the same wish again is the one that waits, or is confirmed, already.

    Raises:
        Malformed: the role or a scope is none that such a program can have; so of its webhook's address and
            events: of each it has the right to read.
        NotFound: it is to have the rights of one above the caller.
        Refused: `already_exists`, another wish under the name is not over; `too_many_programs`.

    """
    principal = context.principal
    role = _role_of(principal, wish.role)
    rights.require(principal, "client.ask", division=principal.division, institution=principal.institution)
    if not may_hold(principal, role):
        raise error("not_found")
    _refuse_scopes(role, wish.scopes)
    webhook = _webhook_of(wish)
    client_id = client_id_of(role, principal.division, principal.institution, wish.name)
    wished = Software(
        name=wish.name,
        purpose=wish.purpose,
        scopes=sorted(set(wish.scopes)),
        keys=[wish.key],
        webhook=webhook,
    )

    def attempt() -> Account:
        before = store.find(client_id)
        if before is not None and not can_be_asked_again(before, context.now):
            if _is_wish(before, wished, principal):
                return before
            refuse(error("already_exists"))
        if before is None and len(_programs_of(principal)) >= PROGRAMS_MAX:
            refuse(error("too_many_programs", most=PROGRAMS_MAX))
        asker = account_store.find_account(principal.actor)
        makers, beside = asking(asker, client_id, context.now) if asker is not None else ([], [])
        client = Account(
            id=client_id,
            account=PROGRAM_PREFIX + client_id,
            sealed_name=seal_name(client_id, wish.name),
            role=role,
            division=principal.division,
            institution=principal.institution,
            status=AccountStatus.PROPOSED,
            proposed_by=principal.actor,
            proposed_until=context.now + UNDECIDED_FOR,
            software=msgspec.structs.replace(wished, made_by=makers),
            since_version=before.version + 1 if before is not None else None,
            version=before.version + 1 if before is not None else 1,
        )
        store.ask(client, before, change_of(context, "client.ask", reason=wish.purpose), beside=beside)
        stored = store.find(client_id)
        assert stored is not None
        return stored

    return until_written(attempt)


def _programs_of(principal: Principal) -> Sequence[Account]:
    """Give the programs of who asks: of their institution, or of their bureau's own."""
    if principal.institution is not None:
        return store.of_institution(principal.institution)
    below = account_store.programs_in(principal.division, PageRequest(limit=LIMIT_MAX)).items
    return [one for one in below if (one.division, one.institution) == (principal.division, None)]


def _role_of(principal: Principal, wished: Role | None) -> Role:
    role = wished or principal.role
    own = role is Role.INSTITUTION if principal.role is Role.INSTITUTION else role in BUREAU_ROLES
    if not own:
        raise error("malformed", faults=(Fault("wrong_type", field="role"),))
    return role


def _refuse_scopes(role: Role, scopes: Sequence[str]) -> None:
    faults = [
        Fault("scope_refused", field=f"scopes[{index}]")
        for index, scope in enumerate(scopes)
        if not rights.may_be_softwares(role, scope)
    ]
    if faults:
        raise error("malformed", faults=tuple(faults))


def _webhook_of(wish: Wish) -> Webhook | None:
    if wish.webhook is None:
        return None
    url, events = wish.webhook.url, wish.webhook.events
    faults = [] if is_public_address(url) else [Fault("address_refused", field="webhook.url")]
    known = _events_told(wish.scopes)
    faults += [
        Fault("event_refused", field=f"webhook.events[{index}]", facts={"known": ", ".join(sorted(known))})
        for index, event in enumerate(events)
        if event not in known
    ]
    if faults:
        raise error("malformed", faults=tuple(faults))
    return Webhook(url=url, events=sorted(set(events)))


def _is_wish(known: Account, wished: Software, principal: Principal) -> bool:
    software = known.software
    return (
        software is not None
        and principal.had_hand_in(known.proposed_by)
        and (software.purpose, software.scopes) == (wished.purpose, wished.scopes)
        and software.webhook == wished.webhook
        and len(software.keys) == 1
        and is_same(software.keys[0], wished.keys[0])
        and software.keys[0].kid == wished.keys[0].kid
    )


# --------------------------------------------------------------------------- reading


def read(context: Context, client_id: str, action: str = "client.read") -> Account:
    """Read a program of the caller's own institution or area.

    Raises:
        NotFound: there is none, or it is another's.

    """
    client = store.find(client_id)
    if client is None:
        raise error("not_found")
    rights.require(context.principal, action, division=client.division, institution=client.institution)
    return client


def list_clients(context: Context, division: str | None, request: PageRequest) -> Page[Account]:
    """List the programs of the caller's institution, or of a division of their area and below it."""
    principal = context.principal
    rights.admit(principal, "client.read")
    if principal.institution is not None:
        return cut(store.of_institution(principal.institution), request, key=lambda client: client.id)
    area = division or principal.division
    rights.require(principal, "client.read", division=area)
    return account_store.programs_in(area, request)


def allowed_actions(context: Context, client: Account) -> list[str]:
    """List what this caller may do with a program now."""
    return rights.offered(
        context.principal,
        ACTION_RIGHTS,
        lambda action: why_not(action, client, context.principal, now=context.now),
        division=client.division,
        institution=client.institution,
    )


# --------------------------------------------------------------------------- deciding, ending


def decide(
    context: Context, client_id: str, action: str, *, version: int, reason: str | None = None
) -> Account:
    """Confirm or refuse as a second person that a program is to have a credential.

    Raises:
        NotFound: see `read`; also of a program above the caller.
        Forbidden: `self_approval`; `forbidden` to a clerk, of a bureau's program.
        Refused: `version_conflict`, or `wrong_state`: it does not wait, or waited too long.

    """
    client = read(context, client_id, "client.decide")
    principal, now = context.principal, context.now
    try:
        refuse(why_not(action, client, principal, now=now, version=version))
    except DomainError as failure:
        if failure.code in _KEPT:
            change = change_of(context, f"client.refuse_{action}", reason=failure.code)
            keep_refusal(client.id, division=client.division, code=failure.code, change=change)
            failure.is_recorded = True
        raise
    assert client.software is not None
    try:
        return store.decide(
            client,
            action,
            version=version,
            by=principal.actor,
            hands=principal.hands,
            software=msgspec.structs.replace(client.software, confirmed_at=now),
            good_until=good_until(now, now),
            change=change_of(context, f"client.{action}", reason=reason),
        )
    except ConditionFailed:
        raise error("self_approval") from None


def revoke(context: Context, client_id: str, *, version: int, reason: str) -> Account:
    """Take a program's credential away: one person's word is enough to take a right away.

    Any version since it was asked for will do: whoever stole its key cannot hold this up by using it.

    Raises:
        NotFound: see `read`.
        Refused: `version_conflict`, it was asked for anew since; or `wrong_state` where it is over already.

    """
    client = read(context, client_id, "client.revoke")
    refuse(why_not("revoke", client, context.principal, now=context.now, version=version))
    return store.revoke(client, version=version, change=change_of(context, "client.revoke", reason=reason))


# --------------------------------------------------------------------------- its keys


def add_key(
    context: Context, client_id: str, read: Callable[[datetime], SoftwareKey], *, version: int
) -> Account:
    """Give a program another key: only itself does, signed in by one that it has, so that none is slipped in.

    Raises:
        NotFound: the caller is not this program, whatever key it brings.
        Forbidden: `insufficient_scope`, its token is of less than it has.
        Impossible: what `read` says of a key that cannot be used.
        Refused: `already_exists`, `keys_full`, `version_conflict`, or it is over.

    """
    change = change_of(context, "client.add_key")

    def attempt() -> Account:
        client, software = _itself(context, client_id)
        key = read(context.now)
        known = next((has for has in software.keys if is_same(has, key)), None)
        kid = known.kid if known is not None else key.kid
        refuse(why_not_rotate(client, kid=kid, adds=True, **_said(context, version)))
        after = msgspec.structs.replace(software, keys=[*software.keys, key])
        return store.rotate(client, after, change=change)

    return until_written(attempt)


def retire_key(context: Context, client_id: str, kid: str, *, version: int) -> Account:
    """Take one of a program's keys away, as the program itself, signed in by the other.

    Raises:
        NotFound: the caller is not this program, or it has no such key.
        Forbidden: `insufficient_scope`, its token is of less than it has.
        Refused: `key_in_use`, `version_conflict`, or it is over.

    """
    change = change_of(context, "client.retire_key", reason=kid)

    def attempt() -> Account:
        client, software = _itself(context, client_id)
        refuse(why_not_rotate(client, kid=kid, adds=False, **_said(context, version)))
        after = msgspec.structs.replace(software, keys=[key for key in software.keys if key.kid != kid])
        return store.rotate(client, after, change=change)

    return until_written(attempt)


def _said(context: Context, version: int) -> dict[str, Any]:
    return {"signed_in_by": context.principal.key, "now": context.now, "version": version}


def _itself(context: Context, client_id: str) -> tuple[Account, Software]:
    """Give the program that calls, if its token is of all that it has.

    Whoever holds a token of less could else add a key of their own, and sign in by it for the rest.
    """
    client = store.find(client_id) if context.principal.actor == client_id else None
    if client is None or client.software is None:
        raise error("not_found")
    scopes = context.principal.scopes
    if scopes is not None and not scopes.issuperset(client.software.scopes):
        raise error("insufficient_scope", scope="client.rotate")
    return client, client.software


# --------------------------------------------------------------------------- signing in


@dataclass(frozen=True)
class SoftwareSignedIn:
    """What a good assertion gives."""

    access_token: str
    principal: Principal
    scopes: list[str]


def sign_in(
    assertion: str,
    *,
    client_id: str | None,
    scope: str | None,
    audience: str,
    source: str,
    now: datetime,
    request_id: str,
) -> SoftwareSignedIn:
    """Sign a program in; the assertion is judged by the real clock, the credential by `now`.

    With `scope` (RFC 6749, 3.3) the token is good for these alone, whatever else the credential is given.

    Raises:
        Unauthenticated: see `assertions.prove`; `client_not_in_force` to who proved the key.
        Malformed: `invalid_scope`, to who proved it: more is asked for than it has.
        Refused: `institution_suspended`.
        TooMany: too many failures from this source.

    """
    real = datetime.now(UTC)
    with counted(source, real):
        proof = prove(assertion, audience=audience, now=real)
        client, software = proof.client, proof.client.software
        assert software is not None
        if client_id not in (None, client.id):  # RFC 7521, 4.2: it must name whom the assertion names
            raise error("assertion_claim", claim="sub")
        shown = status_shown(client, now)
        if shown is not AccountStatus.ACTIVE:
            raise error("client_not_in_force", status=shown.value)
        if client.institution is not None and is_suspended(client.institution):
            raise error("institution_suspended")
        scopes = _granted(client, software, scope)
        if client.used_at is None or shanghai_date(client.used_at) != shanghai_date(now):
            _note_use(client, now, request_id)
        use_up(proof)
    narrowed = frozenset(scopes) if scope is not None else None
    principal = msgspec.structs.replace(principal_of(client), key=proof.key.mark, scopes=narrowed)
    return SoftwareSignedIn(write_token(principal, lifetime_seconds=TOKEN_SECONDS), principal, scopes)


def _granted(client: Account, software: Software, scope: str | None) -> list[str]:
    """Give what a token is good for: what the program has, or the part of it that it asks for."""
    standing = msgspec.structs.replace(principal_of(client), scopes=frozenset(software.scopes))
    has = [one for one in software.scopes if rights.may(standing, one)]
    if scope is None:
        return has
    asked = scope.split(" ")
    beyond = next((one for one in asked if one not in has), None)
    if beyond is not None:
        raise error("invalid_scope", scope=beyond[:_SCOPE_SHOWN_CHARS])
    return [one for one in has if one in asked]


def _note_use(client: Account, now: datetime, request_id: str) -> None:
    assert client.software is not None
    change = Change(actor=client.id, role=client.role, action="client.sign_in", request_id=request_id, at=now)
    confirmed_at = client.software.confirmed_at or now
    store.note_use(client, good_until=good_until(confirmed_at, now), change=change)
