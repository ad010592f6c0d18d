"""Sealing by hand: nothing is sealed that was not looked at, and nobody keeps the others out."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.subsidies.claims import store as claims
from chalicelib.supervision.evaluations import service as evaluations
from tests.subsidies.scored import Money, scored_class


def test_what_an_index_named_late_is_not_sealed_unseen(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The due are read twice, before the evaluation and after it; what only the second names was not looked at."""
    money = Money(world)
    money.budget()
    for size in (2, 1):
        money.publicised(scored_class(world, size))
    money.wait()
    seen: list[str] = []
    evaluate = evaluations.evaluate_class

    def watched(context: Any, class_id: str) -> Any:
        seen.append(class_id)
        return evaluate(context, class_id)

    monkeypatch.setattr(evaluations, "evaluate_class", watched)
    read, times = claims.due_claims, iter(range(100))

    def lagging(city: str, *, on: Any) -> Iterator[Any]:
        rows = list(read(city, on=on))
        return iter(rows[:1] if next(times) == 0 else rows)

    monkeypatch.setattr(claims, "due_claims", lagging)
    money.seal()
    batched = {row.record.class_id for row in claims.ClaimRow.scan() if row.record.batched_count}
    assert batched <= set(seen)


def test_claims_that_cannot_be_paid_do_not_keep_the_others_out(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty-five classes with a stopped line (or an objection, or a suspended school) stand first for ever."""
    monkeypatch.setattr(evaluations, "EVALUATED_IN_A_CALL_MAX", 2)
    money = Money(world)
    money.budget()
    for _ in range(2):
        claim = money.publicised(scored_class(world, 1))
        for line in money.read(claim)["lines"]:
            held = {"subject": {"kind": "line", "id": line["id"]}, "reason": "核查"}
            money.ok(money.api("finance").post("/v1/holds", held, at=money.now))
    money.wait(1)
    money.publicised(scored_class(world, 2))
    money.wait()
    sealed = [money.seal() for _ in range(3)]
    assert [batch["count"] for batch in sealed if batch] == [2]


def test_a_class_on_which_a_rule_failed_waits(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a rule fail on their class is paid by hand as if nothing had been found."""
    from chalicelib.supervision.rules.evaluation import Evaluation, Failure

    failed = Evaluation(findings=[], failures=[Failure(rule="x", about="cls_x", error="ValueError")])
    monkeypatch.setattr(evaluations, "findings_about_class", lambda *_: failed)
    money = Money(world)
    money.budget()
    money.publicised(scored_class(world, 2))
    money.wait()
    assert money.seal() is None
