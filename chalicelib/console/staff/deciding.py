"""Carrying a decision out: what a form says becomes the body that its endpoint reads, and is sent once."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from chalicelib.console.staff.actions import ACTS, MAKES, Act, Field
from chalicelib.edge.forms import malformed
from chalicelib.edge.pages import Asker, Visit
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error

_FEN: Final = 100
FORM_KEY: Final = "form_key"
_DROPPED: Final = "drop"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def act_of(name: str) -> Act:
    """Give a decision by its name in a form: `kind.action`, or `new.what`.

    Raises:
        NotFound: there is none of this name.

    """
    kind, _, action = name.partition(".")
    act = MAKES.get(action) if kind == "new" else ACTS.get(kind, {}).get(action)
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
            faults.append(Fault("wrong_type", field=field.name))
    if faults:
        raise malformed(faults)
    return body


def _read(field: Field, typed: str) -> Any:
    match field.kind:
        case "version" | "number":
            return int(typed)
        case "echo":
            return int(typed) if typed.isdecimal() and field.name.endswith("_version") else typed
        case "yuan":
            return fen(typed)
        case "names" | "json":
            return typed.split() if field.kind == "names" else json.loads(typed)
        case "percent":
            return float(typed.rstrip("%％ ")) / 100
        case _:
            return typed


def fen(typed: str) -> int:
    """Read an amount in yuan, as people write it, as whole fen.

    Raises:
        ValueError: it is none, or has parts of a fen.

    """
    try:
        amount = Decimal(typed.replace(",", "").replace("，", "").removeprefix("¥").strip()) * _FEN
    except InvalidOperation:
        raise ValueError(typed) from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(typed)
    return int(amount)


def _ticked(visit: Visit) -> list[dict[str, str]]:
    reason = visit.typed("drop_reason").strip()
    return [
        {"id": line_id, "reason": visit.typed(f"drop_reason_{line_id}").strip() or reason}
        for line_id in visit.fields.get(_DROPPED, ())
    ]
