"""The yearly cap and "one occupation and level once", held under races at second review.

Payability asks an index for a person's other subsidies, and an index lags. Here each person's register is
read and rewritten in the transaction that approves: of two claims for one person, one finds it changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.aws.writes import Put
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import OverridableCheck, Policy
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import ClaimStatus, Line, claim_of_line
from chalicelib.subsidies.payability.model import Evidence, waived_by
from chalicelib.subsidies.payability.service import counted
from chalicelib.subsidies.register import store as register_store
from chalicelib.subsidies.register.store import Entry

_APPROVED = (
    ClaimStatus.APPROVED,
    ClaimStatus.PUBLICISED,
    ClaimStatus.PAYABLE,
    ClaimStatus.BATCHED,
    ClaimStatus.PAID,
)


@dataclass(frozen=True)
class Entered:
    """The writes that enter lines into their people's registers, and the lines that find no room there."""

    writes: list[Put]
    refused: list[Line]


def enter(lines: Sequence[Line], evidence: Mapping[str, Evidence], policy: Policy) -> Entered:
    """Enter lines that are about to be approved: a read a hundred people, and one for what they name.

    `evidence` is what was just found of each trainee, by enrolment: an override counts that is in force now,
    not one that was when the claim was submitted.
    """
    before = register_store.subsidised([line.person_key for line in lines])
    own = {claim_of_line(line.id) for line in lines}
    named = {entry.line_id for one in before.values() for entry in one.entries}
    others = [line_id for line_id in sorted(named) if claim_of_line(line_id) not in own]
    live = {line.id for line, claim in counted(store.find_lines(others)) if claim.status in _APPROVED}
    entered = Entered([], [])
    for line in lines:
        register = before[line.person_key]
        kept = [entry for entry in register.entries if entry.line_id in live]
        year = shanghai_date(line.submitted_at).year
        waived = [OverridableCheck(check) for check in sorted(waived_by(evidence[line.enrolment_id]))]
        fresh = Entry(line.id, line.occupation, year, waived)
        if not _has_room(fresh, kept, policy):
            entered.refused.append(line)
        entered.writes.append(register_store.enter_write(register, [*kept, fresh]))
    return entered


def _has_room(fresh: Entry, kept: Sequence[Entry], policy: Policy) -> bool:
    """Tell whether one more fits: what was let pass by an override takes the place of nothing regular."""
    cap, once = OverridableCheck.YEARLY_CAP, OverridableCheck.OCCUPATION_AND_LEVEL_ONCE
    this_year = sum(entry.year == fresh.year and cap not in entry.waived for entry in kept)
    below_cap = this_year < policy.subsidies_per_person_per_year
    first = all(entry.occupation != fresh.occupation or once in entry.waived for entry in kept)
    return (below_cap or cap in fresh.waived) and (first or once in fresh.waived)
