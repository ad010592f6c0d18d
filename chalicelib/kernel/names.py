"""Names of people: any letter that somebody's identity card can hold, kept in one form.

Which signs count as letters is told by GB 18030-2022 and not by the interpreter, whose tables of Unicode end
before the newest extensions. Dots and blanks follow 民委发〔2016〕33号.
"""

import unicodedata
from typing import Final

NAME_CHARS_MAX: Final = 50
DOT: Final = "\u00b7"
_DOTS: Final = frozenset("\u00b7\u2022\u30fb\uff65\u2027\uff0e\u22c5\u2219\u2024\u318d.")
"""The dot between parts of a name, and what keyboards and tables write for it."""
_APOSTROPHES: Final = frozenset("'\u2018\u2019\u02bc\u0060\u00b4")
_HYPHENS: Final = frozenset("-\u2010\u2011\uff0d")
_FULL_WIDTH, _FULL_WIDTH_OFFSET = range(0xFF01, 0xFF5F), 0xFEE0
_VARIANTS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""Variation selectors: they choose a glyph, not a letter."""
_MARKS: Final = frozenset({"Mn", "Mc"})
"""Vowels of Tibetan, Uyghur and others stand beside their letters."""
_HAN = (
    range(0x2E80, 0x2FE0),  # radicals
    range(0x3005, 0x3008),  # 々 〆 〇
    range(0x3400, 0x4DC0),  # extension A
    range(0x4E00, 0xA000),
    range(0xE000, 0xF900),  # private use: where earlier editions of GB 18030 put letters
    range(0xF900, 0xFB00),
    range(0x20000, 0x2A6E0),  # extension B
    range(0x2A700, 0x2EE60),  # extensions C, D, E, F, I
    range(0x2F800, 0x2FA20),
    range(0x30000, 0x323B0),  # extensions G, H
)


class InvalidName(ValueError):
    """A name holds a sign that is no letter; `sign` is that, or empty where the name is too long or empty."""

    def __init__(self, sign: str = "") -> None:
        """Keep the sign alone: no exception holds a name."""
        self.sign = sign
        super().__init__("invalid_name")


def parse_name(text: str) -> str:
    """Read a person's name into the form that is kept.

    Dots of any keyboard become U+00B7, full-width letters narrow, glyph variants and marks without width go,
    and so do blanks at the ends, beside dots and between Chinese characters: `王 小明` and `王小明` are one.

    Raises:
        InvalidName: a sign in it is no letter, or it is empty or longer than 50.

    """
    signs = [sign for raw in text for sign in _narrowed(raw)]
    name = _without_idle_blanks(signs)
    for sign in name:
        if not (_is_letter(sign) or sign in (DOT, " ", "'", "-")):
            raise InvalidName(sign)
    if not any(map(_is_letter, name)) or len(name) > NAME_CHARS_MAX:
        raise InvalidName
    return name


def folded(text: str) -> str:
    """Give a name, or a text that may hold one, as it is compared: no blanks, dots, capitals or variants.

    `买买提·艾力`, `买买提.艾力` and `买买提 艾力` are one name. Digests of names are made of this form, so
    it is frozen; it asks no table of letters, which would make it another on a newer interpreter.
    """
    signs = (_narrowed(sign) for sign in text)
    return "".join(sign for sign in signs if sign not in (DOT, " ")).casefold()


def _narrowed(sign: str) -> str:
    code = ord(sign)
    if code in _FULL_WIDTH and sign not in _DOTS:
        sign = chr(code - _FULL_WIDTH_OFFSET)
    if sign in _DOTS:
        return DOT
    if sign in _APOSTROPHES:
        return "'"
    if sign in _HYPHENS:
        return "-"
    if any(code in variants for variants in _VARIANTS) or unicodedata.category(sign) == "Cf":
        return ""
    return " " if sign.isspace() else sign


def _without_idle_blanks(signs: list[str]) -> str:
    """Leave a blank only between two words of letters that are not Chinese."""
    words = "".join(signs).split(" ")
    name = ""
    for word in filter(None, words):
        apart = name and not (_is_han(name[-1]) or _is_han(word[0]) or DOT in (name[-1], word[0]))
        name += f" {word}" if apart else word
    return name


def _is_han(sign: str) -> bool:
    return any(ord(sign) in block for block in _HAN)


def _is_letter(sign: str) -> bool:
    return sign.isalpha() or _is_han(sign) or unicodedata.category(sign) in _MARKS
