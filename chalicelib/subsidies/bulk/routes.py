"""The answer to several decisions in one call; each concept's routes add by what its things are known."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from chalicelib.edge.forms import Answer
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import sentence
from chalicelib.subsidies.bulk.service import Decision, DecisionResult, Thing

Status = TypeVar("Status")


class DecisionAnswer(Answer, Generic[Status]):
    """What became of one decision; `code` and `detail` say why it was refused."""

    applied: bool
    status: Status | None
    version: int | None
    code: str | None
    detail: str | None


Item = TypeVar("Item", bound=DecisionAnswer[Any])


class DecisionsAnswer(Answer, Generic[Item]):
    """What became of each decision, in the order they were sent."""

    applied: int
    refused: int
    results: list[Item]


def decisions_answer(
    answer: type[Item],
    results: Sequence[DecisionResult[Decision, Thing]],
    *,
    known_by: Sequence[str],
    status: Callable[[Thing], Any],
    english: bool,
) -> DecisionsAnswer[Item]:
    """Tell what became of each decision.

    `known_by` names the fields of a decision that say what it was about, `status` gives a thing's state as
    shown.
    """
    items = [
        answer(
            **{name: getattr(result.decision, name) for name in known_by},
            applied=result.refusal is None,
            status=status(result.thing) if result.thing is not None else None,
            version=getattr(result.thing, "version", None),
            code=result.refusal.code if result.refusal is not None else None,
            detail=_detail(result.refusal, english=english),
        )
        for result in results
    ]
    applied = sum(item.applied for item in items)
    return DecisionsAnswer(applied=applied, refused=len(items) - applied, results=items)


def _detail(refusal: DomainError | None, *, english: bool) -> str | None:
    return sentence(refusal.code, refusal.facts, english=english) if refusal is not None else None
