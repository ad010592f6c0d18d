"""`impossible_travel`: a person, or a device, in two places sooner than anybody gets there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import Placed, counts, km_between
from chalicelib.supervision.rules.dossier import Dossier, grouped_by, in_order
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "impossible_travel"
_HOUR = 3600.0
_LET_IN = "accepted"
_METRES_A_KM = 1000.0


@dataclass(frozen=True, kw_only=True)
class Journey:
    """From one attempt to the next of the same person or device."""

    traveller: str
    start: Placed
    end: Placed
    km: float
    hours: float

    @property
    def km_per_hour(self) -> float | None:
        """Give the speed; None if it took no time at all."""
        return self.km / self.hours if self.hours > 0 else None


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find journeys faster than a road, and for what is grave faster than a train, allows."""
    limits = policy.supervision
    own = {lesson.id for lesson in dossier.head.lessons}
    journeys = [
        (journey, severity)
        for journey in journeys_of(dossier)
        if (severity := judged(journey, limits)) is not None
    ]
    trainees = sorted(
        {
            place.check_in.enrolment or ""
            for journey, _ in journeys
            for place in (journey.start, journey.end)
            if place.check_in.lesson in own
        }
    )
    for enrolment in trainees:
        mine = [
            (journey, severity)
            for journey, severity in journeys
            if enrolment in (journey.start.check_in.enrolment, journey.end.check_in.enrolment)
        ]
        yield _finding(dossier, enrolment, mine, limits)


def journeys_of(dossier: Dossier) -> list[Journey]:
    """Give the ways of each person and each device from place to place, of which this class is an end."""
    places = sorted(
        (place for record in _attempts(dossier) if (place := dossier.places.get(record.id)) is not None),
        key=lambda place: (place.at, place.check_in.id),
    )
    own = {lesson.id for lesson in dossier.head.lessons}
    persons = grouped_by(places, lambda place: _person(dossier, place))
    devices = grouped_by(
        (place for place in places if place.check_in.device), lambda place: place.check_in.device or ""
    )
    return [
        _journey(traveller, start, end)
        for what, groups in (("person", persons), ("device", devices))
        for key in sorted(groups)
        for start, end in pairwise(groups[key])
        if {start.check_in.lesson, end.check_in.lesson} & own
        for traveller in (what,)
    ]


def _attempts(dossier: Dossier) -> list[CheckInRecord]:
    """Give the attempts that count, without the doubtful ones of a trainee whom the same lesson let in.

    A phone may first tell a place that it stored kilometres away; who then tries again has not travelled.
    """
    counted = [
        record
        for record in in_order((*dossier.check_ins, *dossier.check_ins_elsewhere))
        if counts(record) and record.enrolment
    ]
    let_in = {(record.enrolment, record.lesson) for record in counted if record.outcome == _LET_IN}
    return [
        record
        for record in counted
        if record.outcome == _LET_IN or (record.enrolment, record.lesson) not in let_in
    ]


def _person(dossier: Dossier, place: Placed) -> str:
    enrolment = place.check_in.enrolment or ""
    return dossier.persons.get(enrolment, enrolment)


def _journey(traveller: str, start: Placed, end: Placed) -> Journey:
    unsure_km = ((start.accuracy_m or 0.0) + (end.accuracy_m or 0.0)) / _METRES_A_KM
    hours = (end.at - start.at).total_seconds() / _HOUR
    return Journey(
        traveller=traveller,
        start=start,
        end=end,
        km=max(0.0, km_between(start, end) - unsure_km),
        hours=hours,
    )


def judged(journey: Journey, limits: Thresholds) -> Severity | None:
    """Tell what a journey's speed means."""
    same_day = shanghai_date(journey.start.at) == shanghai_date(journey.end.at)
    return speed_judged(journey.km, journey.hours, limits, same_day=same_day)


def speed_judged(km: float, hours: float, limits: Thresholds, *, same_day: bool) -> Severity | None:
    """Tell whether anybody makes so many kilometres in so many hours.

    Faster than a road allows, from 50 km on: a train may have done it; told if that leaves no time to board,
    within one day. Faster than a train, or than a road where no train helps: nobody did it.
    """
    if km < limits.travel_from_km or km <= limits.road_km_per_hour * hours:
        return None
    if km < limits.train_from_km or km > limits.train_km_per_hour * hours:
        return Severity.HOLD
    riding = hours - limits.train_boarding_minutes / 60
    if km <= limits.train_usual_km_per_hour * riding:
        return None
    return Severity.WARN if same_day else None


def _finding(
    dossier: Dossier,
    enrolment: str,
    journeys: Sequence[tuple[Journey, Severity]],
    limits: Thresholds,
) -> Finding:
    held = [journey for journey, severity in journeys if severity is Severity.HOLD]
    counted = held or [journey for journey, _ in journeys]
    fastest = min(counted, key=lambda journey: (journey.hours / journey.km, journey.end.check_in.id))
    speed = fastest.km_per_hour
    return finding(
        dossier,
        NAME,
        Severity.HOLD if held else Severity.WARN,
        (FindingKind.ENROLMENT, enrolment),
        lines=[enrolment],
        evidence={
            "times": len(counted),
            "km": round(fastest.km, 1),
            "minutes": round(fastest.hours * 60, 1),
            "km_per_hour": None if speed is None else round(speed),
            "of": sorted({journey.traveller for journey in counted}),
            "road_km_per_hour": limits.road_km_per_hour,
            "train_km_per_hour": limits.train_km_per_hour,
            "check_ins": ids(
                part.check_in.id for journey in counted for part in (journey.start, journey.end)
            ),
        },
        at=max(journey.end.at for journey in counted),
    )


RULE = Rule[Dossier](
    name=NAME,
    pattern="a person, or a device, at two places sooner than anybody gets there",
    source="found by trying: one phone signed two people in, in Hefei and 20 seconds later in Wuhu",
    evaluate=evaluate,
    thresholds=(
        "road_km_per_hour",
        "train_km_per_hour",
        "train_usual_km_per_hour",
        "train_boarding_minutes",
        "train_from_km",
        "travel_from_km",
    ),
    spares=(
        "a high-speed train: told if there was no time to board, never held",
        "a stored place, and then an accepted attempt at the same lesson: that one counts",
        "a bad fix: what the devices say they may be off is taken away, and jumps below 5 km are not read",
        "uploads after a network failure and made-up check-ins: not read",
    ),
    weak="two schools in one town are too near; what overlaps in time there is `lesson_overlap`",
)
