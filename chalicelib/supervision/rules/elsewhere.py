"""Marks against the same project elsewhere, and against who came: the second half of `uniform_scores`.

Who makes marks up draws them around a figure. Such marks lie closer together than an examination's, a good
theory says nothing of practice, nobody fails, and those who never came do as well as the others. None of it
proves anything alone. So four signs are looked for, each against other classes of the project at other
institutions, which examined the same thing:

    narrow              they spread far less than elsewhere (compared as ratios, by median and deviation)
    halves_unrelated    theory and practice agree less than elsewhere, by more than chance
    nobody_failed       nobody failed, where elsewhere so many do that chance does not explain it
    absent_as_good      some who hardly came have marks in the better half of the class

An example: elsewhere classes spread by 5.9 points (3.5 to 9), and theory and practice agree with 0.54. One
with an average of 80, spread 2.8 and agreement −0.1 is narrow, and its halves are unrelated.

Two signs are told, three are grave. A good class is narrow and has nobody who failed for one reason, its high
average: there both are one sign. A middling class has no such reason, so being narrow is told alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import atanh, log, sqrt
from statistics import median

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import newest
from chalicelib.supervision.rules.dossier import MARKED_WITHIN, ClassMarks, Dossier
from chalicelib.supervision.rules.marks import halves_of, summary_of
from chalicelib.supervision.rules.rule import finding

CLASSES_READ_MAX = 200
CLASSES_MAX = 60
"""So many classes, the newest, are compared with: more tell nothing new …"""
OF_ONE_INSTITUTION_MAX = 5
"""… and no institution is so many of them that it sets the measure."""
HIGH_DEVIATIONS, HIGH_MARKS = 1.5, 6.0
"""An average so many deviations above the usual, and so many marks, is that of a good class."""
_SIGNS_TOLD, _SIGNS_GRAVE = 2, 3
_DEVIATIONS_A_MAD = 1.4826
_LEAST_SPREAD, _LEAST_DEVIATION = 0.25, 0.05
_AGREEMENT_MAX, _AGREEMENT_MIN = 0.95, 0.25
_ABOVE_ZERO_ERRORS = 1.64


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is usual for a project elsewhere; `failed_share` is of all trainees of these classes."""

    classes: int
    institutions: int
    average: float
    average_deviation: float
    spread: float
    spread_deviation: float
    agreement: float | None
    failed_share: float


def unlike_elsewhere(dossier: Dossier, policy: Policy, rule: str) -> Iterator[Finding]:
    """Find marks unlike those of the project's other classes: see above for how signs are weighed."""
    limits = policy.supervision
    own = summary_of(dossier)
    if own is None or own.people < limits.marks_people:
        return
    usual = usual_of(compared_with(own, dossier.neighbours.marks), limits)
    absent = _absent_as_good(dossier, limits)
    signs = _signs(own, usual, absent, limits) if usual is not None else []
    severity = _severity(signs, is_high=_is_high(own, usual)) if usual is not None else None
    if usual is None or severity is None:
        return
    marked = [dossier.newest_scores[key].entered_at for key in halves_of(dossier)[0].by_enrolment]
    yield finding(
        dossier,
        rule,
        severity,
        (FindingKind.CLASS, dossier.head.id),
        lines=halves_of(dossier)[0].by_enrolment,
        evidence={
            "signs": signs,
            "examined": own.people,
            "average": round(own.average, 1),
            "spread": round(own.spread, 1),
            "agreement": own.agreement,
            "failed": own.failed,
            "absent_marked_well": absent,
            "average_elsewhere": round(usual.average, 1),
            "spread_elsewhere": round(usual.spread, 1),
            "agreement_elsewhere": None if usual.agreement is None else round(usual.agreement, 2),
            "failed_share_elsewhere": round(usual.failed_share, 3),
            "classes_elsewhere": usual.classes,
            "institutions_elsewhere": usual.institutions,
            "marks_narrow_share": limits.marks_narrow_share,
            "marks_unrelated_deviations": limits.marks_unrelated_deviations,
            "marks_nobody_failed_chance": limits.marks_nobody_failed_chance,
            "marks_absent_people": limits.marks_absent_people,
        },
        at=newest(marked, own.marked_at),
    )


def compared_with(own: ClassMarks, marks: Sequence[ClassMarks]) -> list[ClassMarks]:
    """Pick the classes of other institutions that were marked in the year before, the newest first."""
    before = sorted(
        {
            other.class_id: other
            for other in marks
            if other.project == own.project
            and other.institution != own.institution
            and own.marked_at - MARKED_WITHIN <= other.marked_at < own.marked_at
        }.values(),
        key=lambda other: (other.marked_at, other.class_id),
        reverse=True,
    )
    picked: list[ClassMarks] = []
    of: Counter[str] = Counter()
    for other in before[:CLASSES_READ_MAX]:
        if of[other.institution] < OF_ONE_INSTITUTION_MAX and len(picked) < CLASSES_MAX:
            of[other.institution] += 1
            picked.append(other)
    return picked


def usual_of(marks: Sequence[ClassMarks], limits: Thresholds) -> Usual | None:
    """Tell what is usual, by medians; None where there is too little to go by."""
    classes = [other for other in marks if other.people >= limits.marks_people]
    institutions = {other.institution for other in classes}
    if (
        len(classes) < limits.marks_classes_elsewhere
        or len(institutions) < limits.marks_institutions_elsewhere
    ):
        return None
    averages = [other.average for other in classes]
    spreads = [log(max(other.spread, _LEAST_SPREAD)) for other in classes]
    agreements = [other.agreement for other in classes if other.agreement is not None]
    return Usual(
        classes=len(classes),
        institutions=len(institutions),
        average=median(averages),
        average_deviation=_deviation(averages),
        spread=median(other.spread for other in classes),
        spread_deviation=_deviation(spreads),
        agreement=median(agreements) if len(agreements) >= limits.marks_classes_elsewhere else None,
        failed_share=sum(other.failed for other in classes) / sum(other.people for other in classes),
    )


def _deviation(values: Sequence[float]) -> float:
    """Give a deviation that a few odd classes do not move: by the median of distances from the median."""
    middle = median(values)
    return max(_LEAST_DEVIATION, _DEVIATIONS_A_MAD * median(abs(value - middle) for value in values))


def _signs(own: ClassMarks, usual: Usual, absent: int, limits: Thresholds) -> list[str]:
    signs = {
        "narrow": _is_narrow(own, usual, limits),
        "halves_unrelated": _are_unrelated(own, usual, limits),
        "nobody_failed": own.failed == 0
        and (1 - usual.failed_share) ** own.people <= limits.marks_nobody_failed_chance,
        "absent_as_good": absent >= limits.marks_absent_people,
    }
    return [sign for sign, is_there in signs.items() if is_there]


def _severity(signs: Sequence[str], *, is_high: bool) -> Severity | None:
    """Weigh the signs: a middling class has no reason to be narrow, a good one has one for two signs."""
    count = len(signs) - (is_high and {"narrow", "nobody_failed"} <= set(signs))
    if count >= _SIGNS_GRAVE:
        return Severity.HOLD
    is_odd = "narrow" in signs and not is_high
    return Severity.WARN if count >= _SIGNS_TOLD or is_odd else None


def _is_high(own: ClassMarks, usual: Usual) -> bool:
    return own.average > usual.average + max(HIGH_MARKS, HIGH_DEVIATIONS * usual.average_deviation)


def _is_narrow(own: ClassMarks, usual: Usual, limits: Thresholds) -> bool:
    """Compare two spreads as a ratio; the spread of n marks is itself known to 1 / √(2 (n − 1)) only."""
    if own.spread > limits.marks_narrow_share * usual.spread:
        return False
    below = log(max(usual.spread, _LEAST_SPREAD)) - log(max(own.spread, _LEAST_SPREAD))
    deviation = sqrt(usual.spread_deviation**2 + 1 / (2 * (own.people - 1)))
    return below >= limits.marks_narrow_deviations * deviation


def _are_unrelated(own: ClassMarks, usual: Usual, limits: Thresholds) -> bool:
    """Compare two correlations by Fisher's transformation, whose standard error is 1 / √(n − 3).

    A good class agrees less than one with many who fail, as its marks differ less: what is above zero by more
    than chance is an agreement, however little it is.
    """
    if own.agreement is None or usual.agreement is None or usual.agreement < _AGREEMENT_MIN:
        return False
    here, there = (
        atanh(max(-_AGREEMENT_MAX, min(_AGREEMENT_MAX, agreement)))
        for agreement in (own.agreement, usual.agreement)
    )
    errors = sqrt(own.people - 3)
    return here * errors < _ABOVE_ZERO_ERRORS and (there - here) * errors >= limits.marks_unrelated_deviations


def _absent_as_good(dossier: Dossier, limits: Thresholds) -> int:
    """Count who hardly came and yet has marks in the better half of the class in theory and in practice."""
    total = sum(lesson.hours or 0.0 for lesson in dossier.lessons)
    halves = halves_of(dossier)
    if total <= 0 or not dossier.check_ins:
        return 0
    hours: defaultdict[str, float] = defaultdict(float)
    for lesson in dossier.lessons:
        for arrival in dossier.arrivals.get(lesson.id, ()):
            hours[str(arrival.enrolment)] += lesson.hours or 0.0
    middles = [median(half.by_enrolment.values()) for half in halves]
    return sum(
        hours[enrolment] < limits.marks_absent_share * total
        and all(half.by_enrolment[enrolment] >= middle for half, middle in zip(halves, middles, strict=True))
        for enrolment in halves[0].by_enrolment
    )
