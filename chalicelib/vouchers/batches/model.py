"""An issuance batch: counted, proposed by one person, approved by another, issued by workers."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.ids import ImportId, IssuanceBatchId, ProgramId
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

INLINE_ROWS_MAX = 5_000
"""Lists up to here are counted while the proposer waits; longer ones by workers, chunk by chunk."""

STALLED_AFTER = timedelta(minutes=15)
"""A batch that has not moved for so long has its missing chunks asked for again."""


class IssuanceBatchStatus(StrEnum):
    """Where a batch is in its life."""

    COUNTING = "counting"
    PROPOSED = "proposed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ISSUING = "issuing"
    ISSUED = "issued"


_S = IssuanceBatchStatus
ISSUANCE_TRANSITIONS: Transitions[IssuanceBatchStatus] = Transitions(
    "issuance batch",
    {
        "count": Step((_S.COUNTING,), _S.PROPOSED),
        "approve": Step((_S.PROPOSED,), _S.ISSUING),
        "reject": Step((_S.PROPOSED,), _S.REJECTED),
        "withdraw": Step((_S.PROPOSED,), _S.WITHDRAWN),
        "finish": Step((_S.ISSUING,), _S.ISSUED),
    },
)
OPEN = (_S.COUNTING, _S.ISSUING)
"""The states in which workers have chunks to do."""


class Phase(StrEnum):
    """What is done chunk by chunk: the dry run, and the issuing."""

    DRY_RUN = "dry_run"
    ISSUE = "issue"


PHASE_OF: dict[IssuanceBatchStatus, Phase] = {_S.COUNTING: Phase.DRY_RUN, _S.ISSUING: Phase.ISSUE}


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of rows: each gets a voucher, or its person has one already, or is refused.

    `reasons` counts rows by code; a row with two reasons is in two counts.
    """

    issued: int = 0
    already_held: int = 0
    refused: int = 0
    reasons: dict[str, int] = {}


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


class IssuanceBatch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: `eligible`, `already_held`, `refused`, `reasons` of the dry run; `outcome` is what came.

    What approval covers is pinned when the batch is proposed: the policy version by which it is counted and
    issued, with its face value and validity. A batch of before has no pin, and is not approved any more.
    `queued_at` is since when it waits for a second person, in the list `queue`; one for which nobody decides
    in time is withdrawn.
    """

    id: IssuanceBatchId
    program_id: ProgramId
    import_id: ImportId
    status: IssuanceBatchStatus
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    eligible: int = 0
    refused: int = 0
    already_held: int = 0
    reasons: dict[str, int] = {}
    issued: int = 0
    outcome: Tally | None = None
    policy_version: int | None = None
    face_value_fen: int = 0
    validity_months: int = 0
    chunks: int = 0
    open: str | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def amount_fen(self) -> int:
        """Give what its vouchers are worth in all, by the dry run: never more is issued."""
        return self.eligible * self.face_value_fen

    def has_stalled(self, now: datetime) -> bool:
        """Tell whether the workers should be asked again for what is missing."""
        moved = self.last_change.at if self.last_change is not None else self.proposed_at
        return self.status in OPEN and moved + STALLED_AFTER <= now


def why_not(
    action: str, batch: IssuanceBatch, hands: Hands, *, version: int | None = None
) -> DomainError | None:
    """Tell what stands against somebody's approving or rejecting a batch now; None if nothing does.

    Nobody decides on what they proposed themselves (invariant 5). `version` is the one the caller has read,
    where they have. The truth is the condition of `store.decide_batch`.
    """
    if version is not None and batch.version != version:
        return error("version_conflict", version=batch.version)
    if not ISSUANCE_TRANSITIONS.allows(action, batch.status):
        return error("wrong_state", status=batch.status.value)
    if batch.proposed_by in hands:
        return error("self_approval")
    if action == "approve" and batch.policy_version is None:
        return error("batch_not_pinned")
    return why_not_issue(batch) if action == "approve" else None


def why_not_issue(batch: IssuanceBatch, *, faults: tuple[Fault, ...] = ()) -> DomainError | None:
    """Tell that a counted batch would issue nothing, and so is not approved; None if it would.

    `faults` are of rows that are refused, where no batch is there to list them.
    """
    if batch.eligible:
        return None
    held, refused = batch.already_held, batch.refused
    return error("nothing_to_issue", faults=faults, already_held=held, refused=refused)
