"""Who had the payment file of a batch enters no result of it: one person could pay by another, and say it was paid."""

from typing import Any

import pytest

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.settlement.batches import store
from chalicelib.settlement.batches.model import why_not
from chalicelib.settlement.results import booking, service
from chalicelib.settlement.results.model import PaymentResult
from chalicelib.subsidies.claims.model import BankOutcome
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def export(money: Money, batch: Any, who: str, form: str = "csv") -> Any:
    path = f"/v1/settlement-batches/{batch['id']}/export"
    return money.ok(money.api(who).post(path, {"format": form}, at=money.now))


def offered(money: Money, batch: Any, who: str) -> list[str]:
    shown = money.ok(money.api(who).get(f"/v1/settlement-batches/{batch['id']}", at=money.now))
    return list(shown["allowed_actions"])


def results_of(money: Money, batch: Any) -> list[Any]:
    return [money.result(line) for line in money.batch(batch)["lines"]]


def test_who_exported_a_batch_is_refused_its_results_and_another_enters_them(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 2))
    export(money, batch, "finance")
    results = results_of(money, batch)
    for dry_run in ("", "?dry_run=true"):
        path = f"/v1/settlement-batches/{batch['id']}/results{dry_run}"
        refused = money.api("finance").post(path, {"results": results}, at=money.now)
        assert (refused.status, refused.json["code"]) == (403, "exported_by_you")
        assert "另一名拨付人员" in refused.json["detail"]
    assert {line["status"] for line in money.batch(batch)["lines"]} == {"batched"}
    assert money.ok(money.send(batch, results, who="finance_two"))["applied"] == 2


def test_whoever_fetched_the_file_later_is_refused_as_well(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    export(money, batch, "finance")
    export(money, batch, "finance_two", "xlsx")
    for who in ("finance", "finance_two"):
        assert money.send(batch, results_of(money, batch), who=who).json["code"] == "exported_by_you"
    assert len(store.read_batch(batch["id"]).exported_by) == 2


def test_fetching_the_file_again_notes_nobody_twice(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    export(money, batch, "finance")
    before = store.read_batch(batch["id"])
    export(money, batch, "finance")
    assert store.read_batch(batch["id"]) == before


def test_what_is_refused_is_not_offered(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    export(money, batch, "finance")
    assert offered(money, batch, "finance") == ["export"]
    assert offered(money, batch, "finance_two") == ["export", "results"]


def test_a_batch_that_was_exported_before_exporters_were_noted_takes_results_of_anybody(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    export(money, batch, "finance")
    store.BatchRow(batch["id"]).update(actions=[store.BatchRow.exported_by.remove()])
    assert money.ok(money.send(batch, results_of(money, batch), who="finance"))["applied"] == 1


def test_a_tie_to_who_exported_counts_as_having_exported(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    export(money, batch, "finance")
    read = store.read_batch(batch["id"])
    (exporter,) = read.exported_by
    refusal = why_not("results", read, own_work=False, hands=frozenset({"acc_other", exporter}))
    assert refusal is not None
    assert refusal.code == "exported_by_you"


@pytest.mark.parametrize("outcome", ["paid", "failed"])
def test_who_fetches_the_file_while_they_enter_its_results_is_refused_by_the_write(
    money: Money, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """The check before has passed; the condition of the write is the truth."""
    batch = money.sealed(scored_class(money.world, 2))
    money.export(batch)
    results = [money.result(line, outcome) for line in money.batch(batch)["lines"]]
    book = booking.book

    def fetch_first(context: Context, *args: Any) -> Any:
        export(money, batch, "finance")
        return book(context, *args)

    monkeypatch.setattr(service, "book", fetch_first)
    refused = money.send(batch, results, who="finance")
    assert (refused.status, refused.json["code"]) == (403, "exported_by_you")
    assert {line["status"] for line in money.batch(batch)["lines"]} == {"batched"}


def test_who_had_the_file_does_not_enter_that_a_payment_came_back(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    money.pay(batch)
    (line,) = money.batch(batch)["lines"]
    returned = money.result(line, "returned")
    officer: Principal = staff_principal("finance_two")
    context = Context(principal=officer, now=money.now, request_id="req_test")
    row = PaymentResult(
        row=1,
        line_id=line["line_id"],
        outcome=BankOutcome.RETURNED,
        amount_fen=returned["amount_fen"],
        paid_on=None,
        bank_reference=None,
        reason="账号不符",
    )
    assert officer.role is Role.FINANCE
    with pytest.raises(DomainError) as refused:
        service.record_results(context, batch["id"], [row])
    assert refused.value.code == "exported_by_you"
