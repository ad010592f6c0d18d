"""Use cases of the bureau on check-ins: see them, and decide those that need review."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.attendance.check_ins import store
from chalicelib.attendance.check_ins.model import CheckIn, RefusedCheckIn, Verdict, slot_named
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.reviews import store as review_store
from chalicelib.attendance.reviews.model import Review, entry_of
from chalicelib.classes.model import RUNNING, TrainingClass, prepared_by
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id, whole_of
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class Shown:
    """A recorded check-in, whose it is, and what the caller may do with it."""

    check_in: CheckIn
    enrolment: Enrolment | None
    allowed_actions: Sequence[str]


@dataclass(frozen=True)
class ShownRefused:
    """A refused attempt; of somebody who is on the roster, the enrolment."""

    refused: RefusedCheckIn
    enrolment_id: str | None


def list_at_lesson(
    context: Context, lesson_id: str, request: PageRequest, *, only_waiting: bool
) -> Page[Shown]:
    """List what is recorded at a lesson of the caller's area."""
    training_class, lesson = require_lesson(context, "check_in.read", lesson_id)
    number = whole_of("cls", lesson.id)[1]
    page = store.check_ins_of_lesson(training_class.id, number, request, only_waiting=only_waiting)
    return _shown(context, page, training_class)


def list_refused(context: Context, lesson_id: str, request: PageRequest) -> Page[ShownRefused]:
    """List the refused attempts at a lesson of the caller's area, oldest first."""
    training_class, lesson = require_lesson(context, "check_in.read", lesson_id)
    page = store.refused_at(lesson.id, request)
    return page.map(lambda one: ShownRefused(one, training_class.roster.get(one.person_key)))


def list_waiting(context: Context, request: PageRequest, *, division: str | None) -> Page[Shown]:
    """List the check-ins of a division and below that need review."""
    area = division or context.principal.division
    if not is_known(area):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "check_in.read_waiting", division=area)
    return _shown(context, store.waiting_in(area, request), None)


def _shown(context: Context, page: Page[CheckIn], training_class: TrainingClass | None) -> Page[Shown]:
    found: dict[str, Enrolment] = {
        one.id: one for one in find_enrolments(sorted({one.enrolment_id for one in page.items}))
    }
    own_work = training_class is not None and context.principal.actor in prepared_by(training_class)
    may = rights.may(context.principal, "check_in.review") and not own_work
    open_ = training_class is None or training_class.status in RUNNING
    return page.map(
        lambda one: Shown(
            one,
            found.get(one.enrolment_id),
            ["accept", "reject"] if may and open_ and one.undecided else [],
        )
    )


def decide(
    context: Context, lesson_id: str, check_in_id: str, verdict: Verdict, *, version: int, reason: str
) -> Shown:
    """Accept or reject what needs review of a check-in; it counts once accepted.

    Raises:
        NotFound: there is no such check-in at a lesson of the caller's area.
        Forbidden: `self_approval`, by who had a hand in the class on the institution's side.
        Refused: `version_conflict`, `nothing_to_review`, or the completion is approved.

    """
    training_class, lesson = require_lesson(context, "check_in.review", lesson_id)
    slot = slot_named(check_in_id, lesson.id) if is_id(check_in_id, "chk") else None
    found = store.find_check_in(training_class.id, slot) if slot is not None else None
    if found is None:
        raise error("not_found")
    if found.version != version:
        raise error("version_conflict", version=found.version)
    if training_class.status not in RUNNING:
        raise error("wrong_state", status=training_class.status.value)
    if not found.undecided:
        raise error("nothing_to_review")
    if context.principal.actor in prepared_by(training_class):
        raise error("self_approval")
    review = Review(
        class_id=training_class.id,
        entry=entry_of(found.slot, version),
        check_in_id=found.id,
        enrolment_id=found.enrolment_id,
        division=training_class.division,
        kinds=found.undecided,
        verdict=verdict,
        reason=reason,
        decided_by=context.principal.actor,
        decided_at=context.now,
    )
    after = review_store.decide(found, review, change=change_of(context, "check_in.review", reason=reason))
    return next(iter(_shown(context, Page(items=[after]), training_class).items))
