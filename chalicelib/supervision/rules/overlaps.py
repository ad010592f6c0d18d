"""`lesson_overlap` and `trainer_or_room_overlap`: one person or one room in two lessons at once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import (
    Meeting,
    came,
    counts,
    km_between,
    minutes,
    moment_of,
    newest,
    overlap_of,
    point_of,
)
from chalicelib.supervision.rules.dossier import Dossier, grouped_by
from chalicelib.supervision.rules.rule import Rule, finding, ids
from chalicelib.supervision.rules.travel import speed_judged

TRAINEES, PLACES = "lesson_overlap", "trainer_or_room_overlap"
_NOT_APPROVED = "submitted"
_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Two lessons at once, the first of this class."""

    own: Meeting
    other: Meeting

    @property
    def lasts(self) -> timedelta:
        """Give for how long."""
        return overlap_of(self.own.lesson, self.other.lesson)


def clashes_of(dossier: Dossier, policy: Policy) -> list[Clash]:
    """Give each lesson of this class with those it overlaps, of this class and of others."""
    limit = timedelta(minutes=policy.supervision.overlap_minutes)
    own, clashes = dossier.meetings, []
    by_day: dict[int, list[Meeting]] = defaultdict(list)
    for meeting in (*own, *dossier.meetings_elsewhere):
        for day in _days_of(meeting):
            by_day[day].append(meeting)
    for meeting in own:
        near = {other.lesson.id: other for day in _days_of(meeting) for other in by_day[day]}
        for other_id, other in near.items():
            inside = other.head.id == meeting.head.id
            if other_id != meeting.lesson.id and not (inside and other_id < meeting.lesson.id):
                clash = Clash(own=meeting, other=other)
                if clash.lasts > limit:
                    clashes.append(clash)
    return sorted(clashes, key=lambda clash: (clash.own.lesson.id, clash.other.lesson.id))


def _days_of(meeting: Meeting) -> range:
    seconds_a_day = 86_400
    first = int(meeting.lesson.starts_at.timestamp()) // seconds_a_day
    return range(first, int(meeting.lesson.ends_at.timestamp()) // seconds_a_day + 1)


# ------------------------------------------------------------------------------------------ trainees


def evaluate_trainees(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find trainees who were at two lessons at once."""
    clashes = clashes_of(dossier, policy)
    if not clashes:
        return
    attended = _attendance(dossier)
    for enrolment in dossier.trainees:
        mine = attended.get(dossier.persons.get(enrolment, ""), {})
        both = [
            clash
            for clash in clashes
            if clash.own.lesson.id in mine and clash.other.lesson.id in mine and not _left(mine, clash)
        ]
        if both:
            yield _trainee_finding(dossier, policy, enrolment, both, mine)


def _trainee_finding(
    dossier: Dossier,
    policy: Policy,
    enrolment: str,
    clashes: Sequence[Clash],
    mine: Mapping[str, Sequence[CheckInRecord]],
) -> Finding:
    seen = [
        clash for clash in clashes if _seen(mine[clash.own.lesson.id]) and _seen(mine[clash.other.lesson.id])
    ]
    lessons = {lesson for clash in clashes for lesson in (clash.own.lesson.id, clash.other.lesson.id)}
    return finding(
        dossier,
        TRAINEES,
        Severity.HOLD if seen else Severity.WARN,
        (FindingKind.ENROLMENT, enrolment),
        lines=[enrolment],
        evidence={
            "times": len(clashes),
            "times_made_up": len(clashes) - len(seen),
            "minutes_at_most": minutes(max(clash.lasts for clash in clashes)),
            "overlap_minutes": policy.supervision.overlap_minutes,
            "classes": ids(clash.other.head.id for clash in clashes),
            "lessons": ids(lessons),
        },
        at=newest(
            [record.received_at for lesson in lessons for record in mine[lesson]],
            clashes[0].own.lesson.ends_at,
        ),
    )


def _attendance(dossier: Dossier) -> Mapping[str, Mapping[str, Sequence[CheckInRecord]]]:
    """Give by person and lesson what says that they were there."""
    counted = [
        record
        for record in (*dossier.check_ins, *dossier.check_ins_elsewhere)
        if counts(record) and record.enrolment in dossier.persons
    ]
    persons = grouped_by(counted, lambda record: dossier.persons[record.enrolment or ""])
    lessons = {
        person: grouped_by(records, lambda record: record.lesson) for person, records in persons.items()
    }
    return {
        person: {lesson: told for lesson, told in by_lesson.items() if any(map(came, told))}
        for person, by_lesson in lessons.items()
    }


def _seen(records: Sequence[CheckInRecord]) -> bool:
    return any(came(record) and not record.made_up for record in records)


def _left(mine: Mapping[str, Sequence[CheckInRecord]], clash: Clash) -> bool:
    """Tell whether a check-out says that they had left the earlier lesson when the later one began."""
    earlier, later = sorted((clash.own.lesson, clash.other.lesson), key=lambda lesson: lesson.starts_at)
    return any(
        record.kind == "out" and counts(record) and moment_of(record) <= later.starts_at
        for record in mine[earlier.id]
    )


# ------------------------------------------------------------------------------- trainers and rooms


def evaluate_places(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find a trainer, or a room, in two lessons at once."""
    clashes = clashes_of(dossier, policy)
    trainers = grouped_by(
        (clash for clash in clashes if clash.own.lesson.trainer and _same_trainer(clash)),
        lambda clash: clash.own.lesson.trainer or "",
    )
    for trainer in sorted(trainers):
        yield _place_finding(dossier, policy, (FindingKind.TRAINER, trainer), trainers[trainer])
    rushes = grouped_by(rushes_of(dossier, policy), lambda rush: rush.clash.own.lesson.trainer or "")
    for trainer in sorted(set(rushes) - set(trainers)):
        yield _rush_finding(dossier, policy, trainer, rushes[trainer])
    rooms = [clash for clash in clashes if _same_room(clash, policy)]
    if rooms:
        yield _place_finding(dossier, policy, (FindingKind.CLASS, dossier.head.id), rooms)


@dataclass(frozen=True, kw_only=True)
class Rush:
    """Two lessons of one trainer that follow each other, sooner than anybody gets from one to the other."""

    clash: Clash
    km: float
    severity: Severity

    @property
    def between(self) -> timedelta:
        """Give the time from one to the other; negative if they overlap."""
        return -self.clash.lasts


def rushes_of(dossier: Dossier, policy: Policy) -> list[Rush]:
    """Give the lessons of this class from or to which a trainer cannot have come in time."""
    by_trainer = grouped_by(
        (meeting for meeting in (*dossier.meetings, *dossier.meetings_elsewhere) if meeting.lesson.trainer),
        lambda meeting: meeting.lesson.trainer or "",
    )
    rushes = []
    for meetings in by_trainer.values():
        ordered = sorted(meetings, key=lambda meeting: (meeting.lesson.starts_at, meeting.lesson.id))
        for before, after in pairwise(ordered):
            own, other = (before, after) if before.head.id == dossier.head.id else (after, before)
            if own.head.id == dossier.head.id:
                rush = _rush(Clash(own=own, other=other), policy)
                if rush is not None:
                    rushes.append(rush)
    return rushes


def _rush(clash: Clash, policy: Policy) -> Rush | None:
    """Judge a way between two lessons, either of which may end or begin with a bell rung at another time."""
    limits = policy.supervision
    here, there = point_of(clash.own.site), point_of(clash.other.site)
    bell = timedelta(minutes=limits.overlap_minutes)
    if here is None or there is None or clash.lasts > bell:
        return None
    km = km_between(here, there)
    hours = max(timedelta(), bell - clash.lasts).total_seconds() / _HOUR
    severity = speed_judged(km, hours, limits, same_day=True)
    return None if severity is None else Rush(clash=clash, km=km, severity=severity)


def _rush_finding(dossier: Dossier, policy: Policy, trainer: str, rushes: Sequence[Rush]) -> Finding:
    held = [
        rush
        for rush in rushes
        if rush.severity is Severity.HOLD and rush.clash.other.head.status != _NOT_APPROVED
    ]
    counted = held or rushes
    soonest = min(counted, key=lambda rush: (rush.between, rush.clash.own.lesson.id))
    meetings = [part for rush in counted for part in (rush.clash.own, rush.clash.other)]
    return finding(
        dossier,
        PLACES,
        Severity.HOLD if held else Severity.WARN,
        (FindingKind.TRAINER, trainer),
        evidence={
            "what": "trainer on the way",
            "times": len(counted),
            "km": round(soonest.km, 1),
            "minutes_between": minutes(soonest.between),
            "overlap_minutes": policy.supervision.overlap_minutes,
            "train_km_per_hour": policy.supervision.train_km_per_hour,
            "classes": ids(rush.clash.other.head.id for rush in counted),
            "lessons": ids(meeting.lesson.id for meeting in meetings),
        },
        at=max(meeting.lesson.starts_at for meeting in meetings),
    )


def _place_finding(
    dossier: Dossier, policy: Policy, subject: tuple[FindingKind, str], clashes: Sequence[Clash]
) -> Finding:
    approved = [clash for clash in clashes if clash.other.head.status != _NOT_APPROVED]
    counted = approved or clashes
    return finding(
        dossier,
        PLACES,
        Severity.HOLD if approved else Severity.WARN,
        subject,
        evidence={
            "what": "trainer" if subject[0] is FindingKind.TRAINER else "room",
            "times": len(counted),
            "minutes_at_most": minutes(max(clash.lasts for clash in counted)),
            "overlap_minutes": policy.supervision.overlap_minutes,
            "classes": ids(clash.other.head.id for clash in counted),
            "rooms": ids(clash.own.room or "" for clash in counted),
            "lessons": ids(part.lesson.id for clash in counted for part in (clash.own, clash.other)),
        },
        at=max(part.lesson.starts_at for clash in counted for part in (clash.own, clash.other)),
    )


def _same_trainer(clash: Clash) -> bool:
    return clash.own.lesson.trainer == clash.other.lesson.trainer


def _same_room(clash: Clash, policy: Policy) -> bool:
    own, other = clash.own, clash.other
    if own.room is None or own.room != other.room or own.head.institution != other.head.institution:
        return False
    here, there = point_of(own.site), point_of(other.site)
    if here is None or there is None:
        return here is there
    return km_between(here, there) * 1000 <= policy.supervision.same_site_m


TRAINEE_RULE = Rule[Dossier](
    name=TRAINEES,
    pattern="one trainee at two lessons at once, of two classes or of one",
    source="audits: people enrolled at two schools at a time; their timetables and check-ins say so",
    evaluate=evaluate_trainees,
    thresholds=("overlap_minutes",),
    spares=(
        "people in two programs who come to one lesson at a time",
        "lessons that touch, and a check-out before the other one began",
        "a class in two groups, each trainee in one",
        "a made-up check-in for a lesson missed meanwhile: told, not held",
        "cancelled, draft and returned classes",
    ),
)
PLACE_RULE = Rule[Dossier](
    name=PLACES,
    pattern="one trainer, or one room of a site, in two lessons at once; a trainer in two cities in a row",
    source="audits: one teacher's name under several classes; classes without a room to be in",
    evaluate=evaluate_places,
    thresholds=(
        "overlap_minutes",
        "same_site_m",
        "road_km_per_hour",
        "train_km_per_hour",
        "train_usual_km_per_hour",
        "train_boarding_minutes",
        "train_from_km",
        "travel_from_km",
    ),
    spares=(
        "a room swapped by an approved change: the lesson's own room counts",
        "rooms of one name at two sites, or of two institutions",
        "lessons that touch, and a way between two sites that a car or a train makes in time",
        "cancelled, draft and returned classes; one that was only applied for is told, not held",
    ),
    weak="a trainer under a false name is nobody's double: rooms and `claim_burst` bound them",
)
