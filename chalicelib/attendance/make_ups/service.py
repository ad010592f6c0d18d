"""Use cases of make-ups and excuses: the institution asks, the bureau decides (step 8)."""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.attendance.check_ins.model import slot_of
from chalicelib.attendance.check_ins.store import check_ins_in
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.make_ups import store
from chalicelib.attendance.make_ups.model import (
    ACTION_RIGHTS,
    MakeUp,
    MakeUpKind,
    MakeUpStatus,
    hours_max,
    lacks_proof,
    make_up_key,
    why_not,
)
from chalicelib.attendance.model import PresenceRecords, counts, mark_by_check_ins, why_not_ask
from chalicelib.attendance.roll_calls.service import roll_calls_at
from chalicelib.aws.waiting import queue_of
from chalicelib.classes.model import ClassFacts, Lesson, TrainingClass
from chalicelib.classes.service import require_class
from chalicelib.classes.store import heads_with_trainees
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest, cut
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse


@dataclass(frozen=True)
class MakeUpDraft:
    """A request as the institution writes it."""

    enrolment_id: str
    kind: MakeUpKind
    reason: str
    evidence: str | None


@dataclass(frozen=True)
class ShownMakeUp:
    """A request, and what the caller may do with it."""

    make_up: MakeUp
    allowed_actions: list[str]


# --------------------------------------------------------------------------- asking


def ask(context: Context, lesson_id: str, draft: MakeUpDraft) -> ShownMakeUp:
    """Ask that a trainee's lesson be counted as made up, or their absence excused.

    The same request again is answered like the first; one that was rejected may be made anew.

    Raises:
        NotFound: there is no such lesson in the caller's area.
        Refused: the class is not running or its completion is applied for, the trainee not on its roster, the
            lesson not over (a make-up), or attended, a request there already, a make-up that names no proof
            (`make_up_unproved`), or more hours than the policy lets be made up.

    """
    training_class, lesson = require_lesson(context, "make_up.request", lesson_id)
    refuse(why_not_ask(training_class))
    person_key = _person_of(training_class, draft.enrolment_id)
    slot = slot_of(lesson.id, person_key)
    before = store.find_make_up(training_class.id, slot)
    if before is not None and before.status is not MakeUpStatus.REJECTED:
        if (before.kind, before.reason, before.evidence) == (draft.kind, draft.reason, draft.evidence):
            return _shown(context, before, training_class)
        raise error("make_up_exists", status=before.status.value)
    if lacks_proof(draft.kind, draft.evidence):
        raise error("make_up_unproved")
    _require_due(context, training_class, lesson, person_key, draft.kind)
    make_up = MakeUp(
        class_id=training_class.id,
        slot=slot,
        enrolment_id=draft.enrolment_id,
        division=training_class.division,
        institution=training_class.institution,
        kind=draft.kind,
        status=MakeUpStatus.REQUESTED,
        hours=lesson.hours,
        reason=draft.reason,
        evidence=draft.evidence,
        requested_by=context.principal.actor,
        requested_at=context.now,
        queue=queue_of(training_class.division),
        version=1 if before is None else before.version + 1,
    )
    store.ask(make_up, before, change=change_of(context, "make_up.request", reason=draft.reason))
    return _shown(context, make_up, training_class)


def _person_of(training_class: TrainingClass, enrolment_id: str) -> str:
    for person_key, rostered in training_class.roster.items():
        if rostered == enrolment_id:
            return person_key
    raise error("enrolment_not_on_roster")


def _require_due(
    context: Context, training_class: TrainingClass, lesson: Lesson, person_key: str, kind: MakeUpKind
) -> None:
    """Require that there is something to make up, and that the policy lets it be."""
    if kind is MakeUpKind.MAKE_UP and context.now < lesson.ends_at:
        raise error("lesson_not_over", ends_at=format_moment(lesson.ends_at))
    records = _presence_at(training_class, lesson, person_key)
    mark = mark_by_check_ins(training_class, lesson, person_key, records, now=context.now)
    if counts(mark, training_class):
        raise error("lesson_attended")
    if kind is MakeUpKind.MAKE_UP:
        _require_hours(training_class, store.make_ups_of(training_class.id), person_key, lesson.hours)


def _presence_at(training_class: TrainingClass, lesson: Lesson, person_key: str) -> PresenceRecords:
    """Read what one person's check-ins at one lesson tell: one call."""
    calls = roll_calls_at(training_class, lesson)
    numbers = (None, *(call.number for call in calls))
    slots = [slot_of(lesson.id, person_key, call=number) for number in numbers]
    check_ins = check_ins_in(training_class.id, slots)
    return PresenceRecords({check_in.slot: check_in for check_in in check_ins}, {lesson.id: calls})


def _require_hours(
    training_class: TrainingClass, make_ups: Iterable[MakeUp], person_key: str, hours: int
) -> None:
    """Hold what is asked for and granted already, and this, against the policy's share."""
    asked_hours = sum(
        make_up.hours
        for make_up in make_ups
        if make_up.person_key == person_key
        and make_up.kind is MakeUpKind.MAKE_UP
        and make_up.status is not MakeUpStatus.REJECTED
    )
    maximum = hours_max(training_class)
    if asked_hours + hours > maximum:
        raise error("make_up_limit", hours=asked_hours + hours, maximum=maximum)


# --------------------------------------------------------------------------- deciding


def list_of_class(context: Context, class_id: str, request: PageRequest) -> Page[ShownMakeUp]:
    """List the requests of a class of the caller's area."""
    training_class = require_class(context, "make_up.read", class_id)
    page = cut(list(store.make_ups_of(training_class.id)), request, key=lambda make_up: make_up.slot)
    return page.map(lambda make_up: _shown(context, make_up, training_class))


def list_waiting(context: Context, request: PageRequest, *, division: str | None) -> Page[ShownMakeUp]:
    """List the requests of a division and below that wait for a decision."""
    area = division or context.principal.division
    if not is_known(area):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "make_up.read_waiting", division=area)
    page = store.waiting_in(area, request)
    heads = {head.id: head for head in heads_with_trainees({make_up.class_id for make_up in page.items})}
    return page.map(lambda make_up: _shown(context, make_up, heads[make_up.class_id]))


def decide(context: Context, make_up_id: str, action: str, *, version: int, reason: str) -> ShownMakeUp:
    """Approve or reject a request, never one's own nor one of a class in which one had a hand.

    Raises:
        NotFound: there is none in the caller's area.
        Forbidden: `self_approval`.
        Refused: `version_conflict`, it is decided, a make-up that names no proof is not granted
            (`make_up_unproved`), or the class's completion is approved.

    """
    rights.admit(context.principal, "make_up.decide")
    key = make_up_key(make_up_id) if is_id(make_up_id, "mkp") else None
    if key is None:
        raise error("not_found")
    training_class = require_class(context, "make_up.decide", key[0])
    make_up = store.find_make_up(*key)
    if make_up is None:
        raise error("not_found")
    actor = context.principal.actor
    refuse(why_not(action, make_up, training_class, hands=context.principal.hands, version=version))
    store.decide(
        make_up,
        action,
        version=version,
        by=actor,
        reason=reason,
        now=context.now,
        change=change_of(context, "make_up.decide", reason=reason),
    )
    after = store.find_make_up(*key)
    assert after is not None
    return _shown(context, after, training_class)


def _shown(context: Context, make_up: MakeUp, training_class: ClassFacts) -> ShownMakeUp:
    """Give a request with what the caller may do with it now."""
    return ShownMakeUp(make_up, actions_on(context, make_up, training_class))


def actions_on(context: Context, make_up: MakeUp, training_class: ClassFacts) -> list[str]:
    """List what this caller may do with a request now."""
    hands = context.principal.hands
    return rights.offered(
        context.principal,
        ACTION_RIGHTS,
        lambda action: why_not(action, make_up, training_class, hands=hands),
        division=make_up.division,
    )
