"""Use cases of completion (step 9 of the notice)."""

from chalicelib.classes.completion import store as completion_store
from chalicelib.classes.evidence import evidence_of, undecided_in
from chalicelib.classes.model import also_prepared, why_not
from chalicelib.classes.service import require_class, require_version
from chalicelib.classes.showing.service import ShownClass, show_decided
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import refuse


def submit_completion(context: Context, class_id: str, *, version: int, comment: str | None) -> ShownClass:
    """Apply for completion once every lesson is over (step 9 of the notice).

    Raises:
        Refused: `lessons_open`, `roster_empty`, or the state; `decisions_open`, with every check-in, make-up
            and change that waits for the bureau.

    """
    training_class = require_class(context, "completion.submit", class_id)
    actor = context.principal.actor
    hands = context.principal.hands
    refuse(why_not("completion_submit", training_class, hands=hands, now=context.now, version=version))
    evidence = evidence_of(training_class, context.now)
    undecided = evidence.undecided
    refuse(why_not("completion_submit", training_class, hands=hands, now=context.now, undecided=undecided))
    change = change_of(context, "completion.submit", reason=comment)
    also = also_prepared(training_class, actor, completion_submitted_by=actor)
    head = completion_store.submit_completion(
        training_class.id, version=version, by=actor, also=also, change=change
    )
    return show_decided(training_class, head, evidence=evidence)


def approve_completion(context: Context, class_id: str, *, version: int, comment: str | None) -> ShownClass:
    """Approve that the class was taught, never on one's own application.

    Nothing is asked for below a class whose completion is applied for (`make_ups.store.ask`; check-ins are
    closed), so what is decided now stays so until the write.

    Raises:
        Forbidden: `self_approval`.
        Refused: the state, or `decisions_open`: something below was still to be decided.

    """
    training_class = require_version(context, "completion.approve", class_id, version)
    principal = context.principal
    hands = principal.hands
    refuse(why_not("completion_approve", training_class, hands=hands, now=context.now, version=version))
    undecided = undecided_in(training_class)
    refuse(why_not("completion_approve", training_class, hands=hands, now=context.now, undecided=undecided))
    change = change_of(context, "completion.approve", reason=comment)
    head = completion_store.approve_completion(
        training_class.id,
        version=version,
        by=principal.actor,
        hands=principal.hands,
        now=context.now,
        change=change,
    )
    return show_decided(training_class, head)


def return_completion(context: Context, class_id: str, *, version: int, reason: str) -> ShownClass:
    """Return the completion application with the reason."""
    training_class = require_version(context, "completion.return", class_id, version)
    hands = context.principal.hands
    refuse(why_not("completion_return", training_class, hands=hands, now=context.now, version=version))
    change = change_of(context, "completion.return", reason=reason)
    head = completion_store.return_completion(
        training_class.id, version=version, reason=reason, hands=hands, change=change
    )
    return show_decided(training_class, head)
