"""The payment file as it was written until files were stored with their batch: frozen, never changed.

Batches sealed in that time have the digest of their csv and no stored file. At the first export since, the
csv is written here once more; if it has the batch's digest it is the file that was sealed, and is stored.
So this module shares nothing that may change with the file of today: no column, no rule of writing a cell.
The workbook had no digest of its own, and is written from the same rows.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.settlement.batches.model import Member
from chalicelib.settlement.batches.payment_file import TITLE, Account, PaymentFile
from chalicelib.sheets.packing import Cell
from chalicelib.sheets.writing import write_xlsx
from chalicelib.subsidies.claims.model import class_of_line

_HEADERS: Final = (
    "line_id",
    "institution",
    "account holder",
    "bank",
    "account number",
    "amount_fen",
    "program",
    "class",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_payment_file_v1(members: Sequence[Member], accounts: Mapping[str, Account]) -> PaymentFile:
    """Write the payment file of a batch that was sealed before files were stored."""
    rows: list[list[str | int]] = []
    for member in sorted(members, key=lambda member: member.line_id):
        account = accounts[member.institution]
        rows.append(
            [
                member.line_id,
                member.institution,
                account.holder,
                account.bank,
                account.number,
                member.amount_fen,
                member.program_id,
                class_of_line(member.line_id),
            ]
        )
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(_HEADERS)
    writer.writerows([[_safe(cell) for cell in row] for row in rows])
    raw = target.getvalue().encode()
    amount_fen = sum(member.amount_fen for member in members)
    digest = hashlib.sha256(raw).hexdigest()
    count = f"{len(members)} 笔"
    totals: list[Cell] = ["合计", None, count, None, None, amount_fen, "csv SHA-256", digest]
    return PaymentFile(raw, write_xlsx(TITLE, _HEADERS, [*rows, totals]))


def _safe(cell: str | int) -> str | int:
    """Keep a text from running as a formula where the file is opened."""
    return "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
