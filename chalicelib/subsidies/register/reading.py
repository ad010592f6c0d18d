"""What people are subsidised for as their registers say: approved lines, in a call a hundred people."""

from collections.abc import Sequence

from chalicelib.kernel.ids import PersonKey
from chalicelib.subsidies.claims.counting import counted
from chalicelib.subsidies.claims.model import Line, claim_of_line
from chalicelib.subsidies.claims.store import find_lines
from chalicelib.subsidies.register.model import APPROVED
from chalicelib.subsidies.register.store import registers_of


def approved_elsewhere(people: Sequence[PersonKey], claim_id: str) -> dict[PersonKey, list[Line]]:
    """Find what each person was approved for beside this claim.

    One call for the registers, and two more only where somebody has another approved line.
    """
    registers = registers_of(people)
    named = {entry.line_id for register in registers.values() for entry in register.entries}
    others = sorted(line_id for line_id in named if claim_of_line(line_id) != claim_id)
    found: dict[PersonKey, list[Line]] = {person: [] for person in people}
    for line, claim in counted(find_lines(others)):
        if claim.status in APPROVED and line.person_key in found:
            found[line.person_key].append(line)
    return found
