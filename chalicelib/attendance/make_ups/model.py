"""Make-ups (补课、补签) and excuses (请假): asked for by the institution, decided by the bureau.

A make-up counts as attended, and so towards payment, up to the policy's share of the class's hours: it names
its proof, and another person than who asks grants it. An excuse only tells an approved absence from another.

An example: a class of 40 lesson hours under the default `make_up_share_max` of 0.20. A trainee may make up 8
hours: one lesson of 8 is granted, a request for a second is refused (`make_up_limit`, 16 of 8).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.attendance.model import why_closed
from chalicelib.classes.model import ClassFacts, TrainingClass, own_work
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ClassId, LessonId, part_id, whole_of
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions


class MakeUpKind(StrEnum):
    """What is asked for."""

    MAKE_UP = "make_up"
    EXCUSE = "excuse"


class MakeUpStatus(StrEnum):
    """Where a request is."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"


_S = MakeUpStatus
MAKE_UP_TRANSITIONS: Transitions[MakeUpStatus] = Transitions(
    "make_up",
    {
        "request": Step((_S.REJECTED,), _S.REQUESTED),
        "approve": Step((_S.REQUESTED,), _S.APPROVED),
        "reject": Step((_S.REQUESTED,), _S.REJECTED),
    },
)


ACTION_RIGHTS: Mapping[str, str] = {"approve": "make_up.decide", "reject": "make_up.decide"}
"""What a bureau may do with a request, in the order in which it is offered, and the right that each needs."""


class MakeUp(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's request for one lesson; `evidence` says where the proof is kept.

    `queue` is set while it waits for a decision: the city's list of such requests.
    """

    class_id: ClassId
    slot: str
    enrolment_id: str
    division: str
    institution: str
    kind: MakeUpKind
    status: MakeUpStatus
    hours: int
    reason: str
    requested_by: str
    requested_at: datetime
    evidence: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    queue: str | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def id(self) -> str:
        """Give the id of this person's request for this lesson."""
        number, _, person_key = self.slot.partition("#")
        return part_id("mkp", self.class_id, f"{int(number):03d}{person_key.partition('_')[2]}")

    @property
    def lesson_id(self) -> LessonId:
        """Give the lesson."""
        return LessonId(part_id("les", self.class_id, self.slot.partition("#")[0]))

    @property
    def person_key(self) -> str:
        """Give the trainee."""
        return self.slot.partition("#")[2]


def make_up_key(make_up_id: str) -> tuple[str, str] | None:
    """Give the class and place that a request's id names; None if it is none."""
    class_id, name = whole_of("cls", make_up_id)
    number, person = name[:3], name[3:]
    if not make_up_id.startswith("mkp_") or not number.isdecimal() or not number.isascii() or not person:
        return None
    return class_id, f"{int(number):02d}#prs_{person}"


def hours_max(training_class: TrainingClass) -> int:
    """Give the lesson hours of a trainee that may be made up (policy `make_up_share_max`)."""
    return int(training_class.lesson_hours * training_class.policy.make_up_share_max)


def lacks_proof(kind: MakeUpKind, evidence: str | None) -> bool:
    """Tell whether a request would count as attended and does not say where its proof is kept."""
    return kind is MakeUpKind.MAKE_UP and not (evidence or "").strip()


def why_not(
    action: str, make_up: MakeUp, training_class: ClassFacts, *, hands: Hands, version: int | None = None
) -> DomainError | None:
    """Tell what stands against deciding on a request now; None if nothing does.

    The truth at the moment of writing is the condition of `store.decide`.
    """
    if version is not None and make_up.version != version:
        return error("version_conflict", version=make_up.version)
    if not MAKE_UP_TRANSITIONS.allows(action, make_up.status):
        return error("wrong_state", status=make_up.status.value)
    own = error("self_approval") if make_up.requested_by in hands else own_work(training_class, hands)
    unproved = action == "approve" and lacks_proof(make_up.kind, make_up.evidence)
    return why_closed(training_class) or own or (error("make_up_unproved") if unproved else None)
