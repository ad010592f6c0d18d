"""`repeat_subsidy`: a person claimed for again, for one occupation and level or above the yearly cap."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import ClaimRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.dossier import Dossier, OtherSubsidy, grouped_by, occupation_of
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "repeat_subsidy"
_NOT_PAID_CLAIMS = frozenset({"returned", "rejected", "withdrawn", "lapsed"})
_NOT_PAID_LINES = frozenset({"reversed", "rejected", "returned", "withdrawn"})
_FIRST_OF_ALL = datetime(1970, 1, 1, tzinfo=UTC)


def evaluate(dossier: Dossier, policy: Policy, as_of: datetime) -> Iterator[Finding]:
    """Find lines that come after another one of the same person: the later one is wrong."""
    claim = dossier.claim
    if claim is None or claim.status in _NOT_PAID_CLAIMS:
        return
    everything = _all_subsidies(dossier, claim)
    by_person = grouped_by(everything, lambda line: line.person)
    for line in everything:
        if line.claim != claim.id:
            continue
        before = [other for other in by_person[line.person] if _place(other) < _place(line)]
        evidence = _against(line, before, policy)
        if evidence:
            enrolment = next(own.enrolment for own in claim.lines if own.id == line.line)
            yield finding(
                dossier,
                NAME,
                Severity.HOLD,
                (FindingKind.ENROLMENT, enrolment),
                lines=[enrolment],
                evidence=evidence,
                at=claim.submitted_at or as_of,
            )


def _against(line: OtherSubsidy, before: Sequence[OtherSubsidy], policy: Policy) -> dict[str, object]:
    same = [other for other in before if line.occupation and other.occupation == line.occupation]
    cap = policy.subsidies_per_person_per_year
    this_year = [other for other in before if _year(other) == _year(line) is not None]
    if same:
        return {"occupation_and_level": line.occupation, "lines": ids(other.line for other in same)}
    if len(this_year) >= cap:
        return {
            "year": _year(line),
            "before": len(this_year),
            "subsidies_per_person_per_year": cap,
            "lines": ids(other.line for other in this_year),
        }
    return {}


def _all_subsidies(dossier: Dossier, claim: ClaimRecord) -> list[OtherSubsidy]:
    own = (
        OtherSubsidy(
            person=line.person or dossier.persons.get(line.enrolment, line.enrolment),
            claim=claim.id,
            line=line.id,
            class_id=dossier.head.id,
            occupation=occupation_of(dossier.project),
            claim_status=claim.status,
            line_status=line.status,
            submitted_at=claim.submitted_at,
        )
        for line in claim.lines
    )
    others = (other for other in dossier.neighbours.subsidies if other.claim != claim.id)
    lines = {line.line: line for line in (*others, *own)}
    return sorted(
        (
            line
            for line in lines.values()
            if line.claim_status not in _NOT_PAID_CLAIMS and line.line_status not in _NOT_PAID_LINES
        ),
        key=_place,
    )


def _place(line: OtherSubsidy) -> tuple[datetime, str, str]:
    return line.submitted_at or _FIRST_OF_ALL, line.claim, line.line


def _year(line: OtherSubsidy) -> int | None:
    return shanghai_date(line.submitted_at).year if line.submitted_at else None


RULE = Rule[Dossier](
    name=NAME,
    pattern="one person claimed for twice for one occupation and level, or above the yearly cap",
    source="Shenzhen: three a year, one occupation and level once; audits: one list at several schools",
    evaluate=evaluate,
    thresholds=("policy.subsidies_per_person_per_year",),
    spares=(
        "the first of two claims: only what came later is found",
        "a claim that was returned or rejected, a line that was paid back",
        "another level of the same occupation",
        "people in two programs for two occupations",
    ),
    weak="a check that two people let pass by an override is found again: the records do not tell overrides",
)
