"""Deciding on several things in one call: each by itself, under the same rules as one alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.kernel.errors import DomainError, Unavailable
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
    decisions: Sequence[Decision], decide: Callable[[Decision], Thing]
) -> list[DecisionResult[Decision, Thing]]:
    """Decide on several things in turn; what is refused stands in nobody's way."""
    return [_decide_one(decision, decide) for decision in decisions]


def _decide_one(decision: Decision, decide: Callable[[Decision], Thing]) -> DecisionResult[Decision, Thing]:
    try:
        with each_apart():
            thing = decide(decision)
    except DomainError as refusal:
        if isinstance(refusal, Unavailable):
            leave_unfinished()
        return DecisionResult(decision, None, refusal)
    return DecisionResult(decision, thing, None)
