"""The payment file of a batch, for the bank: its columns in one table, and how they are written.

A new column is one more `Column` in `COLUMNS`, and nothing else: its header, its cell in each line, and what
stands under it in the last line of the workbook. A batch that is sealed keeps the file it was sealed with
(`archive`), so a change here shows in the batches sealed after it only.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.settlement.batches.model import Member
from chalicelib.sheets.packing import Cell
from chalicelib.sheets.writing import write_csv, write_xlsx
from chalicelib.subsidies.claims.model import class_of_line

_BYTE_ORDER_MARK = "\ufeff".encode()
TITLE = "拨付明细"


class Account(NamedTuple):
    """Where an institution is paid, with its number in the clear."""

    holder: str
    bank: str
    number: str


@dataclass(frozen=True)
class Totals:
    """The check totals of a file; `csv_digest` is hex SHA-256."""

    count: int
    amount_fen: int
    csv_digest: str


def _nothing(_: Totals) -> Cell:
    return None


@dataclass(frozen=True)
class Column:
    """A column: its header, its cell in each line, and what the workbook's last line has under it."""

    header: str
    cell: Callable[[Member, Account], str | int]
    total: Callable[[Totals], Cell] = _nothing


COLUMNS: Sequence[Column] = (
    Column("line_id", lambda member, _: member.line_id, lambda _: "合计"),
    Column("institution", lambda member, _: member.institution),
    Column("account holder", lambda _, account: account.holder, lambda totals: f"{totals.count} 笔"),
    Column("bank", lambda _, account: account.bank),
    Column("account number", lambda _, account: account.number),
    Column("amount_fen", lambda member, _: member.amount_fen, lambda totals: totals.amount_fen),
    Column("program", lambda member, _: member.program_id, lambda _: "csv SHA-256"),
    Column("class", lambda member, _: class_of_line(member.line_id), lambda totals: totals.csv_digest),
)


@dataclass(frozen=True)
class PaymentFile:
    """The payment file in both of its formats."""

    csv: bytes
    xlsx: bytes

    @property
    def csv_digest(self) -> str:
        """Give the hex SHA-256 of the csv: the digest of the batch."""
        return hashlib.sha256(self.csv).hexdigest()

    @property
    def xlsx_digest(self) -> str:
        """Give the hex SHA-256 of the workbook."""
        return hashlib.sha256(self.xlsx).hexdigest()


def paid_by_the_bank(members: Iterable[Member]) -> list[Member]:
    """Give the lines of which anything is left to pay once what is owed was set off."""
    return [member for member in members if member.amount_fen]


def write_payment_file(
    members: Sequence[Member], accounts: Mapping[str, Account], *, mark: bool = False
) -> PaymentFile:
    """Write the payment file, by line id; `accounts` are those of the members' institutions.

    The csv is read by a bank's program, so it has a byte order mark only where that wants one. The workbook
    has a last line of totals. A line that is set off as a whole is none of the bank's business.
    """
    headers = [column.header for column in COLUMNS]
    ordered = sorted(paid_by_the_bank(members), key=lambda member: member.line_id)
    rows: list[list[Cell]] = [
        [column.cell(member, accounts[member.institution]) for column in COLUMNS] for member in ordered
    ]
    marked = write_csv(headers, rows)
    csv = marked if mark else marked.removeprefix(_BYTE_ORDER_MARK)
    totals = Totals(
        count=len(ordered),
        amount_fen=sum(member.amount_fen for member in ordered),
        csv_digest=hashlib.sha256(csv).hexdigest(),
    )
    last = [column.total(totals) for column in COLUMNS]
    return PaymentFile(csv, write_xlsx(TITLE, headers, [*rows, last]))
