"""Writes that end a class: marks, subsidy claim, closing."""

from datetime import date

from chalicelib.aws.writes import Put, Update
from chalicelib.classes.marks import ScoreSheet, claim_deadline
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    TrainingClass,
    also_prepared,
    sources_of,
)
from chalicelib.classes.store import (
    ANY_STATE,
    HEAD,
    SCORES,
    ClassRow,
    also_prepared_action,
    head_update,
    told_by,
    transact_under_head,
)
from chalicelib.enrolments import store as enrolments
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.principal import Change


def record_scores(training_class: TrainingClass, sheet: ScoreSheet, *, version: int, change: Change) -> None:
    """Record the marks of all trainees and the class as scored, in one transaction; each sheet is kept."""
    assert training_class.completion_approved_at is not None
    deadline = claim_deadline(training_class.completion_approved_at, training_class.policy)
    sources = sources_of("scores")
    passed = sum(mark.passed for mark in sheet.marks)
    head = head_update(
        training_class.id,
        [
            ClassRow.status.set(str(CLASS_TRANSITIONS.target("scores"))),
            ClassRow.scored_by.set(sheet.scored_by),
            ClassRow.scored_at.set(sheet.scored_at),
            also_prepared_action(also_prepared(training_class, sheet.scored_by, scored_by=sheet.scored_by)),
            ClassRow.passed.set(passed),
            ClassRow.failed.set(len(sheet.marks) - passed),
            ClassRow.claim_city.set(group_of(training_class.division)),
            ClassRow.claim_by.set(deadline),
            ClassRow.queued_at.set(change.at),
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
        for mark in sheet.marks
    ]
    kept = Put(ClassRow.from_record(sheet), ANY_STATE)
    transact_under_head([head, kept, *scores], sources=sources, version=version, change=told_by(HEAD, change))


def score_sheets(class_id: str) -> list[ScoreSheet]:
    """List every recording of a class's marks, oldest first: one query."""
    rows = ClassRow.query(class_id, ClassRow.part.startswith(SCORES), consistent_read=True)
    return [row.record for row in rows]


def sheet_part(version: int) -> str:
    """Name the part that holds the marks which made this version of the class."""
    return f"{SCORES}{version:08d}"


def classes_unclaimed(group: str, *, before: date, limit: int) -> list[str]:
    """Give the ids of scored classes whose last day of claiming is over, the oldest first.

    `group` is that under which classes are listed, see `kernel.divisions.group_of`.
    """
    rows = ClassRow.by_claim_deadline.query(group, ClassRow.claim_by < before, limit=limit)
    return [row.id for row in rows]


def lapse_write(class_id: str, *, version: int | None) -> Update:
    """Record that nothing is paid for a scored class: nobody is payable, or nobody claimed in time."""
    return _end_of_scored(class_id, "lapse", version=version)


def claim_write(class_id: str, *, version: int) -> Update:
    """Record that the subsidy of a scored class is claimed."""
    return _end_of_scored(class_id, "claim", version=version)


def _end_of_scored(class_id: str, action: str, *, version: int | None) -> Update:
    return head_update(
        class_id,
        [
            ClassRow.status.set(str(CLASS_TRANSITIONS.target(action))),
            ClassRow.claim_city.remove(),
            ClassRow.claim_by.remove(),
            ClassRow.queued_at.remove(),
        ],
        sources=CLASS_TRANSITIONS.sources(action),
        version=version,
    )


def close_write(class_id: str) -> Update:
    """Record that nothing is left to be paid for a class."""
    return head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target("close")))],
        sources=CLASS_TRANSITIONS.sources("close"),
        version=None,
    )
