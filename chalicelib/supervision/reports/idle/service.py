"""Use case of the report on idling: the counts by place, and the index of those that wait for a class.

Its cost is bounded by what waits in the area, not by what was ever issued: a query a list, and of one program
a read of a hundred enrolments a call besides, since the index does not name it.
"""

from collections.abc import Sequence

from chalicelib.aws.waiting import WaitingKey
from chalicelib.enrolments.store import find_enrolments, idle_enrolments
from chalicelib.kernel.divisions import covers, group_of, groups_below, name_of
from chalicelib.kernel.principal import Context
from chalicelib.supervision.reports import service, store
from chalicelib.supervision.reports.idle.model import (
    Ages,
    IdleReport,
    IdleRow,
    age_of,
    ages_of,
    most_idle_first,
    summed_ages,
)
from chalicelib.supervision.reports.model import division_place, summed
from chalicelib.supervision.reports.service import ReportScope


def idle_report(context: Context, scope: ReportScope) -> IdleReport:
    """Tell how vouchers of an area are claimed and used, and how long the used ones wait for a class."""
    waiting = _waiting(context, scope)
    of_cities = ages_of(
        (group_of(str(key.division)), age_of(key.since, context.now)) for key in waiting if key.division
    )
    of_schools = ages_of((str(key.institution), age_of(key.since, context.now)) for key in waiting)
    institutions = [
        IdleRow(
            place=institution.uscc,
            name=institution.name,
            count=count,
            idle=of_schools.get(institution.uscc, Ages()),
        )
        for institution, count in service.by_institution(scope)
    ]
    total = IdleRow(
        place=scope.division,
        name=name_of(scope.division),
        count=service.division_total(scope),
        idle=summed_ages(of_cities),
    )
    cities = _cities(scope, of_cities)
    return IdleReport(total=total, cities=cities, institutions=most_idle_first(institutions))


def _cities(scope: ReportScope, ages: dict[str, Ages]) -> list[IdleRow]:
    counts = list(store.counts(scope.program, division_place("")))
    rows = []
    for group in groups_below(scope.division):
        area = scope.division if covers(group, scope.division) else group
        own = [count for count in counts if group_of(count.place.partition("#")[2]) == group]
        inside = [count for count in own if covers(scope.division, count.place.partition("#")[2])]
        count = summed(inside, program=scope.program, place=group)
        rows.append(IdleRow(place=area, name=name_of(area), count=count, idle=ages.get(group, Ages())))
    return rows


def _waiting(context: Context, scope: ReportScope) -> Sequence[WaitingKey]:
    keys = list(idle_enrolments(scope.division, until=context.now))
    if scope.program_id is None:
        return keys
    enrolments = find_enrolments([key.key[0] for key in keys])
    of_program = {enrolment.id for enrolment in enrolments if enrolment.program_id == scope.program_id}
    return [key for key in keys if key.key[0] in of_program]
