"""What a city's bank wants of the payment file, by the policies of the programs that it pays for."""

from collections.abc import Iterable

from chalicelib.programs.service import current_program
from chalicelib.settlement.batches.model import Member


def wants_mark(members: Iterable[Member]) -> bool:
    """Tell whether the bank of one of these programs wants a byte order mark before its csv."""
    program_ids = {member.program_id for member in members}
    return any(current_program(program_id).policy.payment_csv_mark for program_id in program_ids)
