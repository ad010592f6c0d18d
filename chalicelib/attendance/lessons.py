"""Lessons as attendance meets them: of a class that runs, and of nobody else."""

from chalicelib.accounts import rights
from chalicelib.classes.model import Lesson, TrainingClass, class_id_of
from chalicelib.classes.service import require_class
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error


def require_lesson(context: Context, action: str, lesson_id: str) -> tuple[TrainingClass, Lesson]:
    """Read a lesson, with its class, on which the caller may do this.

    Raises:
        Forbidden: the role may not.
        NotFound: there is none in the caller's area.

    """
    rights.admit(context.principal, action)
    if not is_id(lesson_id, "les"):
        raise error("not_found")
    training_class = require_class(context, action, class_id_of(lesson_id))
    lesson = training_class.lesson(lesson_id)
    if lesson is None:
        raise error("not_found")
    return training_class, lesson
