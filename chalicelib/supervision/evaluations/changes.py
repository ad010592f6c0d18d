"""What a change of a row means for supervision: in which class something happened, and who enrolled."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.streams import RowChange
from chalicelib.classes.model import NOT_YET_APPROVED
from chalicelib.kernel.ids import is_id


def class_changed(change: RowChange) -> str | None:
    """Tell in which class something happened by a change of a row; None where it matters to none yet."""
    row: Mapping[str, Any] = change.after or change.before or {}
    before: Mapping[str, Any] = change.before or {}
    match change.table:
        case "classes":
            status = row.get("status")
            return None if status in set(map(str, NOT_YET_APPROVED)) else _class(change.subject)
        case "enrolments":
            return _class(row.get("class_id") or before.get("class_id"))
        case "subsidy-claims":
            return _class(row.get("class_id"))
        case "footage" | "make-ups" | "check-ins":
            return _class(change.subject)
    return None


def _class(class_id: Any) -> str | None:
    return class_id if isinstance(class_id, str) and is_id(class_id, "cls") else None


def is_enrolment(change: RowChange) -> bool:
    """Tell whether somebody has just enrolled."""
    return change.table == "enrolments" and change.before is None and change.after is not None


def is_urgent(change: RowChange) -> bool:
    """Tell whether a claim moved: somebody decides on money next."""
    if change.table != "subsidy-claims" or change.after is None:
        return False
    return (change.before or {}).get("status") != change.after.get("status")
