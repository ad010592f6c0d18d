"""Deciding on several things in one call: each by itself, under the same rules as one alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.accounts.refusals.service import note_refused
from chalicelib.kernel.errors import DomainError, Forbidden, Unavailable
from chalicelib.kernel.principal import Context
from chalicelib.kernel.repeats import each_apart, leave_unfinished

Decision = TypeVar("Decision")
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class DecisionResult(Generic[Decision, Thing]):
    """What became of one decision: the thing as it is now, or why it was refused."""

    decision: Decision
    thing: Thing | None
    refusal: DomainError | None


def decide_each(
    context: Context,
    action: str,
    decisions: Sequence[Decision],
    decide: Callable[[Decision], Thing],
    *,
    subject: Callable[[Decision], str],
) -> list[DecisionResult[Decision, Thing]]:
    """Decide on several things in turn; what is refused stands in nobody's way.

    What is not the caller's to decide is kept, as where it is tried alone: `subject` names the thing.
    """

    def decide_one(decision: Decision) -> Thing:
        try:
            return decide(decision)
        except Forbidden as failure:
            note_refused(context, action, subject=subject(decision), failure=failure)
            raise

    return [_result_of(decision, decide_one) for decision in decisions]


def _result_of(decision: Decision, decide: Callable[[Decision], Thing]) -> DecisionResult[Decision, Thing]:
    try:
        with each_apart():
            thing = decide(decision)
    except DomainError as refusal:
        if isinstance(refusal, Unavailable):
            leave_unfinished()
        return DecisionResult(decision, None, refusal)
    return DecisionResult(decision, thing, None)
