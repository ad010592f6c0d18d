"""The writes that apply for a change of a running class and decide on it."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.writes import ConditionFailed, Put, Update, lawful, refuse_stale, transact
from chalicelib.classes.applications.store import timetable_facts
from chalicelib.classes.changes.model import CHANGE_TRANSITIONS, ChangeStatus, ClassChange
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    ClassHead,
    ClassPlan,
    ClassStatus,
)
from chalicelib.classes.store import (
    ANY_STATE,
    HEAD,
    PLAN,
    ClassRow,
    also_prepared_action,
    not_own_work,
    plan_put,
    told_by,
    transact_under_head,
)
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error

# --------------------------------------------------------------------------- changes of a running class


def apply_for_change(
    applied: ClassChange, *, version: int, number: int, also: Sequence[str], change: Change
) -> None:
    """Store an application for a change, unless another one is open; `also` prepared the class besides."""
    sources = CLASS_TRANSITIONS.sources("change")
    head = Update(
        ClassRow,
        (applied.id, HEAD),
        [
            ClassRow.open_change.set(applied.part),
            ClassRow.change_by.set(applied.submitted_by),
            ClassRow.change_count.set(number),
            also_prepared_action(also),
        ],
        lawful(ClassRow, sources=sources, version=version) & ClassRow.open_change.does_not_exist(),
    )
    writes: list[Put | Update] = [head, Put(ClassRow.from_record(applied), ANY_STATE)]
    transact_under_head(writes, sources=sources, version=version, change=told_by(applied.part, change))


def approve_change(
    applied: ClassChange,
    head: ClassHead,
    plan: ClassPlan,
    taken: Sequence[Put],
    *,
    by: str,
    now: datetime,
    comment: str | None,
    change: Change,
) -> None:
    """Give a running class its changed plan; `head` carries the facts of the new timetable."""
    version = plan.version - 1
    sources = CLASS_TRANSITIONS.sources("change_approve")
    actions = [*timetable_facts(head), *_NO_CHANGE]
    writes: list[Put | Update] = [
        _head_of_open(applied, actions, sources=sources, version=version, also=not_own_work(by)),
        _decision(applied, ChangeStatus.APPROVED, by=by, now=now, reason=comment),
        plan_put(plan),
        *taken,
    ]
    _decide_change(writes, sources=sources, version=version, change=told_by(PLAN, change))


def reject_change(
    applied: ClassChange, *, version: int, by: str, now: datetime, reason: str, change: Change
) -> None:
    """Reject a change with the reason; the class keeps its timetable."""
    sources = CLASS_TRANSITIONS.sources("change_reject")
    writes = [
        _head_of_open(applied, _NO_CHANGE, sources=sources, version=version, also=not_own_work(by)),
        _decision(applied, ChangeStatus.REJECTED, by=by, now=now, reason=reason),
    ]
    _decide_change(writes, sources=sources, version=version, change=told_by(applied.part, change))


def withdraw_change(
    applied: ClassChange, *, version: int, by: str, now: datetime, reason: str | None, change: Change
) -> None:
    """Take a change back that waits for its decision; the class keeps its timetable."""
    sources = CLASS_TRANSITIONS.sources("change_withdraw")
    writes = [
        _head_of_open(applied, _NO_CHANGE, sources=sources, version=version),
        _ending(applied, ChangeStatus.WITHDRAWN, _open_for("withdraw"), by=by, now=now, reason=reason),
    ]
    transact_under_head(writes, sources=sources, version=version, change=told_by(applied.part, change))


_NO_CHANGE = (ClassRow.open_change.remove(), ClassRow.change_by.remove())


def _head_of_open(
    applied: ClassChange,
    actions: Sequence[Action],
    *,
    sources: Sequence[ClassStatus],
    version: int,
    also: Condition | None = None,
) -> Update:
    condition = lawful(ClassRow, sources=sources, version=version) & (ClassRow.open_change == applied.part)
    if also is not None:
        condition &= also
    return Update(ClassRow, (applied.id, HEAD), actions, condition)


def _decision(
    applied: ClassChange, status: ChangeStatus, *, by: str, now: datetime, reason: str | None
) -> Update:
    action = "approve" if status is ChangeStatus.APPROVED else "reject"
    condition = _open_for(action) & (ClassRow.submitted_by != by)
    return _ending(applied, status, condition, by=by, now=now, reason=reason)


def _open_for(action: str) -> Condition:
    return ClassRow.status.is_in(*[str(source) for source in CHANGE_TRANSITIONS.sources(action)])


def _ending(
    applied: ClassChange,
    status: ChangeStatus,
    condition: Condition,
    *,
    by: str,
    now: datetime,
    reason: str | None,
) -> Update:
    actions = [
        ClassRow.status.set(str(status)),
        ClassRow.decided_by.set(by),
        ClassRow.decided_at.set(now),
    ]
    if reason is not None:
        actions.append(ClassRow.decision_reason.set(reason))
    return Update(ClassRow, (applied.id, applied.part), actions, condition)


def _decide_change(
    writes: Sequence[Put | Update], *, sources: Sequence[ClassStatus], version: int, change: Change
) -> None:
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            refuse_stale(failure.old, sources=sources, version=version)
        if failure.index in (0, 1):
            raise error("self_approval") from None
        raise error("try_again") from failure
