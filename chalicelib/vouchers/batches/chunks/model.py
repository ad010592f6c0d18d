"""What becomes of one chunk of an issuance batch, and why rows of it get no voucher."""

from collections.abc import Sequence

import msgspec

from chalicelib.kernel.errors import Fact, Fault
from chalicelib.vouchers.batches.model import Phase, Tally


class ChunkOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one phase made of one chunk, written once; `refusals` names the object that lists the refusals."""

    batch_id: str
    part: str
    tally: Tally
    listed: int = 0
    refusals: str | None = None

    @property
    def chunk(self) -> int:
        """Tell which chunk it is of."""
        return int(self.part.rpartition("#")[2])


class RowRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why one row gets no voucher."""

    row: int
    code: str
    facts: dict[str, Fact]


def part_of(phase: Phase, chunk: int) -> str:
    """Name a chunk's outcome within its batch."""
    return f"{phase.value}#{chunk:05d}"


TOLD_MAX = 100
"""So many rows are named where a batch is refused: what was declared has the others."""


def faults_of(refusals: Sequence[RowRefusal]) -> tuple[Fault, ...]:
    """Name rows with why each gets no voucher, up to `TOLD_MAX` and as many of one reason as of another.

    Example: of 900 rows that left school too long ago and one that has work, 50 and the one are told.
    """
    by_code: dict[str, list[RowRefusal]] = {}
    for refusal in refusals:
        by_code.setdefault(refusal.code, []).append(refusal)
    share = TOLD_MAX // max(1, len(by_code))
    told = sorted((one for of_code in by_code.values() for one in of_code[:share]), key=lambda one: one.row)
    return tuple(Fault(one.code, row=one.row, facts=one.facts) for one in told)
