"""Use cases of make-ups and excuses: the institution asks, the bureau decides (step 8)."""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.attendance.check_ins.model import slot_of
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.make_ups import store as make_up_store
from chalicelib.attendance.make_ups.model import (
    MAKE_UP_TRANSITIONS,
    MakeUp,
    MakeUpKind,
    MakeUpStatus,
    hours_max,
    make_up_key,
)
from chalicelib.attendance.summary.model import Mark, counts, mark_of
from chalicelib.attendance.summary.service import records_of_class
from chalicelib.attendance.waiting.store import queue_of
from chalicelib.classes.model import RUNNING, Lesson, TrainingClass, prepared_by
from chalicelib.classes.service import require_class
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class Asked:
    """A request as the institution writes it."""

    enrolment_id: str
    kind: MakeUpKind
    reason: str
    evidence: str | None


def ask(context: Context, lesson_id: str, asked: Asked) -> MakeUp:
    """Ask that a trainee's lesson be counted as made up, or their absence excused.

    The same request again is answered like the first; one that was rejected may be made anew.

    Raises:
        NotFound: there is no such lesson in the caller's area.
        Refused: the class is not running, the trainee not on its roster, the lesson not over (a make-up), or
            attended, a request there already, or more hours than the policy lets be made up.

    """
    training_class, lesson = require_lesson(context, "make_up.request", lesson_id)
    _require_running(training_class)
    person_key = next((key for key, one in training_class.roster.items() if one == asked.enrolment_id), None)
    if person_key is None:
        raise error("enrolment_not_on_roster")
    before = make_up_store.find_make_up(training_class.id, slot_of(lesson.id, person_key))
    if before is not None and before.status is not MakeUpStatus.REJECTED:
        if (before.kind, before.reason, before.evidence) == (asked.kind, asked.reason, asked.evidence):
            return before
        raise error("make_up_exists", status=before.status.value)
    _require_due(context, training_class, lesson, person_key, asked.kind)
    request = MakeUp(
        class_id=training_class.id,
        slot=slot_of(lesson.id, person_key),
        enrolment_id=asked.enrolment_id,
        division=training_class.division,
        institution=training_class.institution,
        kind=asked.kind,
        status=MakeUpStatus.REQUESTED,
        hours=lesson.hours,
        reason=asked.reason,
        evidence=asked.evidence,
        requested_by=context.principal.actor,
        requested_at=context.now,
        queue=queue_of(training_class.division, training_class.id),
        version=1 if before is None else before.version + 1,
    )
    change = change_of(context, "make_up.request", reason=asked.reason)
    make_up_store.ask(request, before, change=change)
    return request


def _require_running(training_class: TrainingClass) -> None:
    if training_class.approved_by is None:
        raise error("class_not_approved")
    if training_class.status not in RUNNING:
        raise error("wrong_state", status=training_class.status.value)


def _require_due(
    context: Context, training_class: TrainingClass, lesson: Lesson, person_key: str, kind: MakeUpKind
) -> None:
    """Require that there is something to make up, and that the policy lets it be."""
    if kind is MakeUpKind.MAKE_UP and context.now < lesson.ends_at:
        raise error("lesson_not_over", ends_at=format_moment(lesson.ends_at))
    records = records_of_class(training_class)
    mark = mark_of(training_class, lesson, person_key, records, now=context.now)
    if counts(mark, training_class) and mark is not Mark.MADE_UP:
        raise error("lesson_attended")
    if kind is MakeUpKind.MAKE_UP:
        _require_hours(training_class, records.make_ups.values(), person_key, lesson.hours)


def _require_hours(
    training_class: TrainingClass, make_ups: Iterable[MakeUp], person_key: str, hours: int
) -> None:
    """Hold what is asked for and granted already, and this, against the policy's share."""
    taken = sum(
        one.hours
        for one in make_ups
        if one.person_key == person_key
        and one.kind is MakeUpKind.MAKE_UP
        and one.status is not MakeUpStatus.REJECTED
    )
    maximum = hours_max(training_class)
    if taken + hours > maximum:
        raise error("make_up_limit", hours=taken + hours, maximum=maximum)


def list_of_class(context: Context, class_id: str, request: PageRequest) -> Page[MakeUp]:
    """List the requests of a class of the caller's area."""
    training_class = require_class(context, "make_up.read", class_id)
    return make_up_store.page_of_class(training_class.id, request)


def list_waiting(context: Context, request: PageRequest, *, division: str | None) -> Page[MakeUp]:
    """List the requests of a division and below that wait for a decision."""
    area = division or context.principal.division
    if not is_known(area):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "make_up.read_waiting", division=area)
    return make_up_store.waiting_in(area, request)


def decide(context: Context, make_up_id: str, action: str, *, version: int, reason: str) -> MakeUp:
    """Approve or reject a request, never one's own nor one of a class in which one had a hand.

    Raises:
        NotFound: there is none in the caller's area.
        Forbidden: `self_approval`.
        Refused: `version_conflict`, it is decided, or the class's completion is approved.

    """
    rights.admit(context.principal, "make_up.decide")
    key = make_up_key(make_up_id) if is_id(make_up_id, "mkp") else None
    if key is None:
        raise error("not_found")
    training_class = require_class(context, "make_up.decide", key[0])
    found = make_up_store.find_make_up(*key)
    if found is None:
        raise error("not_found")
    if found.version != version:
        raise error("version_conflict", version=found.version)
    MAKE_UP_TRANSITIONS.require(action, found.status)
    _require_running(training_class)
    if context.principal.actor in {found.requested_by, *prepared_by(training_class)}:
        raise error("self_approval")
    make_up_store.decide(
        found,
        action,
        version=version,
        by=context.principal.actor,
        reason=reason,
        now=context.now,
        change=change_of(context, "make_up.decide", reason=reason),
    )
    after = make_up_store.find_make_up(*key)
    assert after is not None
    return after


def actions_on(context: Context, found: MakeUp) -> list[str]:
    """List what the caller may do with a request now."""
    may = rights.reaches(context.principal, "make_up.decide", division=found.division)
    may = may and context.principal.actor != found.requested_by
    return ["approve", "reject"] if may and found.status is MakeUpStatus.REQUESTED else []
