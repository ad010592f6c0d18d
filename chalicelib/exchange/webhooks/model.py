"""Which changes are told as which event: a change of state, named after the state that it led to.

The names come from the transition tables; only what would be told ambiguously has a name of its own. A row
that is new, or changed without moving, is told only where its state is one that a step leads to.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from chalicelib.accounts.clients.model import status_shown
from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.catalogue.institutions.model import INSTITUTION_TRANSITIONS
from chalicelib.classes.model import CLASS_TRANSITIONS
from chalicelib.kernel.divisions import PROVINCE, is_known, parent_of
from chalicelib.kernel.ids import derived_id
from chalicelib.kernel.transitions import Transitions
from chalicelib.subsidies.claims.model import CLAIM_TRANSITIONS, LINE_TRANSITIONS

Moves = Mapping[tuple[str, str], str]


@dataclass(frozen=True, kw_only=True)
class ToldTable:
    """How the moves of a table's rows are told: `read` is the right without which nobody is told of them.

    `example` is an id as the things have it.
    """

    kind: str
    example: str
    transitions: Transitions[Any]
    read: str | None
    part: str = ""
    steps: Moves = field(default_factory=dict)

    def name_of(self, before: str | None, after: str) -> str:
        """Name the event of a move."""
        return f"{self.kind}.{self.steps.get((str(before), after), after)}"

    @property
    def names(self) -> frozenset[str]:
        """Name every event that its transitions can bring."""
        return frozenset(
            self.name_of(source, step.target)
            for step in self.transitions.steps.values()
            for source in step.sources
            if source is not step.target
        )


TOLD: Final[Mapping[str, ToldTable]] = {
    "classes": ToldTable(
        kind="class",
        example="cls_fkq3fd5nh7la",
        transitions=CLASS_TRANSITIONS,
        read="class.read",
        part="head",
        steps={("cancel_requested", "approved"): "cancel_refused"},
    ),
    "subsidy-claims": ToldTable(
        kind="subsidy_claim",
        example="clm_fkq3fd5nh7la",
        transitions=CLAIM_TRANSITIONS,
        read="subsidy_claim.read",
        steps={
            ("publicised", "reviewed"): "approval_withdrawn",
            ("paid", "batched"): "payment_returned",
        },
    ),
    "claim-lines": ToldTable(
        kind="claim_line",
        example="lin_fkq3fd5nh7la",
        transitions=LINE_TRANSITIONS,
        read="claim_line.read",
        steps={
            ("held", "pending"): "released",
            ("rejected", "pending"): "restored",
            ("paid", "payment_failed"): "payment_returned",
        },
    ),
    "institutions": ToldTable(
        kind="institution",
        example="91340100MA2MQ0A019",
        transitions=INSTITUTION_TRANSITIONS,
        read=None,
        steps={("suspended", "listed"): "reinstated"},
    ),
}
"""By table. What an institution is, everybody may read."""


PING: Final = "webhook.ping"
"""A message that tells of nothing: whose program it is has it sent to try its server. It needs no right."""


@dataclass(frozen=True)
class ToldEvent:
    """What a program can ask to be told of: under which right to read, and an id as its things have it."""

    read: str | None
    example: str


EVENTS: Final[Mapping[str, ToldEvent]] = {
    name: ToldEvent(told.read, told.example) for told in TOLD.values() for name in sorted(told.names)
}
"""By name, as /docs and the OpenAPI document tell them."""


def events_told(scopes: Sequence[str]) -> Collection[str]:
    """Name the events of which a program with these scopes may be told: of what it may read, no other."""
    return frozenset[str]().union(*(told.names for told in TOLD.values() if told.read in (None, *scopes)))


def right_of(event: str) -> str | None:
    """Give the right to read without which nobody is told of an event."""
    return next(told.read for told in TOLD.values() if told.kind == event.partition(".")[0])


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a thing, at a version of it."""

    name: str
    thing: str
    version: int
    at: datetime
    institution: str
    division: str

    @property
    def owners(self) -> list[str]:
        """Name whose thing it is: the institution, and the bureaus of its division and of those above it."""
        owners, division = [self.institution], self.division
        while True:
            owners.append(division)
            above = parent_of(division) if is_known(division) else None
            if above is None or division == PROVINCE:
                return owners
            division = above


def subject_for(program: str, thing: str) -> str:
    """Name the messages about a thing to a program: they are numbered by themselves, and in order."""
    return derived_id("whk", program, thing)


def is_told(client: Account, event: Event, now: datetime) -> bool:
    """Tell whether a program is to be told of an event: confirmed, good now, and it may still read such."""
    return has_webhook(client, now) and may_be_told(client, event.name)


def has_webhook(client: Account, now: datetime) -> bool:
    """Tell whether a program is one that can be told anything: confirmed, good now, and with a webhook."""
    software = client.software
    has_one = software is not None and software.webhook is not None
    return has_one and status_shown(client, now) is AccountStatus.ACTIVE


def may_be_told(client: Account, event: str) -> bool:
    """Tell whether a program asked to be told of an event, and may read what it is about."""
    software = client.software
    if software is None or software.webhook is None:
        return False
    if event == PING:
        return True
    read = right_of(event)
    return event in software.webhook.events and (read is None or read in software.scopes)
