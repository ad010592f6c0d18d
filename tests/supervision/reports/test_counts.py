import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.supervision.reports.model import (
    FIELDS,
    STATUSES,
    CountScope,
    division_place,
    institution_at,
    institution_place,
    merged,
    moves_of,
    values_of,
)

DIVISION = CountScope(program="prg_a", place=division_place("340111"))
EVERYWHERE = CountScope(program="*", place=division_place("340111"))
SCHOOL = CountScope(program="prg_a", place=institution_place("9134", "3401"))


def voucher(status: str, **facts: Any) -> dict[str, Any]:
    return {"program_id": "prg_a", "division": "340111", "status": status, "face_value_fen": 100, **facts}


ISSUED = voucher("issued", issued_at="t")
CLAIMED = voucher("claimed", issued_at="t", claimed_at="t")
REDEEMED = voucher("redeemed", issued_at="t", claimed_at="t", redeemed_at="t", institution="9134")
SETTLED = {**REDEEMED, "status": "settled", "settled_at": "t", "paid_fen": 90}


@pytest.mark.parametrize(
    ("before", "after", "move"),
    [
        (None, ISSUED, {"issued": 1, "ever_issued": 1, "face_value_fen": 100}),
        (ISSUED, CLAIMED, {"issued": -1, "claimed": 1, "ever_claimed": 1}),
        (CLAIMED, REDEEMED, {"claimed": -1, "redeemed": 1, "ever_redeemed": 1}),
        (REDEEMED, CLAIMED, {"claimed": 1, "redeemed": -1, "ever_redeemed": -1}),
        (REDEEMED, SETTLED, {"redeemed": -1, "settled": 1, "ever_settled": 1, "paid_fen": 90}),
        (SETTLED, {**SETTLED, "reversed_fen": 90}, {"reversed_fen": 90}),
        (ISSUED, {**ISSUED, "status": "expired"}, {"issued": -1, "expired": 1}),
    ],
)
def test_a_change_moves_the_counts_of_its_division(before: Any, after: Any, move: dict[str, int]) -> None:
    moves = moves_of(before, after, chain="3401")
    assert moves[DIVISION] == moves[EVERYWHERE] == move


def test_a_change_that_counts_nothing_moves_nothing() -> None:
    assert moves_of(CLAIMED, {**CLAIMED, "last_step": 3}, chain="3401") == {}


def test_an_institution_counts_what_was_redeemed_there() -> None:
    assert SCHOOL not in moves_of(None, ISSUED, chain="3401")
    assert moves_of(CLAIMED, REDEEMED, chain="3401")[SCHOOL] == {"redeemed": 1, "ever_redeemed": 1}
    assert moves_of(REDEEMED, CLAIMED, chain="3401")[SCHOOL] == {"redeemed": -1, "ever_redeemed": -1}
    assert moves_of(REDEEMED, SETTLED, chain="3401")[SCHOOL] == {"redeemed": -1, "settled": 1, "paid_fen": 90}


def test_what_an_institution_did_counts_in_the_division_where_it_did_it() -> None:
    """It is redeemed in Hefei and paid there; the institution has moved by the second reversal."""
    here, there = ({**REDEEMED, "served_in": place} for place in ("340111", "340202"))
    in_hefei, in_wuhu = (
        CountScope(program="prg_a", place=institution_place("9134", "3401", place))
        for place in ("340111", "340202")
    )
    assert moves_of(CLAIMED, here, chain="3401")[in_hefei] == {"redeemed": 1, "ever_redeemed": 1}
    paid = {**SETTLED, "served_in": "340202"}
    moves = moves_of(here, paid, chain="3401")
    assert moves[in_hefei] == {"redeemed": -1, "ever_redeemed": -1}
    assert moves[in_wuhu] == {"settled": 1, "ever_redeemed": 1, "paid_fen": 90}
    assert moves_of(there, paid, chain="3401")[in_wuhu] == {"redeemed": -1, "settled": 1, "paid_fen": 90}
    assert (institution_at(in_wuhu.place), institution_at(SCHOOL.place)) == (
        ("9134", "340202"),
        ("9134", None),
    )


@given(st.lists(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=6), max_size=20), st.randoms())
def test_counts_end_where_the_vouchers_are(lives: list[list[str]], chance: random.Random) -> None:
    moves, ends = [], Counter[str]()
    for life in lives:
        before = None
        for status in life:
            after = voucher(status, issued_at="t", paid_fen=chance.randint(0, 5))
            moves.append(moves_of(before, after, chain="3401"))
            before = after
        ends.update(values_of(before))
    total = merged(moves).get(DIVISION, Counter())
    assert {name: total[name] for name in FIELDS} == {name: ends[name] for name in FIELDS}
    assert sum(total[name] for name in STATUSES) == len(lives)
