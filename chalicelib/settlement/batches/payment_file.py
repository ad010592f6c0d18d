"""The payment file of a batch, for the bank."""

import csv
import io
from collections.abc import Sequence

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws.crypto import SealedText
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import (
    PAYMENT_COLUMNS,
    Batch,
    Member,
    payment_rows,
)
from chalicelib.sheets.packing import Cell
from chalicelib.sheets.writing import write_csv, write_xlsx

_BYTE_ORDER_MARK = "\ufeff".encode()


def payee_item(batch_id: str, uscc: str) -> str:
    """Name the item a frozen payee is sealed for."""
    return f"payee:{batch_id}:{uscc}"


def payment_file(context: Context, batch: Batch, members: Sequence[Member]) -> bytes:
    """Write the payment file of a batch from what was frozen: always the same bytes.

    It is read by a bank's program, so it has no byte order mark.
    """
    frozen = batches_store.payees_of(batch.id)
    numbers = disclose(
        context,
        [SealedText(payee.sealed_account, payee_item(batch.id, uscc)) for uscc, payee in frozen.items()],
        subject=batch.id,
        division=batch.division,
        purpose="write the payment file",
    )
    payees = {
        uscc: (payee.holder, payee.bank, number.decode())
        for (uscc, payee), number in zip(frozen.items(), numbers, strict=True)
    }
    rows = payment_rows(members, payees)
    return write_csv(PAYMENT_COLUMNS, rows).removeprefix(_BYTE_ORDER_MARK)


def payment_workbook(batch: Batch, file: bytes) -> bytes:
    """Write the payment file as a workbook, with its check totals in a last line."""
    header, *rows = csv.reader(io.StringIO(file.decode(), newline=""))
    amount_at = header.index("amount_fen")
    lines: list[list[Cell]] = [
        [int(cell) if place == amount_at else cell for place, cell in enumerate(row)] for row in rows
    ]
    totals: list[Cell] = ["合计", None, f"{batch.line_count} 笔", None, None, batch.amount_fen]
    lines.append([*totals, "csv SHA-256", batch.digest])
    return write_xlsx("拨付明细", header, lines)
