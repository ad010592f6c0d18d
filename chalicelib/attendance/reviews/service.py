"""Use cases of the bureau on check-ins: see them, and decide those that need review."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import record_access
from chalicelib.attendance.check_ins import store
from chalicelib.attendance.check_ins.model import CheckIn, RefusedCheckIn, ReviewVerdict, slot_named
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.reviews import store as review_store
from chalicelib.attendance.reviews.model import ACTION_RIGHTS, Review, entry_of, why_not
from chalicelib.classes.model import ClassFacts, Lesson
from chalicelib.classes.store import heads_with_trainees
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id, whole_of
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse


@dataclass(frozen=True)
class ShownCheckIn:
    """A recorded check-in, whose it is, and what the caller may do with it."""

    check_in: CheckIn
    enrolment: Enrolment | None
    allowed_actions: Sequence[str]


@dataclass(frozen=True)
class ShownRefusedCheckIn:
    """A refused attempt; of somebody who is on the roster, the enrolment."""

    refused: RefusedCheckIn
    enrolment_id: str | None


PLACES = "check_in.places"
"""What exact places are opened for, in the record of it: as of footage, the duty says it."""


def list_at_lesson(
    context: Context, lesson_id: str, request: PageRequest, *, only_waiting: bool, opened: bool = False
) -> Page[ShownCheckIn]:
    """List what is recorded at a lesson of the caller's area; `opened` if exact places are to be shown.

    Before they are a record says who looks, one for the page: where people were is sensitive.

    Raises:
        Unavailable: the look could not be recorded.

    """
    training_class, lesson = require_lesson(context, "check_in.read", lesson_id)
    number = whole_of("cls", lesson.id)[1]
    page = store.check_ins_of_lesson(training_class.id, number, request, only_waiting=only_waiting)
    if opened:
        _record_places(context, training_class, lesson, len(page.items))
    return _shown(context, page, {training_class.id: training_class})


def list_refused(
    context: Context, lesson_id: str, request: PageRequest, *, opened: bool = False
) -> Page[ShownRefusedCheckIn]:
    """List the refused attempts at a lesson of the caller's area, oldest first; see `list_at_lesson`."""
    training_class, lesson = require_lesson(context, "check_in.read", lesson_id)
    page = store.refused_at(lesson.id, request)
    if opened:
        _record_places(context, training_class, lesson, len(page.items))
    return page.map(
        lambda refused: ShownRefusedCheckIn(refused, training_class.roster.get(refused.person_key))
    )


def _record_places(context: Context, training_class: ClassFacts, lesson: Lesson, items: int) -> None:
    if items:
        division = training_class.division
        record_access(context, subject=lesson.id, division=division, purpose=PLACES, items=items)


def list_waiting(context: Context, request: PageRequest, *, division: str | None) -> Page[ShownCheckIn]:
    """List the check-ins of a division and below that need review."""
    area = division or context.principal.division
    if not is_known(area):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "check_in.read_waiting", division=area)
    page = store.waiting_in(area, request)
    heads = heads_with_trainees({check_in.class_id for check_in in page.items})
    return _shown(context, page, {head.id: head for head in heads})


def _shown(context: Context, page: Page[CheckIn], classes: Mapping[str, ClassFacts]) -> Page[ShownCheckIn]:
    """Give check-ins of these classes with whose they are and what the caller may do with them now."""
    enrolment_ids = sorted({check_in.enrolment_id for check_in in page.items})
    enrolments: dict[str, Enrolment] = {
        enrolment.id: enrolment for enrolment in find_enrolments(enrolment_ids)
    }
    return page.map(
        lambda check_in: ShownCheckIn(
            check_in,
            enrolments.get(check_in.enrolment_id),
            actions_on(context, check_in, classes[check_in.class_id]),
        )
    )


def actions_on(context: Context, check_in: CheckIn, training_class: ClassFacts) -> list[str]:
    """List what this caller may do with a check-in now."""
    refusal = why_not(check_in, training_class, hands=context.principal.hands)
    return rights.offered(
        context.principal, ACTION_RIGHTS, lambda _: refusal, division=training_class.division
    )


def decide(
    context: Context, lesson_id: str, check_in_id: str, verdict: ReviewVerdict, *, version: int, reason: str
) -> ShownCheckIn:
    """Accept or reject what needs review of a check-in; it counts once accepted.

    Raises:
        NotFound: there is no such check-in at a lesson of the caller's area.
        Forbidden: `self_approval`, by who had a hand in the class on the institution's side.
        Refused: `version_conflict`, `nothing_to_review`, or the completion is approved.

    """
    training_class, lesson = require_lesson(context, "check_in.review", lesson_id)
    slot = slot_named(check_in_id, lesson.id) if is_id(check_in_id, "chk") else None
    check_in = store.find_check_in(training_class.id, slot) if slot is not None else None
    if check_in is None:
        raise error("not_found")
    actor = context.principal.actor
    refuse(why_not(check_in, training_class, hands=context.principal.hands, version=version))
    review = Review(
        class_id=training_class.id,
        entry=entry_of(check_in.slot, version),
        check_in_id=check_in.id,
        enrolment_id=check_in.enrolment_id,
        division=training_class.division,
        kinds=check_in.undecided,
        verdict=verdict,
        reason=reason,
        decided_by=actor,
        decided_at=context.now,
    )
    change = change_of(context, "check_in.review", reason=reason)
    after = review_store.decide(check_in, review, change=change)
    return next(iter(_shown(context, Page(items=[after]), {training_class.id: training_class}).items))
