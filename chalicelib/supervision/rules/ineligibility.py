"""`ineligible_at_date`: a cross-match list names a trainee on the day the class began."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from chalicelib.kernel.calendar import SHANGHAI, shanghai_date, start_of_day
from chalicelib.programs.model import Employment, Policy
from chalicelib.supervision.records.model import Finding, FindingKind, Severity, StandingRecord
from chalicelib.supervision.rules.attempts import newest
from chalicelib.supervision.rules.dossier import Dossier, grouped
from chalicelib.supervision.rules.rule import Rule, finding

NAME = "ineligible_at_date"
_IN_WORK = frozenset({"employed", "self_employed"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find trainees who could not be trained on the day of the first lesson."""
    if dossier.begins_at is None:
        return
    day = shanghai_date(dossier.begins_at)
    standings = grouped(dossier.standings, "person")
    for enrolment in dossier.trainees:
        bars = [
            standing
            for standing in standings.get(dossier.persons.get(enrolment, ""), ())
            if _minds(policy, standing.list) and holds_on(standing, day)
        ]
        if bars:
            yield finding(
                dossier,
                NAME,
                Severity.HOLD,
                (FindingKind.ENROLMENT, enrolment),
                lines=[enrolment],
                evidence={
                    "lists": sorted({bar.list for bar in bars}),
                    "day": day.isoformat(),
                    "since": sorted({_since(bar) for bar in bars}),
                },
                at=newest([bar.imported_at for bar in bars], dossier.begins_at),
            )


def holds_on(standing: StandingRecord, day: date) -> bool:
    """Tell whether a standing holds on a day, in part or whole.

    An end is inclusive as a date and exclusive as a time: "until 2026-09-01" holds on that day, "until
    2026-09-01T00:00:00+08:00" is over when it begins.
    """
    begins, ends = bounds_of(standing)
    day_begins, day_ends = start_of_day(day), start_of_day(day + timedelta(days=1))
    return (begins is None or begins < day_ends) and (ends is None or ends > day_begins)


def bounds_of(standing: StandingRecord) -> tuple[datetime | None, datetime | None]:
    """Give from which moment on a standing holds, and from which it no longer does; None where it has no end.

    Raises:
        ValueError: neither a date nor a time.

    """
    return _moment(standing.since, ending=False), _moment(standing.until, ending=True)


def _moment(text: str | None, *, ending: bool) -> datetime | None:
    if not text:
        return None
    if _DATE.fullmatch(text):
        return start_of_day(date.fromisoformat(text) + timedelta(days=1 if ending else 0))
    moment = datetime.fromisoformat(text.strip().upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def _since(standing: StandingRecord) -> str:
    begins, _ = bounds_of(standing)
    return shanghai_date(begins).isoformat() if begins else "always"


def _minds(policy: Policy, name: str) -> bool:
    if name in policy.supervision.lists_that_bar_nobody:
        return False
    return name not in _IN_WORK or policy.employment is not Employment.ANY


RULE = Rule[Dossier](
    name=NAME,
    pattern="employed, retired, in school, deceased or imprisoned on the day of the first lesson",
    source="the notice pays for graduates without a job; audits found the dead and the imprisoned on rosters",
    evaluate=evaluate,
    thresholds=("lists_that_bar_nobody", "policy.employment"),
    spares=(
        "a job that ended before the class began, or began after: the day decides",
        "people in work, under a program that takes them (`employment: any`)",
        "who withdrew and is not claimed for",
    ),
    weak="knows what lists tell; a list that was never imported tells nothing",
)
