"""The table of overrides."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.table import MomentAttribute, StructAttribute, table_name
from chalicelib.aws.waiting import WaitingTable
from chalicelib.aws.writes import insert, lawful, none_of, update
from chalicelib.kernel.principal import Change, Hands
from chalicelib.subsidies.overrides.model import OVERRIDE_TRANSITIONS, Override


class WaitingOverrides(GlobalSecondaryIndex[Any]):
    """Overrides that wait for their decision, by city and part, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class AllWaitingOverrides(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["status", "division"])

    queue_all = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class OverrideRow(WaitingTable[Override]):
    """One row a class, trainee and check."""

    class Meta:
        table_name = table_name("overrides")

    record_type = Override
    streamed = True

    class_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    enrolment_id = UnicodeAttribute()
    check = UnicodeAttribute()
    status = UnicodeAttribute()
    reason = UnicodeAttribute()
    expires_on = StructAttribute()
    asked_by = UnicodeAttribute()
    asked_at = MomentAttribute()
    decided_by = UnicodeAttribute(null=True)
    decided_at = MomentAttribute(null=True)
    decision_reason = UnicodeAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    waiting = WaitingOverrides()
    waiting_all = AllWaitingOverrides()


def overrides_of(class_id: str) -> list[Override]:
    """Read all overrides of a class; a class has fewer than its trainees times the checks."""
    return [row.record for row in OverrideRow.query(class_id, consistent_read=True)]


def find_overrides(keys: Sequence[tuple[str, str]]) -> list[Override]:
    """Read many overrides by class and id, 100 a call."""
    return OverrideRow.find_many(keys)


def find_override(class_id: str, override_id: str) -> Override | None:
    """Read an override."""
    return OverrideRow.find(class_id, override_id)


def ask(override: Override, *, before: Override | None, change: Change) -> None:
    """Store an override that is asked for: the first time, or anew in place of one that was decided.

    Raises:
        ConditionFailed: somebody else has asked meanwhile.

    """
    again = (
        None
        if before is None
        else lawful(OverrideRow, sources=OVERRIDE_TRANSITIONS.sources("ask"), version=before.version)
    )
    insert(OverrideRow.from_record(override), change=change, condition=again)


def decide(
    override: Override,
    action: str,
    *,
    version: int,
    hands: Hands,
    reason: str | None,
    now: datetime,
    change: Change,
) -> Override:
    """Confirm or refuse an override, never by the one who asked for it; `model.why_not` gives the reasons.

    Raises:
        ConditionFailed: it was decided, has another version, or is one's own.

    """
    actor = change.actor
    actions = [
        OverrideRow.status.set(str(OVERRIDE_TRANSITIONS.target(action))),
        OverrideRow.decided_by.set(actor),
        OverrideRow.decided_at.set(now),
        OverrideRow.queued_at.remove(),
    ]
    if reason is not None:
        actions.append(OverrideRow.decision_reason.set(reason))
    condition = lawful(OverrideRow, sources=OVERRIDE_TRANSITIONS.sources(action), version=version)
    return update(
        OverrideRow,
        (override.class_id, override.id),
        actions,
        condition=condition & none_of(OverrideRow.asked_by, hands),
        change=change,
    )
