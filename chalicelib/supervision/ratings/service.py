"""Use case of ratings: figures that other reports and indexes have, put side by side by institution.

Its cost grows with the cases, inspections and classes of a year in the area, never with its vouchers.
"""

from collections import Counter
from datetime import timedelta

from chalicelib.catalogue.institutions.reading import institutions_in
from chalicelib.classes.model import NOT_YET_APPROVED, ClassStatus
from chalicelib.classes.store import recent_heads
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.principal import Context
from chalicelib.programs.service import all_programs, read_program
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.holds.model import HoldStatus
from chalicelib.subsidies.holds.store import holds_of_year
from chalicelib.supervision.cases.model import CaseStatus
from chalicelib.supervision.cases.service import cases_of_area
from chalicelib.supervision.inspections.cards import CardFigures, figures_in, worst_card
from chalicelib.supervision.ratings.model import Rating, idle_of, pass_share, worst_first
from chalicelib.supervision.reports.idle.model import share
from chalicelib.supervision.reports.idle.service import idle_report
from chalicelib.supervision.reports.service import ReportScope
from chalicelib.supervision.touches.store import find_touched

_TAUGHT = tuple(status for status in ClassStatus if status not in NOT_YET_APPROVED)
_SCORED = (ClassStatus.SCORED, ClassStatus.CLAIMED, ClassStatus.CLOSED)


def ratings(context: Context, scope: ReportScope) -> list[Rating]:
    """Rate the institutions of an area, the worst first; without a program by the strictest of all."""
    programs = [read_program(scope.program_id)] if scope.program_id is not None else all_programs()
    policies = [program.policy for program in programs]
    since = context.now - timedelta(days=max((policy.card_days for policy in policies), default=0))
    figures = figures_in(scope.division, since)
    idle = idle_of(idle_report(context, scope).institutions)
    open_cases = Counter(
        str(case.institution)
        for status in (CaseStatus.OPEN, CaseStatus.UNDER_REVIEW)
        for case in cases_of_area(scope.division, status)
    )
    holds = _open_holds(context, scope)
    passed, failed = Counter[str](), Counter[str]()
    of: dict[str, str] = {}
    for head in recent_heads(scope.division, since=since, statuses=_TAUGHT):
        if scope.program_id in (None, head.program_id):
            of[head.id] = head.institution
            if head.status in _SCORED:
                passed[head.institution] += head.passed
                failed[head.institution] += head.failed
    attempts, refused = Counter[str](), Counter[str]()
    for touched in find_touched(of):
        attempts[of[touched.class_id]] += touched.attempts
        refused[of[touched.class_id]] += touched.refused
    rated = []
    for institution in institutions_in(scope.division):
        uscc = institution.uscc
        own, row = figures.get(uscc, CardFigures()), idle[uscc]
        rated.append(
            Rating(
                institution=uscc,
                name=institution.name,
                division=institution.division,
                card=worst_card(policies, own),
                confirmed_cases=own.confirmed_cases,
                open_cases=open_cases[uscc],
                open_holds=holds[uscc],
                inspected=own.inspected,
                deviations=own.deviations,
                redeemed=row.count.ever_redeemed,
                idle=row.idle.total,
                idle_share=row.idle_share,
                passed=passed[uscc],
                failed=failed[uscc],
                pass_share=pass_share(passed[uscc], failed[uscc]),
                attempts=attempts[uscc],
                refused=refused[uscc],
                refused_share=share(refused[uscc], attempts[uscc]),
                paid_fen=row.count.paid_fen,
                taken_back_fen=row.count.reversed_fen,
            )
        )
    return worst_first(rated)


def _open_holds(context: Context, scope: ReportScope) -> Counter[str]:
    cities, _ = cities_of(scope.division)
    year = shanghai_date(context.now).year
    return Counter(
        hold.institution
        for city in cities
        for placed_in in (year - 1, year)
        for hold in holds_of_year(city, placed_in, status=HoldStatus.OPEN)
        if covers(scope.division, hold.division)
    )
