"""Parsing what clients send: typed, unknown fields refused, and every mistake named at once."""

import dataclasses
import functools
import json
import types
import typing
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from chalicelib.edge.misfits import is_words, metas_of, misfit_of
from chalicelib.kernel.calendar import RECKONED_YEARS
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.free_text import NUMBERS, WORDS, Numbers, mask_numbers, stands_against
from chalicelib.kernel.reasons import error

_COORD_SYSTEM = "coord_system"
_YEARS = {"least": RECKONED_YEARS[0], "most": RECKONED_YEARS[-1]}
_ITEMS_LOOKED_AT = 1000
FAULTS_MAX = 100


_UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, save tab and ends of lines
    r"\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd"  # of no width, or turning
)
_UNSEEN_OR_BROKEN = r"\t\n\r" + _UNSEEN


def words(most: int, *, needed: bool = True, numbers: Numbers = Numbers.MASKED) -> Meta:
    """Describe what a person writes, in lines of up to so many characters; blanks say nothing.

    Controls and characters that nobody sees, or that turn the direction of a line, are refused: what is
    stored must read the same to everyone. `needed=False` lets it be empty. `numbers` of people in it are
    masked, unless it says otherwise (`kernel.free_text`).
    """
    return _text(_UNSEEN, most, needed=needed, numbers=numbers)


def line(most: int, *, needed: bool = True, numbers: Numbers = Numbers.MASKED) -> Meta:
    """Describe what a person writes on one line; see `words`."""
    return _text(_UNSEEN_OR_BROKEN, most, needed=needed, numbers=numbers)


def reference(most: int) -> Meta:
    """Describe a reference that somebody else gave, e.g. a bank: it stays as it is, or is refused."""
    return line(most, numbers=Numbers.REFUSED_IN_REFERENCE)


def _text(refused: str, most: int, *, needed: bool, numbers: Numbers) -> Meta:
    pattern = rf"^[^{refused}]*$"
    extra = {WORDS: True, NUMBERS: numbers}
    if not needed:
        return Meta(max_length=most, pattern=pattern, extra=extra)
    not_blank = rf"^(?=[\s\S]*\S){pattern[1:]}"
    return Meta(min_length=1, max_length=most, pattern=not_blank, extra=extra)


Reason = Annotated[str, words(500)]
"""Why something is done."""
Comment = Annotated[str, words(500, needed=False)]
"""What somebody adds to a decision; blanks add nothing."""


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The base of every request body and query: unknown fields are refused, never ignored."""

    def __post_init__(self) -> None:
        """Take the blanks off the ends of what people wrote, and mask the numbers of people in it.

        What is left empty was not given.
        """
        for name, absent, numbers in _words_of(type(self)):
            value = getattr(self, name)
            if isinstance(value, str):
                masked = mask_numbers(value) if numbers is Numbers.MASKED else value
                setattr(self, name, masked.strip() or absent)

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> Iterable[str]:
        """Name the fields that are missing because of what the others say; `given` is as it was sent."""
        del given
        return ()


@functools.cache
def _words_of(form: type[msgspec.Struct]) -> tuple[tuple[str, Any, Numbers], ...]:
    """Name the fields of a form that hold a person's words, each with what it is without them.

    Beside that stands what becomes of numbers of people in it.
    """
    hints = typing.get_type_hints(form, include_extras=True)
    return tuple(
        (field.name, "" if field.required else field.default, meta.extra[NUMBERS])
        for field in msgspec.structs.fields(form)
        for meta in metas_of(hints[field.name])
        if meta.extra is not None and is_words(meta)
    )


class Answer(msgspec.Struct, kw_only=True):
    """The base of every answer."""


VERSION_MAX = 1_000_000_000
Version = Annotated[int, Meta(ge=1, le=VERSION_MAX)]
"""The version of a thing that a change was decided on; a store cannot compare a number without end."""

Parsed = TypeVar("Parsed")


def parse_json(raw: bytes, kind: type[Parsed]) -> Parsed:
    """Parse a JSON body: in UTF-8, each name once in its object, `100.0` where an integer is wanted.

    A byte order mark before it says nothing and is passed over (RFC 8259, 8.1).

    Raises:
        Malformed: with one fault for each mistake.
        UnsupportedType: `not_utf8`.

    """
    raw = raw.removeprefix(BOM_UTF8) or b"{}"
    _refuse_other_encodings(raw)
    try:
        parsed = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        parsed = _of_plain(_plain_of(raw), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise error("invalid_json") from None
    else:
        _plain_of(raw)
    return _reckonable(parsed)


def _of_plain(plain: Any, kind: type[Parsed]) -> Parsed:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError:
        raise malformed(_faults(kind, plain, "", strict=True)) from None


def _refuse_other_encodings(raw: bytes) -> None:
    """Refuse what is not UTF-8, also where the gateway has put U+FFFD for what it could not read.

    Nobody writes that character: a name stored with it would be somebody's name no more.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise error("not_utf8") from None
    if "\ufffd" in text:
        raise error("not_utf8")


def _plain_of(raw: bytes) -> Any:
    """Read JSON as it was sent: a name that stands twice in an object says two things, so it says nothing."""
    repeated: list[str] = []

    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        plain = dict(pairs)
        if len(plain) < len(pairs):
            repeated.extend(_said_twice(name for name, _ in pairs))
        return plain

    try:
        plain = json.loads(raw, object_pairs_hook=each_once, parse_float=_number_of)
        if b"\\ud" in raw.lower():  # half of a pair is no character, and could not be written again
            json.dumps(plain, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, RecursionError):
        raise error("invalid_json") from None
    if repeated:
        raise malformed([Fault("repeated_field", field=name[:64]) for name in repeated])
    return plain


def _said_twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


_DIGITS_MAX = 30


def _number_of(text: str) -> int | Decimal:
    """Read a number with a point or an exponent: one without a fraction is an integer (JSON Schema 4.2.3)."""
    number = Decimal(text)
    whole = abs(number.adjusted()) < _DIGITS_MAX and number == number.to_integral_value()
    return int(number) if whole else number


def _reckonable(parsed: Parsed) -> Parsed:
    beyond = _beyond_types(parsed, "")
    if beyond:
        raise malformed(beyond)
    return parsed


def _beyond_types(value: Any, path: str) -> list[Fault]:
    """Find what no type says: days with which no sums can be done, and fields that others need."""
    if isinstance(value, date):
        fault = Fault("wrong_type", field=path, form="years", facts=_YEARS)
        return [] if value.year in RECKONED_YEARS else [fault]
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        parts = {sent_name: getattr(value, name) for name, sent_name in names}
        inner = [fault for name, part in parts.items() for fault in _beyond_types(part, _join(path, name))]
        return _needs(type(value), parts, path) + _numbers_in(value, path) + inner
    if isinstance(value, list):
        items = enumerate(value)
        return [fault for place, item in items for fault in _beyond_types(item, f"{path}[{place}]")]
    return []


def _numbers_in(value: msgspec.Struct, path: str) -> list[Fault]:
    """Name the words of a struct in which no number of a person may stand, where one does."""
    return [
        Fault("wrong_type", field=_join(path, name), form="number_of_person")
        for name, _, numbers in _words_of(type(value))
        if isinstance(text := getattr(value, name), str) and stands_against(text, numbers)
    ]


_FIELDS_MAX = 50


def parse_fields(raw: bytes, kind: type[Parsed]) -> Parsed:
    """Parse a body of form fields; one without a value was not sent (RFC 6749, 3.1), each stands once.

    Raises:
        Malformed: with one fault for each mistake.
        UnsupportedType: `not_utf8`.

    """
    _refuse_other_encodings(raw)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except UnicodeDecodeError:
        raise error("not_utf8") from None
    except ValueError:
        raise malformed(
            [Fault("wrong_type", field="", form="too_many", facts={"most": _FIELDS_MAX})]
        ) from None
    _refuse_other_encodings("".join(name + value for name, value in pairs).encode())
    if repeated := _said_twice(name for name, _ in pairs):
        raise malformed([Fault("repeated_field", field=name[:64]) for name in repeated])
    try:
        return parse_query({name: value for name, value in pairs if value}, kind)
    except DomainError as failure:
        raise malformed([_in_body(fault) for fault in failure.faults]) from None


def _in_body(fault: Fault) -> Fault:
    """Tell of a field of a body what was found as if it stood in the query."""
    if fault.code != "unknown_parameter":
        return fault
    return dataclasses.replace(fault, code="unknown_field")


def parse_query(parameters: Mapping[str, str], kind: type[Parsed]) -> Parsed:
    """Parse query parameters, which are all text; one without a value asks for nothing that there is.

    Raises:
        Malformed: with one fault for each unknown parameter or wrong value.

    """
    given = dict(parameters)
    empty = [name for name, value in given.items() if not value]
    try:
        parsed = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError:
        faults = _faults(kind, given, "", strict=False)
    else:
        faults = _faults_of_nulls(kind, given, parsed)
    named = {fault.field for fault in faults}
    faults += [
        Fault("wrong_type", field=name, form="too_short", facts={"least": 1})
        for name in empty
        if name not in named
    ]
    if faults:
        raise malformed(faults)
    return _reckonable(parsed)


def _faults_of_nulls(kind: Any, given: Mapping[str, str], parsed: Any) -> list[Fault]:
    """Refuse the word null where it is no value: read as none given, it would list what was not asked for."""
    nulls = [name for name, value in given.items() if value.casefold() == "null"]
    nothing = [name for name in nulls if getattr(parsed, name, None) is None]
    if not nothing:
        return []
    return _faults(kind, {**given, **dict.fromkeys(nothing, "null?")}, "", strict=False)


def malformed(faults: list[Fault]) -> DomainError:
    """Make one error of many faults; an unlabelled point gives its own code to the whole."""
    if any(fault.code == "coord_system_missing" for fault in faults):
        return error("coord_system_missing", faults=tuple(faults))
    return error("malformed", faults=tuple(faults[:FAULTS_MAX]))


def _faults(kind: Any, value: Any, path: str, *, strict: bool) -> list[Fault]:
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        structs = [member for member in members if _is_struct(member)]
        if structs and isinstance(value, dict):
            return min((_faults(member, value, path, strict=strict) for member in structs), key=len)
        if len(members) == 1 and value is not None:
            return _faults(members[0], value, path, strict=strict)
    if _is_struct(kind):
        return _struct_faults(kind, value, path, strict=strict)
    if origin in (list, tuple) and isinstance(value, list):
        item_kind = typing.get_args(kind)[0]
        return [
            fault
            for place, item in enumerate(value[:_ITEMS_LOOKED_AT])
            for fault in _value_faults(item_kind, item, f"{path}[{place}]", strict=strict)
        ]
    return []


def _value_faults(kind: Any, value: Any, path: str, *, strict: bool) -> list[Fault]:
    """Name what is wrong with a value: its parts, or else the whole of it."""
    deeper = _faults(kind, value, path, strict=strict)
    if deeper:
        return deeper
    try:
        msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        return [_misfit(kind, value, path)]
    return []


def _misfit(kind: Any, value: Any, path: str) -> Fault:
    form, facts = misfit_of(kind, value) or (None, {})
    return Fault("wrong_type", field=path, form=form, facts=facts)


def _struct_faults(kind: Any, value: Any, path: str, *, strict: bool) -> list[Fault]:
    if not isinstance(value, dict):
        return [Fault("wrong_type", field=path or "body", form="object")]
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults = []
    for name in value:
        if name not in fields:
            code = "unknown_field" if strict else "unknown_parameter"
            faults.append(Fault(code, field=_join(path, str(name)[:64])))
    for name, field in fields.items():
        where = _join(path, name)
        if name not in value:
            if field.required:
                code = "coord_system_missing" if name == _COORD_SYSTEM else "missing_field"
                faults.append(Fault(code, field=where))
            continue
        wrong = _value_faults(hints[field.name], value[name], where, strict=strict)
        faults += [Fault("coord_system_missing", field=where)] if wrong and name == _COORD_SYSTEM else wrong
    return faults + _needs(kind, value, path)


def _needs(kind: Any, given: Mapping[str, Any], path: str) -> list[Fault]:
    """Name what has to be there because of what else is."""
    if not issubclass(kind, Form):
        return []
    return [Fault("missing_field", field=_join(path, name)) for name in kind.needed(given)]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
