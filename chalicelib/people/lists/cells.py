"""What makes a cell of a list wrong: a code and the facts of its sentence."""

from collections.abc import Callable

from chalicelib.kernel.calendar import read_date
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number, parse_phone

_NAME_CHARS_MAX = 50
_SCHOOL_CHARS_MAX = 100
_CHOICE_CHARS_SHOWN = 10

CellFault = tuple[str, dict[str, str | int]]
"""A code and the facts of its sentence."""
Judge = Callable[[str], CellFault | None]
"""Judges the text of a cell; None if nothing is wrong with it."""


def judge_name(text: str) -> CellFault | None:
    """Judge a name."""
    good = len(text) <= _NAME_CHARS_MAX and all(sign.isalpha() or sign in "·. ’'-" for sign in text)
    return None if good else ("invalid_name", {})


def judge_id_number(text: str) -> CellFault | None:
    """Judge an ID number."""
    try:
        parse_id_number(text)
    except InvalidIdentity as failure:
        return failure.code, {}
    return None


def judge_phone(text: str) -> CellFault | None:
    """Judge a phone number."""
    try:
        parse_phone(text)
    except InvalidIdentity as failure:
        return failure.code, {}
    return None


def judge_school(text: str) -> CellFault | None:
    """Judge the name of a school."""
    return None if len(text) <= _SCHOOL_CHARS_MAX else ("wrong_type", {})


def judge_date(text: str) -> CellFault | None:
    """Judge a day."""
    return None if read_date(text) is not None else ("invalid_date", {})


def judge_division(text: str) -> CellFault | None:
    """Judge a division code."""
    return None if is_known(text) else ("invalid_division", {})


def one_of(choices: tuple[str, ...]) -> Judge:
    """Make the judge of a cell that takes one of some words."""

    def judge(text: str) -> CellFault | None:
        if text in choices:
            return None
        return "invalid_choice", {"value": text[:_CHOICE_CHARS_SHOWN], "accepted": "、".join(choices)}

    return judge
