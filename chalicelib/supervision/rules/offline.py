"""`offline_check_ins`: a class leans on check-ins that were recorded without a network.

What comes later escapes the rules of position and bursts, which read only what was told there and then. It
rests on the word of whoever accepts it. So it is asked whether the network explains it. It fails for all
in a place, for some days; a phone without data is one person's, or two's. Not explained are

    people    several who were offline again and again, in lessons in which most of the others got through
    days      half of a class offline, day after day, for longer than a network stays broken
    share     so much of all attendance offline that a few days and a few phones do not add up to it
    places    offline places at one point, or closer together than receivers put them

An example: of 20 trainees eight were offline on six of twelve days, while the other twelve checked in from
the same room at the same time: their network was there.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import Placed, placed_late
from chalicelib.supervision.rules.dossier import Dossier
from chalicelib.supervision.rules.positions import same_point
from chalicelib.supervision.rules.rule import Rule, finding, ids
from chalicelib.supervision.rules.scatter import Scene, is_tight, on_a_grid
from chalicelib.supervision.rules.small import is_enough, is_small

NAME = "offline_check_ins"
_LESSONS_MIN = 2


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """Who came late to the records of one lesson, and whether its network failed."""

    lesson: str
    day: date
    offline: Sequence[CheckInRecord]
    live: Sequence[CheckInRecord]

    def network_failed(self, limits: Thresholds) -> bool:
        """Tell whether so many were offline that nobody's own phone explains it: two may have no data."""
        everybody = len(self.offline) + len(self.live)
        many = min(limits.offline_people_told, everybody)
        return bool(self.offline) and len(self.offline) >= max(many, limits.offline_outage_share * everybody)


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find classes whose attendance leans on late check-ins beyond what a network's failing explains."""
    limits = policy.supervision
    told = lateness_of(dossier)
    people = _without_cause(told, limits)
    failed = [lesson for lesson in told if lesson.network_failed(limits)]
    days = {lesson.day for lesson in told if lesson.offline or lesson.live}
    failed_days = {lesson.day for lesson in failed}
    places = _made_up(told, limits, few=is_small(dossier, limits))
    offline = sum(len(lesson.offline) for lesson in told)
    arrivals = offline + sum(len(lesson.live) for lesson in told)
    owners = {record.enrolment for lesson in told for record in lesson.offline}
    many = arrivals >= limits.offline_arrivals and len(owners) >= limits.offline_people_told
    grave = max(limits.offline_people, limits.offline_people_share * len(dossier.trainees))
    if is_small(dossier, limits):
        grave = max(limits.offline_people_told, limits.offline_outage_share * len(dossier.trainees))
    signs = {
        "people": (len(people) >= limits.offline_people_told, len(people) >= grave),
        "days": (
            len(failed_days) >= max(limits.offline_days, limits.offline_days_share * len(days)),
            len(failed_days) >= max(limits.offline_days_held, limits.offline_days_share_held * len(days)),
        ),
        "share": (
            many and offline >= limits.offline_share * arrivals,
            many and offline >= limits.offline_share_held * arrivals,
        ),
        "places": (bool(places), len(places) >= _LESSONS_MIN),
    }
    shown = [name for name, (is_told, _) in signs.items() if is_told]
    if not shown:
        return
    held = any(is_grave for _, is_grave in signs.values())
    concerned = {
        "people": [record for records in people.values() for record in records],
        "days": [record for lesson in failed for record in lesson.offline],
        "share": [record for lesson in told for record in lesson.offline],
        "places": [place.check_in for lesson in places.values() for place in lesson],
    }
    records = [record for name in shown for record in concerned[name]]
    yield finding(
        dossier,
        NAME,
        Severity.HOLD if held else Severity.WARN,
        (FindingKind.CLASS, dossier.head.id),
        lines=[record.enrolment or "" for record in records],
        evidence={
            "signs": shown,
            "offline": offline,
            "offline_accepted": sum(
                record.outcome == "accepted" for lesson in told for record in lesson.offline
            ),
            "arrivals": arrivals,
            "people_offline_alone": len(people),
            "trainees": len(dossier.trainees),
            "days_without_network": len(failed_days),
            "days": len(days),
            "lessons_with_made_up_places": len(places),
            "offline_people": limits.offline_people,
            "offline_days": limits.offline_days,
            "offline_outage_share": limits.offline_outage_share,
            "offline_share": limits.offline_share,
            "offline_share_held": limits.offline_share_held,
            "check_ins": ids(record.id for record in records),
        },
        at=max(record.received_at for record in records),
    )


def lateness_of(dossier: Dossier) -> list[Lateness]:
    """Give who came to each lesson, by whether it was told there and then; what was made up is neither."""
    lessons = []
    for lesson in dossier.lessons:
        arrivals = [record for record in dossier.arrivals.get(lesson.id, ()) if not record.made_up]
        lessons.append(
            Lateness(
                lesson=lesson.id,
                day=shanghai_date(lesson.starts_at),
                offline=[record for record in arrivals if record.offline],
                live=[record for record in arrivals if not record.offline],
            )
        )
    return lessons


def _without_cause(told: Sequence[Lateness], limits: Thresholds) -> Mapping[str, Sequence[CheckInRecord]]:
    """Give those who were offline again and again where the network was there, with these check-ins."""
    came: defaultdict[str, set[date]] = defaultdict(set)
    alone: defaultdict[str, list[tuple[date, CheckInRecord]]] = defaultdict(list)
    for lesson in told:
        for record in (*lesson.offline, *lesson.live):
            came[record.enrolment or ""].add(lesson.day)
        if not lesson.network_failed(limits):
            for record in lesson.offline:
                alone[record.enrolment or ""].append((lesson.day, record))
    return {
        enrolment: [record for _, record in records]
        for enrolment, records in sorted(alone.items())
        if len({day for day, _ in records})
        >= max(limits.offline_days_alone, limits.offline_share_alone * len(came[enrolment]))
    }


def _made_up(told: Sequence[Lateness], limits: Thresholds, *, few: bool) -> Mapping[str, Sequence[Placed]]:
    """Give the lessons whose offline places were copied, or drawn closer together than receivers differ.

    Of a class of a `few` people, half of the lessons with offline places have to show it.
    """
    found = {}
    people = limits.small_people if few else limits.position_people
    judged = 0
    for lesson in told:
        places = [place for record in lesson.offline if (place := placed_late(record)) is not None]
        scene = Scene(lesson=lesson.lesson, places=places).without_stored(limits)
        if len(scene.places) < people or scene.is_coarse:
            continue
        judged += 1
        many = few or len(scene.places) >= limits.scatter_people
        if same_point(scene, limits) or (many and (is_tight(scene, limits) or on_a_grid(scene))):
            found[lesson.lesson] = scene.places
    if few and not is_enough([len(places) for places in found.values()], judged, limits):
        return {}
    return found


RULE = Rule[Dossier](
    name=NAME,
    pattern="attendance that leans on check-ins recorded without a network, which nobody's network explains",
    source="found by trying: places sent later and accepted by hand were read by no rule of position",
    evaluate=evaluate,
    thresholds=(
        "position_people",
        "scatter_people",
        "identical_share",
        "stored_accuracy_m",
        "scatter_m",
        "scatter_of_accuracy",
        "offline_outage_share",
        "offline_days_alone",
        "offline_share_alone",
        "offline_people_told",
        "offline_people",
        "offline_people_share",
        "offline_days",
        "offline_days_share",
        "offline_days_held",
        "offline_days_share_held",
        "offline_arrivals",
        "offline_share",
        "offline_share_held",
        "small_people",
        "small_check_ins",
    ),
    spares=(
        "a network that failed: most of a lesson are offline, on days that are few",
        "a phone without data, or broken, for weeks: one or two people's",
        "a stored place of a provider",
        "what was made up on application: it has no place and no device",
    ),
    weak="a school at which the network really fails for weeks looks the same: a supervisor decides",
    only_alike=True,
)
