"""Use cases of check-ins: in, out, and answers to roll-calls, which a trainee may see now (step 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from chalicelib.attendance.check_ins import store
from chalicelib.attendance.check_ins.model import (
    CheckIn,
    CheckInAttempt,
    CheckInJudgement,
    CheckInKind,
    CheckInOutcome,
    CheckInProof,
    RefusedCheckIn,
    judge,
    slot_of,
)
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.attendance.roll_calls.service import roll_calls_at
from chalicelib.aws.waiting import queue_of
from chalicelib.classes.model import Lesson, TrainingClass, class_id_of
from chalicelib.classes.service import complete
from chalicelib.edge.networks import network_of
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.ids import derived_id, is_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import ROLL_CALLS_MAX

# --------------------------------------------------------------------------- check-ins


@dataclass(frozen=True)
class RecordedCheckIn:
    """A recorded check-in or check-out; `status` is how the trainee came."""

    check_in: CheckIn
    kind: CheckInKind
    proof: CheckInProof


def check_in(
    context: Context, lesson_id: str, attempt: CheckInAttempt, *, person_key: str
) -> RecordedCheckIn:
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
        raise error("not_found")
    slots = _slots_of(lesson_id, person_key, attempt.kind)
    parts, known = store.read_for_check_in(class_id, slots)
    training_class = complete(parts) if parts is not None else None
    lesson = training_class.lesson(lesson_id) if training_class is not None else None
    if training_class is None or lesson is None:
        raise error("not_found")
    first = _first_answer(attempt, [known[slot] for slot in slots if slot in known])
    if first is not None:
        return first
    calls = roll_calls_at(training_class, lesson) if attempt.kind is CheckInKind.ROLL_CALL else ()
    judgement = judge(attempt, training_class, lesson, person_key=person_key, now=context.now, calls=calls)
    visit = _Visit(context, training_class, lesson, attempt, judgement, person_key)
    if judgement.code is not None:
        visit.refuse(judgement.code)
    came, recorded = known.get(slots[0]), known.get(visit.slot)
    if recorded is not None and attempt.kind in recorded.proofs:
        visit.refuse_repeat(recorded.proofs[attempt.kind])
    if came is None and attempt.kind is not CheckInKind.IN:
        visit.refuse("not_checked_in")
    after = visit.record(came)
    proof = after.proofs[attempt.kind]
    if proof.nonce != attempt.nonce:  # another device was first
        visit.refuse_repeat(proof)
    return RecordedCheckIn(after, attempt.kind, proof)


def _slots_of(lesson_id: str, person_key: str, kind: CheckInKind) -> list[str]:
    """List where this person's check-in at a lesson stands, and their answers to its roll-calls."""
    calls = range(1, ROLL_CALLS_MAX + 1) if kind is CheckInKind.ROLL_CALL else ()
    return [slot_of(lesson_id, person_key, call=call) for call in (None, *calls)]


def _first_answer(attempt: CheckInAttempt, known: Sequence[CheckIn]) -> RecordedCheckIn | None:
    """Find what was answered to the same attempt before."""
    for check_in in known:
        proof = check_in.proofs.get(attempt.kind)
        if proof is not None and proof.nonce == attempt.nonce:
            return RecordedCheckIn(check_in, attempt.kind, proof)
    return None


@dataclass(frozen=True)
class _Visit:
    """One attempt with everything that decides it."""

    context: Context
    training_class: TrainingClass
    lesson: Lesson
    attempt: CheckInAttempt
    judgement: CheckInJudgement
    person_key: str

    @property
    def slot(self) -> str:
        """Give the place of what this attempt records."""
        return slot_of(self.lesson.id, self.person_key, call=self.judgement.call)

    def record(self, came: CheckIn | None) -> CheckIn:
        """Store the attempt and give what is recorded now, which may be another device's."""
        actor = self.context.principal.actor
        proof = CheckInProof(
            place=self.attempt.place,
            device_id=self.attempt.device_id,
            nonce=self.attempt.nonce,
            happened_at=self.attempt.happened_at,
            received_at=self.context.now,
            outcome=self.judgement.outcome,
            status=self.judgement.status if came is None else came.came.status,
            distance_m=self.judgement.distance_m,
            forwarded_by=actor if actor != self.person_key else None,
            late_uploaded=self.judgement.late_uploaded,
            offline=self.attempt.offline and not self.judgement.late_uploaded,
        )
        change = change_of(self.context, "check_in.write")
        if self.attempt.kind is CheckInKind.OUT:
            assert came is not None
            return store.record_going(msgspec.structs.replace(came, went=proof, **self._waiting()), change)
        first = CheckIn(
            class_id=self.training_class.id,
            slot=self.slot,
            enrolment_id=self.training_class.roster[self.person_key],
            came=proof,
            network=network_of(self.context, of=self.person_key),
        )
        return store.record_coming(msgspec.structs.replace(first, **self._waiting()), change)

    def _waiting(self) -> dict[str, Any]:
        """Give what puts a check-in on its city's list, if it needs review."""
        if self.judgement.outcome is CheckInOutcome.ACCEPTED:
            return {}
        return {
            "queue": queue_of(self.training_class.division),
            "queued_at": self.context.now,
            "division": self.training_class.division,
        }

    def refuse_repeat(self, first: CheckInProof) -> NoReturn:
        """Refuse an attempt because another one is recorded."""
        self.refuse("already_checked_in", received_at=format_moment(first.received_at))

    def refuse(self, code: str, **facts: Fact) -> NoReturn:
        """Keep a refused attempt as evidence, once however often it is sent, and refuse it."""
        sent = msgspec.json.encode([self.attempt, code]).decode()
        refused = RefusedCheckIn(
            lesson_id=self.lesson.id,
            id=f"{format_moment(self.attempt.happened_at)}#{derived_id('rci', self.person_key, sent)}",
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
            distance_m=self.judgement.distance_m,
            actor=self.context.principal.actor,
            offline=self.attempt.offline,
            enrolment_id=self.training_class.roster.get(self.person_key),
            network=network_of(self.context, of=self.person_key),
        )
        store.keep_refused(refused)
        raise error(code, faults=(), **{**self.judgement.facts, **facts})


# --------------------------------------------------------------------------- roll-calls


@dataclass(frozen=True)
class ShownRollCall:
    """A roll-call that has begun, and whether the caller answered it."""

    call: RollCall
    answered: bool


def show_roll_calls(context: Context, lesson_id: str) -> list[ShownRollCall]:
    """List a lesson's roll-calls to one who is on its roster: those that have begun, never a coming one."""
    training_class, lesson = require_lesson(context, "attendance.read_own", lesson_id)
    person_key = context.principal.person_key
    assert person_key is not None
    begun = [call for call in roll_calls_at(training_class, lesson) if call.opens_at <= context.now]
    slots = {call.number: slot_of(lesson.id, person_key, call=call.number) for call in begun}
    answers = store.check_ins_in(training_class.id, list(slots.values()))
    answered = {answer.slot for answer in answers}
    return [ShownRollCall(call, slots[call.number] in answered) for call in begun]
