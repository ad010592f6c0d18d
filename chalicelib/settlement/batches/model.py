"""A settlement batch: its states, its lines, its frozen payees."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.ids import (
    LineId,
    ProgramId,
    SettlementBatchId,
    Uscc,
    VoucherId,
    derived_id,
)
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.subsidies.claims.model import PaymentAttempt, class_of_line

BATCH_LINES_MAX = 5_000
PAYMENT_COLUMNS = (
    "line_id",
    "institution",
    "account holder",
    "bank",
    "account number",
    "amount_fen",
    "program",
    "class",
)


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
        "reconcile": Step((_B.EXPORTED,), _B.RECONCILED),
        "close": Step((_B.EXPORTED, _B.RECONCILED), _B.CLOSED),
    },
)
EXPORTABLE = (_B.SEALED, _B.EXPORTED, _B.RECONCILED, _B.CLOSED)
ACCEPTS_RESULTS = (_B.EXPORTED, _B.RECONCILED, _B.CLOSED)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of lines. `opened_at` is the moment the content was decided by; `digest` is hex SHA-256."""

    id: SettlementBatchId
    division: str
    number: int
    status: BatchStatus
    opened_at: datetime
    chunks: int = 0
    line_count: int = 0
    amount_fen: int = 0
    digest: str | None = None
    sealed_at: datetime | None = None
    result_count: int = 0
    paid_count: int = 0
    withdrawn_count: int = 0
    version: int = 1
    last_change: Change | None = None


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A line as its batch froze it."""

    line_id: LineId
    enrolment_id: str
    voucher_id: VoucherId
    institution: Uscc
    program_id: ProgramId
    budget_year: int
    amount_fen: int
    attempts: list[PaymentAttempt] = []


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that one transaction put into a batch; named by the first of them."""

    batch_id: SettlementBatchId
    id: str
    members: list[Member]


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


# --------------------------------------------------------------------------- the payment file


def payment_rows(members: Sequence[Member], payees: dict[str, tuple[str, str, str]]) -> list[list[str | int]]:
    """Give the rows of the payment file, by line id; `payees` are (holder, bank, account number)."""
    rows: list[list[str | int]] = []
    for member in sorted(members, key=lambda one: one.line_id):
        holder, bank, number = payees[member.institution]
        rows.append(
            [
                member.line_id,
                member.institution,
                holder,
                bank,
                number,
                member.amount_fen,
                member.program_id,
                class_of_line(member.line_id),
            ]
        )
    return rows
