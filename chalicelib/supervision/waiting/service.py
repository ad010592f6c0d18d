"""Use case of what waits for the caller: one list over every step, with how much and how old.

The cost is bounded by what waits in the caller's area: a query for each machine and list of it, and one read
of each kind on the page. The province has 19 groups of four lists, so that `kind` saves most there.
"""

from collections.abc import Sequence

import msgspec

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.kernel.clocks import Flag
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.paging import Page, PageRequest, cut
from chalicelib.kernel.principal import Context, Role
from chalicelib.supervision.waiting import store
from chalicelib.supervision.waiting.model import (
    Figures,
    Kind,
    WaitingThing,
    figures_of,
    is_seen_by,
    machines_of,
    waiting_of,
)
from chalicelib.supervision.waiting.subjects import ShownWaiting, classes_of, read_subjects


def list_waiting(
    context: Context, request: PageRequest, *, kind: Kind | None, institution: str | None, flag: Flag | None
) -> tuple[Page[ShownWaiting], dict[Kind, Figures]]:
    """List what waits for the caller, oldest first, and count it by kind; the filters pick of both."""
    principal = context.principal
    rights.admit(principal, "waiting.read")
    own = principal.institution if principal.role is Role.INSTITUTION else None
    everything = [
        waiting
        for waiting in _waiting_in(context, kind)
        if is_seen_by(waiting, principal.role) and (flag is None or flag in waiting.flags)
    ]
    whose = {uscc for uscc in (own, institution) if uscc is not None}
    if whose:
        everything = [waiting for waiting in _with_institutions(everything) if {waiting.institution} == whose]
    page = cut(everything, request, key=lambda waiting: waiting.place)
    return Page(items=read_subjects(context, page.items), after=page.after), figures_of(everything)


def _waiting_in(context: Context, kind: Kind | None) -> list[WaitingThing]:
    principal = context.principal
    area = principal.division
    if principal.institution is not None:
        area = group_of(current_institution(principal.institution).division)
    found = (
        waiting_of(machine, state, key.key, since=key.since, institution=key.institution, now=context.now)
        for lists in machines_of(kind, store.machines())
        for machine, state, key in store.waiting_in(lists, area, until=context.now)
    )
    return [waiting for waiting in found if waiting is not None and kind in (None, waiting.kind)]


def _with_institutions(listed: Sequence[WaitingThing]) -> list[WaitingThing]:
    """Add whose a thing is where its row does not tell: its class does."""
    heads = classes_of(waiting.key[0] for waiting in listed if _is_of_a_class(waiting))
    return [
        msgspec.structs.replace(waiting, institution=heads[waiting.key[0]].institution)
        if _is_of_a_class(waiting) and waiting.key[0] in heads
        else waiting
        for waiting in listed
    ]


def _is_of_a_class(waiting: WaitingThing) -> bool:
    return waiting.institution is None and waiting.key[0].startswith("cls_")
