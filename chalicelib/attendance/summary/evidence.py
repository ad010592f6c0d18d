"""What attendance and footage come to, for the decisions on a class that are made before this step."""

from datetime import datetime

from chalicelib.attendance.summary.service import attendance_of
from chalicelib.classes.evidence import ClassEvidence
from chalicelib.classes.model import TrainingClass


def evidence_of(training_class: TrainingClass, now: datetime) -> ClassEvidence:
    """Compute a class's attendance and footage from its records, as of a moment."""
    summary = attendance_of(training_class, now=now)
    return ClassEvidence(
        shares={trainee.enrolment_id: trainee.share for trainee in summary.trainees},
        coverage={lesson.lesson_id: lesson.coverage for lesson in summary.lessons},
    )
