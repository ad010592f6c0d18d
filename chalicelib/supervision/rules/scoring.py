"""`early_scores` and `uniform_scores`: marks before there was anything to mark, and marks all alike."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import newest
from chalicelib.supervision.rules.dossier import Dossier, grouped_by
from chalicelib.supervision.rules.elsewhere import unlike_elsewhere
from chalicelib.supervision.rules.marks import Marks, agreement_of, halves_of, is_final
from chalicelib.supervision.rules.rule import Rule, finding, ids

EARLY, UNIFORM = "early_scores", "uniform_scores"


# --------------------------------------------------------------------------------------------- early


def evaluate_early(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find completion or final marks before the last lesson; during it, they are told."""
    if dossier.ends_at is None:
        return
    last = max(dossier.lessons, key=lambda lesson: (lesson.ends_at, lesson.id))
    ends_at = last.ends_at - timedelta(minutes=policy.supervision.early_minutes)
    head = dossier.head
    steps = {"completion": head.completion_submitted_at, "scored": head.scored_at}
    early = {name: moment for name, moment in steps.items() if moment is not None and moment < ends_at}
    marks = {
        enrolment: record.entered_at
        for enrolment, record in dossier.newest_scores.items()
        if is_final(record) and record.entered_at is not None and record.entered_at < ends_at
    }
    moments = [*early.values(), *marks.values()]
    if not moments:
        return
    before = min(moments) < last.starts_at
    yield finding(
        dossier,
        EARLY,
        Severity.HOLD if before else Severity.WARN,
        (FindingKind.CLASS, head.id),
        lines=() if early else marks,
        evidence={
            "steps": sorted([*early, *(["marks"] if marks else [])]),
            "trainees_marked_early": len(marks),
            "hours_before_the_end": round((last.ends_at - min(moments)).total_seconds() / 3600, 1),
            "last_lesson": last.id,
            "early_minutes": policy.supervision.early_minutes,
            "enrolments": ids(marks),
        },
        at=newest(moments, last.ends_at),
    )


# ------------------------------------------------------------------------------------------- uniform


def evaluate_uniform(dossier: Dossier, policy: Policy, as_of: datetime) -> Iterator[Finding]:
    """Find marks that nobody was examined for: all alike, drawn from a hat, or unlike others' elsewhere.

    A class has one finding, the graver one.
    """
    found = [
        *_alike(dossier, policy, as_of),
        *unlike_elsewhere(dossier, policy, UNIFORM),
        *_drawn(dossier, policy.supervision),
    ]
    graver = sorted(found, key=lambda told: told.severity is not Severity.HOLD)
    yield from graver[:1]


def _alike(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find classes with the same marks in both halves; in one only, or nearly the same, they are told."""
    limits = policy.supervision
    halves = halves_of(dossier)
    examined = len(halves[0].by_enrolment) if halves else 0
    if examined < limits.marks_people:
        yield from _alike_of_few(dossier, halves, limits)
        return
    alike = [half.alike(limits.marks_range) for half in halves]
    many = limits.marks_share * examined
    both = set.intersection(*alike)
    equal = _equal(halves)
    if len(equal) >= limits.marks_equal_share * examined:
        both |= equal
    held = len(both) >= many or len(equal) >= limits.marks_equal_share * examined
    told = (
        any(len(half) >= many for half in alike)
        or all(half.spread < limits.marks_spread for half in halves)
        or _copied(halves, many)
    )
    if held or told:
        yield _uniform_finding(dossier, Severity.HOLD if held else Severity.WARN, halves, both, limits)


def _alike_of_few(dossier: Dossier, halves: Sequence[Marks], limits: Thresholds) -> Iterator[Finding]:
    """Find the same marks in both halves of a class too small for them to be nearly the same by measure.

    Four people with exactly the same two marks are no chance; within the range all of five or more are.
    """
    examined = len(halves[0].by_enrolment) if halves else 0
    if not limits.small_people <= examined < limits.scatter_people:
        return
    equal = _equal(halves)
    both = set.intersection(*(half.alike(limits.marks_range) for half in halves))
    same = len(equal) >= max(limits.small_people, limits.marks_share * examined - 1e-9)
    near = examined > limits.small_people and len(both) == examined
    if same or near:
        yield _uniform_finding(dossier, Severity.HOLD, halves, both | equal if same else both, limits)


def _drawn(dossier: Dossier, limits: Thresholds) -> Iterator[Finding]:
    """Tell of marks drawn around a figure, by the class alone: nobody else of the project need be marked yet.

    Who is good at theory is mostly good at practice, and people differ. Where both halves lie close around a
    figure, neither says anything of the other, and nobody failed, no examination shows. A class with high
    marks has a reason to lie close, and its halves one to say little: it is spared.

    Marks that lie closer still show none whether they agree or not.

    An example: 20 people, theory 82 ± 4, practice 82 ± 4, agreement 0.05, nobody failed. Told, not grave: a
    class that was examined may look so.
    """
    halves = halves_of(dossier)
    examined = len(halves[0].by_enrolment) if halves else 0
    if examined < limits.marks_drawn_people:
        return
    theory, practice = (half.by_enrolment for half in halves)
    agreement = agreement_of(theory, practice)
    average = fmean([*theory.values(), *practice.values()])
    failed = sum(dossier.newest_scores[key].passed is False for key in theory)
    widest = max(half.spread for half in halves)
    if (
        failed
        or average >= limits.marks_drawn_high
        or agreement is None
        or widest > limits.marks_drawn_spread
        or (agreement > limits.marks_drawn_agreement and widest > limits.marks_drawn_spread_alone)
    ):
        return
    yield finding(
        dossier,
        UNIFORM,
        Severity.WARN,
        (FindingKind.CLASS, dossier.head.id),
        lines=theory,
        evidence={
            "signs": ["drawn"],
            "examined": examined,
            "average": round(average, 1),
            "theory_spread": round(halves[0].spread, 2),
            "practice_spread": round(halves[1].spread, 2),
            "agreement": agreement,
            "failed": 0,
            "marks_drawn_spread": limits.marks_drawn_spread,
            "marks_drawn_spread_alone": limits.marks_drawn_spread_alone,
            "marks_drawn_agreement": limits.marks_drawn_agreement,
            "marks_drawn_high": limits.marks_drawn_high,
        },
        at=newest(
            [dossier.newest_scores[key].entered_at for key in theory],
            dossier.head.scored_at or dossier.lessons[-1].ends_at,
        ),
    )


def _equal(halves: Sequence[Marks]) -> set[str]:
    """Give the most trainees with exactly the same two marks."""
    theory, practice = (half.by_enrolment for half in halves)
    groups = grouped_by(theory, lambda enrolment: f"{theory[enrolment]}/{practice[enrolment]}")
    largest: Sequence[str] = max(groups.values(), key=lambda group: (len(group), tuple(group)))
    return set(largest)


def _copied(halves: Sequence[Marks], many: float) -> bool:
    """Tell whether practice is theory and the same figure, for nearly everyone."""
    theory, practice = (half.by_enrolment for half in halves)
    differences = Marks(half="", by_enrolment={key: practice[key] - theory[key] for key in theory})
    return len(differences.alike(0.0)) >= many


def _uniform_finding(
    dossier: Dossier, severity: Severity, halves: Sequence[Marks], both: set[str], limits: Thresholds
) -> Finding:
    figures = {
        f"{half.half}_{name}": figure
        for half in halves
        for name, figure in (
            ("spread", round(half.spread, 2)),
            ("alike", len(half.alike(limits.marks_range))),
            ("lowest", min(half.by_enrolment.values())),
            ("highest", max(half.by_enrolment.values())),
        )
    }
    held = severity is Severity.HOLD
    return finding(
        dossier,
        UNIFORM,
        severity,
        (FindingKind.CLASS, dossier.head.id),
        lines=both if held else halves[0].by_enrolment,
        evidence={
            "examined": len(halves[0].by_enrolment),
            "alike_in_both": len(both),
            **figures,
            "marks_range": limits.marks_range,
            "marks_share": limits.marks_share,
            "marks_equal_share": limits.marks_equal_share,
            "marks_spread": limits.marks_spread,
        },
        at=newest(
            [dossier.newest_scores[key].entered_at for key in halves[0].by_enrolment],
            dossier.head.scored_at or dossier.lessons[-1].ends_at,
        ),
    )


EARLY_RULE = Rule[Dossier](
    name=EARLY,
    pattern="completion, scoring or final marks before the last lesson",
    source="audits: marks of an examination that had not been held",
    evaluate=evaluate_early,
    thresholds=("early_minutes",),
    spares=(
        "interim marks (`practice` null), and marks corrected after the last lesson: the newest count",
        "minutes before the last bell; during the last lesson: told, not held",
    ),
)
UNIFORM_RULE = Rule[Dossier](
    name=UNIFORM,
    pattern=(
        "a class with the same marks in theory and practice, marks that differ by one or are drawn around a "
        "figure, or marks unlike those of the same project elsewhere"
    ),
    source="audits: one mark for everyone, or one copied down and varied by hand",
    evaluate=evaluate_uniform,
    thresholds=(
        "marks_people",
        "marks_range",
        "marks_share",
        "marks_equal_share",
        "marks_spread",
        "marks_drawn_people",
        "marks_drawn_spread",
        "marks_drawn_spread_alone",
        "marks_drawn_agreement",
        "marks_drawn_high",
        "marks_classes_elsewhere",
        "marks_institutions_elsewhere",
        "marks_narrow_share",
        "marks_narrow_deviations",
        "marks_unrelated_deviations",
        "marks_nobody_failed_chance",
        "marks_absent_people",
        "marks_absent_share",
        "small_people",
        "scatter_people",
    ),
    spares=(
        "good classes with high marks: 90 to 98 is a spread of its own",
        "people who differ, halves that agree, somebody who failed, a high average: no marks from a hat",
        "a high average: a narrow spread and nobody failing are one sign there, not two",
        "a class that is the first of its kind: compared with at least eight of three other institutions",
        "practice marked pass or fail, theory not: told, not held",
        "interim marks, and the marks of those who did not come to the examination",
    ),
    weak="marks made up as widely as real ones, with the two halves in agreement",
    only_alike=True,
)
