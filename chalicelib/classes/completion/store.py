"""The writes that apply for completion and decide on it."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.classes.model import ClassHead
from chalicelib.classes.store import ClassRow, also_prepared_action, move, not_own_work
from chalicelib.kernel.principal import Change, Hands


def submit_completion(
    class_id: str, *, version: int, by: str, also: Sequence[str], change: Change
) -> ClassHead:
    """Apply for completion; `also` prepared the class besides."""
    return move(
        class_id,
        "completion_submit",
        version=version,
        change=change,
        actions=[
            ClassRow.completion_submitted_by.set(by),
            ClassRow.applied_at.set(change.at),
            also_prepared_action(also),
            ClassRow.return_reason.remove(),
            ClassRow.queued_at.set(change.at),
        ],
    )


def approve_completion(
    class_id: str, *, version: int, by: str, hands: Hands, now: datetime, change: Change
) -> ClassHead:
    """Approve the completion, never one's own application."""
    return move(
        class_id,
        "completion_approve",
        version=version,
        change=change,
        actions=[
            ClassRow.completion_approved_by.set(by),
            ClassRow.completion_approved_at.set(now),
            ClassRow.queued_at.set(now),
        ],
        also=not_own_work(hands),
    )


def return_completion(class_id: str, *, version: int, reason: str, hands: Hands, change: Change) -> ClassHead:
    """Return the completion application with the reason."""
    return move(
        class_id,
        "completion_return",
        version=version,
        change=change,
        actions=[ClassRow.return_reason.set(reason), ClassRow.queued_at.set(change.at)],
        also=not_own_work(hands),
    )
