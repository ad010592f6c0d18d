"""What attendance and footage come to, for the decisions on a class that are made before this step."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from chalicelib.attendance.check_ins.model import CheckIn
from chalicelib.attendance.check_ins.store import check_ins_of, check_ins_waiting
from chalicelib.attendance.make_ups.model import MakeUp, MakeUpStatus
from chalicelib.attendance.make_ups.store import make_ups_of, make_ups_waiting
from chalicelib.attendance.summary.model import summarise
from chalicelib.attendance.summary.service import records_of_class
from chalicelib.aws.waiting import queue_of
from chalicelib.classes.evidence import ClassEvidence
from chalicelib.classes.model import RUNNING, ClassHead, TrainingClass
from chalicelib.kernel.closing import OpenDecision, Undecided
from chalicelib.kernel.ids import whole_of


def evidence_of(training_class: TrainingClass, now: datetime) -> ClassEvidence:
    """Compute a class's attendance and footage from its records, as of a moment."""
    records = records_of_class(training_class)
    summary = summarise(training_class, records, now=now)
    make_ups: Iterable[MakeUp] = records.make_ups.values()
    if not records.make_ups and training_class.status in RUNNING:  # later nothing waits any more
        make_ups = make_ups_of(training_class.id)
    return ClassEvidence(
        shares={trainee.enrolment_id: trainee.share for trainee in summary.trainees},
        coverage={lesson.lesson_id: lesson.coverage for lesson in summary.lessons},
        undecided=_undecided(records.check_ins.values(), make_ups),
    )


def undecided_in(training_class: TrainingClass) -> list[OpenDecision]:
    """Name the check-ins, make-ups and excuses of a class that wait for the bureau: two queries."""
    return _undecided(check_ins_of(training_class.id), make_ups_of(training_class.id))


def undecided_by_class(heads: Sequence[ClassHead]) -> dict[str, list[OpenDecision]]:
    """Name what waits in the evidence of each of some classes.

    Two queries for each list in which it may stand: what waits in a city bounds the cost, not what was
    recorded of the classes.
    """
    named: dict[str, list[OpenDecision]] = {head.id: [] for head in heads}
    for queue in sorted({queue_of(head.division) for head in heads}):
        check_ins, make_ups = check_ins_waiting(queue), make_ups_waiting(queue)
        if check_ins.after is not None or make_ups.after is not None:  # who knows what else waits there
            for head in heads:
                named[head.id].append(OpenDecision(Undecided.CHECK_IN, head.id))
        for decision in _undecided(check_ins.items, make_ups.items):
            class_id = whole_of("cls", decision.subject)[0]
            if class_id in named:
                named[class_id].append(decision)
    return named


def _undecided(check_ins: Iterable[CheckIn], make_ups: Iterable[MakeUp]) -> list[OpenDecision]:
    return [
        *(OpenDecision(Undecided.CHECK_IN, check_in.id) for check_in in check_ins if check_in.undecided),
        *(
            OpenDecision(Undecided.MAKE_UP, make_up.id)
            for make_up in make_ups
            if make_up.status is MakeUpStatus.REQUESTED
        ),
    ]
