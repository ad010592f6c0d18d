"""Use case of the report on holds: those that a city's index names for a year, with their lines and cases.

Its cost grows with the holds of that year, not with what was ever paid: a query a city and state, and a read
of a hundred claims, lines and cases a call.
"""

from collections.abc import Iterator

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.claims.model import Claim, Line, claim_id_of, claim_of_line
from chalicelib.subsidies.claims.store import find_claims, find_lines
from chalicelib.subsidies.holds.model import RISK_CASE, Hold, HoldStatus, SubjectKind
from chalicelib.subsidies.holds.store import holds_of_year
from chalicelib.supervision.cases.model import RiskCase
from chalicelib.supervision.cases.store import find_cases
from chalicelib.supervision.reports.holds.model import HoldsReport, lines_under, report_of
from chalicelib.supervision.reports.service import ReportScope


def holds_report(context: Context, scope: ReportScope, *, year: int | None) -> HoldsReport:
    """Tell what was stopped in an area in a year, this one if none is named, and what became of it."""
    asked = year or shanghai_date(context.now).year
    holds = list(_holds(scope, asked))
    claim_ids = sorted({*map(_claim_id, holds)} - {""})
    claims: dict[str, Claim] = {claim.id: claim for claim in find_claims(claim_ids)}
    if scope.program_id is not None:
        claims = {claim.id: claim for claim in claims.values() if claim.program_id == scope.program_id}
        holds = [hold for hold in holds if _claim_id(hold) in claims]
    by_claim: dict[str, list[Line]] = {}
    for line in find_lines(sorted({line_id for claim in claims.values() for line_id in claim.line_ids})):
        by_claim.setdefault(claim_of_line(line.id), []).append(line)
    lines = {hold.id: lines_under(hold, by_claim.get(_claim_id(hold), ())) for hold in holds}
    case_ids = sorted({str(hold.evidence) for hold in holds if hold.code == RISK_CASE})
    cases: dict[str, RiskCase] = {case.id: case for case in find_cases(case_ids)}
    return report_of(asked, holds, lines=lines, cases=cases)


def _holds(scope: ReportScope, year: int) -> Iterator[Hold]:
    cities, _ = cities_of(scope.division)
    for city in cities:
        for status in HoldStatus:
            for hold in holds_of_year(city, year, status=status):
                if covers(scope.division, hold.division):
                    yield hold


def _claim_id(hold: Hold) -> str:
    """Give the claim whose lines a hold is on; none for one on all of an institution."""
    match hold.subject_kind:
        case SubjectKind.LINE:
            return claim_of_line(hold.subject_id)
        case SubjectKind.CLAIM:
            return hold.subject_id
        case SubjectKind.CLASS:
            return claim_id_of(hold.subject_id)
        case SubjectKind.INSTITUTION:
            return ""
