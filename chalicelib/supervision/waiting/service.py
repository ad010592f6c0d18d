"""Use case of what waits for the caller: one list over every step, with how much and how old.

Who acts on something has it in their list at once: a query for each machine in which their role acts. Who
looks after an area sees besides what is overdue there; that changes by the day, so the night keeps it
(`overseen`), and it is read in one call with the account. What the night kept is looked at anew before it is
shown. Where no night has kept anything yet, everything is read as it waits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.waiting import PARTS
from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.classes.evidence import undecided_by_class
from chalicelib.classes.showing.service import undecided_in_list
from chalicelib.kernel.clocks import Flag
from chalicelib.kernel.closing import OpenDecision, Undecided
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.paging import LIMIT_DEFAULT, Page, PageRequest, cut
from chalicelib.kernel.principal import OVERSEERS, Context, Principal, Role
from chalicelib.supervision.waiting import overseen, store
from chalicelib.supervision.waiting.model import (
    Figures,
    Kind,
    ShownWaiting,
    Unread,
    WaitingThing,
    figures_of,
    is_seen_by,
    machines_of,
    reads_kept,
    unread_of,
    waiting_of,
)
from chalicelib.supervision.waiting.subjects import (
    classes_of,
    institutions_objected_to,
    read_subjects,
)


class WaitingList(NamedTuple):
    """A page of what waits, how much there is of each kind, and as of when.

    `computed_at` is when the night kept what the caller only looks after; None where all is as of now.
    """

    page: Page[ShownWaiting]
    figures: dict[Kind, Figures]
    computed_at: datetime | None


def list_waiting(
    context: Context, request: PageRequest, *, kind: Kind | None, institution: str | None, flag: Flag | None
) -> WaitingList:
    """List what waits for the caller, oldest first, and count it by kind; the filters pick of both."""
    principal = context.principal
    rights.admit(principal, "waiting.read")
    own = principal.institution if principal.role is Role.INSTITUTION else None
    found = _waiting_in(context, kind, own)
    everything, unread = (
        [
            waiting
            for waiting in things
            if is_seen_by(waiting, principal.role) and (flag is None or flag in waiting.flags)
        ]
        for things in (found.things, found.unread)
    )
    whose = {uscc for uscc in (own, institution) if uscc is not None}
    if whose:
        everything = [waiting for waiting in _with_institutions(everything) if {waiting.institution} == whose]
    page = cut(everything, request, key=lambda waiting: waiting.place)
    store.want_subjects([found.listed[waiting.machine, waiting.key] for waiting in page.items])
    undecided = _undecided(context, page.items, found, kind, brief=request.brief)
    shown = read_subjects(context, page.items, undecided)
    listed = Page(items=shown, after=page.after)
    return WaitingList(listed, figures_of(everything, unread=unread), found.computed_at)


class _Found(NamedTuple):
    """What was found waiting; `unread` is what may be beyond it, `read_whole` are machines read at once.

    `computed_at` is when the night kept it, where something is told as the night kept it.
    """

    things: list[WaitingThing]
    listed: Mapping[tuple[str, tuple[str, ...]], store.Waiting]
    unread: list[WaitingThing]
    read_whole: set[str]
    computed_at: datetime | None


def _waiting_in(context: Context, kind: Kind | None, institution: str | None) -> _Found:
    """Give what waits in the caller's area."""
    principal = context.principal
    area = area_of(principal)
    kept = overseen.kept_in(area, context.now)
    found: list[store.Waiting] = []
    unread: list[Unread] = []
    read_whole: set[str] = set()
    computed_at: datetime | None = None
    for machine in machines_of(kind, principal.role, store.machines()):
        if kept.is_whole and reads_kept(machine, principal.role, area):
            listed, beyond = kept.of(machine, area)
            computed_at = kept.computed_at
        else:
            parts = 1 if kept.is_whole and machine not in kept.spread else PARTS
            if machine == _LAST:
                store.want_subjects(_first_of(found))
            listed, since = store.waiting_in(
                machine, area, until=minute_of(context.now), parts=parts, institution=institution
            )
            beyond = unread_of(machine, since) if since is not None else []
            if since is None and institution is None:
                read_whole.add(machine)
        found += listed
        unread += beyond
    if any(waiting.machine == "claim_line" for waiting in found):
        store.want_subjects(_first_of(found))
        found = store.tell_barred(found)
    things = (
        waiting_of(
            waiting.machine,
            waiting.state,
            waiting.key.key,
            since=waiting.key.since,
            institution=waiting.key.institution,
            now=context.now,
        )
        for waiting in found
    )
    left = (
        waiting_of(one.machine, one.state, (), since=one.since, institution=None, now=context.now)
        for one in unread
    )
    return _Found(
        [thing for thing in things if thing is not None and kind in (None, thing.kind)],
        {(waiting.machine, waiting.key.key): waiting for waiting in found},
        [thing for thing in left if thing is not None and kind in (None, thing.kind)],
        read_whole,
        computed_at,
    )


def _first_of(found: Sequence[store.Waiting]) -> list[store.Waiting]:
    """Give what a first page would show, in the order of `WaitingThing.place`: of one moment by its key."""
    return sorted(found, key=lambda one: (one.key.since, one.machine, one.key.key))[:LIMIT_DEFAULT]


def minute_of(now: datetime) -> datetime:
    """Give the end of a moment's minute: within it the same lists are the same questions."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def look_ahead(principal: Principal, now: datetime) -> None:
    """Begin with what a page of the list will ask for, before the account is read: so calls are saved.

    What the night kept and the short lists are wanted with the account; so are a supervisor's cases, since
    what may be done with them depends on the classes and claims that they name.
    """
    area = principal.division if principal.role in OVERSEERS else group_of(principal.division)
    overseen.want_kept_in(area)
    store.want_short_lists(area)
    if principal.role is Role.SUPERVISOR:
        cases, _ = store.waiting_in("risk_case", area, until=minute_of(now), parts=1)
        store.want_subjects(_first_of(cases))


_LAST = "account"
"""Read after all others, since its rows are read by key: what else is on the page comes along with them."""


def area_of(principal: Principal) -> str:
    """Give the area whose lists somebody has: an institution's city's, of which it sees its own."""
    if principal.institution is None:
        return principal.division
    return group_of(current_institution(principal.institution).division)


def _undecided(
    context: Context, page: Sequence[WaitingThing], found: _Found, kind: Kind | None, *, brief: bool
) -> Mapping[str, Sequence[OpenDecision]] | None:
    """Name what waits in the evidence of classes: as the lists themselves tell, if they were read whole.

    For a list of one kind it is asked; so it is for an institution, which reads no such lists, of the classes
    that it might close. A page for people is `brief`: it leads to the class. Else it is not known, and
    nothing is closed from there.
    """
    if kind is not None:
        heads = classes_of(waiting.key[0] for waiting in page if waiting.machine == "class")
        return undecided_by_class(list(heads.values())) if heads else {}
    if context.principal.role is Role.INSTITUTION and not brief:
        closing = {waiting.key[0] for waiting in page if waiting.kind is Kind.COMPLETION}
        return undecided_in_list(context, list(classes_of(closing).values())) if closing else {}
    if not _EVIDENCE.keys() <= found.read_whole:
        return None
    undecided: dict[str, list[OpenDecision]] = {}
    for waiting in found.things:
        if waiting.machine in _EVIDENCE:
            decision = OpenDecision(_EVIDENCE[waiting.machine], " ".join(waiting.key))
            undecided.setdefault(waiting.key[0], []).append(decision)
    return undecided


_EVIDENCE: Mapping[str, Undecided] = {"check_in": Undecided.CHECK_IN, "make_up": Undecided.MAKE_UP}
"""Machines whose things stand below a class that is to be closed."""


def _with_institutions(listed: Sequence[WaitingThing]) -> list[WaitingThing]:
    """Add whose a thing is where its row does not tell: its class does."""
    heads = classes_of(waiting.key[0] for waiting in listed if _is_of_a_class(waiting))
    objected = institutions_objected_to([w.key[0] for w in listed if w.machine == "objection"])
    listed = [
        msgspec.structs.replace(waiting, institution=objected.get(waiting.key[0]))
        if waiting.machine == "objection"
        else waiting
        for waiting in listed
    ]
    return [
        msgspec.structs.replace(waiting, institution=heads[waiting.key[0]].institution)
        if _is_of_a_class(waiting) and waiting.key[0] in heads
        else waiting
        for waiting in listed
    ]


def _is_of_a_class(waiting: WaitingThing) -> bool:
    return waiting.institution is None and waiting.key[0].startswith("cls_")
