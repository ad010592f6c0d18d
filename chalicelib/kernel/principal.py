"""Who acts, when and why: the facts every decision and every audit record carries."""

from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum

import msgspec


class Role(StrEnum):
    """The roles of the table of rights, plus the service's own jobs."""

    TRAINEE = "trainee"
    INSTITUTION = "institution"
    CLERK = "clerk"
    REVIEWER = "reviewer"
    FINANCE = "finance"
    SUPERVISOR = "supervisor"
    PROVINCE = "province"
    PLATFORM = "platform"
    SYSTEM = "system"
    PUBLIC = "public"


OVERSEERS = frozenset({Role.SUPERVISOR, Role.PROVINCE})
"""Who looks after others. From where on supervision looks is told to nobody else: who knows stays below."""
BUREAU_ROLES = frozenset({Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE})


Hands = AbstractSet[str]
"""The ids under which one person may have acted, or had somebody act: see `Principal.hands`."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A proven caller. `actor` is an opaque id: it never holds a name or an ID number.

    `hands` are the ids of everything that counts as this person's own doing: this id, every other account
    of the same person, and for a while those of whoever made or reset the account of one who decides, or
    had theirs made by this person. Whoever decides on a work is compared by them, never by `actor`, which
    only tells who did it. `own` are those of them that are this very person's: a right to one's own, such as
    withdrawing what one asked for, goes by them. A tie takes rights away and never gives one.
    `signed_names` are keyed digests of the name that a trainee's card signed, under each live key;
    `name_proven_at` is when the list's name was found to be the same.
    `scopes` are of software only: the actions it was given, of those its role has. `on_behalf_of` is the
    account of the person it names, whose hands count too and whose own things stay theirs. `key` is the mark
    of the key that it signed in by.
    """

    actor: str
    role: Role
    division: str = ""
    institution: str | None = None
    person_key: str | None = None
    hands: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    signed_names: tuple[str, ...] = ()
    name_proven_at: datetime | None = None
    scopes: frozenset[str] | None = None
    on_behalf_of: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "own", self.own | {self.actor})
        msgspec.structs.force_setattr(self, "hands", self.hands | self.own)

    def had_hand_in(self, *actors: str | None) -> bool:
        """Tell whether any of these did what they did by this person's hands."""
        return not self.hands.isdisjoint(actors)

    @property
    def is_software(self) -> bool:
        """Tell whether a program calls, with a credential of its own, and no person."""
        return self.scopes is not None

    @property
    def is_bureau(self) -> bool:
        """Tell whether the caller acts for a human-resources bureau."""
        return self.role in BUREAU_ROLES


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One request or job run: who acts, at what time, under which request id.

    `source` is the address that a request came from, if it came over the network. It is kept nowhere as it
    is: see `edge.networks`.
    """

    principal: Principal
    now: datetime
    request_id: str
    source: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an item is as it is: stored with every write, carried by the stream to the audit chain.

    Where one change writes several parts of one thing, `told_by` names the part whose record tells it.
    Where software is the actor, `on_behalf_of` is the account of the person it names.
    """

    actor: str
    role: Role
    action: str
    request_id: str
    at: datetime
    reason: str | None = None
    told_by: str | None = None
    on_behalf_of: str | None = None


def change_of(context: Context, action: str, *, reason: str | None = None) -> Change:
    """Describe the change that the caller of this context makes."""
    return Change(
        actor=context.principal.actor,
        role=context.principal.role,
        action=action,
        request_id=context.request_id,
        at=context.now,
        reason=reason,
        on_behalf_of=context.principal.on_behalf_of,
    )


def system_context(job: str, *, now: datetime, request_id: str) -> Context:
    """Give the context in which a job of the service itself acts."""
    return Context(
        principal=Principal(actor=f"system:{job}", role=Role.SYSTEM, division="34"),
        now=now,
        request_id=request_id,
    )
