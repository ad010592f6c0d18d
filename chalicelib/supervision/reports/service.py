"""Use cases of the reports: counts that the audit consumer keeps, never a walk through the tables."""

from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.catalogue.institutions.reading import find_institutions, institutions_in
from chalicelib.kernel.divisions import covers, is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import read_program
from chalicelib.supervision.reports import store
from chalicelib.supervision.reports.model import (
    EVERY_PROGRAM,
    VoucherCount,
    division_place,
    institution_at,
    summed,
)


@dataclass(frozen=True)
class ReportScope:
    """Which program (None: every one) and division a report is of."""

    program_id: str | None
    division: str

    @property
    def program(self) -> str:
        """The program as the counts name it."""
        return self.program_id or EVERY_PROGRAM


def scope_of(context: Context, program_id: str | None, division: str | None) -> ReportScope:
    """Check what is asked for; the division is the caller's unless another is named.

    Raises:
        NotFound: no such program, or the division is outside the caller's area.
        Malformed: no such division.

    """
    area = division or context.principal.division
    if not is_known(area):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "report.read", division=area)
    if program_id is not None:
        read_program(program_id)
    return ReportScope(program_id, area)


def division_total(scope: ReportScope) -> VoucherCount:
    """Sum the counts of a division and everything below it."""
    counts = [
        count
        for count in store.counts(scope.program, division_place(""))
        if covers(scope.division, count.place.partition("#")[2])
    ]
    return summed(counts, program=scope.program, place=scope.division)


def by_institution(scope: ReportScope) -> list[tuple[Institution, VoucherCount]]:
    """Give what each institution did in a division, most redeemed first.

    Listed are those that are there, and those that have moved away and did something there: what was paid
    stays with the bureau that paid it.
    """
    here = {institution.uscc: institution for institution in institutions_in(scope.division)}
    counts: dict[str, list[VoucherCount]] = {}
    for count in store.counts(scope.program, "institution#"):
        uscc, served_in = institution_at(count.place)
        if uscc in here if served_in is None else covers(scope.division, served_in):
            counts.setdefault(uscc, []).append(count)
    elsewhere = find_institutions(counts.keys() - here.keys())
    rows = [
        (
            institution,
            summed(counts.get(institution.uscc, []), program=scope.program, place=institution.uscc),
        )
        for institution in [*here.values(), *elsewhere.values()]
    ]
    return sorted(rows, key=lambda row: (-row[1].ever_redeemed, row[0].uscc))
