"""Free text: what people write in their own words, and the numbers of people that must not stand in it.

Reasons, remarks and names of classes are kept for years and shown to many, so no ID, phone or account number
stays readable in them. Words are masked where it costs nothing (`mask_numbers`); a reference that has to stay
as it is, or what is shown to everybody, is refused instead (`has_number_of_person`). Digits of any script and
digits set off in groups are seen.

    身份证 340111 19980101 0001 有误      → 身份证 **************0001 有误
    １３８－００１３－８０００ 未接        → *******8000 未接
    账号 622700 已销户                    → 账号 **2700 已销户
    请假 2026-09-01 至 2026-09-05         stays: days are no numbers of people
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

from chalicelib.kernel.identity import mask_account
from chalicelib.kernel.names import folded

WORDS: Final = "words"
"""Marks the constraint of a person's words."""
NUMBERS: Final = "numbers"
"""What becomes of numbers of people in a person's words: see `Numbers`."""


class Numbers(StrEnum):
    """They are masked; or the text is refused, a reference only for what has the form of a person's number.

    Kept they are in what is sealed and says how to reach somebody.
    """

    MASKED = "masked"
    REFUSED = "refused"
    REFUSED_IN_REFERENCE = "refused_in_reference"
    KEPT = "kept"


PUBLIC_WORDS: Final = {WORDS: True, NUMBERS: Numbers.REFUSED}
"""The mark of words that everybody reads and that a model keeps as they are."""

NUMBER_DIGITS_MIN: Final = 11
"""Digits of a mobile phone; ID numbers and accounts have more, dates, times and amounts fewer."""
NAMED_DIGITS_MIN: Final = 6
"""Digits of the shortest account, where the words before say that it is one."""
_GAP = r"[\s\-\u00ad\u00b7\u200b-\u200f\u2010-\u2015\u2212\u30fb\ufe58\ufe63\uff0d\uff65\ufeff_./]{0,3}"
_RUN = re.compile(rf"\d(?:{_GAP}\d)*(?:{_GAP}[XxＸｘ](?![A-Za-z]))?")
_NAMED = re.compile(
    r"(?:账号|帐号|账户|帐户|卡号|银行卡|身份证|证件号|手机|电话|account|card)[^\d\n]{0,8}$", re.IGNORECASE
)
_DAY = re.compile(r"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])(?!\d)")
_USCC = re.compile(r"[0-9A-Z]{18}")
_REGISTERED = re.compile(r"..(?:1[0-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])")
"""Where organisations are registered, from their code's third sign on (GB/T 2260; 10 is the state itself)."""
_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")
_CITIZEN = re.compile(r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")


def mask_numbers(text: str) -> str:
    """Mask in words what may be an ID, phone or account number, but for its last four digits.

    Days stay, also two of them side by side; of other digits set off by blanks alone it is better that one
    number too many is masked than one too few. The number of an organisation (a valid USCC) is public.
    """
    shown, at = [], 0
    for start, end in _suspects(text):
        shown += [text[at:start], mask_account(_digits(text[start:end]))]
        at = end
    return "".join([*shown, text[at:]])


def names_person(text: str, name: str) -> bool:
    """Tell whether somebody's full name stands in a text, however set off; one character names nobody."""
    sought = folded(name)
    return len(sought) > 1 and sought in folded(text)


def stands_against(text: str, numbers: Numbers) -> bool:
    """Tell whether numbers of people in a text have it refused."""
    match numbers:
        case Numbers.REFUSED:
            return mask_numbers(text) != text
        case Numbers.REFUSED_IN_REFERENCE:
            return has_number_of_person(text)
        case _:
            return False


def has_number_of_person(text: str) -> bool:
    """Tell whether an ID number of a citizen or a mobile phone stands in a text by itself.

    For references that banks and offices give: they are long numbers too, so only what has the form of a
    person's is told.
    """
    numbers = [_digits(match[0]) for match in _RUN.finditer(text)]
    return any(_CITIZEN.fullmatch(number) or _MOBILE.fullmatch(number) for number in numbers)


def _suspects(text: str) -> list[tuple[int, int]]:
    """Find where numbers of people stand, from and to."""
    found = []
    organisations = [match.span() for match in _USCC.finditer(text) if _is_uscc(match[0])]
    for match in _RUN.finditer(text):
        if any(start <= match.start() and match.end() <= end for start, end in organisations):
            continue
        named = bool(_NAMED.search(text[max(0, match.start() - 20) : match.start()]))
        found += [part for part in _without_days(text, *match.span()) if _is_long(text, part, named=named)]
    return found


def _without_days(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut days out of a run of digits."""
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in text[start:end]).replace("－", "-")
    parts, at = [], 0
    for day in _DAY.finditer(plain):
        if day.start() and plain[day.start() - 1].isdigit():
            continue
        parts.append((start + at, start + day.start()))
        at = day.end()
    parts.append((start + at, end))
    return [_trimmed(text, *part) for part in parts]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out what sets a part off from the days beside it."""
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end


def _is_long(text: str, part: tuple[int, int], *, named: bool) -> bool:
    digits = sum(sign.isdigit() for sign in text[slice(*part)])
    return digits >= (NAMED_DIGITS_MIN if named else NUMBER_DIGITS_MIN)


def _digits(run: str) -> str:
    """Give the digits of a run as ASCII, with the X an ID number may end in."""
    return "".join(str(unicodedata.decimal(sign, "X")) for sign in run if sign.isalnum())


def _is_uscc(text: str) -> bool:
    """Tell whether a text is an organisation's code: of the third sign on it names where that is registered.

    One account number of eighteen digits in thirty-one has the right check sign too.
    """
    if _CITIZEN.fullmatch(text) or not _REGISTERED.match(text):
        return False
    from stdnum.cn import uscc  # noqa: PLC0415 - not part of a start

    return bool(uscc.is_valid(text))
