"""What becomes of a chunk of an issuance batch: counted in the dry run, counted again when it is issued."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import Fact


class Phase(StrEnum):
    """What is done chunk by chunk: the dry run, and the issuing."""

    DRY_RUN = "dry_run"
    ISSUE = "issue"


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of rows: each gets a voucher, or its person has one already, or is refused.

    `reasons` counts rows by code; a row with two reasons is in two counts.
    """

    issued: int = 0
    already_held: int = 0
    refused: int = 0
    reasons: dict[str, int] = {}


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


def sum_of(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    issued = already_held = refused = 0
    reasons: Counter[str] = Counter()
    for tally in tallies:
        issued += tally.issued
        already_held += tally.already_held
        refused += tally.refused
        reasons.update(tally.reasons)
    return Tally(
        issued=issued, already_held=already_held, refused=refused, reasons=dict(sorted(reasons.items()))
    )
