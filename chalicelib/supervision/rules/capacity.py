"""`claim_burst`: an institution teaches more at once than its rooms hold."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import Meeting, overlap_of, point_of, stands
from chalicelib.supervision.rules.dossier import Dossier
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "claim_burst"
_LESSONS_MIN = 2
_ABOVE = 2
_A_YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """A lesson of this class, and the lessons that the institution holds at the same time."""

    meeting: Meeting
    at_once: Sequence[Meeting]


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find classes beside more others than there are rooms, or on days too short for all."""
    limits = policy.supervision
    mine = dossier.head.institution
    taught = [
        meeting
        for meeting in (*dossier.meetings, *dossier.meetings_elsewhere)
        if meeting.head.institution == mine and stands(meeting.head)
    ]
    rooms = rooms_of(dossier, taught)
    if rooms is None:
        return
    by_day = _by_day(taught)
    everything = [_crowd(meeting, by_day, limits) for meeting in dossier.meetings]
    raised = _raised(dossier, everything, rooms, limits)
    crowds = [
        crowd
        for crowd in everything
        if len(crowd.at_once) > min(rooms, limits.rooms_believed, raised.fewest if raised else rooms)
    ]
    long_days = _long_days(dossier, by_day, rooms, limits) if _known_rooms(dossier) else []
    most = max((len(crowd.at_once) for crowd in crowds), default=0)
    if len(crowds) < _LESSONS_MIN and len(long_days) < _LESSONS_MIN:
        return
    then = min(rooms, raised.then) if raised else rooms
    far_above = most >= max(then + _ABOVE, limits.burst_capacity * then) or (raised and raised.is_grave)
    held = bool(far_above) and len(crowds) >= _LESSONS_MIN
    if not held and raised and most <= min(rooms, limits.rooms_believed) and not raised.tells(dossier):
        return
    yield finding(
        dossier,
        NAME,
        Severity.HOLD if held else Severity.WARN,
        (FindingKind.INSTITUTION, mine),
        evidence={
            "rooms": rooms,
            "rooms_known": _known_rooms(dossier) is not None,
            **(raised.told(limits) if raised else {}),
            "lessons_at_once": most,
            "trainers_at_once": max((_trainers(crowd) for crowd in crowds), default=0),
            "lessons_crowded": len(crowds),
            "lessons": len(dossier.meetings),
            "days_too_short": len(long_days),
            "burst_capacity": limits.burst_capacity,
            "rooms_believed": limits.rooms_believed,
            "room_hours_per_day": limits.room_hours_per_day,
            "classes": ids(other.head.id for crowd in crowds for other in crowd.at_once),
        },
        at=max(
            (other.lesson.starts_at for crowd in crowds for other in crowd.at_once),
            default=dossier.lessons[-1].starts_at,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Raised:
    """That more rooms were entered within a year of this class, and more lessons held at once than fitted.

    `then` are the rooms on record when the fullest lesson was held, `fewest` those of the year before.
    """

    fewest: int
    then: int
    at: datetime
    crowd: Crowd
    is_grave: bool

    def tells(self, dossier: Dossier) -> bool:
        """Tell whether this class is the one to tell of a school that may just have grown: one is enough."""
        return dossier.head.id == min(other.head.id for other in self.crowd.at_once)

    def told(self, limits: Thresholds) -> Mapping[str, object]:
        """Give the figures for the evidence."""
        return {
            "rooms_a_year_before": self.fewest,
            "rooms_then": self.then,
            "rooms_raised_at": self.at.isoformat(),
            "rooms_grown": limits.rooms_grown,
        }


def _raised(dossier: Dossier, crowds: Sequence[Crowd], rooms: int, limits: Thresholds) -> Raised | None:
    """Tell of rooms that were raised: who enters forty for two hides twenty classes otherwise.

    A school may really grow. So half as many again as last year's rooms, used, are told once, and three times
    as many are grave; what was held before the raise is measured by the rooms of then.
    """
    before = dossier.institution.rooms_before or () if dossier.institution is not None else ()
    if not before or not crowds or not _known_rooms(dossier):
        return None
    fullest = max(crowds, key=lambda crowd: len(crowd.at_once))
    held_at = fullest.meeting.lesson.starts_at
    within = [one for one in before if one.until > held_at - _A_YEAR]
    if not within:
        return None
    fewest = min(one.rooms for one in within)
    then = min((one.rooms for one in within if one.until > held_at), default=rooms)
    most = len(fullest.at_once)
    if most < max(fewest + _ABOVE, limits.burst_capacity * fewest):
        return None
    return Raised(
        fewest=fewest,
        then=then,
        at=max(one.until for one in within),
        crowd=fullest,
        is_grave=most >= limits.rooms_grown * fewest,
    )


def rooms_of(dossier: Dossier, taught: Sequence[Meeting]) -> int | None:
    """Give how many rooms the institution has: as its record says, or else as many as its timetables name.

    A room is one of its site: two sites may each have a room 301. Lessons of one site that name no room are
    in one room: who leaves the room out has not more of them.
    """
    known = _known_rooms(dossier)
    if known is not None:
        return known
    named = {(_site(meeting), meeting.room or "") for meeting in taught}
    return len(named) or None


def _site(meeting: Meeting) -> str:
    point = point_of(meeting.site)
    return "" if point is None else f"{point.lng:.2f}/{point.lat:.2f}"


def _known_rooms(dossier: Dossier) -> int | None:
    return (dossier.institution.rooms or None) if dossier.institution is not None else None


def _by_day(taught: Sequence[Meeting]) -> Mapping[date, Sequence[Meeting]]:
    by_day: dict[date, list[Meeting]] = defaultdict(list)
    for meeting in taught:
        first, last = shanghai_date(meeting.lesson.starts_at), shanghai_date(meeting.lesson.ends_at)
        for after in range((last - first).days + 1):
            by_day[first + timedelta(days=after)].append(meeting)
    return by_day


def _crowd(meeting: Meeting, by_day: Mapping[date, Sequence[Meeting]], limits: Thresholds) -> Crowd:
    """Give the moment of a lesson at which the most lessons are held, this one among them."""
    limit = timedelta(minutes=limits.overlap_minutes)
    beside = [
        other
        for day in {shanghai_date(meeting.lesson.starts_at), shanghai_date(meeting.lesson.ends_at)}
        for other in by_day[day]
        if overlap_of(meeting.lesson, other.lesson) > limit
    ]
    near = sorted(
        {other.lesson.id: other for other in beside}.values(),
        key=lambda other: (other.lesson.starts_at, other.lesson.id),
    )
    starts = (max(other.lesson.starts_at, meeting.lesson.starts_at) for other in near)
    at_once = (
        [other for other in near if other.lesson.starts_at <= start and other.lesson.ends_at - limit > start]
        for start in starts
    )
    return Crowd(meeting=meeting, at_once=max(at_once, key=len, default=[]))


def _long_days(
    dossier: Dossier, by_day: Mapping[date, Sequence[Meeting]], rooms: int, limits: Thresholds
) -> list[date]:
    days = {shanghai_date(meeting.lesson.starts_at) for meeting in dossier.meetings}
    hours = {
        day: sum(
            ((meeting.lesson.ends_at - meeting.lesson.starts_at) for meeting in by_day[day]), timedelta()
        )
        for day in days
    }
    most = timedelta(hours=limits.room_hours_per_day * rooms)
    return sorted(day for day, taught in hours.items() if taught > most)


def _trainers(crowd: Crowd) -> int:
    return len({meeting.lesson.trainer for meeting in crowd.at_once if meeting.lesson.trainer})


RULE = Rule[Dossier](
    name=NAME,
    pattern="an institution's classes at once far above its rooms, whatever trainers it names",
    source="audits: schools of two rooms that claimed for twenty classes in a month",
    evaluate=evaluate,
    thresholds=("burst_capacity", "rooms_grown", "rooms_believed", "room_hours_per_day", "overlap_minutes"),
    spares=(
        "one class more than rooms: told, not held",
        "more rooms on record than are believed: told, not held",
        "a school that grew: rooms raised within a year are told once where used, held from three times on",
        "classes one after the other on one day",
        "cancelled, draft and returned classes",
    ),
    weak="an institution whose rooms nobody has recorded is held against the rooms that its timetables name "
    "at each site, one where they name none; the school is told when it files such a class",
)
