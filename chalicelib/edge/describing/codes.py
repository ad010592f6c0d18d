"""The codes of refusals as enumerations of the document, by where in an answer they stand.

Which code stands where, `kernel.reasons` says; this says which schema's field is which place.
"""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.edge.describing.schemas import SCHEMAS
from chalicelib.kernel.reasons import Place, codes_in

Json = dict[str, Any]
NAMES: Final[Mapping[Place, tuple[str, str]]] = {
    Place.FAULT: ("FaultCode", "What is wrong in one place; the whole refusal has a `code` of its own."),
    Place.ROW: ("RowCode", "What stands against a row, in an answer that refuses nothing."),
    Place.FILE: ("FileFailure", "Why a list that was uploaded is not taken, none of it."),
    Place.NOTICE: ("NoticeCode", "How a sheet was read; nothing is wrong."),
    Place.WARNING: (
        "ClassWarningCode",
        "What a plan breaks; `trainer_or_room_overlap` and `rooms_not_recorded` refuse nothing.",
    ),
}
"""The enumeration of each place, and what it means in English; in Chinese `words.json` tells."""
_STANDING_AT: Final[Mapping[tuple[str, str], Place]] = {
    ("Fault", "code"): Place.FAULT,
    ("RowFault", "code"): Place.ROW,
    ("RowErrorAnswer", "code"): Place.ROW,
    ("RowRefusalAnswer", "code"): Place.ROW,
    ("ReasonCount", "code"): Place.ROW,
    ("RefusedRow", "code"): Place.ROW,
    ("RefusedAnswer", "code"): Place.ROW,
    ("ImportAnswer", "failure"): Place.FILE,
    ("ImportSummary", "failure"): Place.FILE,
    ("NoticeAnswer", "code"): Place.NOTICE,
    ("WarningAnswer", "code"): Place.WARNING,
}


def components() -> Json:
    """Give the enumerations by name."""
    return {
        name: {"title": name, "type": "string", "enum": sorted(codes_in(place)), "description": english}
        for place, (name, english) in NAMES.items()
    }


def named(name: str, schema: Json) -> Json:
    """Tell in a schema with codes which there are."""
    for (owner, field), place in _STANDING_AT.items():
        if name == owner:
            part = schema["properties"][field]
            one = {"$ref": SCHEMAS + NAMES[place][0]}
            told = {"description": part["description"]} if "description" in part else {}
            meant = {**told, "anyOf": [one, {"type": "null"}]} if "anyOf" in part else {**told, **one}
            schema = {**schema, "properties": {**schema["properties"], field: meant}}
    return schema
