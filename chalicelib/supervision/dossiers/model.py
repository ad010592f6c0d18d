"""Sightings (线索): under which names a class is found by others that share something with it.

Each person, trainer, device, recording and phone that was seen in a class has one sighting, which lists
where it was seen. Who evaluates a class reads the sightings of all that is in it: most are of this class
alone, so it has no neighbours there and nothing more is read. A name that is not listed yet is added;
whoever stands there already is told, as they have a new neighbour.

    person#prs_a        {cls_1, cls_2}     one person, two classes
    device#k3…          {cls_1}            a phone that only ever checked people in to this class
    footage#ab12…       {ftg_1-01…}        a recording, by its digest
    phone#9f…           {prs_a, prs_b}     two persons with one phone

A sighting only says where to look: what is looked at tells whether it still is so. So nothing has to be taken
back when a class is cancelled or a trainee leaves, repeats add nothing, and the order does not matter.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from chalicelib.kernel.ids import whole_of
from chalicelib.people.vault.model import Person
from chalicelib.supervision.records.translation import Keyed, StoredClass

SIGHTED_MAX: Final = 60
"""So many places are listed of one thing: a school's tablet checks in thousands, and sixty are evidence."""
NEIGHBOURS_MAX: Final = 12
"""Of so many other classes that share people or devices the attendance is read; the nearest in time first."""


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
        seen.setdefault(f"footage#{segment.sha256}", set()).add(segment.id)
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


def nearest(spans: Mapping[str, tuple[float, float]], own: tuple[float, float], most: int) -> list[str]:
    """Give the classes nearest in time, at most so many, always the same ones."""

    def distance(class_id: str) -> tuple[float, str]:
        begins, ends = spans[class_id]
        return max(begins - own[1], own[0] - ends, 0.0), class_id

    return sorted(spans, key=distance)[:most]


def others(class_ids: Iterable[str], own: str) -> list[str]:
    """List other classes than one's own, in order."""
    return sorted(set(class_ids) - {own, ""})
