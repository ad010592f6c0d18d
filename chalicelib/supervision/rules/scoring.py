"""`early_scores` and `uniform_scores`: marks before there was anything to mark, and marks all alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import pstdev

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import Finding, FindingKind, ScoresRecord, Severity
from chalicelib.supervision.rules.attempts import newest
from chalicelib.supervision.rules.dossier import Dossier, grouped_by
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
        if _is_final(record) and record.entered_at is not None and record.entered_at < ends_at
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


def _is_final(record: ScoresRecord) -> bool:
    return record.practice is not None and record.theory is not None


# ------------------------------------------------------------------------------------------- uniform


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The marks of those who were examined, by enrolment, in one half of the examination."""

    half: str
    by_enrolment: Mapping[str, float]

    def alike(self, width: float) -> set[str]:
        """Give the most trainees whose marks lie within a range of this width."""
        ordered = sorted(self.by_enrolment.items(), key=lambda item: (item[1], item[0]))
        best: Sequence[tuple[str, float]] = ()
        first = 0
        for last, (_, mark) in enumerate(ordered):
            while mark - ordered[first][1] > width:
                first += 1
            if last + 1 - first > len(best):
                best = ordered[first : last + 1]
        return {enrolment for enrolment, _ in best}

    @property
    def spread(self) -> float:
        """Give the standard deviation."""
        return pstdev(self.by_enrolment.values())


def evaluate_uniform(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find classes with the same marks in both halves; in one only, or nearly the same, they are told."""
    limits = policy.supervision
    halves = _halves(dossier)
    examined = len(halves[0].by_enrolment) if halves else 0
    if examined < limits.marks_people:
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


def _halves(dossier: Dossier) -> list[Marks]:
    """Give theory and practice of those who have both; nothing of interim marks, which tell theory only."""
    standing = set(dossier.trainees)
    records = {
        enrolment: record
        for enrolment, record in dossier.newest_scores.items()
        if enrolment in standing and _is_final(record) and (record.theory or record.practice)
    }
    if not records:
        return []
    return [
        Marks(half="theory", by_enrolment={key: record.theory or 0.0 for key, record in records.items()}),
        Marks(half="practice", by_enrolment={key: record.practice or 0.0 for key, record in records.items()}),
    ]


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
    pattern="a class with the same marks in theory and practice, or marks that differ by one",
    source="audits: one mark for everyone, or one copied down and varied by hand",
    evaluate=evaluate_uniform,
    thresholds=("marks_people", "marks_range", "marks_share", "marks_equal_share", "marks_spread"),
    spares=(
        "good classes with high marks: 90 to 98 is a spread of its own",
        "practice marked pass or fail, theory not: told, not held",
        "interim marks, and the marks of those who did not come to the examination",
    ),
    weak="marks drawn at random around a mean",
    only_alike=True,
)
