"""Numbers as people type them: read as they are meant, or refused; never guessed at, never rounded."""

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.console.staff import numbers


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("1800", 180_000),
        ("1,800.00", 180_000),
        ("1，800，000", 180_000_000),
        (" ¥1,800.5 ", 180_050),
        ("￥3", 300),
        ("-5", -500),
        ("0.01", 1),
        ("１８００", 180_000),
        ("9" * 36 + ".99", int("9" * 38)),
    ],
)
def test_yuan_are_read_to_the_fen(typed: str, fen: int) -> None:
    assert numbers.fen(typed) == fen


NO_NUMBERS = [
    *("1e999999", "1E5", "1,2,3", "1800,00", "1,80", "12,3456", ",100", "1,000,", "1_000", "nan", "inf"),
    *("Infinity", "-", "", " ", "0x10", "一百", "1 800", "1.2.3", ".5", "5.", "9" * 41, "9" * 5000),
]


@pytest.mark.parametrize("typed", NO_NUMBERS, ids=lambda typed: typed[:12])
@pytest.mark.parametrize("read", [numbers.fen, numbers.whole, numbers.decimal, numbers.share])
def test_what_is_no_number_is_no_number_anywhere(read: Any, typed: str) -> None:
    assert refuses(read, typed)


def test_parts_of_a_fen_and_of_a_whole_are_refused() -> None:
    assert refuses(numbers.fen, "1.005")
    assert refuses(numbers.whole, "1.5")


def refuses(read: Any, typed: str) -> bool:
    try:
        read(typed)
    except ValueError:
        return True
    return False


def test_a_share_is_typed_in_percent() -> None:
    assert numbers.share("60%") == numbers.share(" 60 ") == numbers.share("60 ％") == 0.6
    assert numbers.share("12.5") == 0.125


def test_what_is_typed_is_read_in_one_place_alone() -> None:
    rooms = Path(numbers.__file__).parents[1].rglob("*.py")
    bare = re.compile(r"\b(int|float|Decimal)\([^)\n]*typed|json\.loads\(|\.isdecimal\(")
    found = [room.name for room in rooms if bare.search(room.read_text()) and room.name != "numbers.py"]
    assert found == []


@pytest.mark.parametrize("typed", ["", "x", "-1", "²", "1e3", "9" * 5000])
def test_a_version_that_was_tampered_with_is_no_version(typed: str) -> None:
    assert numbers.as_sent(typed) == 0
    assert numbers.as_sent("12") == 12
