"""Payment results as a sheet: each row that cannot be read is refused by itself, the others go on."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from chalicelib.kernel.calendar import read_date
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.reasons import error
from chalicelib.settlement.results.model import PaymentResult, RowRefusal, plain_reference
from chalicelib.sheets.layouts import Layout
from chalicelib.sheets.notices import Notices
from chalicelib.sheets.reading import SheetRow, read_lines
from chalicelib.subsidies.claims.model import BankOutcome

RESULT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "line_id": ("明细编号",),
    "status": ("状态",),
    "amount_fen": ("金额", "金额(分)", "金额（分）"),
    "paid_on": ("支付日期",),
    "bank_reference": ("流水号",),
    "reason": ("原因",),
}
"""Amounts are fen, as in the payment file: an amount in yuan differs from what is due and is refused."""
_DATES = frozenset({"paid_on"})
RESULTS = Layout(
    name="results",
    title="银行回盘",
    columns=RESULT_COLUMNS,
    optional=frozenset({"paid_on", "bank_reference", "reason"}),
    dates=_DATES,
    timed=_DATES,
    rule="金额以分为单位；已支付的须有支付日期和流水号。",
    english="Amounts are fen; what is paid has its day and the bank's reference.",
)
_REQUIRED = RESULTS.required
_WORDS: Mapping[BankOutcome, tuple[str, str]] = {
    BankOutcome.PAID: ("已支付", "paid"),
    BankOutcome.FAILED: ("失败", "failed"),
    BankOutcome.RETURNED: ("退票", "returned"),
}
_STATUSES: Mapping[str, BankOutcome] = {
    **dict.fromkeys(("paid", "已支付", "成功", "支付成功", "付款成功"), BankOutcome.PAID),
    **dict.fromkeys(("failed", "失败", "支付失败", "付款失败", "退回"), BankOutcome.FAILED),
    **dict.fromkeys(("returned", "退票", "已退票", "支付后退票"), BankOutcome.RETURNED),
}
"""Some banks write 退回 of what they never paid; 退票 is said of money that came back after it was paid."""
_FEN = re.compile(r"(\d{1,13})(?:\.0)?", re.ASCII)
"""Whole fen, also as a program writes a whole number that it keeps as a float; `1800.00` is yuan."""
_MANGLED = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d+|\d{16,}\.0+", re.ASCII)
"""What a spreadsheet program makes of a long reference that it took for a number: its end is lost."""
_LIMITS: Mapping[str, int] = {"line_id": 80, "bank_reference": 64, "reason": 200}
ROWS_MAX = 5_000
Fault = tuple[Literal["missing_field", "wrong_type", "number_mangled"], str]


def read_results(raw: bytes, content_type: str) -> tuple[list[PaymentResult], list[RowRefusal], list[Notice]]:
    """Read a bank's sheet into results, the rows that are none, and how cells were read.

    Rows are the sheet's line numbers.

    Raises:
        Impossible: the sheet as a whole cannot be read, or has too many rows.

    """
    rows = list(read_lines(raw, content_type, RESULTS))
    if len(rows) > ROWS_MAX:
        raise error("too_many_rows", limit=ROWS_MAX)
    results: list[PaymentResult] = []
    refused: list[RowRefusal] = []
    for row in rows:
        if row.faults:  # what could not be read is not empty
            column, code = next(iter(row.faults.items()))
            refused.append(RowRefusal(row.row, code, {"column": row.headers[column]}))
            continue
        read = _read(row)
        if isinstance(read, PaymentResult):
            results.append(read)
        else:
            refused.append(_refusal(row, read))
    notices = Notices()
    row_of = {row.row: row for row in rows}
    kept = {result.row: _kept(result, row_of[result.row]) for result in results}
    notices.add_sheet(rows, kept, personal=())
    return results, refused, notices.most()


def _kept(result: PaymentResult, row: SheetRow) -> dict[str, str]:
    """Give each cell of a right row as this service would write it."""
    status = row.cells["status"]
    words = _WORDS[result.outcome]
    kept = {
        "line_id": result.line_id,
        "status": status if status in words else words[0],
        "amount_fen": str(result.amount_fen),
    }
    if result.paid_on is not None:
        kept["paid_on"] = result.paid_on.isoformat()
    if result.bank_reference is not None:
        kept["bank_reference"] = result.bank_reference
    return kept


def _plain(word: str) -> str:
    return "".join(unicodedata.normalize("NFKC", word).split()).lower()


def _refusal(row: SheetRow, faults: Sequence[Fault]) -> RowRefusal:
    """Refuse a row for everything that is wrong with it."""
    codes = {name: code for code, name in reversed(faults)}  # what is missing is not wrong besides
    fields = [row.headers.get(name, name) for name in dict.fromkeys(name for _, name in faults)]
    if len(fields) == 1:
        return RowRefusal(row.row, next(iter(codes.values())), {"field": fields[0]})
    return RowRefusal(row.row, "result_unreadable", {"fields": "、".join(fields)})


def _read(row: SheetRow) -> PaymentResult | Sequence[Fault]:
    cells = {name: row.cells.get(name, "") for name in RESULT_COLUMNS}
    outcome = _STATUSES.get(_plain(cells["status"]))
    moved = outcome in (BankOutcome.PAID, BankOutcome.RETURNED)
    paid_on = read_date(cells["paid_on"]) if moved else None
    fen = _FEN.fullmatch(cells["amount_fen"])
    paid = outcome is BankOutcome.PAID
    faults = [*_missing(cells, paid=paid), *_wrong(cells, outcome=outcome, paid_on=paid_on)]
    if faults or fen is None or outcome is None:
        return faults
    return PaymentResult(
        row=row.row,
        line_id=plain_reference(cells["line_id"]),
        outcome=outcome,
        amount_fen=int(fen[1]),
        paid_on=paid_on,
        bank_reference=(plain_reference(cells["bank_reference"]) or None) if moved else None,
        reason=cells["reason"] or None,
    )


def _missing(cells: Mapping[str, str], *, paid: bool) -> Sequence[Fault]:
    needed = [*sorted(_REQUIRED), *(("paid_on", "bank_reference") if paid else ())]
    return [("missing_field", name) for name in needed if not cells[name]]


def _wrong(cells: Mapping[str, str], *, outcome: BankOutcome | None, paid_on: date | None) -> list[Fault]:
    wrong = [name for name, most in _LIMITS.items() if len(cells[name]) > most]
    if outcome is None:
        wrong.append("status")
    if not _FEN.fullmatch(cells["amount_fen"]):
        wrong.append("amount_fen")
    named = outcome is BankOutcome.PAID or (outcome is BankOutcome.RETURNED and cells["paid_on"])
    if named and paid_on is None:
        wrong.append("paid_on")
    mangled: list[Fault] = (
        [("number_mangled", "bank_reference")] if _MANGLED.fullmatch(cells["bank_reference"]) else []
    )
    return [*mangled, *[("wrong_type", name) for name in wrong]]
