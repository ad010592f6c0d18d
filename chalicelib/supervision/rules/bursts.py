"""`check_in_burst`: a whole class arrives within seconds.

A bus does that too: forty people in half a minute, with phones of their own, in any order. A script does it
with few devices, in the same order each day, at even gaps, or faster than people walk. So the burst is told,
and what no bus does is grave.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import ceil, inf, sqrt
from statistics import fmean, pstdev

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import is_live
from chalicelib.supervision.rules.dossier import Dossier
from chalicelib.supervision.rules.rule import Rule, finding, ids
from chalicelib.supervision.rules.small import is_enough, is_small

NAME = "check_in_burst"
_REPEATED_LESSONS = 3
_TWICE = 2
_MANY = 20
_EVEN_GAPS = 0.55
_EVEN_GAPS_OF_HALF = 0.48
_EVEN_GAPS_MIN = 40
_GAPS_OF_FEW_MIN = 24
_STEADY_GAPS = 0.25
_SAME_ORDER = 0.9
_FEW_DEVICES = 0.5


@dataclass(frozen=True, kw_only=True)
class Burst:
    """The arrivals of one lesson, and in how many seconds most of them came."""

    lesson: str
    arrivals: Sequence[CheckInRecord]
    seconds: float

    @property
    def gaps(self) -> Sequence[float]:
        """Give the times from one arrival to the next as shares of their mean; none if they took no time."""
        gaps = [
            (after.received_at - before.received_at).total_seconds()
            for before, after in pairwise(self.arrivals)
        ]
        mean = fmean(gaps)
        return [gap / mean for gap in gaps] if mean > 0 else []

    @property
    def gaps_of_few(self) -> Sequence[float]:
        """Give how far each gap is from their mean, as few gaps show it: chance makes few of them look even.

        The shares of n gaps of chance differ by √((n − 1) / (n + 1)), and by one only where they are many.
        """
        count = len(self.gaps)
        if count < _TWICE:
            return []
        return [(gap - 1) / sqrt((count - 1) / (count + 1)) for gap in self.gaps]

    @property
    def steady(self) -> bool:
        """Tell whether a clock let them in: gaps so even that it needs no haste, nor many, to show it."""
        return bool(self.gaps) and pstdev(self.gaps) < _STEADY_GAPS

    @property
    def few_devices(self) -> bool:
        """Tell whether they came with half as many devices, or fewer."""
        devices = [record.device for record in self.arrivals if record.device]
        return bool(devices) and len(set(devices)) <= _FEW_DEVICES * len(devices)

    @property
    def order(self) -> Sequence[str]:
        """Give the enrolments in the order they came."""
        return [record.enrolment or "" for record in self.arrivals]


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find lessons to which the class came at once: told, or held with what no bus does."""
    limits = policy.supervision
    small = is_small(dossier, limits)
    people = limits.small_people if small else limits.burst_people
    judged = [
        burst
        for lesson in dossier.lessons
        if (burst := _burst(dossier, lesson.id, limits, people=people)) is not None
    ]
    close = [burst for burst in judged if burst.seconds <= limits.burst_seconds_scripted]
    signs = _signs_of_few(close, len(judged), limits) if small else _signs(close, limits)
    steady = [burst for burst in judged if burst.steady]
    if not small and not signs and len(steady) >= max(_REPEATED_LESSONS, ceil(len(judged) / 2)):
        close, signs = steady, ["steady_gaps"]
    if not signs:
        close = [burst for burst in judged if burst.seconds <= limits.burst_seconds]
        again = len(close) >= max(_REPEATED_LESSONS, limits.burst_lessons_share * len(judged))
        again = again and (not small or is_enough(_counts(close), len(judged), limits))
        close = [burst for burst in close if again or len(burst.arrivals) >= limits.burst_people_once]
    if not close:
        return
    yield finding(
        dossier,
        NAME,
        Severity.HOLD if signs else Severity.WARN,
        (FindingKind.CLASS, dossier.head.id),
        lines=[enrolment for burst in close for enrolment in burst.order],
        evidence={
            "signs": signs,
            "lessons_found": len(close),
            "lessons_judged": len(judged),
            "people": max(len(burst.arrivals) for burst in close),
            "seconds_at_least": round(min(burst.seconds for burst in close), 1),
            "burst_share": limits.burst_share,
            "burst_seconds": limits.burst_seconds,
            "burst_seconds_scripted": limits.burst_seconds_scripted,
            "lessons": ids(burst.lesson for burst in close),
        },
        at=max(burst.arrivals[-1].received_at for burst in close),
    )


def _counts(bursts: Sequence[Burst]) -> list[int]:
    return [len(burst.arrivals) for burst in bursts]


def _burst(dossier: Dossier, lesson: str, limits: Thresholds, *, people: int) -> Burst | None:
    arrivals = [record for record in dossier.arrivals.get(lesson, ()) if is_live(record)]
    if len(arrivals) < people:
        return None
    most = ceil(limits.burst_share * len(arrivals))
    seconds, first = min(
        ((arrivals[first + most - 1].received_at - arrivals[first].received_at).total_seconds(), first)
        for first in range(len(arrivals) - most + 1)
    )
    return Burst(lesson=lesson, arrivals=arrivals[first : first + most], seconds=seconds)


def _signs(bursts: Sequence[Burst], limits: Thresholds) -> list[str]:
    """Name what no bus does, in most of the bursts."""
    often = max(1, ceil(len(bursts) / 2))
    inhuman = [burst for burst in bursts if burst.seconds <= limits.burst_seconds_inhuman]
    same_order = sum(_alike(one.order, other.order) for one, other in pairwise(bursts))
    signs = {
        "few_devices": sum(burst.few_devices for burst in bursts) >= often,
        "even_gaps": len(bursts) >= _REPEATED_LESSONS and _even(bursts),
        "same_order": same_order >= max(_TWICE, often - 1),
        "faster_than_people": len(inhuman) >= _TWICE
        or any(len(burst.arrivals) >= _MANY for burst in inhuman),
    }
    return sorted(name for name, shows in signs.items() if shows)


def _signs_of_few(bursts: Sequence[Burst], judged: int, limits: Thresholds) -> list[str]:
    """Name what no bus does, of a class too small for one lesson to show it: in half of its lessons."""
    if not is_enough(_counts(bursts), judged, limits):
        return []
    inhuman = [burst for burst in bursts if burst.seconds <= limits.burst_seconds_inhuman]
    gaps = [gap for burst in bursts for gap in burst.gaps_of_few]
    pairs = [_pairs(one.order, other.order) for one, other in pairwise(bursts)]
    common = sum(count for _, count in pairs)
    signs = {
        "even_gaps": len(gaps) >= _GAPS_OF_FEW_MIN and sqrt(fmean(gap * gap for gap in gaps)) < _EVEN_GAPS,
        "same_order": common >= _GAPS_OF_FEW_MIN and sum(same for same, _ in pairs) >= _SAME_ORDER * common,
        "faster_than_people": is_enough(_counts(inhuman), judged, limits),
    }
    return sorted(name for name, shows in signs.items() if shows)


def _even(bursts: Sequence[Burst]) -> bool:
    """Tell whether the gaps of all bursts together are even: those of people differ by as much as they last.

    One lesson shows it badly: ten gaps of chance are even one time in ten, a hundred never. A class that is
    called by its teacher at times hides a script among its own bursts: then the more even half shows it, by a
    stricter measure, as the evenest half of chance is evener than chance.
    """
    if _evenness(bursts) < _EVEN_GAPS:
        return True
    by_evenness = sorted((burst for burst in bursts if burst.gaps), key=lambda burst: pstdev(burst.gaps))
    half = by_evenness[: ceil(len(bursts) / 2)]
    return len(half) >= _REPEATED_LESSONS and _evenness(half) < _EVEN_GAPS_OF_HALF


def _evenness(bursts: Sequence[Burst]) -> float:
    """Give how much the gaps of bursts together differ, by their mean; without end where they are too few."""
    gaps = [gap for burst in bursts for gap in burst.gaps]
    return pstdev(gaps) if len(gaps) >= _EVEN_GAPS_MIN else inf


def _alike(order: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether people came in nearly the same order: of each two, who comes first is who came first."""
    if len(set(order) & set(other)) < _MANY // 4:
        return False
    same, pairs = _pairs(order, other)
    return same >= _SAME_ORDER * pairs


def _pairs(order: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """Count of each two who came both times: those who came in the same order, and all."""
    places = {enrolment: place for place, enrolment in enumerate(other)}
    common = [places[enrolment] for enrolment in order if enrolment in places]
    pairs = [before < after for start, before in enumerate(common) for after in common[start + 1 :]]
    return sum(pairs), len(pairs)


RULE = Rule[Dossier](
    name=NAME,
    pattern="a class checks in within seconds, within two minutes as a script does, or by the clock",
    source="audits: attendance filled in at one go",
    evaluate=evaluate,
    thresholds=(
        "burst_people",
        "burst_share",
        "burst_seconds",
        "burst_people_once",
        "burst_lessons_share",
        "burst_seconds_scripted",
        "burst_seconds_inhuman",
        "small_people",
        "small_check_ins",
    ),
    spares=(
        "a bus, or a teacher's call: told when quick, held only if few phones or one order show a script",
        "uploads after a network failure and made-up check-ins: not read",
        "check-outs: everybody leaves at once",
        "four to seven people who are called, or come together, at times: judged over all their lessons",
    ),
    weak="a script that waits as people do; then devices and places have to show it",
    only_alike=True,
)
