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
        case "subsidy-claims" if not _moves_money_only(before, row):
            return _class(row.get("class_id"))
        case "footage" | "make-ups" | "check-ins":
            return _class(change.subject)
    return None


def _class(class_id: Any) -> str | None:
    return class_id if isinstance(class_id, str) and is_id(class_id, "cls") else None


_OF_PAYMENT = frozenset({"publicised", "payable", "batched", "paid"})
_MOVED_BY_PAYMENT = frozenset(
    {
        "status",
        "batched_count",
        "paid_count",
        "class_closed",
        "due_city",
        "due_on",
        "queue",
        "queue_all",
        "queued_at",
        "version",
        "op_id",
        "last_change",
    }
)


def _moves_money_only(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether a claim was only sealed or paid: nothing has happened in its class, no rule asks for it.

    A claim may go into a batch in two writes: the first must not make the evaluation too old for the second.
    """
    if not {before.get("status"), after.get("status")} <= _OF_PAYMENT:
        return False
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return changed <= _MOVED_BY_PAYMENT


def is_enrolment(change: RowChange) -> bool:
    """Tell whether somebody has just enrolled."""
    return change.table == "enrolments" and change.before is None and change.after is not None


def is_urgent(change: RowChange) -> bool:
    """Tell whether a claim moved: somebody decides on money next."""
    if change.table != "subsidy-claims" or change.after is None:
        return False
    return (change.before or {}).get("status") != change.after.get("status")
