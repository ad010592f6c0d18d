"""How much of a payment is kept for what its institution owes: amounts, order and limits, without any table."""

from datetime import date
from typing import Any

from chalicelib.settlement.set_off.model import (
    DEBTS_A_CHUNK_MAX,
    PARTS_A_LINE_MAX,
    DebtPart,
    Debts,
    parts_fen,
    without,
)
from chalicelib.subsidies.claims.model import Line, SetOff
from chalicelib.subsidies.claims.states import LineStatus
from tests.settlement.lines import paid_line


def debt(name: str, fen: int, by: date | None = None, **facts: Any) -> Line:
    return paid_line(name, status=LineStatus.REVERSED, amount_fen=fen, repay_by=by, **facts)


def keep(debts: Debts, fen: int, chunk: dict[str, Line], name: str = "lin_p") -> list[DebtPart]:
    return debts.keep_of(paid_line(name, amount_fen=fen), batch_id="bat_p", chunk=chunk)


def test_what_was_due_first_is_kept_first_and_no_fen_twice() -> None:
    lines = [
        debt("lin_b", 50_000, date(2026, 10, 2)),
        debt("lin_a", 100_000, date(2026, 10, 1)),
        debt("lin_c", 7, None),
        debt("lin_x", 999, institution="52340111MX0000019K"),
    ]
    debts, chunk = Debts(lines), dict[str, Line]()
    assert debts
    first = keep(debts, 120_000, chunk)
    assert first == [DebtPart("lin_c", 7), DebtPart("lin_a", 100_000), DebtPart("lin_b", 19_993)]
    assert parts_fen(first) == 120_000
    assert keep(debts, 120_000, chunk, "lin_q") == [DebtPart("lin_b", 30_007)]
    assert keep(debts, 120_000, chunk, "lin_r") == []
    assert chunk["lin_b"] == lines[0], "as it was before the chunk"
    assert [one.amount_fen for one in debts.as_kept("lin_b")] == [19_993, 30_007]
    assert not Debts([])


def test_a_payment_of_one_fen_is_kept_whole() -> None:
    assert keep(Debts([debt("lin_a", 5)]), 1, {}) == [DebtPart("lin_a", 1)]
    assert keep(Debts([debt("lin_a", 5)]), 0, {}) == []


def test_a_payment_has_so_many_parts_and_a_chunk_so_many_debts() -> None:
    few = [debt(f"lin_{number:03d}", 1) for number in range(PARTS_A_LINE_MAX + 1)]
    assert len(keep(Debts(few), 180_000, {})) == PARTS_A_LINE_MAX == 10
    many = Debts([debt(f"lin_{number:03d}", 1) for number in range(DEBTS_A_CHUNK_MAX + 5)])
    chunk: dict[str, Line] = {}
    kept = [keep(many, 180_000, chunk, f"lin_p{number}") for number in range(6)]
    assert len(chunk) == DEBTS_A_CHUNK_MAX == 45
    assert [len(parts) for parts in kept] == [10, 10, 10, 10, 5, 0]


def test_a_debt_that_is_in_the_chunk_already_may_be_kept_of_again() -> None:
    many = Debts([debt(f"lin_{number:03d}", 2) for number in range(DEBTS_A_CHUNK_MAX)])
    chunk: dict[str, Line] = {}
    for number in range(9):
        keep(many, 9, chunk, f"lin_p{number}")
    assert len(keep(many, 9, chunk, "lin_last")) > 0


def test_written_debts_are_one_version_further() -> None:
    line = debt("lin_a", 5, version=3)
    debts = Debts([line])
    debts.written(["lin_a"])
    chunk: dict[str, Line] = {}
    keep(debts, 1, chunk)
    assert chunk["lin_a"].version == 4


def test_what_one_payment_covered_is_owed_again_without_it() -> None:
    covers = [SetOff("lin_p", "bat_a", 1), SetOff("lin_p", "bat_b", 2), SetOff("lin_q", "bat_a", 3)]
    assert without(covers, "lin_p", "bat_a") == covers[1:]
