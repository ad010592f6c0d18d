"""Use cases of the reports: counts that the audit consumer keeps, never a walk through the tables."""

from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.catalogue.institutions.reading import institutions_in
from chalicelib.kernel.divisions import covers, is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import read_program
from chalicelib.supervision.reports import store as reports_store
from chalicelib.supervision.reports.model import EVERY_PROGRAM, VoucherCount, division_place, summed


@dataclass(frozen=True)
class Wanted:
    """Which program (None: every one) and division a report is of."""

    program_id: str | None
    division: str

    @property
    def program(self) -> str:
        """The program as the counts name it."""
        return self.program_id or EVERY_PROGRAM


def wanted(context: Context, program_id: str | None, division: str | None) -> Wanted:
    """Check what is asked for; the division is the caller's unless another is named.

    Raises:
        NotFound: no such program, or the division is outside the caller's area.
        Malformed: no such division.

    """
    asked = division or context.principal.division
    if not is_known(asked):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "report.read", division=asked)
    if program_id is not None:
        read_program(program_id)
    return Wanted(program_id, asked)


def division_total(asked: Wanted) -> VoucherCount:
    """Sum the counts of a division and everything below it."""
    found = [
        count
        for count in reports_store.counts(asked.program, division_place(""))
        if covers(asked.division, count.place.partition("#")[2])
    ]
    return summed(found, program=asked.program, place=asked.division)


def by_institution(asked: Wanted) -> list[tuple[Institution, VoucherCount]]:
    """Give the counts of each institution of a division, most redeemed first."""
    found: dict[str, list[VoucherCount]] = {}
    for count in reports_store.counts(asked.program, "institution#"):
        found.setdefault(count.place.split("#")[1], []).append(count)
    rows = [
        (one, summed(found.get(one.uscc, []), program=asked.program, place=one.uscc))
        for one in institutions_in(asked.division)
    ]
    return sorted(rows, key=lambda row: (-row[1].ever_redeemed, row[0].uscc))
