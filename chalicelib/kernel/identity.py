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

    code: str

    def __init__(self, code: str | None = None) -> None:
        """Take the class's own code unless a more exact one is given."""
        self.code = code or type(self).code
        super().__init__(self.code)


class InvalidIdNumber(InvalidIdentity):
    """Not an ID number; each code says what is wrong with it.

    `invalid_id_number` (its check character), `id_number_mangled` (by a spreadsheet), `id_number_form` (not
    18 signs of the right kind), `id_number_old_form` (15 digits), `id_number_birth_date` (no such day).
    """

    code = "invalid_id_number"


class InvalidUscc(InvalidIdentity):
    """Not a unified social credit code."""

    code = "invalid_uscc"


class InvalidPhone(InvalidIdentity):
    """Not a mobile number of mainland China."""

    code = "invalid_phone"


class InvalidContactPhone(InvalidIdentity):
    """Not a number at which an organisation of mainland China can be called."""

    code = "invalid_contact_phone"


class InvalidAccountNumber(InvalidIdentity):
    """Not a bank account number."""

    code = "invalid_account_number"


_DASHES = re.compile(r"[\-\u2010-\u2015\u2212\u2500\u30fc\uff70\ufe58\ufe63]+")
"""The dash and what input methods write for it."""
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212\u2500\u30fc\uff70\ufe58\ufe63]+")


def _tidy(text: str) -> str:
    """Undo what input methods and spreadsheets add: full width, blanks, invisible marks, a leading '."""
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in plain if unicodedata.category(c) != "Cf" and not c.isspace())
    return visible.strip("'\u2018\u2019`\u00b4").upper()


# GB 11643: six digits of place, eight of birth, three of sequence (odd male), one check character. Residence
# permits of people from Hong Kong, Macao and Taiwan (81, 82, 83), and permanent residence cards of foreigners
# (9; GA 2102-2023), have numbers of the same form, with the same check.
_ID_NUMBER = re.compile(r"\d{17}[\dX]", re.ASCII)
_OLD_ID_NUMBER = re.compile(r"\d{15}", re.ASCII)
_ID_PLACE, _ID_BIRTH, _ID_SEX = slice(0, 6), slice(6, 14), 16
_BIRTH_YEAR_MIN = 1900
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+?1[4-8]", re.ASCII)
_AS_FLOAT = re.compile(r"\d{15,18}\.0*", re.ASCII)
_LOST_DIGITS = "000"  # Excel keeps 15 significant digits of 18
_PERMITS = ("81", "82", "83", "9")


def parse_id_number(text: str) -> IdNumber:
    """Read an ID number (GB 11643), with `X` in upper case and full-width digits narrowed.

    Check character and date of birth decide. The place does not: codes were retired, and real numbers carry
    codes of no table (`place_is_known` tells, for a warning).

    Raises:
        InvalidIdNumber: `id_number_mangled` if a spreadsheet took it for a number and lost digits
            (`3.40103E+17`, or a failing check after a final `000`), else what is wrong. One in eleven mangled
            numbers passes the check by chance; only comparing the name reveals it.

    """
    number = _SEPARATORS.sub("", _tidy(text))
    if _SCIENTIFIC.fullmatch(number) or _AS_FLOAT.fullmatch(number):
        raise InvalidIdNumber("id_number_mangled")
    if not _ID_NUMBER.fullmatch(number):
        raise InvalidIdNumber("id_number_old_form" if _OLD_ID_NUMBER.fullmatch(number) else "id_number_form")
    from stdnum.cn import ric  # noqa: PLC0415 — its tables are only needed here

    if number[-1] != ric.calc_check_digit(number):
        raise InvalidIdNumber("id_number_mangled" if number.endswith(_LOST_DIGITS) else None)
    if _birth_date(number) is None:
        raise InvalidIdNumber("id_number_birth_date")
    return IdNumber(number)


def is_id_number(text: str) -> bool:
    """Tell whether a text is an ID number in the form in which those are kept."""
    try:
        return parse_id_number(text) == text
    except InvalidIdNumber:
        return False


def place_is_known(id_number: IdNumber) -> bool:
    """Tell whether the place of an ID number was ever in force, or it is a residence permit's."""
    return id_number.startswith(_PERMITS) or _known_place(id_number[_ID_PLACE])


@functools.lru_cache(maxsize=10_000)  # a list of 100,000 people has some hundred places
def _known_place(code: str) -> bool:
    from stdnum import numdb  # noqa: PLC0415 — reads a table of 7,000 lines

    return any("county" in facts for _, facts in numdb.get("cn/loc").info(code))


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


def birth_year_of(id_number: str) -> int | None:
    """Give the year of birth that a number tells; None if it tells none (a number kept long ago)."""
    year = id_number[6:10]
    return int(year) if year.isdigit() and year.isascii() else None


def sex(id_number: IdNumber) -> Sex:
    """Tell the sex an ID number states: the last sequence digit is odd for men."""
    return Sex.MALE if int(id_number[_ID_SEX]) % 2 else Sex.FEMALE


_USCC = re.compile(r"[1-9A-HJ-NP-RTUWXY][0-9A-HJ-NP-RTUWXY]\d{6}[0-9A-HJ-NP-RTUWXY]{10}", re.ASCII)


def parse_uscc(text: str) -> Uscc:
    """Read a unified social credit code (GB 32100).

    The first two signs name who registers and what: letters for rural cooperatives (N), the army (A) and
    others (Y), which `stdnum.cn.uscc.validate` would refuse.

    Raises:
        InvalidUscc: wrong length, characters or check character.

    """
    from stdnum.cn import uscc  # noqa: PLC0415

    code = _SEPARATORS.sub("", _tidy(text))
    if not _USCC.fullmatch(code) or code[-1] != uscc.calc_check_digit(code):
        raise InvalidUscc
    return Uscc(code)


_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_LANDLINE = re.compile(
    r"\(?(010|02\d|0[3-9]\d{2})\)?-?(\d{3,4}-?\d{4})(?:(?:-|转|EXT\.?|#|\*|,)(?:分机)?(\d{1,6}))?", re.ASCII
)
_SERVICE_LINE = re.compile(r"([48]00)-?(\d{3,4}-?\d{3,4})", re.ASCII)
_COUNTRY_CODE = re.compile(r"^(?:\(?(?:\+|00)86\)?-?|86-?(?=1\d{10}$))", re.ASCII)
_SERVICE_DIGITS = 7


def _phone_signs(text: str) -> str:
    """Narrow a number to digits, brackets and single dashes, without the country's code."""
    plain = _DASHES.sub("-", _tidy(text).replace("(0)", ""))
    abroad = _COUNTRY_CODE.match(plain)
    rest = plain[abroad.end() :] if abroad else plain
    # From abroad the area is dialled without its 0.
    is_area = abroad is not None and rest[:1] in set("23456789") and not rest.startswith(("400", "800"))
    return f"0{rest}" if is_area else rest


def parse_phone(text: str) -> Phone:
    """Read a mobile number of mainland China as its 11 digits; +86, blanks and dashes are dropped.

    Raises:
        InvalidPhone: anything else.

    """
    digits = _phone_signs(text).replace("-", "")
    if not _MOBILE.fullmatch(digits):
        raise InvalidPhone
    return Phone(digits)


def parse_contact_phone(text: str) -> Phone:
    """Read an organisation's number: a mobile, a landline with area code, or a 400 or 800 number.

    Area code and extension of a landline are set off with a dash: `0551-62345678-801`.

    Raises:
        InvalidContactPhone: anything else.

    """
    signs = _phone_signs(text)
    if _MOBILE.fullmatch(signs.replace("-", "")):
        return Phone(signs.replace("-", ""))
    if service := _SERVICE_LINE.fullmatch(signs):
        number = service[2].replace("-", "")
        if len(number) == _SERVICE_DIGITS:
            return Phone(f"{service[1]}-{number}")
    if landline := _LANDLINE.fullmatch(signs):
        area, number, extension = landline.groups()
        return Phone("-".join(filter(None, (area, number.replace("-", ""), extension))))
    raise InvalidContactPhone


_ACCOUNT = re.compile(r"\d{6,32}", re.ASCII)
_CARD = re.compile(r"62\d{14,17}", re.ASCII)


def parse_account_number(text: str) -> AccountNumber:
    """Read a bank account number: 6 to 32 digits, blanks and dashes dropped.

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


def mask_phone(phone: str) -> str:
    """Mask a phone number: `138****5678`."""
    return _mask(phone, head=3, tail=4)


def mask_account(account_number: str) -> str:
    """Mask a bank account number but for its last four digits."""
    return _mask(account_number, head=0, tail=4)
