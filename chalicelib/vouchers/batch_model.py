"""An issuance batch: proposed by one person, approved by another, issued by workers."""

from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.ids import ImportId, IssuanceBatchId, ProgramId
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions


class BatchStatus(StrEnum):
    """Where a batch is in its life."""

    PROPOSED = "proposed"
    REJECTED = "rejected"
    ISSUING = "issuing"
    ISSUED = "issued"


_S = BatchStatus
BATCH_TRANSITIONS: Transitions[BatchStatus] = Transitions(
    "issuance batch",
    {
        "approve": Step((_S.PROPOSED,), _S.ISSUING),
        "reject": Step((_S.PROPOSED,), _S.REJECTED),
        "finish": Step((_S.ISSUING,), _S.ISSUED),
    },
)


class IssuanceBatch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch. Before issuing the counts are the dry run's, afterwards what happened."""

    id: IssuanceBatchId
    program_id: ProgramId
    import_id: ImportId
    status: BatchStatus
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    eligible: int = 0
    refused: int = 0
    already_held: int = 0
    issued: int = 0
    chunks: int = 0
    chunks_done: list[int] = []
    version: int = 1
    last_change: Change | None = None
