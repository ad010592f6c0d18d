"""Identifiers: opaque strings whose prefix tells the type, some derived from a natural key.

A derived id makes "one per …" a property of the table's key: the same natural key always gives the
same id, so a put-if-absent is the uniqueness check.
"""

import base64
import hashlib
import re
import secrets
from typing import NewType

from chalicelib.kernel import repeats

AccountId = NewType("AccountId", str)
ProgramId = NewType("ProgramId", str)
ProjectId = NewType("ProjectId", str)
Uscc = NewType("Uscc", str)
DivisionCode = NewType("DivisionCode", str)
PersonKey = NewType("PersonKey", str)
ImportId = NewType("ImportId", str)
IssuanceBatchId = NewType("IssuanceBatchId", str)
VoucherId = NewType("VoucherId", str)
EnrolmentId = NewType("EnrolmentId", str)
ClassId = NewType("ClassId", str)
LessonId = NewType("LessonId", str)
ClaimId = NewType("ClaimId", str)
LineId = NewType("LineId", str)
SettlementBatchId = NewType("SettlementBatchId", str)

_SUFFIX_BYTES = 15
_SECRET_BYTES = 12
ID_CHARS_MAX = 80
_ID = re.compile(r"[a-z]{3}_[a-z0-9]{4,40}(-[a-z0-9]{1,30})?")


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").lower().rstrip("=")


def new_id(prefix: str) -> str:
    """Give a fresh id such as `cls_4kq…` (120 random bits); a call under a key gets the one it got before."""
    return f"{prefix}_{_text(repeats.draw(prefix, _SUFFIX_BYTES))}"


def new_secret(purpose: str) -> str:
    """Give a one-time secret (96 bits); a call under a key gets the one it got before."""
    return base64.urlsafe_b64encode(repeats.draw(f"secret of {purpose}", _SECRET_BYTES)).decode("ascii")


def derived_id(prefix: str, *natural_key: str) -> str:
    """Give the id that belongs to a natural key, always the same one.

    The parts must not hold personal data in the clear: a plain hash of an ID number is plaintext.
    """
    joined = "\x1f".join(natural_key).encode()
    return f"{prefix}_{_text(hashlib.sha256(joined).digest()[:_SUFFIX_BYTES])}"


def sibling_id(prefix: str, sibling: str) -> str:
    """Give the id with another prefix that belongs one to one to its sibling (`cls_x` → `clm_x`)."""
    return f"{prefix}_{sibling.partition('_')[2]}"


def part_id(prefix: str, whole: str, part: str) -> str:
    """Give the id of a part that names its whole, so that no lookup is needed (`les_x-03`)."""
    return f"{prefix}_{whole.partition('_')[2]}-{part}"


def whole_of(prefix: str, part: str) -> tuple[str, str]:
    """Split a part's id into the id of its whole and the part's own name; ("", "") if it is none."""
    body, dash, name = part.partition("_")[2].rpartition("-")
    return (f"{prefix}_{body}", name) if dash and body else ("", "")


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text from outside has the form of an id of this type."""
    return text.startswith(prefix + "_") and len(text) <= ID_CHARS_MAX and _ID.fullmatch(text) is not None


def new_operation_id() -> str:
    """Give the mark one write leaves on what it wrote, by which it knows its own success again."""
    return secrets.token_urlsafe(12)
