"""Numbers that name people, organisations, phones and accounts: reading, checking, masking.

Every `parse_…` takes text as people type or paste it, normalises it, and either gives the one
canonical form or raises an `InvalidIdentity` whose `code` stands in `chalicelib.kernel.reasons`.
No exception holds the number itself, so none can reach a log.
"""

import datetime as dt
import functools
import re
import unicodedata
from enum import StrEnum
from typing import NewType

from chalicelib.kernel.ids import Uscc

IdNumber = NewType("IdNumber", str)
Phone = NewType("Phone", str)
AccountNumber = NewType("AccountNumber", str)


class Sex(StrEnum):
    """The sex that an ID number states."""

    FEMALE = "female"
    MALE = "male"


class InvalidIdentity(ValueError):
    """A number fails its check; `code` says which kind of number and how."""

    code = "invalid_value"

    def __init__(self, code: str | None = None) -> None:
        """Take the class's own code unless a more exact one is given."""
        self.code = code or type(self).code
        super().__init__(self.code)


class InvalidIdNumber(InvalidIdentity):
    """Not a citizen's number: `invalid_id_number`, or `id_number_mangled` by a spreadsheet."""

    code = "invalid_id_number"


class InvalidUscc(InvalidIdentity):
    """Not a unified social credit code."""

    code = "invalid_uscc"


class InvalidPhone(InvalidIdentity):
    """Not a phone number of mainland China."""

    code = "invalid_phone"


class InvalidAccountNumber(InvalidIdentity):
    """Not a bank account number."""

    code = "invalid_account_number"


_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")


def _tidy(text: str) -> str:
    """Undo what input methods and spreadsheets add: full width, blanks, invisible marks, a leading '."""
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in plain if unicodedata.category(c) != "Cf" and not c.isspace())
    return visible.removeprefix("'").removeprefix("\u2019").upper()


# GB 11643: six digits of place, eight of birth, three of sequence (odd male), one check character.
_ID_NUMBER = re.compile(r"\d{17}[\dX]", re.ASCII)
_ID_PLACE, _ID_BIRTH, _ID_SEX = slice(0, 6), slice(6, 14), 16
_BIRTH_YEAR_MIN = 1900
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+?1[4-8]", re.ASCII)
_AS_FLOAT = re.compile(r"\d{15,18}\.0*", re.ASCII)
_LOST_DIGITS = "000"  # Excel keeps 15 significant digits of 18
# Residence permits of Taiwan residents have numbers of the same form (State Council, 2018);
# stdnum knows the place codes of Hong Kong and Macao only.
_TAIWAN_PERMIT = "830000"


def parse_id_number(text: str) -> IdNumber:
    """Read a citizen's ID number (GB 11643), with `X` in upper case and full-width digits narrowed.

    A place code counts if it was ever in force: people registered late, or before 1999, carry a code
    younger than themselves, which `stdnum.cn.ric.validate` would refuse.

    Raises:
        InvalidIdNumber: `id_number_mangled` if a spreadsheet took it for a number and lost digits
            (`3.40103E+17`, or a failing check after a final `000`), else `invalid_id_number`. One in
            eleven mangled numbers passes the check by chance; only comparing the name reveals it.

    """
    number = _tidy(text)
    if _SCIENTIFIC.fullmatch(number) or _AS_FLOAT.fullmatch(number):
        raise InvalidIdNumber("id_number_mangled")
    if not _ID_NUMBER.fullmatch(number):
        raise InvalidIdNumber
    from stdnum.cn import ric  # noqa: PLC0415 — its tables are only needed here

    if number[-1] != ric.calc_check_digit(number):
        raise InvalidIdNumber("id_number_mangled" if number.endswith(_LOST_DIGITS) else None)
    if not _known_place(number[_ID_PLACE]) or _birth_date(number) is None:
        raise InvalidIdNumber
    return IdNumber(number)


@functools.lru_cache(maxsize=10_000)  # a list of 100,000 people has some hundred places
def _known_place(code: str) -> bool:
    from stdnum import numdb  # noqa: PLC0415 — reads a table of 7,000 lines

    parts = numdb.get("cn/loc").info(code)
    return code == _TAIWAN_PERMIT or any("county" in facts for _, facts in parts)


def _birth_date(number: str) -> dt.date | None:
    try:
        born = dt.datetime.strptime(number[_ID_BIRTH], "%Y%m%d").date()  # noqa: DTZ007 — a date has no zone
    except ValueError:
        return None
    return born if born.year >= _BIRTH_YEAR_MIN else None


def birth_date(id_number: IdNumber) -> dt.date:
    """Tell the date of birth an ID number states."""
    born = _birth_date(id_number)
    assert born is not None, "an IdNumber has a date of birth"
    return born


def sex(id_number: IdNumber) -> Sex:
    """Tell the sex an ID number states: the last sequence digit is odd for men."""
    return Sex.MALE if int(id_number[_ID_SEX]) % 2 else Sex.FEMALE


def parse_uscc(text: str) -> Uscc:
    """Read a unified social credit code (GB 32100).

    Raises:
        InvalidUscc: wrong length, characters or check character.

    """
    from stdnum.cn import uscc  # noqa: PLC0415
    from stdnum.exceptions import ValidationError  # noqa: PLC0415

    try:
        return Uscc(str(uscc.validate(_SEPARATORS.sub("", _tidy(text)))))
    except ValidationError as refused:
        raise InvalidUscc from refused


_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_LANDLINE = re.compile(r"(010|02\d|0[3-9]\d{2})(\d{7,8})", re.ASCII)
_SERVICE_LINE = re.compile(r"([48]00)(\d{7})", re.ASCII)
_COUNTRY_CODE = re.compile(r"^(?:(?:\+|00)86|86(?=1\d{10}$))", re.ASCII)


def _phone_digits(text: str) -> str:
    return _COUNTRY_CODE.sub("", _SEPARATORS.sub("", _tidy(text)))


def parse_phone(text: str) -> Phone:
    """Read a mobile number of mainland China as its 11 digits; +86, blanks and dashes are dropped.

    Raises:
        InvalidPhone: anything else.

    """
    digits = _phone_digits(text)
    if not _MOBILE.fullmatch(digits):
        raise InvalidPhone
    return Phone(digits)


def parse_contact_phone(text: str) -> Phone:
    """Read an organisation's number: a mobile, a landline with area code, or a 400 or 800 number.

    The area code of a landline is set off with a dash: `0551-62345678`.

    Raises:
        InvalidPhone: anything else.

    """
    digits = _phone_digits(text)
    if _MOBILE.fullmatch(digits):
        return Phone(digits)
    split = _LANDLINE.fullmatch(digits) or _SERVICE_LINE.fullmatch(digits)
    if split is None:
        raise InvalidPhone
    return Phone("-".join(split.groups()))


_ACCOUNT = re.compile(r"\d{12,22}", re.ASCII)
_CARD = re.compile(r"62\d{14,17}", re.ASCII)


def parse_account_number(text: str) -> AccountNumber:
    """Read a bank account number: 12 to 22 digits, blanks and dashes dropped.

    Card numbers (UnionPay, 16 to 19 digits beginning with 62) must satisfy the Luhn check of
    ISO/IEC 7812. Accounts of organisations (对公账户) follow each bank's own numbering, without a
    public check digit, so they can only be checked for form.

    Raises:
        InvalidAccountNumber: not such digits, or a card number with a wrong check digit.

    """
    digits = _SEPARATORS.sub("", _tidy(text))
    if not _ACCOUNT.fullmatch(digits):
        raise InvalidAccountNumber
    from stdnum import luhn  # noqa: PLC0415

    if _CARD.fullmatch(digits) and not luhn.is_valid(digits):
        raise InvalidAccountNumber
    return AccountNumber(digits)


def _mask(text: str, *, head: int, tail: int) -> str:
    """Star all but the ends; a text too short to keep them apart is starred whole."""
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[len(text) - tail :]


def mask_id_number(id_number: str) -> str:
    """Mask an ID number for public lists: `340***********1234`."""
    return _mask(id_number, head=3, tail=4)


def mask_name(name: str) -> str:
    """Mask a person's name after its first character: 王小明 → `王**`."""
    return name[:1] + "*" * (len(name) - 1)


_DOTS = frozenset("\u00b7\u2022\u30fb\uff65\u2027\uff0e\u22c5\u2219.")
"""The dot between parts of a name, and what keyboards and tables write for it."""
_VARIANTS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Variation selectors: they choose a glyph, not a letter."""


def fold_name(name: str) -> str:
    """Give a name as it is compared: without spaces, dots and glyph variants (民委发〔2016〕33号).

    `买买提·艾力`, `买买提.艾力` and `买买提 艾力` are one name.
    """
    return "".join(
        sign
        for sign in name
        if not (sign.isspace() or sign in _DOTS or any(low <= ord(sign) <= high for low, high in _VARIANTS))
    )


def mask_phone(phone: str) -> str:
    """Mask a phone number: `138****5678`."""
    return _mask(phone, head=3, tail=4)


def mask_account(account_number: str) -> str:
    """Mask a bank account number but for its last four digits."""
    return _mask(account_number, head=0, tail=4)
