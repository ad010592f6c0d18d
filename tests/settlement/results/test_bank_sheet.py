"""Results as a bank sends them: sheets, refused row by row, kept, and applied once."""

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from chalicelib.settlement.results import bank_sheet
from chalicelib.settlement.results.model import RowRefusal
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.writing import write_csv, write_xlsx
from tests.settlement.batches.test_batches import file_of
from tests.subsidies.scored import Money, scored_class, wuhu_class

HEADERS = ("明细编号", "状态", "金额", "支付日期", "流水号", "原因")


def read_results(raw: bytes, kind: str) -> tuple[Any, Any]:
    results, refused, _ = bank_sheet.read_results(raw, kind)
    return results, refused


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def post(money: Money, batch: Any, rows: list[list[Any]], *, kind: str = CSV, query: str = "") -> Any:
    raw = write_csv(HEADERS, rows) if kind == CSV else write_xlsx("回盘", HEADERS, rows)
    path = f"/v1/settlement-batches/{batch['id']}/results{query}"
    return money.api("finance").send("POST", path, None, raw=raw, content_type=kind, at=money.now)


def test_a_sheet_is_refused_row_by_row_and_its_right_rows_are_applied_once(world: Any, money: Money) -> None:
    money.budget(division="3402", who="finance_wuhu")
    money.publicised(wuhu_class(world), town="_wuhu")
    batch = money.sealed(scored_class(world, 4))
    money.export(batch)
    foreign = money.seal(who="finance_wuhu")
    theirs = money.ok(world.api("finance_wuhu").get(f"/v1/settlement-batches/{foreign['id']}"))["lines"][0]
    one, two, three, four = (line["line_id"] for line in money.batch(batch)["lines"])
    fen = money.batch(batch)["lines"][0]["amount_fen"]
    paid = ["已支付", fen, "2026-09-21", "TK1", ""]
    rows = [
        [one, *paid],
        [two, "失败", fen, "", "", "账号不符"],
        [three, "已支付", fen + 1, "2026-09-21", "TK3", ""],
        [theirs["line_id"], *paid],
        [one, *paid],
        [one, "失败", fen, "", "", "x"],
        [four, "已支付", fen, "昨天", "TK4", ""],
        [four, "已支付", "", "2026-09-21", "TK4", ""],
        ["lin_nobody-01", *paid],
    ]
    dry = money.ok(post(money, batch, rows, query="?dry_run=true"))
    assert money.batch(batch)["result_count"] == 0
    listed = money.ok(money.api("finance").get(f"/v1/settlement-batches/{batch['id']}/results"))
    assert listed["items"] == []
    answer = money.ok(post(money, batch, rows))
    assert answer == dry
    assert answer["applied"] == 2
    assert [(row["row"], row["code"]) for row in answer["refused"]] == [
        (4, "amount_differs"),
        (5, "line_unknown"),
        (6, "result_repeated"),
        (7, "result_contradicts"),
        (8, "wrong_type"),
        (9, "missing_field"),
        (10, "line_unknown"),
    ]
    assert money.ok(post(money, batch, rows, kind=XLSX)) == answer
    path = f"/v1/settlement-batches/{batch['id']}/results"
    kept = money.ok(money.api("supervisor").get(path, {"outcome": "refused"}))["items"]
    assert sorted(row["row"] for row in kept) == [4, 5, 6, 7, 8, 9, 10]
    assert money.balance()["debit_fen"] == fen
    assert world.api("finance_wuhu").get(path).status == 404


def test_the_workbook_repeats_to_the_byte_and_ends_with_its_check_totals(world: Any, money: Money) -> None:
    from chalicelib.sheets.reading import read_table

    batch = money.sealed(scored_class(world, 3))
    path = f"/v1/settlement-batches/{batch['id']}/export"
    first = money.ok(money.api("finance").post(path, {"format": "xlsx"}, at=money.now))
    raw = file_of(first)
    assert file_of(money.ok(money.api("finance").post(path, {"format": "xlsx"}, at=money.now))) == raw
    columns = {name: (name,) for name in ("line_id", "account holder", "amount_fen", "class")}
    known = {name.replace(" ", ""): (name.replace(" ", ""),) for name in columns}
    others = {name: (name,) for name in ("institution", "bank", "accountnumber", "program")}
    *rows, total = read_table(raw, XLSX, {**known, **others}, frozenset())
    assert len(rows) == first["count"] == 3
    assert sum(int(row.cells["amount_fen"]) for row in rows) == int(total.cells["amount_fen"])
    assert total.cells["class"] == batch["digest"]
    assert int(total.cells["amount_fen"]) == first["amount_fen"]
    assert money.export(batch)["sha256"] == batch["digest"]


@pytest.mark.parametrize("day", ["2026-09-30", "2026-9-30", "2026/9/30", "2026年9月30日", "20260930"])
def test_a_banks_date_is_read_as_in_every_other_list(day: str) -> None:
    ((result,), refused) = read_results(
        write_csv(HEADERS, [["lin_x-01", "paid", 180000, day, "R1", ""]]), CSV
    )
    assert (result.paid_on, refused) == (date(2026, 9, 30), [])


def test_a_week_date_is_no_date() -> None:
    rows = [["lin_x-01", "paid", 180000, "2026-W40-3", "R1", ""]]
    assert read_results(write_csv(HEADERS, rows), CSV) == (
        [],
        [RowRefusal(2, "wrong_type", {"field": "支付日期"})],
    )


@pytest.mark.parametrize("cell", [date(2026, 9, 30), datetime(2026, 9, 30, 10, 20), 46295])  # noqa: DTZ001
def test_a_date_cell_and_the_bare_number_of_a_day_are_dates(cell: Any) -> None:
    ((result,), _) = read_results(workbook([["lin_x-01", "paid", 180000, cell, "R1", ""]]), XLSX)
    assert result.paid_on == date(2026, 9, 30)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("180000", 180000),
        ("180000.0", 180000),
        ("1800.00", None),
        ("180000.5", None),
        ("-1", None),
        ("1e5", None),
    ],
)
def test_an_amount_is_whole_fen_and_one_in_yuan_is_refused(text: str, fen: int | None) -> None:
    results, refused = read_results(write_csv(HEADERS, [["lin_x-01", "failed", text, "", "", ""]]), CSV)
    assert [result.amount_fen for result in results] == ([fen] if fen is not None else [])
    assert [refusal.code for refusal in refused] == ([] if fen is not None else ["wrong_type"])


@pytest.mark.parametrize("cell", [180000, 180000.0])
def test_a_numeric_amount_cell_is_whole_fen(cell: float) -> None:
    ((result,), _) = read_results(workbook([["lin_x-01", "failed", cell, "", "", ""]]), XLSX)
    assert result.amount_fen == 180000


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in [list(HEADERS), *rows]:
        book.active.append(row)
    raw = io.BytesIO()
    book.save(raw)
    return raw.getvalue()


def test_everything_that_is_wrong_with_a_row_is_told_at_once() -> None:
    rows = [["lin_x-01", "处理中", "1800.00", "昨天", "R1", ""], ["lin_x-02", "成功", 180000, "昨天", "", ""]]
    results, refused = read_results(write_csv(HEADERS, rows), CSV)
    assert results == []
    assert [(refusal.row, refusal.code, refusal.facts["fields"]) for refusal in refused] == [
        (2, "result_unreadable", "状态、金额"),
        (3, "result_unreadable", "流水号、支付日期"),
    ]


@pytest.mark.parametrize(
    ("word", "paid"), [("成功", True), ("付款成功", True), ("退回", False), ("失败", False)]
)
def test_the_words_of_banks_are_understood(word: str, paid: bool) -> None:
    row = ["lin_x-01", word, 180000, "2026-09-30", "R1", "账号不符"]
    ((result,), refused) = read_results(write_csv(HEADERS, [row]), CSV)
    assert (result.paid, refused) == (paid, [])


@pytest.mark.parametrize("reference", ["1.23457E+17", "1.234567890123457e+17", "2025120512345678.0"])
def test_a_reference_that_lost_its_end_in_a_spreadsheet_is_refused(reference: str) -> None:
    rows = [["lin_x-01", "paid", 180000, "2026-09-30", reference, ""]]
    assert read_results(write_csv(HEADERS, rows), CSV) == (
        [],
        [RowRefusal(2, "number_mangled", {"field": "流水号"})],
    )


def test_a_wrong_first_row_does_not_bar_the_right_one_behind_it(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    money.export(batch)
    (line,) = money.batch(batch)["lines"]
    rows = [money.result(line, amount_fen=1), money.result(line)]
    answer = money.ok(money.send(batch, rows))
    assert (answer["applied"], [(refused["row"], refused["code"]) for refused in answer["refused"]]) == (
        1,
        [(1, "amount_differs")],
    )
    assert money.ok(money.send(batch, rows)) == answer
