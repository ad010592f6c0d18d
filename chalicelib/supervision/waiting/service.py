"""Use case of what waits for the caller: one list over every step, with how much and how old.

The cost is bounded by what waits in the caller's area: a query for each machine and list of it in which the
caller's role may have something, and one read of each kind on the page. The province reads lists of the whole
province where there are any, so that its queries do not grow with what its cities have.
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
from chalicelib.supervision.waiting.subjects import (
    ShownWaiting,
    classes_of,
    institutions_objected_to,
    read_subjects,
)


def list_waiting(
    context: Context, request: PageRequest, *, kind: Kind | None, institution: str | None, flag: Flag | None
) -> tuple[Page[ShownWaiting], dict[Kind, Figures]]:
    """List what waits for the caller, oldest first, and count it by kind; the filters pick of both."""
    principal = context.principal
    rights.admit(principal, "waiting.read")
    own = principal.institution if principal.role is Role.INSTITUTION else None
    found, cut_off = _waiting_in(context, kind)
    everything = [
        waiting
        for waiting in found
        if is_seen_by(waiting, principal.role) and (flag is None or flag in waiting.flags)
    ]
    whose = {uscc for uscc in (own, institution) if uscc is not None}
    if whose:
        everything = [waiting for waiting in _with_institutions(everything) if {waiting.institution} == whose]
    page = cut(everything, request, key=lambda waiting: waiting.place)
    return Page(items=read_subjects(context, page.items), after=page.after), figures_of(
        everything, cut_off=cut_off
    )


def _waiting_in(context: Context, kind: Kind | None) -> tuple[list[WaitingThing], set[str]]:
    """Give what waits in the caller's area, and the machines of which there is more than was read."""
    principal = context.principal
    area = principal.division
    if principal.institution is not None:
        area = group_of(current_institution(principal.institution).division)
    things: list[WaitingThing] = []
    cut_off: set[str] = set()
    for lists in machines_of(kind, principal.role, store.machines()):
        found, more = store.waiting_in(lists, area, until=context.now)
        if more:
            cut_off.add(lists)
        for machine, state, key in found:
            since, institution = key.since, key.institution
            thing = waiting_of(machine, state, key.key, since=since, institution=institution, now=context.now)
            if thing is not None and kind in (None, thing.kind):
                things.append(thing)
    return things, cut_off


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
