"""The writes that apply for a class and decide on it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from chalicelib.aws.writes import Put, Update, transact
from chalicelib.classes.model import CLASS_TRANSITIONS, ClassHead, ClassPlan, sources_of
from chalicelib.classes.store import (
    ANY_STATE,
    HEAD,
    PLAN,
    RETURNED,
    ClassRow,
    also_prepared_action,
    head_update,
    move,
    not_own_work,
    plan_put,
    timetable_facts,
    told_by,
    transact_under_head,
)
from chalicelib.kernel.principal import Change, Hands


def create_class(head: ClassHead, plan: ClassPlan, change: Change) -> None:
    """Store a new application."""
    transact([Put(ClassRow.from_record(head)), plan_put(plan)], change=told_by(PLAN, change))


def replace_plan(
    head: ClassHead, plan: ClassPlan, *, version: int, returned: ClassPlan | None, change: Change
) -> None:
    """Replace an application that is not filed; `returned` is kept as what was last returned.

    Raises:
        NotFound, Refused: it is gone, changed meanwhile, or filed.

    """
    sources = sources_of("edit")
    actions = [
        ClassRow.program_id.set(head.program_id),
        ClassRow.project_id.set(head.project_id),
        ClassRow.name.set(head.name),
        ClassRow.planned_size.set(head.planned_size),
        ClassRow.policy_version.set(head.policy_version),
        *timetable_facts(head),
        also_prepared_action(head.also_prepared_by),
    ]
    writes: list[Put | Update] = [
        head_update(head.id, actions, sources=sources, version=version),
        plan_put(plan),
    ]
    if returned is not None:
        kept = msgspec.structs.replace(returned, part=RETURNED, last_change=None)
        writes.append(Put(ClassRow.from_record(kept), ANY_STATE))
    transact_under_head(writes, sources=sources, version=version, change=told_by(PLAN, change))


# --------------------------------------------------------------------------- decisions


def submit(
    class_id: str,
    takings: Sequence[Put],
    *,
    version: int,
    by: str,
    also: Sequence[str],
    policy_version: int,
    queue: str,
    now: datetime,
    change: Change,
) -> None:
    """File the application; from now on it takes up its trainers and rooms (`takings`), and waits.

    `also` are those who prepared it besides.
    """
    sources = CLASS_TRANSITIONS.sources("submit")
    actions = [
        ClassRow.status.set(str(CLASS_TRANSITIONS.target("submit"))),
        ClassRow.submitted_by.set(by),
        also_prepared_action(also),
        ClassRow.submitted_at.set(now),
        ClassRow.policy_version.set(policy_version),
        ClassRow.return_reason.remove(),
        *ClassRow.listed_in(queue),
        ClassRow.queued_at.set(now),
    ]
    head = head_update(class_id, actions, sources=sources, version=version)
    transact_under_head([head, *takings], sources=sources, version=version, change=told_by(HEAD, change))


def approve(
    class_id: str,
    *,
    version: int,
    by: str,
    hands: Hands,
    policy_version: int,
    project_version: int,
    ends_at: datetime,
    now: datetime,
    change: Change,
) -> ClassHead:
    """Approve an application under a version of policy and of project, never one's own.

    It waits for its completion once its lessons are over.
    """
    actions = [
        ClassRow.approved_by.set(by),
        ClassRow.approved_at.set(now),
        ClassRow.policy_version.set(policy_version),
        ClassRow.project_version.set(project_version),
        ClassRow.queued_at.set(ends_at),
    ]
    return move(
        class_id, "approve", version=version, change=change, actions=actions, also=not_own_work(hands)
    )


def give_back(class_id: str, *, version: int, reason: str, hands: Hands, change: Change) -> ClassHead:
    """Return an application with the reason."""
    return move(
        class_id,
        "return",
        version=version,
        change=change,
        actions=[
            ClassRow.return_reason.set(reason),
            ClassRow.returned_version.set(version + 1),
            ClassRow.queued_at.set(change.at),
        ],
        also=not_own_work(hands),
    )
