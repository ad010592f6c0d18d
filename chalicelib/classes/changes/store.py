"""The writes that apply for a change of a running class and decide on it."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.writes import ConditionFailed, Put, Update, lawful, none_of, refuse_stale, transact
from chalicelib.classes.changes.model import CHANGE_TRANSITIONS
from chalicelib.classes.model import CLASS_TRANSITIONS, ClassChange, ClassHead, ClassPlan
from chalicelib.classes.store import (
    ANY_STATE,
    HEAD,
    PLAN,
    ClassRow,
    also_prepared_action,
    not_own_work,
    plan_put,
    timetable_facts,
    told_by,
    transact_under_head,
)
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error


def applied_before(changes: Sequence[ClassChange]) -> ClassChange | None:
    """Find the change that an earlier run of this call under a key has applied for."""
    mine = (change for change in changes if ClassRow.changed_before(change.id, change.part))
    return next(mine, None)


def apply_for_change(
    class_change: ClassChange, *, version: int, number: int, also: Sequence[str], change: Change
) -> None:
    """Store an application for a change, unless another one is open; `also` prepared the class besides."""
    sources = CLASS_TRANSITIONS.sources("change")
    head = Update(
        ClassRow,
        (class_change.id, HEAD),
        [
            ClassRow.open_change.set(class_change.part),
            ClassRow.change_by.set(class_change.submitted_by),
            ClassRow.change_count.set(number),
            also_prepared_action(also),
        ],
        lawful(ClassRow, sources=sources, version=version) & ClassRow.open_change.does_not_exist(),
    )
    writes: list[Put | Update] = [head, Put(ClassRow.from_record(class_change), ANY_STATE)]
    transact_under_head(writes, sources=sources, version=version, change=told_by(class_change.part, change))


def approve_change(
    class_change: ClassChange,
    head: ClassHead,
    plan: ClassPlan,
    takings: Sequence[Put],
    *,
    by: str,
    hands: Hands,
    now: datetime,
    comment: str | None,
    change: Change,
) -> None:
    """Give a running class its changed plan; `head` carries the facts of the new timetable."""
    writes: list[Put | Update] = [
        _head_write(
            class_change,
            "approve",
            version=plan.version - 1,
            actions=[*timetable_facts(head), ClassRow.queued_at.set(head.ends_at)],
            also=not_own_work(hands),
        ),
        _end_write(
            class_change,
            "approve",
            by=by,
            now=now,
            reason=comment,
            also=none_of(ClassRow.submitted_by, hands),
        ),
        plan_put(plan),
        *takings,
    ]
    _decide(writes, "approve", version=plan.version - 1, change=told_by(PLAN, change))


def reject_change(
    class_change: ClassChange,
    *,
    version: int,
    by: str,
    hands: Hands,
    now: datetime,
    reason: str,
    change: Change,
) -> None:
    """Reject a change with the reason; the class keeps its timetable."""
    writes = [
        _head_write(class_change, "reject", version=version, also=not_own_work(hands)),
        _end_write(
            class_change, "reject", by=by, now=now, reason=reason, also=none_of(ClassRow.submitted_by, hands)
        ),
    ]
    _decide(writes, "reject", version=version, change=told_by(class_change.part, change))


def withdraw_change(
    class_change: ClassChange, *, version: int, by: str, now: datetime, reason: str | None, change: Change
) -> None:
    """Take a change back that waits for its decision; the class keeps its timetable."""
    writes = [
        _head_write(class_change, "withdraw", version=version),
        _end_write(class_change, "withdraw", by=by, now=now, reason=reason),
    ]
    sources = CLASS_TRANSITIONS.sources("change_withdraw")
    transact_under_head(writes, sources=sources, version=version, change=told_by(class_change.part, change))


def _head_write(
    class_change: ClassChange,
    verb: str,
    *,
    version: int,
    actions: Sequence[Action] = (),
    also: Condition | None = None,
) -> Update:
    """Let the class wait for this change no longer."""
    condition = lawful(ClassRow, sources=CLASS_TRANSITIONS.sources(f"change_{verb}"), version=version)
    condition &= ClassRow.open_change == class_change.part
    if also is not None:
        condition &= also
    no_change = (ClassRow.open_change.remove(), ClassRow.change_by.remove())
    return Update(ClassRow, (class_change.id, HEAD), [*actions, *no_change], condition)


def _end_write(
    class_change: ClassChange,
    verb: str,
    *,
    by: str,
    now: datetime,
    reason: str | None,
    also: Condition | None = None,
) -> Update:
    """End the change: approved, rejected or withdrawn."""
    condition = lawful(ClassRow, sources=CHANGE_TRANSITIONS.sources(verb))
    if also is not None:
        condition &= also
    actions = [
        ClassRow.status.set(str(CHANGE_TRANSITIONS.target(verb))),
        ClassRow.decided_by.set(by),
        ClassRow.decided_at.set(now),
        ClassRow.queued_at.remove(),
    ]
    if reason is not None:
        actions.append(ClassRow.decision_reason.set(reason))
    return Update(ClassRow, (class_change.id, class_change.part), actions, condition)


def _decide(writes: Sequence[Put | Update], verb: str, *, version: int, change: Change) -> None:
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            sources = CLASS_TRANSITIONS.sources(f"change_{verb}")
            refuse_stale(failure.old, sources=sources, version=version)
        if failure.index in (0, 1):
            raise error("self_approval") from None
        raise error("try_again") from failure
