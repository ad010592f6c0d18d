"""A settlement batch: its states, its lines, its frozen payees."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import (
    LineId,
    ProgramId,
    SettlementBatchId,
    Uscc,
    VoucherId,
    derived_id,
)
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.settlement.set_off.model import DebtPart, parts_fen
from chalicelib.subsidies.claims.model import PaymentAttempt

BATCH_LINES_MAX = 5_000


class BatchStatus(StrEnum):
    """Where a batch is in its life; `sealing` is a batch whose content is still being collected."""

    SEALING = "sealing"
    SEALED = "sealed"
    EXPORTED = "exported"
    RECONCILED = "reconciled"
    CLOSED = "closed"


_B = BatchStatus
BATCH_TRANSITIONS: Transitions[BatchStatus] = Transitions(
    "settlement_batch",
    {
        "seal": Step((_B.SEALING,), _B.SEALED),
        "export": Step((_B.SEALED,), _B.EXPORTED),
        "empty": Step((_B.SEALED,), _B.CLOSED),
        "reconcile": Step((_B.EXPORTED,), _B.RECONCILED),
        "close": Step((_B.EXPORTED, _B.RECONCILED), _B.CLOSED),
        "reopen": Step((_B.CLOSED,), _B.RECONCILED),
    },
)
EXPORTABLE = (_B.SEALED, _B.EXPORTED, _B.RECONCILED, _B.CLOSED)
ACCEPTS_RESULTS = (_B.EXPORTED, _B.RECONCILED, _B.CLOSED)
"""A closed batch has all its results: it takes a repeat of them, which changes nothing."""
OFFERED: Mapping[str, str] = {"export": "settlement.export", "results": "settlement.record_results"}
"""Each action that can be offered on a batch, with its right."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of lines. `opened_at` is the moment the content was decided by; the digests are hex SHA-256.

    `digest` is that of the payment file as csv, `workbook_digest` as xlsx; batches that were sealed before
    files were stored have no `workbook_digest` until they are exported again. A sealed batch that lost
    lines has neither until it is exported. `stopped` are lines that were held while it was collected: they
    are taken out before it is exported, as are those of institutions that are stopped then (`taking_out`).
    `exported_by` are all who had the file: none of them enters its results.
    """

    id: SettlementBatchId
    division: str
    number: int
    status: BatchStatus
    opened_at: datetime
    chunks: int = 0
    line_count: int = 0
    amount_fen: int = 0
    digest: str | None = None
    workbook_digest: str | None = None
    sealed_at: datetime | None = None
    result_count: int = 0
    paid_count: int = 0
    withdrawn_count: int = 0
    stopped: list[LineId] = []
    exported_by: list[str] = []
    version: int = 1
    last_change: Change | None = None


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A line as its batch froze it.

    `amount_fen` is what the bank is to pay. What its institution owes is kept of it before: `set_offs`.
    """

    line_id: LineId
    enrolment_id: str
    voucher_id: VoucherId
    institution: Uscc
    program_id: ProgramId
    budget_year: int
    amount_fen: int
    attempts: list[PaymentAttempt] = []
    set_offs: list[DebtPart] = []

    @property
    def whole_fen(self) -> int:
        """Give what is settled for the line: what the bank pays and what is set off."""
        return self.amount_fen + parts_fen(self.set_offs)


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that one transaction put into a batch; named by the first of them.

    `payees` are the accounts, by institution, that were in force then, and approved.
    """

    batch_id: SettlementBatchId
    id: str
    members: list[Member]
    payees: dict[str, str] = {}


class Payee(msgspec.Struct, frozen=True, kw_only=True):
    """An institution's account as it was when the batch was sealed; the number is sealed."""

    batch_id: SettlementBatchId
    institution: Uscc
    holder: str
    bank: str
    sealed_account: str


# --------------------------------------------------------------------------- names


def batch_id_of(division: str, number: int) -> SettlementBatchId:
    """Give the id of a division's n-th batch."""
    return SettlementBatchId(derived_id("bat", division, str(number)))


def next_batch(division: str, *, after: int, now: datetime) -> Batch:
    """Give a division's next batch as it is before anything is in it: not stored, at version 0."""
    number = after + 1
    return Batch(
        id=batch_id_of(division, number),
        division=division,
        number=number,
        status=BatchStatus.SEALING,
        opened_at=now,
        version=0,
    )


# --------------------------------------------------------------------------- what may be done


def why_not(action: str, batch: Batch, *, own_work: bool, hands: Hands = frozenset()) -> DomainError | None:
    """Tell what stands against exporting a batch (`export`) or recording its results (`results`).

    `own_work` is whether the officer had a hand in one of its claims, `hands` are theirs: who had the file
    could pay by another, and say that it was paid. The truth is the condition of `store.record_export` and
    `store.progress_write`, and of each line's write, which wants it waiting in this batch.
    """
    match action:
        case "export" if batch.status not in EXPORTABLE:
            return error("wrong_state", status=str(batch.status))
        case "export" if batch.status is _B.CLOSED and not batch.line_count:
            return error("hold_open")  # all its lines were taken out
        case "results" if batch.status not in ACCEPTS_RESULTS:
            return error("not_exported")
        case "results" if not hands.isdisjoint(batch.exported_by):
            return error("exported_by_you")
    return error("self_approval") if own_work else None


# --------------------------------------------------------------------------- progress


def status_after(batch: Batch, *, results: int, paid: int, withdrawn: int = 0) -> BatchStatus:
    """Tell a batch's state after so many more results, payments and lines taken out for good.

    Of three lines two are paid and one has failed: `reconciled`. The third is paid in the next batch, or
    taken out: this one is `closed`. A payment comes back (one paid less): it is `reconciled` again.
    """
    settled = batch.paid_count + paid + batch.withdrawn_count + withdrawn
    if settled < batch.line_count and BATCH_TRANSITIONS.allows("reopen", batch.status):
        return BATCH_TRANSITIONS.target("reopen")
    for action, done in (("close", settled), ("reconcile", batch.result_count + results)):
        if done == batch.line_count and BATCH_TRANSITIONS.allows(action, batch.status):
            return BATCH_TRANSITIONS.target(action)
    return batch.status


def batch_without(batch: Batch, *, count: int, amount_fen: int) -> Batch:
    """Give a sealed batch as it is once lines are taken out: its file is written anew when it is exported.

    One that loses its last line is closed: there is nothing to pay.
    """
    left = batch.line_count - count
    status = BATCH_TRANSITIONS.target("empty") if left == 0 else batch.status
    return msgspec.structs.replace(
        batch,
        status=status,
        line_count=left,
        amount_fen=batch.amount_fen - amount_fen,
        digest=None,
        workbook_digest=None,
        version=batch.version + 1,
    )


def batch_after(batch: Batch, *, results: int = 0, paid: int = 0, withdrawn: int = 0) -> Batch:
    """Give a batch as it is after so many more results, payments and lines taken out for good."""
    return msgspec.structs.replace(
        batch,
        status=status_after(batch, results=results, paid=paid, withdrawn=withdrawn),
        result_count=batch.result_count + results,
        paid_count=batch.paid_count + paid,
        withdrawn_count=batch.withdrawn_count + withdrawn,
        version=batch.version + 1,
    )
