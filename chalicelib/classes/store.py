"""The table of classes, and every lawful write on a class.

A class is three rows under one key: `head` (state and version: a decision writes only this, one unit),
`plan` (site, trainers, lessons) and `roster`. One query reads the whole class. Every write of the plan or
the roster carries the head in the same transaction, so the head's version guards all three.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.table import (
    ConditionFailed,
    MomentAttribute,
    Put,
    StructAttribute,
    Update,
    VersionedTable,
    lawful,
    page_of,
    refuse_stale,
    table_name,
    transact,
    transition,
)
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    OCCUPYING,
    WITHDRAWABLE,
    ClassHead,
    ClassPlan,
    ClassRoster,
    ClassStatus,
    TrainingClass,
)
from chalicelib.enrolments import store as enrolments
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, PROVINCE, is_known
from chalicelib.kernel.errors import Forbidden, Unavailable
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import Policy
from chalicelib.vouchers import store as vouchers
from chalicelib.vouchers.model import Voucher, VoucherStatus

HEAD, PLAN, ROSTER = "head", "plan", "roster"
PARTS = (HEAD, PLAN, ROSTER)
_CITY_DIGITS = 4
_CITIES = tuple(f"{PROVINCE}{number:02d}" for number in range(1, 19))
OVERLAP_CLASSES_MAX = 200
_RELEASES_A_TRANSACTION = 49
TRAINEES_CHANGED_MAX = 98


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


class ClassRow(VersionedTable[Any]):
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
    completion_submitted_by = UnicodeAttribute(null=True)
    completion_approved_by = UnicodeAttribute(null=True)
    completion_approved_at = MomentAttribute(null=True)
    scored_by = UnicodeAttribute(null=True)
    scored_at = MomentAttribute(null=True)
    site = StructAttribute(null=True)
    trainers = StructAttribute(null=True)
    lessons = StructAttribute(null=True)
    roster = StructAttribute(null=True)
    by_institution = ByInstitution()
    by_city = ByCity()

    @property
    def record(self) -> Any:
        """Give the part this row stores, in its own type."""
        kind = {HEAD: ClassHead, PLAN: ClassPlan, ROSTER: ClassRoster}[self.part]
        values = self.attribute_values
        known = {name: values[name] for name in kind.__struct_fields__ if values.get(name) is not None}
        return msgspec.convert(known, kind, strict=False)


_ANY_STATE: Condition = ClassRow.id.exists() | ClassRow.id.does_not_exist()


# --------------------------------------------------------------------------- reading


class Parts(msgspec.Struct, frozen=True):
    """The parts of one class as stored; a class without a roster has none yet."""

    head: ClassHead
    plan: ClassPlan
    roster: dict[str, str]

    def whole(self, policy: Policy) -> TrainingClass:
        """Put the parts together under their policy."""
        facts = {
            name: getattr(self.head, name)
            for name in TrainingClass.__struct_fields__
            if name in ClassHead.__struct_fields__
        }
        return TrainingClass(
            **facts,
            site=self.plan.site,
            trainers=self.plan.trainers,
            lessons=self.plan.lessons,
            roster=self.roster,
            policy=policy,
        )


def find_parts(class_id: str) -> Parts | None:
    """Read a whole class with one query."""
    return parts_of(row.record for row in ClassRow.query(class_id, consistent_read=True))


def parts_of(records: Iterable[Any]) -> Parts | None:
    """Put the rows of one class together; None if there are none."""
    found = {record.part: record for record in records}
    if HEAD not in found:
        return None
    roster = found[ROSTER].roster if ROSTER in found else {}
    return Parts(head=found[HEAD], plan=found[PLAN], roster=roster)


def heads_at(institution: str, request: PageRequest, *, status: ClassStatus | None = None) -> Page[ClassHead]:
    """List an institution's classes, newest first."""
    index: Any = ClassRow.by_institution
    rows = index.query(
        institution,
        limit=request.limit,
        last_evaluated_key=request.after,
        scan_index_forward=False,
        filter_condition=_status_is(status),
    )
    return page_of(rows, request)


def classes_of(institution: str) -> Iterable[ClassHead]:
    """Go through the heads of all classes of an institution."""
    return (row.record for row in ClassRow.by_institution.query(institution))


def heads_in(area: str, request: PageRequest, *, status: ClassStatus | None = None) -> Page[ClassHead]:
    """List the classes of a division and those below it, city by city, the last to end first."""
    groups = groups_of(area)
    after = dict(request.after or {})
    start = groups.index(after["group"]) if after.get("group") in groups else 0
    key = after.get("key")
    found: list[ClassHead] = []
    for place in range(start, len(groups)):
        rows = ClassRow.by_city.query(
            groups[place],
            limit=request.limit - len(found),
            last_evaluated_key=key,
            scan_index_forward=False,
            filter_condition=_within(area, status),
        )
        found += [row.record for row in rows]
        key = rows.last_evaluated_key
        if len(found) == request.limit:
            return Page(items=found, after=_place_after(groups, place, key))
    return Page(items=found)


def _place_after(groups: Sequence[str], place: int, key: Any) -> dict[str, Any] | None:
    if key is not None:
        return {"group": groups[place], "key": key}
    return {"group": groups[place + 1]} if place + 1 < len(groups) else None


def _status_is(status: ClassStatus | None) -> Condition | None:
    return (ClassRow.status == str(status)) if status is not None else None


def _within(area: str, status: ClassStatus | None) -> Condition | None:
    conditions = [
        condition
        for condition in (
            ClassRow.division == area
            if len(area) > _CITY_DIGITS and area not in DIRECTLY_ADMINISTERED
            else None,
            _status_is(status),
        )
        if condition is not None
    ]
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]


def city_of(division: str) -> str:
    """Give the group under which a division's classes are listed: its city's, or its own."""
    if division in DIRECTLY_ADMINISTERED or len(division) <= _CITY_DIGITS:
        return division
    return division[:_CITY_DIGITS]


def groups_of(area: str) -> list[str]:
    """List the groups that hold the classes of an area and below."""
    if area == PROVINCE:
        return [PROVINCE, *(city for city in _CITIES if is_known(city)), *sorted(DIRECTLY_ADMINISTERED)]
    return [city_of(area)]


def heads_by_id(class_ids: Iterable[str]) -> list[ClassHead]:
    """Read the heads of many classes, 100 a call, in no particular order."""
    return ClassRow.find_many([(class_id, HEAD) for class_id in class_ids])


def plans_beside(head: ClassHead | TrainingClass) -> list[ClassPlan]:
    """Read the plans of the other classes of the city whose lessons may meet this one's in time.

    Two calls: one query of the city's classes that have not ended before this one opens, one batch of
    plans; at most `OVERLAP_CLASSES_MAX` classes are looked at.
    """
    rows = ClassRow.by_city.query(
        city_of(head.division),
        ClassRow.ends_at >= head.opens_at,
        filter_condition=(ClassRow.opens_at <= head.ends_at)
        & ClassRow.status.is_in(*[str(status) for status in OCCUPYING]),
        limit=OVERLAP_CLASSES_MAX,
    )
    return ClassRow.find_many([(row.id, PLAN) for row in rows if row.id != head.id])


# --------------------------------------------------------------------------- the plan


def digest_of(value: Any) -> str:
    """Give a short digest of a plan or a roster: the head carries it, so that an audit sees a change."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]


def create_class(head: ClassHead, plan: ClassPlan, change: Change) -> None:
    """Store a new application."""
    transact([Put(ClassRow.from_record(head)), Put(ClassRow.from_record(plan), _ANY_STATE)], change=change)


def replace_plan(head: ClassHead, plan: ClassPlan, *, version: int, change: Change) -> None:
    """Replace an application that is not filed.

    Raises:
        NotFound, Refused: it is gone, changed meanwhile, or filed.

    """
    sources = (*CLASS_TRANSITIONS.sources("edit"), *CLASS_TRANSITIONS.sources("revise"))
    actions = [
        ClassRow.program_id.set(head.program_id),
        ClassRow.project_id.set(head.project_id),
        ClassRow.name.set(head.name),
        ClassRow.planned_size.set(head.planned_size),
        ClassRow.policy_version.set(head.policy_version),
        ClassRow.opens_at.set(head.opens_at),
        ClassRow.ends_at.set(head.ends_at),
        ClassRow.lesson_count.set(head.lesson_count),
        ClassRow.lesson_hours.set(head.lesson_hours),
        ClassRow.plan_digest.set(head.plan_digest or ""),
    ]
    writes: list[Put | Update] = [
        _head_update(head.id, actions, sources=sources, version=version),
        Put(ClassRow.from_record(plan), _ANY_STATE),
    ]
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        refuse_stale(failure.old, sources=sources, version=version)
        raise


def _head_update(
    class_id: str, actions: Sequence[Action], *, sources: Sequence[ClassStatus], version: int | None
) -> Update:
    return Update(ClassRow, (class_id, HEAD), actions, lawful(ClassRow, sources=sources, version=version))


# --------------------------------------------------------------------------- decisions


def submit(
    class_id: str, *, version: int, by: str, policy_version: int, now: datetime, change: Change
) -> ClassHead:
    """File the application."""
    return _move(
        class_id,
        "submit",
        version=version,
        change=change,
        actions=[
            ClassRow.submitted_by.set(by),
            ClassRow.submitted_at.set(now),
            ClassRow.policy_version.set(policy_version),
            ClassRow.return_reason.remove(),
        ],
    )


def approve(
    class_id: str, *, version: int, by: str, policy_version: int, now: datetime, change: Change
) -> ClassHead:
    """Approve an application under a policy version, never one's own."""
    actions = [
        ClassRow.approved_by.set(by),
        ClassRow.approved_at.set(now),
        ClassRow.policy_version.set(policy_version),
    ]
    return _move(
        class_id, "approve", version=version, change=change, actions=actions, also=ClassRow.submitted_by != by
    )


def give_back(class_id: str, *, version: int, reason: str, by: str, change: Change) -> ClassHead:
    """Return an application with the reason."""
    return _move(
        class_id,
        "return",
        version=version,
        change=change,
        actions=[ClassRow.return_reason.set(reason)],
        also=ClassRow.submitted_by != by,
    )


def submit_completion(class_id: str, *, version: int, by: str, change: Change) -> ClassHead:
    """Apply for completion."""
    return _move(
        class_id,
        "completion_submit",
        version=version,
        change=change,
        actions=[ClassRow.completion_submitted_by.set(by), ClassRow.return_reason.remove()],
    )


def approve_completion(class_id: str, *, version: int, by: str, now: datetime, change: Change) -> ClassHead:
    """Approve the completion, never one's own application."""
    return _move(
        class_id,
        "completion_approve",
        version=version,
        change=change,
        actions=[ClassRow.completion_approved_by.set(by), ClassRow.completion_approved_at.set(now)],
        also=ClassRow.completion_submitted_by != by,
    )


def return_completion(class_id: str, *, version: int, reason: str, by: str, change: Change) -> ClassHead:
    """Return the completion application with the reason."""
    return _move(
        class_id,
        "completion_return",
        version=version,
        change=change,
        actions=[ClassRow.return_reason.set(reason)],
        also=ClassRow.completion_submitted_by != by,
    )


def _move(
    class_id: str,
    action: str,
    *,
    version: int,
    change: Change,
    actions: Sequence[Action],
    also: Condition | None = None,
) -> ClassHead:
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
        raise Forbidden("self_approval") from None
    return head


# --------------------------------------------------------------------------- the roster


def replace_roster(
    training_class: TrainingClass, roster: Mapping[str, str], *, version: int, change: Change
) -> None:
    """Make this the roster: those who leave are unrostered, the new ones rostered, in one transaction.

    Raises:
        Refused: `version_conflict`: the class or one of the enrolments changed meanwhile.

    """
    before, after = set(training_class.enrolment_ids), set(roster.values())
    sources = CLASS_TRANSITIONS.sources("roster")
    head = _head_update(training_class.id, _roster_facts(roster), sources=sources, version=version)
    leaving = [
        enrolments.unroster_write(enrolment_id, class_id=training_class.id)
        for enrolment_id in sorted(before - after)
    ]
    joining = [
        enrolments.roster_write(
            enrolment_id,
            class_id=training_class.id,
            institution=training_class.institution,
            project_id=training_class.project_id,
        )
        for enrolment_id in sorted(after - before)
    ]
    _transact_under_head(
        [head, _roster_put(training_class, roster), *leaving, *joining],
        sources=sources,
        version=version,
        change=change,
    )


def withdraw(
    training_class: TrainingClass, enrolment: Enrolment, voucher: Voucher | None, *, change: Change
) -> None:
    """Take a trainee who left off the roster and close the voucher, in one transaction."""
    sources = WITHDRAWABLE
    left = {key: value for key, value in training_class.roster.items() if value != enrolment.id}
    version = training_class.version
    _transact_under_head(
        [
            _head_update(training_class.id, _roster_facts(left), sources=sources, version=version),
            _roster_put(training_class, left),
            enrolments.withdraw_write(enrolment.id, class_id=training_class.id),
            *_close_writes(enrolment, voucher),
        ],
        sources=sources,
        version=version,
        change=change,
    )


def _close_writes(enrolment: Enrolment, voucher: Voucher | None) -> list[Update]:
    if voucher is None or not _spent_on(voucher, enrolment):
        return []  # revoked meanwhile: nothing is left to close
    return [vouchers.close_write(voucher.id, enrolment_id=enrolment.id)]


def _spent_on(voucher: Voucher, enrolment: Enrolment) -> bool:
    return voucher.status is VoucherStatus.REDEEMED and voucher.enrolment_id == enrolment.id


def _roster_facts(roster: Mapping[str, str]) -> list[Action]:
    return [ClassRow.enrolled.set(len(roster)), ClassRow.roster_digest.set(digest_of(roster))]


def _roster_put(training_class: TrainingClass, roster: Mapping[str, str]) -> Put:
    part = ClassRoster(
        id=training_class.id,
        division=training_class.division,
        roster=dict(roster),
        version=training_class.version + 1,
    )
    return Put(ClassRow.from_record(part), _ANY_STATE)


def _transact_under_head(
    writes: Sequence[Put | Update], *, sources: Sequence[ClassStatus], version: int, change: Change
) -> None:
    """Write under the head, which stands first; anything else that failed changed meanwhile."""
    try:
        transact(writes, change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            refuse_stale(failure.old, sources=sources, version=version)
        raise Unavailable("try_again") from failure


# --------------------------------------------------------------------------- cancelling


def cancel(
    class_id: str,
    enrolled: Sequence[tuple[Enrolment, Voucher | None]],
    *,
    version: int,
    now: datetime,
    change: Change,
) -> None:
    """Cancel a class and give its trainees their vouchers back.

    Up to 49 trainees go in the one transaction that cancels the class; more are released by
    `release_trainees` afterwards, which a repeat of the call resumes.
    """
    sources = CLASS_TRANSITIONS.sources("cancel")
    head = _head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target("cancel")))],
        sources=sources,
        version=version,
    )
    releases = _release_writes(class_id, enrolled[:_RELEASES_A_TRANSACTION], now=now)
    _transact_under_head([head, *releases], sources=sources, version=version, change=change)
    release_trainees(class_id, enrolled[_RELEASES_A_TRANSACTION:], now=now, change=change)


def release_trainees(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, now: datetime, change: Change
) -> None:
    """Release trainees of a cancelled class, 49 a transaction."""
    for start in range(0, len(enrolled), _RELEASES_A_TRANSACTION):
        chunk = enrolled[start : start + _RELEASES_A_TRANSACTION]
        try:
            transact(_release_writes(class_id, chunk, now=now), change=change)
        except ConditionFailed as failure:
            raise Unavailable("try_again") from failure


def _release_writes(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, now: datetime
) -> list[Update]:
    writes = []
    for enrolment, voucher in enrolled:
        writes.append(enrolments.cancel_write(enrolment.id, class_id=class_id))
        if voucher is not None and _spent_on(voucher, enrolment):
            writes.append(vouchers.release_write(voucher, enrolment_id=enrolment.id, now=now))
    return writes


# --------------------------------------------------------------------------- scores and what follows


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's marks and whether they pass."""

    enrolment_id: str
    theory: int
    practice: int
    passed: bool


def record_scores(
    training_class: TrainingClass,
    marks: Sequence[Marks],
    *,
    version: int,
    by: str,
    now: datetime,
    change: Change,
) -> None:
    """Record the marks of all trainees and the class as scored, in one transaction."""
    sources = (*CLASS_TRANSITIONS.sources("scores"), *CLASS_TRANSITIONS.sources("correct_scores"))
    passed = sum(mark.passed for mark in marks)
    head = _head_update(
        training_class.id,
        [
            ClassRow.status.set(str(CLASS_TRANSITIONS.target("scores"))),
            ClassRow.scored_by.set(by),
            ClassRow.scored_at.set(now),
            ClassRow.passed.set(passed),
            ClassRow.failed.set(len(marks) - passed),
        ],
        sources=sources,
        version=version,
    )
    scores = [
        enrolments.score_write(
            mark.enrolment_id,
            class_id=training_class.id,
            theory=mark.theory,
            practice=mark.practice,
            passed=mark.passed,
        )
        for mark in marks
    ]
    _transact_under_head([head, *scores], sources=sources, version=version, change=change)


def claim_write(class_id: str, *, version: int) -> Update:
    """Record that the subsidy of a scored class is claimed."""
    return _head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target("claim")))],
        sources=CLASS_TRANSITIONS.sources("claim"),
        version=version,
    )


def close_write(class_id: str) -> Update:
    """Record that nothing is left to be paid for a class."""
    return _head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target("close")))],
        sources=CLASS_TRANSITIONS.sources("close"),
        version=None,
    )
