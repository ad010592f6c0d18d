"""Carrying a decision out: what a form says becomes the body that its endpoint reads, and is sent once."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from chalicelib.console.staff import numbers
from chalicelib.console.staff.actions import Act, Field
from chalicelib.console.staff.fields import act_named
from chalicelib.edge.forms import malformed
from chalicelib.edge.pages import Asker, Visit
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error

FORM_KEY: Final = "form_key"
_DROPPED: Final = "drop"
_FORMS: Final[Mapping[str, str]] = {
    "number": "whole_number",
    "yuan": "number",
    "percent": "number",
    "date": "date",
    "json": "object",
}
"""Which form a field wants, by how it is typed."""
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def act_of(name: str) -> Act:
    """Give a decision by its name in a form: `kind.action`, or `new.what`.

    Raises:
        NotFound: there is none of this name.

    """
    act = act_named(name)
    if act is None:
        raise error("not_found")
    return act


def carry_out(asker: Asker, visit: Visit) -> Any:
    """Send what a form says to the endpoint of its decision, once for each form that was drawn.

    Raises:
        DomainError: what the endpoint refuses, or a field of the form that cannot be read.

    """
    act = act_of(visit.typed("do"))
    values = {name.removeprefix("at_"): visit.typed(name) for name in visit.fields if name.startswith("at_")}
    key = visit.typed(FORM_KEY) if act.method == "POST" else None
    return asker.ask(act.method, act.path, values=_values(act, values), body=body_of(act, visit), key=key)


def _values(act: Act, values: Mapping[str, str]) -> dict[str, str]:
    """Fill the placeholders of a path: what the form does not name is the thing itself."""
    return {name: values.get(name, values.get("id", "")) for name in _PLACEHOLDER.findall(act.path)}


def body_of(act: Act, visit: Visit) -> dict[str, Any]:
    """Make the body that an endpoint reads of what was typed; what was left empty is not sent.

    Raises:
        Malformed: a number, amount or choice cannot be read.

    """
    body: dict[str, Any] = {}
    faults = []
    for field in act.fields:
        if field.kind == "tick":
            lines = _ticked(visit)
            if lines:
                body[field.name] = lines
            continue
        if field.kind == "subject":
            body[field.name] = {"kind": visit.typed("subject_kind"), "id": visit.typed("subject_id").strip()}
            continue
        typed = (visit.typed(field.name) or (visit.typed("words") if field.kind == "words" else "")).strip()
        if not typed:
            if field.needed:
                faults.append(Fault("missing_field", field=field.name))
            continue
        try:
            body[field.name] = _read(field, typed)
        except ValueError:
            faults.append(Fault("wrong_type", field=field.name, form=_FORMS.get(field.kind)))
    if faults:
        raise malformed(faults)
    return body


def _read(field: Field, typed: str) -> Any:
    if field.kind == "echo" and field.name.endswith("_version"):
        return numbers.as_sent(typed)
    return _READERS.get(field.kind, str)(typed)


def _key(typed: str) -> dict[str, Any]:
    """Read a public key as its JSON (RFC 7517); what is nested deeper than a key is, is none.

    Raises:
        ValueError: it is none.

    """
    try:
        return msgspec.json.decode(typed, type=dict[str, bool | str | list[str]])
    except (msgspec.MsgspecError, UnicodeError):
        raise ValueError(typed) from None


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "version": numbers.as_sent,
    "number": numbers.whole,
    "yuan": numbers.fen,
    "percent": numbers.share,
    "names": str.split,
    "json": _key,
}


def _ticked(visit: Visit) -> list[dict[str, str]]:
    reason = visit.typed("drop_reason").strip()
    return [
        {"id": line_id, "reason": visit.typed(f"drop_reason_{line_id}").strip() or reason}
        for line_id, _, _ in (picked.partition("|") for picked in visit.fields.get(_DROPPED, ()))
    ]
