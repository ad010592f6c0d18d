"""Classes that were evaluated before they are paid for, as the night has it before it seals."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.supervision.touches import store


def evaluated(at: datetime, class_ids: Iterable[str] | None = None) -> None:
    """Note that classes, or all that are claimed for, were asked for at a moment, and every rule carried out."""
    named = class_ids if class_ids is not None else {row.record.class_id for row in ClaimRow.scan()}
    for class_id in sorted(set(named)):
        store.answer(class_id, store.ask(class_id, at))
