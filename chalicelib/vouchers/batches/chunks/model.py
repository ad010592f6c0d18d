"""What becomes of one chunk of an issuance batch, and why rows of it get no voucher."""

import msgspec

from chalicelib.kernel.errors import Fact
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
