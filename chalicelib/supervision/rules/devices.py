"""`shared_device`: one device checks in several people.

An honest class has a device a person, and few exceptions: siblings, a phone lent for a day, a phone replaced
and handed on. So not "two people on one device" is wrong, but devices that go round: that serve three people
or more in turns, or as many pairs as no class has siblings.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import counts, moment_of
from chalicelib.supervision.rules.dossier import Dossier, grouped_by, in_order
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "shared_device"
_PAIR = 2


@dataclass(frozen=True, kw_only=True)
class Use:
    """That a device served somebody at a lesson; `enrolment` is None elsewhere than in this class."""

    check_in: CheckInRecord
    person: str
    enrolment: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device, its uses in order, and whose it seems to be."""

    key: str
    uses: Sequence[Use]

    @property
    def persons(self) -> Counter[str]:
        """Count the uses of each person."""
        return Counter(use.person for use in self.uses)

    @property
    def foreign(self) -> int:
        """Count the uses by others than who used it most."""
        return len(self.uses) - max(self.persons.values())

    @property
    def beyond_a_pair(self) -> int:
        """Count the uses by others than the two who used it most: siblings and whom they lent it."""
        return len(self.uses) - sum(sorted(self.persons.values())[-_PAIR:])

    @property
    def switches(self) -> int:
        """Count how often it went from one person to another."""
        return sum(one.person != other.person for one, other in pairwise(self.uses))

    @property
    def foreign_days(self) -> int:
        """Count the days on which it served others than who used it most."""
        owner = max(sorted(self.persons), key=self.persons.__getitem__)
        return len({shanghai_date(use.at) for use in self.uses if use.person != owner})

    @property
    def persons_a_day(self) -> int:
        """Give how many people it served on one day, at the most."""
        return max(self._persons_by_day.values())

    def days_with(self, persons: int) -> int:
        """Count the days on which it served so many people or more."""
        return sum(count >= persons for count in self._persons_by_day.values())

    @property
    def _persons_by_day(self) -> Counter[date]:
        return Counter(day for day, _ in {(shanghai_date(use.at), use.person) for use in self.uses})

    @property
    def enrolments(self) -> set[str]:
        """Give the enrolments of this class that it served."""
        return {use.enrolment for use in self.uses if use.enrolment is not None}


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find devices that go round among people; the lines are all whom they served in this class."""
    limits = policy.supervision
    shared = devices_of(dossier)
    round_ = [device for device in shared if _goes_round(device, limits)]
    pairs = [device for device in shared if device not in round_ and _is_pair(device, limits)]
    pairs = [device for device in pairs if not _one_household(dossier, device)]
    if len(pairs) >= limits.device_pairs:
        round_, pairs = round_ + pairs, []
    if round_:
        yield _finding(dossier, Severity.HOLD, round_, limits)
    if len(pairs) >= limits.device_pairs_told:
        yield _finding(dossier, Severity.WARN, pairs, limits)


def devices_of(dossier: Dossier) -> list[Device]:
    """Give the devices that served somebody of this class, and two people or more in all."""
    own = {lesson.id for lesson in dossier.head.lessons}
    told = in_order((*dossier.check_ins, *dossier.check_ins_elsewhere))
    first = {(record.device, record.enrolment, record.lesson): record for record in reversed(told)}
    uses = [
        Use(
            check_in=record,
            person=dossier.persons.get(record.enrolment, record.enrolment),
            enrolment=record.enrolment if record.lesson in own else None,
            at=moment_of(record),
        )
        for record in first.values()
        if record.device and record.enrolment and counts(record) and not record.made_up
    ]
    uses.sort(key=lambda use: (use.at, use.check_in.id))
    by_key = grouped_by(uses, lambda use: use.check_in.device or "")
    devices = (Device(key=key, uses=by_key[key]) for key in sorted(by_key))
    return [device for device in devices if len(device.persons) > 1 and device.enrolments]


def _goes_round(device: Device, limits: Thresholds) -> bool:
    many = limits.device_people
    if device.persons_a_day >= limits.device_people_at_once or device.days_with(many) >= _PAIR:
        return True
    return (
        len(device.persons) >= many
        and device.beyond_a_pair >= _PAIR
        and device.foreign >= limits.device_foreign_uses
        and device.foreign_days >= limits.device_foreign_days
        and device.switches >= limits.device_switches
    )


def _is_pair(device: Device, limits: Thresholds) -> bool:
    return (
        len(device.persons) == _PAIR
        and device.foreign >= limits.device_foreign_days
        and device.foreign_days >= limits.device_foreign_days
        and device.switches >= limits.device_switches
    )


def _one_household(dossier: Dossier, device: Device) -> bool:
    """Tell whether a pair has one phone number, or one account: siblings, where it is only a pair."""
    phones = _keys(dossier, "phone_key", device.persons)
    accounts = _keys(dossier, "account_key", device.persons)
    return any(len(keys) == _PAIR and len(set(keys)) == 1 for keys in (phones, accounts))


def _keys(dossier: Dossier, field: str, persons: Mapping[str, int]) -> list[str]:
    people = {record.person: record for record in (*dossier.neighbours.people, *dossier.people)}
    keys = (getattr(people[person], field) for person in persons if person in people)
    return [key for key in keys if key]


def _finding(dossier: Dossier, severity: Severity, devices: Sequence[Device], limits: Thresholds) -> Finding:
    lines = sorted({enrolment for device in devices for enrolment in device.enrolments})
    alone = len(lines) == 1
    return finding(
        dossier,
        NAME,
        severity,
        (FindingKind.ENROLMENT, lines[0]) if alone else (FindingKind.CLASS, dossier.head.id),
        lines=lines,
        evidence={
            "devices": len(devices),
            "people": len({person for device in devices for person in device.persons}),
            "people_on_one_day": max(device.persons_a_day for device in devices),
            "uses_by_others": sum(device.foreign for device in devices),
            "device_people": limits.device_people,
            "device_pairs": limits.device_pairs,
            "check_ins": ids(use.check_in.id for device in devices for use in device.uses),
        },
        at=max(use.check_in.received_at for device in devices for use in device.uses),
    )


RULE = Rule[Dossier](
    name=NAME,
    pattern="one device checks in several people, or a few go round among many",
    source="audits: staff sign for absent trainees, with phones kept in a drawer",
    evaluate=evaluate,
    thresholds=(
        "device_people",
        "device_people_at_once",
        "device_foreign_uses",
        "device_foreign_days",
        "device_switches",
        "device_pairs_told",
        "device_pairs",
    ),
    spares=(
        "siblings with one phone: a pair of one phone number or account; one other pair is nothing",
        "a phone lent for a day",
        "a phone replaced, and the old one handed on: it changes hands once",
        "a campus network: networks are not read",
    ),
    weak="two people on one phone look like siblings; a device key that an app makes anew is another device",
)
