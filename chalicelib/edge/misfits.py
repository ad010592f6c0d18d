"""Why a value does not fit its type, told from the type itself: no words of a library reach an answer."""

import types
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.kernel.errors import Fact
from chalicelib.kernel.free_text import WORDS

_ALLOWED_MAX = 40
_NAMED: Mapping[type, str] = {bool: "switch", datetime: "moment", date: "date"}
Misfit = tuple[str, Mapping[str, Fact]]
"""Which form a value misses: a name of `kernel.reasons.FORMS`, and the facts that its sentence tells."""


def metas_of(kind: Any) -> list[Meta]:
    """List the constraints of a type, or of the types it is a union of."""
    if typing.get_origin(kind) is Annotated:
        return [meta for meta in kind.__metadata__ if isinstance(meta, Meta)] + metas_of(kind.__origin__)
    return [meta for member in members_of(kind) for meta in metas_of(member)]


def members_of(kind: Any) -> Sequence[Any]:
    """List the types of a union without null; none of what is no union."""
    if typing.get_origin(kind) not in (types.UnionType, typing.Union):
        return ()
    return [member for member in typing.get_args(kind) if member is not type(None)]


def is_words(meta: Meta) -> bool:
    """Tell whether a constraint describes a person's words."""
    return bool(meta.extra and meta.extra.get(WORDS))


def misfit_of(kind: Any, value: Any) -> Misfit | None:
    """Tell which form a value misses that does not fit its type; None where a type says too little.

    `value` is as it was sent: plain JSON, or the text of a query.
    """
    metas = metas_of(kind)
    bare = _bare(kind)
    allowed = _allowed(bare)
    if allowed is not None:
        return "one_of", {"allowed": " / ".join(allowed[:_ALLOWED_MAX])}
    if typing.get_origin(bare) in (list, tuple):
        return _list_form(value, metas)
    return _plain_form(bare, value, metas) if isinstance(bare, type) else None


def _plain_form(kind: type, value: Any, metas: Sequence[Meta]) -> Misfit:
    if issubclass(kind, int | float | Decimal) and not issubclass(kind, bool):
        return _number_form(kind, value, metas)
    if issubclass(kind, str):
        return _text_form(value, metas)
    named = next((name for base, name in _NAMED.items() if issubclass(kind, base)), "object")
    return named, {}


def _bare(kind: Any) -> Any:
    if typing.get_origin(kind) is Annotated:
        return _bare(kind.__origin__)
    members = members_of(kind)
    return _bare(members[0]) if len(members) == 1 else kind


def _allowed(kind: Any) -> list[str] | None:
    if typing.get_origin(kind) is Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    return None


def _number_form(kind: type, value: Any, metas: Sequence[Meta]) -> Misfit:
    form = "whole_number" if issubclass(kind, int) else "number"
    number = _number(value)
    if number is None or (form == "whole_number" and number != number.to_integral_value()):
        return form, {}
    for meta in metas:
        if meta.ge is not None and number < Decimal(str(meta.ge)):
            return "at_least", {"least": meta.ge}
        if meta.gt is not None and number <= Decimal(str(meta.gt)):
            return "more_than", {"least": meta.gt}
        if meta.le is not None and number > Decimal(str(meta.le)):
            return "at_most", {"most": meta.le}
    return form, {}


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text_form(value: Any, metas: Sequence[Meta]) -> Misfit:
    if not isinstance(value, str):
        return "text", {}
    for meta in metas:
        if is_words(meta) and meta.min_length is not None and not value.strip():
            return "blank", {}
        if meta.min_length is not None and len(value) < meta.min_length:
            return "too_short", {"least": meta.min_length}
        if meta.max_length is not None and len(value) > meta.max_length:
            return "too_long", {"most": meta.max_length}
        if meta.pattern is not None:
            return ("unseen", {}) if is_words(meta) else ("pattern", {"pattern": meta.pattern})
    return "text", {}


def _list_form(value: Any, metas: Sequence[Meta]) -> Misfit:
    if not isinstance(value, list):
        return "list", {}
    for meta in metas:
        if meta.min_length is not None and len(value) < meta.min_length:
            return "too_few", {"least": meta.min_length}
        if meta.max_length is not None and len(value) > meta.max_length:
            return "too_many", {"most": meta.max_length}
    return "list", {}
