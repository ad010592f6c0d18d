"""`identical_coordinates`: many people at exactly one point, or at points that no receivers gave."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import Placed
from chalicelib.supervision.rules.dossier import Dossier
from chalicelib.supervision.rules.rule import Rule, finding, ids
from chalicelib.supervision.rules.scatter import Scene, is_tight, on_a_grid, repeats
from chalicelib.supervision.rules.small import is_enough, is_small

NAME = "identical_coordinates"
_LESSONS_MIN = 2
_EVERYBODY = 10
_GROUP_MIN = 4
_A_PAIR = 2
_OFTEN = 0.5
_OFTEN_LESSONS = 3


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A lesson whose places are not what phones report, and how one sees that."""

    scene: Scene
    sign: str
    places: Sequence[Placed]


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find places that were copied or made up; the lines are those who checked in with them."""
    limits = policy.supervision
    scenes = scenes_of(dossier, limits.position_people)
    small = is_small(dossier, limits)
    few = _few_people(scenes_of(dossier, _A_PAIR), limits) if small or not scenes else []
    few = few or (_made_up_by_few(scenes_of(dossier, limits.small_people), limits) if small else [])
    if few:
        yield _finding(dossier, Severity.HOLD, few, len(few), limits)
        return
    stored = _everybody_stored(scenes, limits) or _for_weeks(scenes, limits.identical_share, limits)
    stored = stored or _seldom_elsewhere(scenes, limits.stored_times_share_held, limits)
    if stored:
        yield _finding(dossier, Severity.HOLD, stored, len(scenes), limits)
        return
    own = [scene.without_stored(limits) for scene in scenes]
    same = [suspect for scene in own if (suspect := same_point(scene, limits)) is not None]
    made = _made_up(own, {suspect.scene.lesson for suspect in same}, limits)
    if same or made:
        held = _is_enough(same, made, scenes, limits) and not all(
            one.scene.is_coarse for one in [*same, *made]
        )
        yield _finding(dossier, Severity.HOLD if held else Severity.WARN, [*same, *made], len(scenes), limits)
        return
    together = (
        _often_together(own)
        or _seldom_elsewhere(scenes, limits.stored_times_share, limits)
        or _for_weeks(scenes, limits.stored_people_share, limits)
    )
    if together:
        yield _finding(dossier, Severity.WARN, together, len(scenes), limits)


def _is_enough(
    same: Sequence[Suspect], made: Sequence[Suspect], scenes: Sequence[Scene], limits: Thresholds
) -> bool:
    judged = sum(len(scene.places) >= limits.scatter_people for scene in scenes)
    return (
        len(same) >= max(_LESSONS_MIN, limits.identical_lessons_share * len(scenes))
        or len(made) >= max(_LESSONS_MIN, limits.scatter_lessons_share * judged)
        or any(
            suspect.sign == "one_point"
            and len(suspect.places) >= max(_EVERYBODY, limits.stored_share * len(suspect.scene.places))
            for suspect in same
        )
    )


# ------------------------------------------------------------------ places that a provider may have stored


def _everybody_stored(scenes: Sequence[Scene], limits: Thresholds) -> list[Suspect]:
    """Give the lessons with nearly everybody at one point, if there are two."""
    suspects = [
        Suspect(scene=scene, sign="one_point", places=scene.largest_group)
        for scene in scenes
        if len(scene.largest_group) >= max(_EVERYBODY, limits.stored_share * len(scene.places))
    ]
    return (
        suspects if len(suspects) >= _LESSONS_MIN and not all(one.scene.is_coarse for one in suspects) else []
    )


def _few_people(scenes: Sequence[Scene], limits: Thresholds) -> list[Suspect]:
    """Give the lessons of a class too small to be judged by the day, if its people never have another point.

    A class of four that checks in 20 times at one point is no crowd in any lesson. A place that a provider
    stored is spared for as long as providers store one.
    """
    places = [place for scene in scenes for place in scene.places]
    spots = Counter(place.spot for place in places)
    if len(scenes) < limits.stored_lessons or not spots:
        return []
    spot, times = spots.most_common(1)[0]
    if times < limits.stored_times_share_held * len(places):
        return []
    there = [scene for scene in scenes if scene.largest_group and scene.largest_group[0].spot == spot]
    lasts = there[-1].places[0].at - there[0].places[0].at
    own = [scene for scene in there if scene.without_stored(limits).places]
    if all(scene.is_coarse for scene in there) or (not own and lasts < timedelta(days=limits.stored_days)):
        return []
    return [Suspect(scene=scene, sign="one_point", places=scene.largest_group) for scene in there]


def _made_up_by_few(scenes: Sequence[Scene], limits: Thresholds) -> list[Suspect]:
    """Give the lessons of a small class whose places no receivers gave, if they are half of its lessons."""
    own = [scene.without_stored(limits) for scene in scenes]
    suspects = []
    for scene in own:
        if len(scene.places) < limits.small_people or scene.is_coarse:
            continue
        signs = {
            "few_points": scene.distinct <= limits.identical_share * len(scene.places),
            "closer_than_receivers": is_tight(scene, limits),
            "on_a_grid": on_a_grid(scene),
        }
        sign = next((name for name, shows in signs.items() if shows), None)
        if sign is not None:
            suspects.append(Suspect(scene=scene, sign=sign, places=scene.places))
    counts = [len(suspect.places) for suspect in suspects]
    return suspects if is_enough(counts, len(scenes), limits) else []


def _for_weeks(scenes: Sequence[Scene], share: float, limits: Thresholds) -> list[Suspect]:
    """Give the lessons with such a share of the people at one point, the same to a decimetre for too long.

    Half of them is grave. A third is told: a script that leaves out who really came looks like this.
    """
    by_spot: dict[tuple[float, float], list[Suspect]] = defaultdict(list)
    for scene in scenes:
        group = scene.largest_group
        if not scene.is_coarse and len(group) >= max(limits.position_people, share * len(scene.places)):
            by_spot[group[0].spot].append(Suspect(scene=scene, sign="one_point_for_weeks", places=group))
    for spot in sorted(by_spot):
        suspects = by_spot[spot]
        lasts = suspects[-1].places[0].at - suspects[0].places[0].at
        if len(suspects) >= _OFTEN_LESSONS and lasts >= timedelta(days=limits.stored_days):
            return suspects
    return []


def _seldom_elsewhere(scenes: Sequence[Scene], share: float, limits: Thresholds) -> list[Suspect]:
    """Give the lessons of the people who share a point mostly, if they are many and seldom have their own.

    An example: eight of 20 share one in at least half of their lessons, in 110 of 120 check-ins: 0.92.
    """
    seen: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    for scene in scenes:
        seen.update(place.check_in.enrolment or "" for place in scene.places)
        shared.update(place.check_in.enrolment or "" for place in scene.groups_of(_GROUP_MIN))
    mostly = {
        enrolment
        for enrolment, times in shared.items()
        if seen[enrolment] >= limits.stored_lessons and times >= _OFTEN * seen[enrolment]
    }
    if len(mostly) < max(limits.position_people, limits.stored_people_share * len(seen)):
        return []
    if sum(shared[one] for one in mostly) < share * sum(seen[one] for one in mostly):
        return []
    return [
        Suspect(
            scene=scene,
            sign="seldom_a_place_of_their_own",
            places=[place for place in scene.places if place.check_in.enrolment in mostly],
        )
        for scene in scenes
        if not scene.is_coarse and any(place.check_in.enrolment in mostly for place in scene.places)
    ]


# ------------------------------------------------------------------------------------- one lesson


def scenes_of(dossier: Dossier, people: int) -> list[Scene]:
    """Give the lessons with so many arrivals or more whose place is known, in order."""
    scenes = (
        Scene(
            lesson=lesson.id,
            places=[
                dossier.places[record.id]
                for record in dossier.arrivals.get(lesson.id, ())
                if record.id in dossier.places
            ],
        )
        for lesson in dossier.lessons
    )
    return [scene for scene in scenes if len(scene.places) >= people]


def same_point(scene: Scene, limits: Thresholds) -> Suspect | None:
    """Find a lesson of which so many are at one point, or all at a few."""
    group = scene.largest_group
    if len(group) >= limits.position_people and len(group) >= limits.identical_share * len(scene.places):
        return Suspect(scene=scene, sign="one_point", places=group)
    few_points = scene.places and scene.distinct <= limits.identical_share * len(scene.places)
    if few_points and len(scene.places) >= limits.scatter_people and not scene.is_coarse:
        return Suspect(scene=scene, sign="few_points", places=scene.groups_of(_LESSONS_MIN))
    return None


def _made_up(scenes: Sequence[Scene], same: Collection[str], limits: Thresholds) -> list[Suspect]:
    suspects, former = [], None
    for scene in scenes:
        if len(scene.places) < limits.scatter_people or scene.lesson in same:
            continue
        signs = {
            "closer_than_receivers": is_tight(scene, limits),
            "on_a_grid": on_a_grid(scene),
            "as_in_the_last_lesson": former is not None and repeats(scene, former),
        }
        former = scene
        sign = next((name for name, shows in signs.items() if shows), None)
        if sign is not None:
            suspects.append(Suspect(scene=scene, sign=sign, places=scene.places))
    return suspects


def _often_together(scenes: Sequence[Scene]) -> list[Suspect]:
    """Give the same few people who stand at one point lesson after lesson, where the others do not."""
    seen: Counter[str] = Counter()
    grouped: Counter[str] = Counter()
    groups = []
    for scene in scenes:
        group = scene.groups_of(_GROUP_MIN)
        seen.update(place.check_in.enrolment or "" for place in scene.places)
        grouped.update(place.check_in.enrolment or "" for place in group)
        groups.append((scene, group))
    often = {
        enrolment
        for enrolment, times in grouped.items()
        if times >= _OFTEN_LESSONS and times >= _OFTEN * seen[enrolment]
    }
    if len(often) < _GROUP_MIN:
        return []
    return [
        Suspect(
            scene=scene,
            sign="the_same_people",
            places=[place for place in group if place.check_in.enrolment in often],
        )
        for scene, group in groups
        if group and not scene.is_coarse
    ]


def _finding(
    dossier: Dossier, severity: Severity, suspects: Sequence[Suspect], lessons: int, limits: Thresholds
) -> Finding:
    places = [place for suspect in suspects for place in suspect.places]
    clearest = max(suspects, key=lambda suspect: (len(suspect.places), suspect.scene.lesson))
    return finding(
        dossier,
        NAME,
        severity,
        (FindingKind.CLASS, dossier.head.id),
        lines=[place.check_in.enrolment or "" for place in places],
        evidence={
            "signs": sorted({suspect.sign for suspect in suspects}),
            "lessons_found": len({suspect.scene.lesson for suspect in suspects}),
            "lessons_judged": lessons,
            "people": len(clearest.scene.places),
            "points": clearest.scene.distinct,
            "at_one_point": len(clearest.scene.largest_group),
            "spread_m": round(clearest.scene.spread_m, 2),
            "accuracy_m": clearest.scene.accuracy_m,
            "identical_share": limits.identical_share,
            "scatter_m": limits.scatter_m,
            "scatter_of_accuracy": limits.scatter_of_accuracy,
            "check_ins": ids(place.check_in.id for place in clearest.places),
        },
        at=max(place.at for place in places),
    )


RULE = Rule[Dossier](
    name=NAME,
    pattern="many people at exactly one point, or at points nearer and more regular than receivers give",
    source="audits: one place sent for a whole class; programs that add a small offset to it",
    evaluate=evaluate,
    thresholds=(
        "position_people",
        "scatter_people",
        "identical_share",
        "identical_lessons_share",
        "stored_accuracy_m",
        "stored_share",
        "stored_days",
        "stored_lessons",
        "stored_times_share",
        "stored_times_share_held",
        "stored_people_share",
        "scatter_m",
        "scatter_of_accuracy",
        "scatter_lessons_share",
        "small_people",
        "small_check_ins",
    ),
    spares=(
        "a stored place of a provider: many have it, with a coarse accuracy, and find their own at times",
        "places told to ten metres only: told, not held",
        "site and phone in different coordinate systems: compared in WGS-84",
        "offline check-ins: `offline_check_ins` reads them; made-up ones have no place",
    ),
    weak="noise as wide as a receiver's, drawn anew for everyone each time, is not told from a receiver's",
    only_alike=True,
)
