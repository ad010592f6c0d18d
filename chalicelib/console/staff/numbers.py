"""Numbers as people type them: in yuan, in percent, whole, with commas at the thousands alone.

Each reader raises `ValueError` for what is no number: `1e9`, `1,2,3`, `1_000`, `nan` and the like are never
guessed at.
"""

import re
from decimal import Context, Decimal
from typing import Final

_FEN: Final = 100
_DIGITS_MOST: Final = 40
_EXACT: Final = Context(prec=2 * _DIGITS_MOST)
"""Nothing that is typed is rounded on its way to the rule that judges it."""
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,3}(?:[,，]\d{3})+|\d+)(?:\.\d+)?")
_COMMAS: Final = str.maketrans("", "", ",，")


def number(typed: str) -> Decimal:
    """Read a number: `1,800.50`, `１８００`, `-3`.

    Raises:
        ValueError: it is none, or longer than any number that is meant.

    """
    text = typed.strip()
    if len(text) > _DIGITS_MOST or _NUMBER.fullmatch(text) is None:
        raise ValueError(typed)
    return Decimal(text.translate(_COMMAS))


def whole(typed: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: it is none.

    """
    found = number(typed)
    if found != found.to_integral_value():
        raise ValueError(typed)
    return int(found)


def decimal(typed: str) -> float:
    """Read a number with parts, e.g. a longitude.

    Raises:
        ValueError: it is none.

    """
    return float(number(typed))


def share(typed: str) -> float:
    """Read a percentage as a share of 1: `60`, `60%`, `12.5 ％`.

    Raises:
        ValueError: it is none.

    """
    return float(_EXACT.divide(number(typed.strip().rstrip("%％")), Decimal(100)))


def fen(typed: str) -> int:
    """Read an amount in yuan, as people write it, as whole fen.

    Raises:
        ValueError: it is none, or has parts of a fen.

    """
    amount = _EXACT.multiply(number(typed.strip().removeprefix("¥").removeprefix("￥")), Decimal(_FEN))
    if amount != amount.to_integral_value():
        raise ValueError(typed)
    return int(amount)


def as_sent(typed: str) -> int:
    """Read a whole number that a form or script sends unseen, e.g. a version; 0 if it was tampered with."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= _DIGITS_MOST else 0
