"""The marks of a class (成绩) as rules read them: halves, their spread, a summary for other classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import correlation, fmean, pstdev

from chalicelib.supervision.records.model import ScoresRecord
from chalicelib.supervision.rules.attempts import stands
from chalicelib.supervision.rules.dossier import ClassMarks, Dossier

SUMMARISED_FROM = 5
"""Fewer marks tell nothing of a class."""


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


def is_final(record: ScoresRecord) -> bool:
    """Tell whether both halves are marked: interim marks have theory only."""
    return record.practice is not None and record.theory is not None


def halves_of(dossier: Dossier) -> list[Marks]:
    """Give theory and practice of those who have both; nothing of who did not come to the examination."""
    standing = set(dossier.trainees)
    records = {
        enrolment: record
        for enrolment, record in dossier.newest_scores.items()
        if enrolment in standing and is_final(record) and (record.theory or record.practice)
    }
    if not records:
        return []
    return [
        Marks(half="theory", by_enrolment={key: record.theory or 0.0 for key, record in records.items()}),
        Marks(half="practice", by_enrolment={key: record.practice or 0.0 for key, record in records.items()}),
    ]


def summary_of(dossier: Dossier) -> ClassMarks | None:
    """Sum up the marks of a class for those of its project that are compared with it; None of too few.

    `marked_at` is when everybody had their marks for the first time: a correction moves nobody in time.
    """
    halves = halves_of(dossier) if stands(dossier.head) else []
    if not halves or len(halves[0].by_enrolment) < SUMMARISED_FROM or dossier.head.project is None:
        return None
    theory, practice = (half.by_enrolment for half in halves)
    marked_at = _first_marked(dossier, theory)
    if marked_at is None:
        return None
    means = [(theory[key] + practice[key]) / 2 for key in theory]
    return ClassMarks(
        class_id=dossier.head.id,
        project=dossier.head.project,
        institution=dossier.head.institution,
        marked_at=marked_at,
        people=len(means),
        average=round(fmean(means), 3),
        spread=round(pstdev(means), 3),
        agreement=agreement_of(theory, practice),
        failed=sum(dossier.newest_scores[key].passed is False for key in theory),
    )


def _first_marked(dossier: Dossier, enrolments: Mapping[str, float]) -> datetime | None:
    first: dict[str, datetime] = {}
    for record in dossier.scores:
        entered = record.entered_at
        if record.enrolment in enrolments and is_final(record) and entered is not None:
            first[record.enrolment] = min(entered, first.get(record.enrolment, entered))
    return max(first.values(), default=None)


def agreement_of(theory: Mapping[str, float], practice: Mapping[str, float]) -> float | None:
    """Correlate the two halves: who is good at one is mostly good at the other; None if one is constant."""
    one, other = [theory[key] for key in theory], [practice[key] for key in theory]
    if len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return round(correlation(one, other), 3)
