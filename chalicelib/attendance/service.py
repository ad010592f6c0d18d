"""Use cases of attendance: check in and out, compute (step 8)."""

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from chalicelib.attendance import store
from chalicelib.attendance.footage_store import segments_of
from chalicelib.attendance.model import (
    Attempt,
    AttendanceSummary,
    CheckIn,
    Judgement,
    Kind,
    Proof,
    RefusedCheckIn,
    judge,
    slot_of,
    summarise,
)
from chalicelib.classes.model import Lesson, TrainingClass, class_id_of
from chalicelib.classes.service import complete, require_class
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.errors import Fact, NotFound
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error

# --------------------------------------------------------------------------- check-ins


@dataclass(frozen=True)
class Answered:
    """A recorded check-in or check-out; `status` is how the trainee came."""

    check_in: CheckIn
    kind: Kind
    proof: Proof


def check_in(context: Context, lesson_id: str, attempt: Attempt, *, person_key: str) -> Answered:
    """Record that a person came to a lesson, or left it: two calls, one write unit (step 8).

    The first call reads the class and what is recorded of this person, the second writes the record, or
    the evidence of the refusal. The server's clock decides. The same nonce again gets the first answer,
    whenever it comes.

    Raises:
        NotFound: there is no such lesson.
        Refused: the earliest reason in the documented order; the attempt is kept.

    """
    class_id = class_id_of(lesson_id)
    if not is_id(lesson_id, "les") or not class_id:
        raise NotFound
    parts, before = store.read_for_check_in(class_id, slot_of(lesson_id, person_key))
    training_class = complete(parts) if parts is not None else None
    lesson = training_class.lesson(lesson_id) if training_class is not None else None
    if training_class is None or lesson is None:
        raise NotFound
    recorded = _recorded(before, attempt.kind)
    if before is not None and recorded is not None and recorded.nonce == attempt.nonce:
        return Answered(before, attempt.kind, recorded)
    judged = judge(attempt, training_class, lesson, person_key=person_key, now=context.now)
    visit = _Visit(context, training_class, lesson, attempt, judged, person_key)
    if judged.code is not None:
        visit.refuse(judged.code)
    if recorded is not None:
        visit.refuse_repeat(recorded)
    if attempt.kind is Kind.OUT and before is None:
        visit.refuse("not_checked_in")
    after = visit.record(before)
    proof = _recorded(after, attempt.kind)
    assert proof is not None
    if proof.nonce != attempt.nonce:  # another device was first
        visit.refuse_repeat(proof)
    return Answered(after, attempt.kind, proof)


def _recorded(before: CheckIn | None, kind: Kind) -> Proof | None:
    if before is None:
        return None
    return before.came if kind is Kind.IN else before.went


@dataclass(frozen=True)
class _Visit:
    """One attempt with everything that decides it."""

    context: Context
    training_class: TrainingClass
    lesson: Lesson
    attempt: Attempt
    judged: Judgement
    person_key: str

    def record(self, before: CheckIn | None) -> CheckIn:
        """Store the attempt and give what is recorded now, which may be another device's."""
        actor = self.context.principal.actor
        proof = Proof(
            place=self.attempt.place,
            device_id=self.attempt.device_id,
            nonce=self.attempt.nonce,
            happened_at=self.attempt.happened_at,
            received_at=self.context.now,
            outcome=self.judged.outcome,
            status=self.judged.status if before is None else before.came.status,
            distance_m=self.judged.distance_m,
            forwarded_by=actor if actor != self.person_key else None,
        )
        change = change_of(self.context, "check_in.write")
        if self.attempt.kind is Kind.OUT:
            assert before is not None
            return store.record_going(before, proof, change)
        first = CheckIn(
            class_id=self.training_class.id,
            slot=slot_of(self.lesson.id, self.person_key),
            enrolment_id=self.training_class.roster[self.person_key],
            came=proof,
        )
        return store.record_coming(first, change)

    def refuse_repeat(self, first: Proof) -> NoReturn:
        """Refuse an attempt because another one is recorded."""
        self.refuse("already_checked_in", received_at=format_moment(first.received_at))

    def refuse(self, code: str, **facts: Fact) -> NoReturn:
        """Keep a refused attempt as evidence, and refuse it."""
        refused = RefusedCheckIn(
            lesson_id=self.lesson.id,
            id=f"{format_moment(self.context.now)}#{new_id('rci')}",
            class_id=self.training_class.id,
            division=self.training_class.division,
            code=code,
            kind=self.attempt.kind,
            person_key=self.person_key,
            place=self.attempt.place,
            device_id=self.attempt.device_id,
            nonce=self.attempt.nonce,
            happened_at=self.attempt.happened_at,
            received_at=self.context.now,
            distance_m=self.judged.distance_m,
            actor=self.context.principal.actor,
        )
        store.keep_refused(refused)
        raise error(code, faults=(), **{**self.judged.facts, **facts})


# --------------------------------------------------------------------------- attendance


def attendance_of(training_class: TrainingClass, *, now: datetime | None = None) -> AttendanceSummary:
    """Compute a class's attendance from its records: two queries."""
    return summarise(
        training_class,
        store.check_ins_of(training_class.id),
        segments_of(training_class.id),
        now=now,
    )


def show_attendance(context: Context, class_id: str) -> AttendanceSummary:
    """Compute the attendance of a class in the caller's area as of now."""
    return attendance_of(require_class(context, "attendance.read", class_id), now=context.now)
