"""Use case of refused attempts: what staff try that is not theirs to do is kept, and so told to the audit."""

from chalicelib.accounts.refusals.store import keep_left_out, keep_refusal
from chalicelib.aws.logs import log_failure
from chalicelib.aws.table import StoreFailure
from chalicelib.kernel.errors import DomainError, Forbidden
from chalicelib.kernel.principal import BUREAU_ROLES, Context, Role, change_of

_STAFF = BUREAU_ROLES | {Role.INSTITUTION}


def note_refused(context: Context, action: str, *, subject: str, failure: Forbidden) -> None:
    """Keep one attempt, once; trainees, platform and public are told apart by their own evidence.

    The answer does not depend on it: a record that cannot be written is told by the log.
    """
    if context.principal.role not in _STAFF or failure.is_recorded:
        return
    change = change_of(context, f"{action}_refused", reason=failure.code)
    try:
        keep_refusal(subject, division=context.principal.division, code=failure.code, change=change)
    except (DomainError, *StoreFailure) as trouble:
        log_failure("refusal_not_kept", trouble, request_id=context.request_id, action=action)
        return
    failure.is_recorded = True


def note_left_out(context: Context, count: int) -> None:
    """Keep that so many attempts of a caller in this hour were not kept each; the same count is kept once."""
    if context.principal.role not in _STAFF:
        return
    change = change_of(context, "refused_attempt.leave_out", reason="too_many_requests")
    try:
        keep_left_out(
            context.principal.actor, division=context.principal.division, count=count, change=change
        )
    except (DomainError, *StoreFailure) as trouble:
        log_failure("refusal_not_kept", trouble, request_id=context.request_id, action="leave_out")
