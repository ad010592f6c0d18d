"""Sightings (线索): under which names a class is found by others that share something with it.

Each person, trainer, device, recording and phone that was seen in a class has one sighting, which lists
where it was seen. Who evaluates a class reads the sightings of all that is in it: most are of this class
alone, so it has no neighbours there and nothing more is read. A name that is not listed yet is added;
whoever stands there already is told, as they have a new neighbour.

    person#prs_a        {cls_1, cls_2}     one person, two classes
    device#k3…          {cls_1}            a phone that only ever checked people in to this class
    footage#ab12…       {ftg_1-01…}        a recording, by its digest, and by that of its pictures
    phone#9f…           {prs_a, prs_b}     two persons with one phone

A sighting only says where to look: what is looked at tells whether it still is so. So nothing has to be taken
back when a class is cancelled or a trainee leaves, repeats add nothing, and the order does not matter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

import msgspec

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import whole_of
from chalicelib.people.vault.model import Person
from chalicelib.supervision.records.translation import Keyed, StoredClass

SIGHTED_MAX: Final = 60
"""So many places are listed of one thing: a school's tablet checks in thousands, and sixty are evidence.

What is seen in more is listed by quarter besides (`quarters_of`): a trainer has more than sixty classes in
some years, and is looked for in those that meet at the same time.
"""
NEIGHBOURS_MAX: Final = 60
"""Of so many other classes at the same time that share people or devices the attendance is read.

Who shares most comes first, so classes with one borrowed phone each push nobody out. A class beside more than
sixty that share somebody with it tells how many were left out, in what is found of it.
"""
_BY_QUARTER: Final = ("device", "person", "trainer")


Places = Mapping[str, AbstractSet[str]]
"""Where things were seen, by the name of their sighting."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """Where one thing was seen: classes, but recordings of a footage digest and persons of a phone."""

    what: str
    places: frozenset[str] = frozenset()


def sightings_in(stored: StoredClass, keyed: Keyed) -> dict[str, set[str]]:
    """Name what is seen in a class, with where: the class itself, or the recordings."""
    class_id, plan = str(stored.head.id), stored.plan
    people = [*stored.roster, *(check_in.person_key for check_in in stored.check_ins)]
    people += [refused.person_key for refused in stored.refused]
    devices = devices_in(stored) | {refused.device_id for refused in stored.refused}
    trainers = {plan.trainers[lesson.trainer].person_key for lesson in plan.lessons if plan.trainers}
    names = [
        *(f"person#{person}" for person in people),
        *(f"trainer#{person}" for person in trainers),
        *(f"device#{keyed('sighting', device)}" for device in devices),
    ]
    seen: dict[str, set[str]] = {name: {class_id} for name in names}
    for segment in stored.footage:
        for digest in filter(None, (segment.sha256, segment.pictures_sha256)):
            seen.setdefault(f"footage#{digest}", set()).add(segment.id)
    return seen


def phones_of(people: Iterable[Person]) -> dict[str, set[str]]:
    """Name the phones of some people, with whose they are."""
    seen: dict[str, set[str]] = {}
    for person in people:
        seen.setdefault(f"phone#{person.phone_digest}", set()).add(str(person.person_key))
    return seen


def devices_in(stored: StoredClass) -> set[str]:
    """List the devices with which somebody was checked in, or out."""
    return {proof.device_id for check_in in stored.check_ins for proof in check_in.proofs.values()}


def class_of_segment(segment_id: str) -> str:
    """Give the id of a recording's class."""
    return whole_of("cls", segment_id)[0]


def news(seen: Places, known: Places) -> dict[str, set[str]]:
    """Pick what is not listed yet, of things that are not seen everywhere."""
    left = {what: set(places) - known.get(what, frozenset()) for what, places in seen.items()}
    return {
        what: places
        for what, places in left.items()
        if places and len(known.get(what, frozenset())) < SIGHTED_MAX
    }


def quarters_of(names: Iterable[str], known: Places, span: tuple[datetime, datetime] | None) -> list[str]:
    """Name the lists by quarter of things that are seen in too many places for one list."""
    if span is None:
        return []
    full = [
        what
        for what in names
        if what.partition("#")[0] in _BY_QUARTER and len(known.get(what, ())) >= SIGHTED_MAX
    ]
    first, last = (shanghai_date(moment) for moment in span)
    quarters = range(first.year * 4 + (first.month - 1) // 3, last.year * 4 + (last.month - 1) // 3 + 1)
    return [f"{what}#{quarter // 4}Q{quarter % 4 + 1}" for what in full for quarter in quarters]


def shared_with(known: Places) -> Counter[str]:
    """Count the people and devices that each class shares."""
    return Counter(
        place for what, places in known.items() if what.startswith(("person#", "device#")) for place in places
    )


def classes_at(known: Places, names: Iterable[str]) -> set[str]:
    """Name the classes where some things were seen; whom a phone names is found by their own sightings."""
    return {
        class_of_segment(place) if what.startswith("footage#") else place
        for what in names
        if not what.startswith("phone#")
        for place in known.get(what, ())
    }


def places_of(kind: str, known: Places) -> set[str]:
    """Give everywhere where things of a kind were seen."""
    return {place for what, places in known.items() if what.startswith(f"{kind}#") for place in places}


def nearest(
    spans: Mapping[str, tuple[float, float]],
    own: tuple[float, float],
    most: int,
    *,
    shared: Mapping[str, int],
) -> list[str]:
    """Give the classes that share most, of these the nearest in time, at most so many, always the same."""

    def distance(class_id: str) -> tuple[int, float, str]:
        begins, ends = spans[class_id]
        return -shared.get(class_id, 0), max(begins - own[1], own[0] - ends, 0.0), class_id

    return sorted(spans, key=distance)[:most]


def others(class_ids: Iterable[str], own: str) -> list[str]:
    """List other classes than one's own, in order."""
    return sorted(set(class_ids) - {own, ""})
