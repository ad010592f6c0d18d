"""The yearly cap and "one occupation and level once", held under races at second review.

Payability asks an index for a person's other subsidies, and an index lags. Here each person's register is
read and rewritten in the transaction that approves: of two claims for one person, one finds it changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.aws.writes import Put
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import OverridableCheck, Policy
from chalicelib.subsidies.claims.counting import counted
from chalicelib.subsidies.claims.evidence import PayabilityEvidence
from chalicelib.subsidies.claims.model import Line, claim_of_line
from chalicelib.subsidies.claims.store import find_lines
from chalicelib.subsidies.payability.model import waived_by
from chalicelib.subsidies.register.model import APPROVED, Entry, has_room
from chalicelib.subsidies.register.store import enter_write, registers_of


@dataclass(frozen=True)
class Entries:
    """The writes that enter lines into their people's registers, and the lines that find no room there."""

    writes: list[Put]
    without_room: list[Line]


def enter(lines: Sequence[Line], evidence: Mapping[str, PayabilityEvidence], policy: Policy) -> Entries:
    """Enter lines that are about to be approved: a read a hundred people, and one for what they name.

    `evidence` is what was just found of each trainee, by enrolment: an override counts that is in force now,
    not one that was when the claim was submitted.
    """
    registers = registers_of([line.person_key for line in lines])
    own = {claim_of_line(line.id) for line in lines}
    named = {entry.line_id for register in registers.values() for entry in register.entries}
    others = [line_id for line_id in sorted(named) if claim_of_line(line_id) not in own]
    live = {line.id for line, claim in counted(find_lines(others)) if claim.status in APPROVED}
    entries = Entries([], [])
    for line in lines:
        register = registers[line.person_key]
        kept = [entry for entry in register.entries if entry.line_id in live]
        fresh = _entry_of(line, evidence[line.enrolment_id])
        if not has_room(fresh, kept, policy):
            entries.without_room.append(line)
        entries.writes.append(enter_write(register, [*kept, fresh]))
    return entries


def _entry_of(line: Line, evidence: PayabilityEvidence) -> Entry:
    waived = [OverridableCheck(check) for check in sorted(waived_by(evidence))]
    return Entry(line.id, line.occupation, shanghai_date(line.submitted_at).year, waived)
