"""Use case of the night's figures: the reports of an area, and what is overdue in a group, kept for pages.

A city and its counties are asked for by one message. Their reports read the same lists, so each list is read
once for all of them and for every program (`reading.each_once`): what is kept is one state of the city.
"""

from chalicelib.aws.reading import each_once
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE, divisions_below
from chalicelib.kernel.principal import Context
from chalicelib.programs.service import all_programs
from chalicelib.supervision.kept.model import name_of_report
from chalicelib.supervision.kept.store import keep
from chalicelib.supervision.ratings.service import ratings
from chalicelib.supervision.reports.holds.service import holds_report
from chalicelib.supervision.reports.idle.service import idle_report
from chalicelib.supervision.reports.service import ReportScope
from chalicelib.supervision.waiting.overseen import keep_overseen


def areas_of(group: str) -> tuple[str, ...]:
    """Name the areas whose figures are kept with a group's: a city and its counties, the province alone."""
    return (PROVINCE,) if group == PROVINCE else divisions_below(group)


def keep_figures(context: Context, group: str) -> int:
    """Keep the figures of a group and its areas; gives how many were kept.

    What is overdue comes first: no report that fails may keep it from those who look after it.
    """
    keep_overseen(group, context.now)
    with each_once():
        return 1 + sum(_keep_reports(context, area) for area in areas_of(group))


def _keep_reports(context: Context, area: str) -> int:
    kept = 0
    year = shanghai_date(context.now).year
    for program_id in (None, *(program.id for program in all_programs())):
        scope = ReportScope(program_id, area)
        for name, figures in (
            (name_of_report("idle", area, program_id), idle_report(context, scope)),
            (name_of_report("ratings", area, program_id), ratings(context, scope)),
            (name_of_report("holds", area, program_id, year), holds_report(context, scope, year=year)),
        ):
            keep(name, figures, now=context.now)
            kept += 1
    return kept
