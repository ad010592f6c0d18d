"""The table of classes, and what every write on one shares."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import MomentAttribute, SecondAttribute, StructAttribute, table_name
from chalicelib.aws.waiting import A_PAGE, WaitingKeys, WaitingTable, waiting_since
from chalicelib.aws.writes import (
    Check,
    ConditionFailed,
    Put,
    Update,
    Write,
    lawful,
    names_none_of,
    none_of,
    refuse_stale,
    transact,
    transition,
)
from chalicelib.classes.marks import ScoreSheet
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    RUNNING,
    ClassChange,
    ClassFacts,
    ClassHead,
    ClassPlan,
    ClassRoster,
    ClassStatus,
    TrainingClass,
)
from chalicelib.kernel.divisions import covers, groups_below, is_part_of_group
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import Policy

HEAD, PLAN, ROSTER, RETURNED = "head", "plan", "roster", "returned"
CHANGES, SCORES = "change#", "scores#"
PARTS = (HEAD, PLAN, ROSTER)
_WITHOUT_CHANGES = (*PARTS, RETURNED)


class ByInstitution(GlobalSecondaryIndex[Any]):
    """An institution's classes, by time of application (heads only: the other parts lack the key)."""

    class Meta:
        index_name = "by_institution"
        projection = AllProjection()

    institution = UnicodeAttribute(hash_key=True)
    created_at = MomentAttribute(range_key=True)


class ByCity(GlobalSecondaryIndex[Any]):
    """The classes of a city and its counties, by their last lesson (heads only)."""

    class Meta:
        index_name = "by_city"
        projection = AllProjection()

    city = UnicodeAttribute(hash_key=True)
    ends_at = MomentAttribute(range_key=True)


class ByClaimDeadline(GlobalSecondaryIndex[Any]):
    """Scored classes whose subsidy is not claimed, by the last day of claiming (no other row has the key)."""

    class Meta:
        index_name = "by_claim_deadline"
        projection = KeysOnlyProjection()

    claim_city = UnicodeAttribute(hash_key=True)
    claim_by = StructAttribute(range_key=True)


class WaitingClasses(GlobalSecondaryIndex[Any]):
    """Classes, and changes of them, in which somebody has to act, by city and part, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "institution", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class AllWaitingClasses(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["status", "institution", "division"])

    queue_all = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class ClassRow(WaitingTable[Any]):
    """One part of a class: attributes of the other parts are absent."""

    class Meta:
        table_name = table_name("classes")

    record_type = ClassHead
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    institution = UnicodeAttribute(null=True)
    city = UnicodeAttribute(null=True)
    program_id = UnicodeAttribute(null=True)
    project_id = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    planned_size = NumberAttribute(null=True)
    status = UnicodeAttribute(null=True)
    policy_version = NumberAttribute(null=True)
    project_version = NumberAttribute(null=True)
    created_at = MomentAttribute(null=True)
    opens_at = MomentAttribute(null=True)
    ends_at = MomentAttribute(null=True)
    lesson_count = NumberAttribute(null=True)
    lesson_hours = NumberAttribute(null=True)
    enrolled = NumberAttribute(null=True)
    passed = NumberAttribute(null=True)
    failed = NumberAttribute(null=True)
    plan_digest = UnicodeAttribute(null=True)
    roster_digest = UnicodeAttribute(null=True)
    submitted_by = UnicodeAttribute(null=True)
    submitted_at = MomentAttribute(null=True)
    approved_by = UnicodeAttribute(null=True)
    approved_at = MomentAttribute(null=True)
    return_reason = UnicodeAttribute(null=True)
    returned_version = NumberAttribute(null=True)
    cancel_reason = UnicodeAttribute(null=True)
    open_change = UnicodeAttribute(null=True)
    change_by = UnicodeAttribute(null=True)
    change_count = NumberAttribute(null=True)
    completion_submitted_by = UnicodeAttribute(null=True)
    applied_at = SecondAttribute(null=True)
    completion_approved_by = UnicodeAttribute(null=True)
    completion_approved_at = MomentAttribute(null=True)
    scored_by = UnicodeAttribute(null=True)
    scored_at = MomentAttribute(null=True)
    claim_city = UnicodeAttribute(null=True)
    claim_by = StructAttribute(null=True)
    also_prepared_by = StructAttribute(null=True)
    site = StructAttribute(null=True)
    trainers = StructAttribute(null=True)
    lessons = StructAttribute(null=True)
    lesson_numbers = NumberAttribute(null=True)
    roster = StructAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    changes = StructAttribute(null=True)
    decided_by = UnicodeAttribute(null=True)
    decided_at = MomentAttribute(null=True)
    decision_reason = UnicodeAttribute(null=True)
    marks = StructAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    by_institution = ByInstitution()
    by_city = ByCity()
    by_claim_deadline = ByClaimDeadline()
    waiting = WaitingClasses()
    waiting_all = AllWaitingClasses()

    @property
    def record(self) -> Any:
        """Give the part this row stores, in its own type."""
        kind = _KINDS[self.part.partition("#")[0]]
        values = self.attribute_values
        known = {name: values[name] for name in kind.__struct_fields__ if values.get(name) is not None}
        return msgspec.convert(known, kind, strict=False)


_KINDS: Mapping[str, Any] = {
    HEAD: ClassHead,
    PLAN: ClassPlan,
    RETURNED: ClassPlan,
    ROSTER: ClassRoster,
    CHANGES.rstrip("#"): ClassChange,
    SCORES.rstrip("#"): ScoreSheet,
}
ANY_STATE: Condition = ClassRow.id.exists() | ClassRow.id.does_not_exist()


# --------------------------------------------------------------------------- reading


class ClassParts(msgspec.Struct, frozen=True):
    """The parts of one class as stored; a class without a roster has none yet.

    `returned` is the plan as it was last returned, if it was revised since; `changes` are oldest first, and
    only of who read the class with them.
    """

    head: ClassHead
    plan: ClassPlan
    roster: dict[str, str]
    returned: ClassPlan | None = None
    changes: Sequence[ClassChange] = ()

    def whole(self, policy: Policy) -> TrainingClass:
        """Put the parts together under their policy."""
        return TrainingClass(
            **facts_of(self.head),
            site=self.plan.site,
            trainers=self.plan.trainers,
            lessons=self.plan.lessons,
            roster=self.roster,
            policy=policy,
        )


def facts_of(head: ClassHead) -> dict[str, Any]:
    """Give what a head tells of the whole class."""
    return {name: getattr(head, name) for name in ClassFacts.__struct_fields__}


def want_class(class_id: str) -> None:
    """Have a class, but for its marks and changes, come along with the next read of a page."""
    ahead(ClassRow, [(class_id, part) for part in _WITHOUT_CHANGES])


def find_parts(class_id: str) -> ClassParts | None:
    """Read a class, but for its marks and its changes, in one call by the keys of its parts."""
    return parts_of(ClassRow.find_many([(class_id, part) for part in _WITHOUT_CHANGES]))


def find_with_changes(class_id: str) -> ClassParts | None:
    """Read a whole class, but for its marks, with one query."""
    all_but_marks = ClassRow.part.between(CHANGES, ROSTER)
    return parts_of(row.record for row in ClassRow.query(class_id, all_but_marks, consistent_read=True))


def find_with_marks(class_id: str) -> tuple[ClassParts, list[ScoreSheet]] | None:
    """Read a whole class and every recording of its marks, oldest first, with one query."""
    records = [row.record for row in ClassRow.query(class_id, consistent_read=True)]
    sheets = [record for record in records if isinstance(record, ScoreSheet)]
    parts = parts_of(record for record in records if not isinstance(record, ScoreSheet))
    return (parts, sheets) if parts is not None else None


def classes_beside(institution: str, *, since: datetime, until: datetime) -> list[str]:
    """Name the classes of an institution of which a part lies in a time: one query."""
    beside = (ClassRow.opens_at < until) & (ClassRow.ends_at >= since)
    rows = ClassRow.by_institution.query(institution, filter_condition=beside)
    return sorted(row.id for row in rows)


def parts_by_class(class_ids: Iterable[str]) -> dict[str, ClassParts]:
    """Read heads, plans and rosters of many classes, 33 of them a call."""
    keys = [(class_id, part) for class_id in dict.fromkeys(class_ids) for part in PARTS]
    by_class: dict[str, list[Any]] = {}
    for record in ClassRow.find_many(keys):
        by_class.setdefault(record.id, []).append(record)
    found = {class_id: parts_of(records) for class_id, records in by_class.items()}
    return {class_id: parts for class_id, parts in found.items() if parts is not None}


def classes_between(area: str, *, since: datetime, until: datetime) -> Iterator[str]:
    """Name the classes of a division and below that opened before `until` and end from `since` on.

    The first to end come first, city by city.
    """
    for group in groups_below(area):
        opened = ClassRow.opens_at < until
        part = opened & (ClassRow.division == area) if is_part_of_group(area) else opened
        index: Any = ClassRow.by_city
        yield from (row.id for row in index.query(group, ClassRow.ends_at >= since, filter_condition=part))


def parts_of(records: Iterable[Any]) -> ClassParts | None:
    """Put the rows of one class together; None if there are none."""
    by_part = {record.part: record for record in records}
    if HEAD not in by_part:
        return None
    roster = by_part[ROSTER].roster if ROSTER in by_part else {}
    changes = [record for part, record in sorted(by_part.items()) if part.startswith(CHANGES)]
    return ClassParts(by_part[HEAD], by_part[PLAN], roster, by_part.get(RETURNED), changes)


def classes_of(institution: str) -> Iterable[ClassHead]:
    """Go through the heads of all classes of an institution."""
    return (row.record for row in ClassRow.by_institution.query(institution))


def recent_heads(area: str, *, since: datetime, statuses: Sequence[ClassStatus]) -> Iterator[ClassHead]:
    """Go through the classes of a division and below that end after a moment, in one of these states."""
    for group in groups_below(area):
        for row in ClassRow.by_city.query(group, ClassRow.ends_at > since):
            head: ClassHead = row.record
            if head.status in statuses and covers(area, head.division):
                yield head


def rosters_of(class_ids: Iterable[str]) -> list[ClassRoster]:
    """Read the rosters of many classes, 100 a call."""
    return ClassRow.find_many([(class_id, ROSTER) for class_id in class_ids])


def heads_by_id(class_ids: Iterable[str]) -> list[ClassHead]:
    """Read the heads of many classes, 100 a call, in no particular order."""
    return ClassRow.find_many([(class_id, HEAD) for class_id in class_ids])


def heads_with_trainees(class_ids: Iterable[str]) -> list[ClassHead]:
    """Read the heads of many classes with who is taught in them, 50 a call: for who may decide on them."""
    keys = [(class_id, part) for class_id in dict.fromkeys(class_ids) for part in (HEAD, ROSTER)]
    found: list[ClassHead | ClassRoster] = ClassRow.find_many(keys)
    rosters = {record.id: record for record in found if isinstance(record, ClassRoster)}
    return [_taught(head, rosters.get(head.id)) for head in found if isinstance(head, ClassHead)]


def with_trainees(heads: Sequence[ClassHead], statuses: Collection[ClassStatus]) -> list[ClassHead]:
    """Give heads with who is taught in those of them that are in these states: one read, or none."""
    asked = [head.id for head in heads if head.enrolled and head.status in statuses]
    rosters = {roster.id: roster for roster in rosters_of(asked)} if asked else {}
    return [_taught(head, rosters.get(head.id)) for head in heads]


def _taught(head: ClassHead, roster: ClassRoster | None) -> ClassHead:
    return head if roster is None else msgspec.structs.replace(head, trainees=list(roster.roster))


def changes_by_key(keys: Sequence[tuple[str, str]]) -> list[ClassChange]:
    """Read changes by class and part, 100 a call."""
    return ClassRow.find_many(keys)


def waiting_classes(
    queue: str, *, until: datetime, status: ClassStatus, after: Mapping[str, Any] | None
) -> WaitingKeys:
    """Give those of one list of classes that have waited in a state since before a moment."""
    return waiting_since(ClassRow, queue, until=until, limit=A_PAGE, after=after, status=status)


def heads_and_plans(class_ids: Iterable[str]) -> Iterator[tuple[ClassHead, ClassPlan]]:
    """Read the heads and plans of many classes, 50 a call."""
    keys = [(class_id, part) for class_id in dict.fromkeys(class_ids) for part in (HEAD, PLAN)]
    by_class: dict[str, dict[str, Any]] = {}
    for record in ClassRow.find_many(keys):
        by_class.setdefault(record.id, {})[record.part] = record
    return ((parts[HEAD], parts[PLAN]) for parts in by_class.values() if len(parts) == len((HEAD, PLAN)))


# --------------------------------------------------------------------------- the plan


def digest_of(value: Any) -> str:
    """Give a short digest of a plan or a roster: the head carries it, so that an audit sees a change."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]


def plan_digest_of(plan: ClassPlan) -> str:
    """Give the digest of what a plan says, whatever the seals on it and the change that made it."""
    facts = msgspec.structs.asdict(plan)
    people = [(trainer.person_key, trainer.qualification) for trainer in plan.trainers]
    return digest_of({**facts, "trainers": people, "version": 0, "last_change": None})


def timetable_facts(head: ClassHead) -> list[Action]:
    """Set what a head repeats of its plan's timetable."""
    return [
        ClassRow.opens_at.set(head.opens_at),
        ClassRow.ends_at.set(head.ends_at),
        ClassRow.lesson_count.set(head.lesson_count),
        ClassRow.lesson_hours.set(head.lesson_hours),
        ClassRow.plan_digest.set(head.plan_digest or ""),
    ]


def also_prepared_action(names: Sequence[str]) -> Action:
    """Note who had a hand in a class besides those whom its head names; nothing where there is nobody."""
    kept: Any = ClassRow.also_prepared_by
    action: Action = kept.set(list(names)) if names else kept.remove()
    return action


def not_own_work(hands: Hands) -> Condition:
    """Require that they had no hand in a class on the institution's side: the truth of `model.own_work`."""
    condition: Condition = (
        none_of(ClassRow.submitted_by, hands)
        & none_of(ClassRow.completion_submitted_by, hands)
        & names_none_of(ClassRow.also_prepared_by, hands)
    )
    return condition


def plan_put(plan: ClassPlan) -> Put:
    """Store a plan under its head's condition."""
    return Put(ClassRow.from_record(plan), ANY_STATE)


def told_by(part: str, change: Change) -> Change:
    """Say which part's audit record tells this change."""
    return msgspec.structs.replace(change, told_by=part)


def head_update(
    class_id: str, actions: Sequence[Action], *, sources: Sequence[ClassStatus], version: int | None
) -> Update:
    """Change a head in one of these states, at this version: the truth of what `model.why_not` told."""
    return Update(ClassRow, (class_id, HEAD), actions, lawful(ClassRow, sources=sources, version=version))


def transact_under_head(
    writes: Sequence[Write], *, sources: Sequence[ClassStatus], version: int | None, change: Change
) -> None:
    """Write under the head, which stands first; anything else that failed changed meanwhile.

    Raises:
        NotFound, Refused: the class is gone, in another state or at another version.
        Unavailable: something beside it changed meanwhile; nothing was written.

    """
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            refuse_stale(failure.old, sources=sources, version=version)
        raise error("try_again") from failure


def move(
    class_id: str,
    action: str,
    *,
    version: int,
    change: Change,
    actions: Sequence[Action],
    also: Condition | None = None,
) -> ClassHead:
    """Move a class by an action of its transition table, in the version that was read."""
    try:
        head: ClassHead = transition(
            ClassRow,
            (class_id, HEAD),
            sources=CLASS_TRANSITIONS.sources(action),
            target=CLASS_TRANSITIONS.target(action),
            version=version,
            change=change,
            actions=actions,
            also=also,
        )
    except ConditionFailed:
        raise error("self_approval") from None
    return head


# --------------------------------------------------------------------------- what other steps require


def evidence_check(class_id: str, *, sources: Sequence[ClassStatus] = RUNNING) -> Check:
    """Require that a class's evidence is still being gathered: its completion is not approved."""
    return Check(ClassRow, (class_id, HEAD), lawful(ClassRow, sources=sources))
