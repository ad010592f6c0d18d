"""What waits as a night kept it for those who look after an area, and how it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from chalicelib.aws.waiting import PARTS, WaitingKey
from chalicelib.kernel.divisions import PROVINCE, covers, group_of, groups_below
from chalicelib.supervision.cases.store import find_cases
from chalicelib.supervision.kept.model import name_of_overdue
from chalicelib.supervision.kept.store import find_all_kept, keep, want_kept
from chalicelib.supervision.waiting import store
from chalicelib.supervision.waiting.model import (
    KeptWaiting,
    Overseen,
    Unread,
    is_fresh,
    is_kept,
    list_of,
    picked,
    unread_of,
)


@dataclass(frozen=True)
class KeptInArea:
    """What the last night kept of an area's groups; it `is_whole` if it kept something of each.

    What an earlier night kept counts no more: nights may fail, and what was overdue meanwhile is not in it.
    """

    groups: Sequence[Overseen]
    is_whole: bool
    computed_at: datetime | None = None
    """When the oldest of it was computed."""
    spread: frozenset[str] = field(default=frozenset())

    def of(self, machine: str, area: str) -> tuple[list[store.Waiting], list[Unread]]:
        """Give what waited of a machine in an area, and of what there was more."""
        listed = [
            store.Waiting(kept.machine, kept.state, _key_of(kept))
            for group in self.groups
            for kept in group.waiting
            if list_of(kept.machine) == machine and covers(area, kept.division or PROVINCE)
        ]
        return listed, [
            unread for group in self.groups for unread in group.unread if list_of(unread.machine) == machine
        ]


def kept_in(area: str, now: datetime) -> KeptInArea:
    """Read what the last night kept of an area: one call, which a page makes with another."""
    names = [name_of_overdue(group) for group in groups_below(area)]
    found = find_all_kept(names, Overseen)
    fresh = [(overseen, at) for overseen, at in found.values() if is_fresh(at, now)]
    groups = [overseen for overseen, _ in fresh]
    spread = frozenset(machine for group in groups for machine in group.spread)
    oldest = min((at for _, at in fresh), default=None)
    return KeptInArea(groups, len(groups) == len(names), oldest, spread)


def want_kept_in(area: str) -> None:
    """Have it come along with the next read of a page."""
    want_kept(name_of_overdue(group) for group in groups_below(area))


def keep_overseen(group: str, now: datetime) -> int:
    """Keep what those who look after a group may see before the next night; gives how much that is."""
    waiting: list[KeptWaiting] = []
    unread: list[Unread] = []
    spread: list[str] = []
    for machine in store.machines():
        listed, since = store.waiting_in(machine, group, until=now, parts=PARTS, in_group=True)
        waiting += [
            _as_kept(one)
            for one in store.tell_barred(listed)
            if group_of(one.key.division or PROVINCE) == group
            and is_kept(one.machine, one.state, one.key.since, now)
        ]
        if since is not None:
            unread += unread_of(machine, since)
        if store.is_spread(machine, group, until=now):
            spread.append(machine)
    kept, left_out = picked(waiting)
    overseen = Overseen(waiting=_with_classes(kept), unread=[*unread, *left_out], spread=sorted(spread))
    keep(name_of_overdue(group), overseen, now=now)
    return len(kept)


def _with_classes(waiting: Sequence[KeptWaiting]) -> list[KeptWaiting]:
    """Note of cases which classes they are about: who looks at them reads these as well."""
    cases = find_cases([one.key[0] for one in waiting if one.machine == "risk_case"])
    about = {case.id: " ".join(case.class_ids[:_CLASSES_NOTED]) for case in cases}
    return [
        msgspec.structs.replace(one, about=about.get(one.key[0])) if one.machine == "risk_case" else one
        for one in waiting
    ]


_CLASSES_NOTED = 5


def _as_kept(waiting: store.Waiting) -> KeptWaiting:
    key = waiting.key
    return KeptWaiting(
        machine=waiting.machine,
        state=waiting.state,
        key=key.key,
        since=key.since,
        institution=key.institution,
        division=key.division,
        about=key.about,
    )


def _key_of(kept: KeptWaiting) -> WaitingKey:
    return WaitingKey(kept.key, kept.since, kept.state, kept.institution, kept.division, about=kept.about)
