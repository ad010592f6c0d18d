"""Use cases of completion (step 9 of the notice)."""

from chalicelib.classes.applications.service import refuse_own_work, require_step
from chalicelib.classes.completion import store as completion_store
from chalicelib.classes.model import (
    also_prepared,
    last_lesson_ends_at,
)
from chalicelib.classes.service import (
    Shown,
    require_class,
    require_version,
    shown_decided,
)
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error

# --------------------------------------------------------------------------- completion


def submit_completion(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Apply for completion once every lesson is over (step 9 of the notice).

    Raises:
        Refused: `lessons_open`, `roster_empty`, or the state.

    """
    found = require_class(context, "completion.submit", class_id)
    require_step(found, "completion_submit", version)
    ends_at = last_lesson_ends_at(found.lessons)
    if ends_at > context.now:
        raise error("lessons_open", ends_at=format_moment(ends_at))
    if not found.roster:
        raise error("roster_empty")
    change = change_of(context, "completion.submit", reason=comment)
    actor = context.principal.actor
    also = also_prepared(found, actor, completion_submitted_by=actor)
    head = completion_store.submit_completion(found.id, version=version, by=actor, also=also, change=change)
    return shown_decided(context, found, head, with_evidence=True)


def approve_completion(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Approve that the class was taught, never on one's own application."""
    found = require_version(context, "completion.approve", class_id, version)
    require_step(found, "completion_approve", version)
    refuse_own_work(context, found)
    change = change_of(context, "completion.approve", reason=comment)
    head = completion_store.approve_completion(
        found.id, version=version, by=context.principal.actor, now=context.now, change=change
    )
    return shown_decided(context, found, head)


def return_completion(context: Context, class_id: str, *, version: int, reason: str) -> Shown:
    """Return the completion application with the reason."""
    found = require_version(context, "completion.return", class_id, version)
    require_step(found, "completion_return", version)
    refuse_own_work(context, found)
    change = change_of(context, "completion.return", reason=reason)
    head = completion_store.return_completion(
        found.id, version=version, reason=reason, by=context.principal.actor, change=change
    )
    return shown_decided(context, found, head)
