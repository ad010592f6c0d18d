"""Reading the cells of a list: each gives the one form that is kept, or what is wrong with it.

What a reader gives is what is stored, compared and shown. Nothing keeps a cell's text as it was typed, or one
person in two spellings would be two.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from chalicelib.kernel.calendar import read_date
from chalicelib.kernel.divisions import read_division
from chalicelib.kernel.identity import IdNumber, InvalidIdentity, Phone, parse_id_number, parse_phone
from chalicelib.kernel.names import InvalidName, parse_name
from chalicelib.people.lists.model import RowFault
from chalicelib.people.lists.words import plain_word

_SCHOOL_CHARS_MAX = 100
_CHOICE_CHARS_SHOWN = 10

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class CellFault:
    """What is wrong with a cell: a code and the facts of its sentence."""

    code: str
    facts: dict[str, str | int] = field(default_factory=dict)


Reader = Callable[[str], Kept | CellFault]


class Row:
    """One line on its way to what is kept: reads its cells, and collects everything wrong with them."""

    def __init__(self, row: int, cells: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self.row, self.faults = row, list[RowFault]()
        self._cells, self._headers = cells, headers

    def read(self, column: str, reader: Reader[Kept]) -> Kept | None:
        """Read a cell that has to be filled in; None if it is wrong, which is then among the faults."""
        text = self._cells.get(column, "")
        if not text:
            self.fault(column, "empty_cell")
            return None
        return self.read_any(column, reader)

    def read_any(self, column: str, reader: Reader[Kept]) -> Kept | None:
        """Read a cell that may be empty."""
        text = self._cells.get(column, "")
        kept = reader(text) if text else None
        if isinstance(kept, CellFault):
            self.fault(column, kept.code, **kept.facts)
            return None
        return kept

    def fault(self, column: str, code: str, **facts: str | int) -> None:
        """Say what is wrong with a cell, in the sender's own word for its column."""
        name = self._headers.get(column, column)
        self.faults.append(RowFault(row=self.row, column=name, code=code, facts=facts))


def read_name(text: str) -> str | CellFault:
    """Read a person's name."""
    try:
        return parse_name(text)
    except InvalidName as invalid:
        return CellFault("invalid_name", {"sign": invalid.sign}) if invalid.sign else CellFault("name_length")


def read_id_number(text: str) -> IdNumber | CellFault:
    """Read an ID number."""
    try:
        return parse_id_number(text)
    except InvalidIdentity as invalid:
        return CellFault(invalid.code)


def read_mobile(text: str) -> Phone | CellFault:
    """Read a mobile number."""
    try:
        return parse_phone(text)
    except InvalidIdentity as invalid:
        return CellFault(invalid.code)


def read_school(text: str) -> str | CellFault:
    """Read the name of a school."""
    name = " ".join(text.split())
    return name if len(name) <= _SCHOOL_CHARS_MAX else CellFault("cell_too_long", {"most": _SCHOOL_CHARS_MAX})


def read_day(text: str) -> date | CellFault:
    """Read a day."""
    return read_date(text) or CellFault("invalid_date")


def read_division_code(text: str) -> str | CellFault:
    """Read a division, by its code or its name."""
    return read_division(text) or CellFault("invalid_division")


def one_of(words: Mapping[str, Kept], *, shown: Iterable[str]) -> Reader[Kept]:
    """Make the reader of a cell that takes one of some words, each standing for what is kept.

    `shown` are those that a refusal names.
    """
    accepted = "、".join(shown)

    def read(text: str) -> Kept | CellFault:
        kept = words.get(plain_word(text))
        if kept is not None:
            return kept
        return CellFault("invalid_choice", {"value": text[:_CHOICE_CHARS_SHOWN], "accepted": accepted})

    return read
