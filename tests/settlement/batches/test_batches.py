"""Settlement: sealing, the payment file, results, the ledger, reversal."""

import csv
import hashlib
import io
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlparse

import msgspec
import pytest

from chalicelib.classes.service import read_class
from chalicelib.kernel.principal import system_context
from chalicelib.settlement.batches import sealing
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import next_batch
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.holds import store as hold_store
from chalicelib.vouchers.store import VoucherRow
from tests.settlement.evaluated import evaluated
from tests.subsidies.claims.test_claims import voucher_states
from tests.subsidies.scored import Money, codes, let_go, scored_class, wuhu_class


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def file_of(exported: Any) -> bytes:
    from chalicelib.aws.objects import read_object
    from chalicelib.aws.settings import settings

    key = unquote(urlparse(exported["url"]).path).split(f"{settings().intake_bucket}/")[1]
    raw = read_object(settings().intake_bucket, key)
    assert raw is not None
    return raw


def balanced(money: Money, expected_fen: int) -> None:
    balance = money.balance()
    assert balance["debit_fen"] == balance["credit_fen"]
    expense = [account for account in balance["accounts"] if account["id"].startswith("subsidy_expense")]
    assert sum(account["debit_fen"] - account["credit_fen"] for account in expense) == expected_fen
    budget = money.api("finance").get("/v1/budgets/3401/2026").json
    assert budget["spent_fen"] == expected_fen
    parts = ("available_fen", "reserved_fen", "spent_fen", "receivable_fen")
    assert sum(budget[part] for part in parts) == budget["appropriated_fen"]


# --------------------------------------------------------------------------- sealing


def test_nothing_is_due_while_publicity_runs(world: Any, money: Money) -> None:
    money.budget()
    money.publicised(scored_class(world, 2))
    money.now = world.now + timedelta(days=7)
    answer = world.api("finance").post("/v1/settlement-batches", {}, at=money.now)
    assert (answer.status, answer.json) == (200, {"items": []})
    money.now = world.now + timedelta(days=8)
    answer = world.api("finance").post("/v1/settlement-batches", {}, at=money.now)
    assert answer.status == 201


def test_a_batch_holds_every_due_line_of_the_division_and_no_other(world: Any, money: Money) -> None:
    money.budget(division="3402", who="finance_wuhu")
    money.publicised(wuhu_class(world), town="_wuhu")
    batch = money.sealed(scored_class(world, 3, failed={0}), scored_class(world, 2))
    assert batch["status"] == "sealed"
    assert batch["count"] == 4
    shown = money.batch(batch)
    assert shown["amount_fen"] == sum(line["amount_fen"] for line in shown["lines"])
    assert {line["status"] for line in shown["lines"]} == {"batched"}
    assert [line["line_id"] for line in shown["lines"]] == sorted(line["line_id"] for line in shown["lines"])
    assert money.seal() is None, "a line is in one batch only"
    assert money.seal(who="finance_wuhu")["count"] == 2
    assert world.api("finance_wuhu").get(f"/v1/settlement-batches/{batch['id']}").status == 404
    listed = money.ok(world.api("finance").get("/v1/settlement-batches"))
    assert [listed_batch["id"] for listed_batch in listed["items"]] == [batch["id"]]
    assert len(money.ok(world.api("province").get("/v1/settlement-batches"))["items"]) == 2


def test_a_batch_being_collected_takes_no_place_in_the_list(world: Any, money: Money) -> None:
    """It was left out after the page was cut: a page of one held nothing, and a cursor."""
    batch = money.sealed(scored_class(world, 1))
    opened_by_the_program_before(money)
    listed = money.ok(world.api("finance").get("/v1/settlement-batches", {"limit": 1}))
    assert [listed_batch["id"] for listed_batch in listed["items"]] == [batch["id"]]


def opened_by_the_program_before(money: Money, *, after: int = 1) -> Any:
    """Store a batch that was opened and got no line: programs before this one left such."""
    empty = msgspec.structs.replace(next_batch("3401", after=after, now=money.now), version=3)
    batches_store.BatchRow.from_record(empty).save()
    counter = batches_store.BatchCounter(division="3401", number=after + 1, version=after + 1)
    batches_store.CounterRow.from_record(counter).save()
    return empty


def test_an_index_that_still_names_what_was_batched_opens_no_batch(
    world: Any, money: Money, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It left a batch without a line, which each night opened anew, with a record that something was sealed."""
    money.sealed(scored_class(world, 2))
    (row,) = claims.ClaimRow.scan()
    late = msgspec.structs.replace(row.record, status=ClaimStatus.PUBLICISED, batched_count=0)
    monkeypatch.setattr(claims, "due_claims", lambda *_, **__: iter([late]))
    monkeypatch.setattr(claims, "lines_to_retry", lambda *_, **__: late.line_ids)
    before = [row.record for row in batches_store.BatchRow.scan()]
    for _ in range(2):
        assert money.seal() is None
    assert [row.record for row in batches_store.BatchRow.scan()] == before
    assert batches_store.CounterRow.find("3401").number == 1


def test_an_empty_batch_of_the_program_before_is_the_next_one(world: Any, money: Money) -> None:
    money.sealed(scored_class(world, 1))
    empty = opened_by_the_program_before(money)
    assert money.seal() is None
    assert batches_store.read_batch(empty.id) == empty, "nothing is written of what is not due"
    money.publicised(scored_class(world, 2))
    money.wait()
    batch = money.seal()
    assert (batch["id"], batch["number"], batch["count"], batch["version"]) == (empty.id, 2, 2, 5)
    assert batches_store.read_batch(empty.id).opened_at == money.now


def test_of_two_who_begin_a_batch_one_does_and_the_other_goes_on_with_it(world: Any, money: Money) -> None:
    money.budget()
    money.publicised(scored_class(world, 2))
    money.wait()
    division, now = "3401", money.now
    evaluated(now)
    context = system_context("settle_subsidies", now=now, request_id="req_night")
    seen = batches_store.newest_batch
    raced: list[Any] = []

    def read_and_race(name: str) -> Any:
        newest = seen(name)
        if not raced:
            raced.append(None)
            raced.append(sealing.seal_division(context, division))
        return newest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches_store, "newest_batch", read_and_race)
        mine = sealing.seal_division(context, division)
    assert mine is None, "the other has sealed what was due"
    assert raced[1].line_count == 2
    assert [row.number for row in batches_store.BatchRow.scan()] == [1]
    assert batches_store.CounterRow.find(division).number == 1


def test_the_nightly_job_seals_like_the_request(world: Any, money: Money) -> None:
    import app

    money.budget()
    money.publicised(scored_class(world, 2))
    money.wait()
    now = money.now.isoformat()
    assert app.settle_subsidies({"now": now}, None) == {"divisions": 17, "clocks": 19}
    evaluated(money.now)
    assert world.cloud.work("settlement", app.seal_settlement) == 17 + 19
    (batch,) = money.ok(world.api("finance").get("/v1/settlement-batches"))["items"]
    assert batch["count"] == 2
    app.settle_subsidies({"now": now}, None)
    world.cloud.work("settlement", app.seal_settlement)
    assert len(money.ok(world.api("finance").get("/v1/settlement-batches"))["items"]) == 1


def test_an_index_that_lags_brings_nothing_forward(world: Any, money: Money) -> None:
    """An entry of an earlier publicity may still be in the index when a claim is publicised again."""
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    row = claims.ClaimRow(claim["id"])
    row.update(actions=[claims.ClaimRow.due_on.set(f"2026-08-01#{claim['id']}")])
    assert money.seal() is None
    assert {line["status"] for line in money.read(claim)["lines"]} == {"pending"}


def test_a_batch_that_was_not_reserved_for_says_what_is_missing_and_waits(world: Any, money: Money) -> None:
    from chalicelib.subsidies.budgets.store import BudgetRow

    money.budget()
    claim = money.publicised(scored_class(world, 2))
    budget = BudgetRow("bud_3401-2026", world.program_id)
    budget.update(actions=[BudgetRow.reserved_fen.set(claim["amount_fen"] - 1)])  # somebody edited the table
    money.wait()
    for _ in range(2):
        refused = money.api("finance").post("/v1/settlement-batches", {}, at=money.now)
        assert (refused.status, refused.json["code"]) == (409, "budget_exhausted")
        assert "还差 0.01 元" in refused.json["detail"]
    assert money.ok(world.api("finance").get("/v1/settlement-batches"))["items"] == []
    budget.update(actions=[BudgetRow.reserved_fen.set(claim["amount_fen"])])
    batch = money.seal()
    assert (batch["number"], batch["count"], batch["amount_fen"]) == (1, 2, claim["amount_fen"])
    money.pay(batch)
    balanced(money, claim["amount_fen"])


def test_a_held_line_stays_out_until_its_hold_is_lifted(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    money.budget()
    claim = money.publicised(class_id)
    line_id = money.read(claim)["lines"][0]["id"]
    hold_store.place_hold(line_id, "stop:hld_a", world.change)
    money.wait()
    assert money.seal()["count"] == 1
    seen = money.read(claim)
    assert seen["status"] == "payable"
    assert [line["status"] for line in seen["lines"]] == ["held", "batched"]
    assert money.seal() is None
    let_go(line_id, "stop:hld_a", world.change)
    assert money.seal()["count"] == 1
    assert money.read(claim)["status"] == "batched"


def test_a_mocked_check_in_holds_the_line(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2, mocked={0})
    batch = money.sealed(class_id)
    assert batch["count"] == 1
    (_, paid) = money.read({"id": "clm_" + class_id[4:]})["lines"]
    assert money.batch(batch)["lines"][0]["line_id"] == paid["id"]


def test_a_voucher_of_a_scored_trainee_cannot_be_revoked_before_it_is_paid(world: Any, money: Money) -> None:
    """Why sealing need not read the vouchers again."""
    money.budget()
    class_id = scored_class(world, 2)
    line = money.read(money.publicised(class_id))["lines"][0]
    path = f"/v1/vouchers/{line['voucher_id']}/revoke"
    refused = world.api("clerk").post(path, {"version": 1, "reason": "错发"}, at=money.now)
    assert (refused.status, refused.json["code"]) == (409, "voucher_already_redeemed")
    for verb in ("release", "withdraw"):
        path = f"/v1/enrolments/{line['enrolment_id']}/{verb}"
        assert world.api("institution").post(path, {"reason": "退训"}, at=money.now).status == 409


def test_a_doubtful_line_whose_voucher_is_gone_is_not_batched(world: Any, money: Money) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    hold_store.place_hold(line["id"], "check:voucher_redeemed", world.change)
    VoucherRow(line["voucher_id"]).update(actions=[VoucherRow.status.set("revoked")])
    money.wait()
    assert money.seal()["count"] == 1
    assert codes(money.read(claim)["lines"][0]) == ["voucher_redeemed"]


# --------------------------------------------------------------------------- the payment file


def test_the_payment_file_is_what_was_sealed_however_often_and_whatever_changes(
    world: Any, money: Money
) -> None:
    from chalicelib.catalogue.institutions.store import InstitutionRow

    batch = money.sealed(scored_class(world, 2))
    assert batch["allowed_actions"] == ["export"]
    first = money.export(batch)
    InstitutionRow(money.batch(batch)["lines"][0]["institution"]).update(
        actions=[InstitutionRow.bank_holder.set("别的户名")]
    )
    raw = file_of(first)
    second = money.export(batch)
    assert file_of(second) == raw
    assert first["sha256"] == second["sha256"] == batch["digest"] == hashlib.sha256(raw).hexdigest()
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert list(rows[0]) == [
        "line_id",
        "institution",
        "account holder",
        "bank",
        "account number",
        "amount_fen",
        "program",
        "class",
    ]
    lines = money.batch(batch)["lines"]
    assert [(row["line_id"], int(row["amount_fen"])) for row in rows] == [
        (line["line_id"], line["amount_fen"]) for line in lines
    ]
    assert rows[0]["account number"].isdigit()
    assert first["count"] == len(rows)
    assert money.batch(batch)["status"] == "exported"


def test_a_line_that_bounced_is_paid_to_the_account_corrected_in_the_catalogue(
    world: Any, money: Money
) -> None:
    first = money.sealed(scored_class(world, 1))
    money.pay(first, failing={0})
    (sent,) = csv.DictReader(io.StringIO(file_of(money.export(first)).decode()))
    path = f"/v1/institutions/{sent['institution']}"
    shown = money.ok(money.api("clerk").get(path, at=money.now))
    names = ("name", "division", "address", "phone", "location", "programs", "projects")
    right = {"holder": "合肥市启明学校", "bank": "徽商银行合肥分行", "number": "6222020000000009993"}
    body = {name: shown[name] for name in names} | {"version": shown["version"], "bank_account": right}
    proposed = money.ok(money.api("clerk").put(path, body, at=money.now))["payees"][0]
    confirm = {"version": 1, "reason": "与开户许可证一致", "number": right["number"]}
    money.ok(money.api("finance").post(f"{path}/payee/{proposed['id']}/confirm", confirm, at=money.now))
    money.wait(3)
    money.release(first)
    assert money.seal() is None, "the account changed after the first review"
    (held,) = money.ok(money.api("finance_two").get("/v1/holds", at=money.now))["items"]
    release = {"version": held["version"], "reason": "已核对"}
    money.ok(money.api("finance_two").post(f"/v1/holds/{held['id']}/release", release, at=money.now))
    second = money.seal()
    (resent,) = csv.DictReader(io.StringIO(file_of(money.export(second)).decode()))
    assert resent["line_id"] == sent["line_id"]
    assert (resent["account holder"], resent["account number"]) == (right["holder"], right["number"])
    assert list(csv.DictReader(io.StringIO(file_of(money.export(first)).decode()))) == [sent]


def test_no_account_number_stands_in_a_row(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    number = next(csv.DictReader(io.StringIO(file_of(money.export(batch)).decode())))["account number"]
    for payee in batches_store.payees_of(batch["id"]).values():
        assert number not in str(payee)


# --------------------------------------------------------------------------- results


def test_paid_lines_settle_their_vouchers_and_close_the_class(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, failed={1})
    batch = money.sealed(class_id)
    assert money.pay(batch) == {"applied": 2, "refused": [], "flagged": [], "notices": []}
    assert money.batch(batch)["status"] == "closed"
    assert {line["status"] for line in money.batch(batch)["lines"]} == {"paid"}
    assert voucher_states(class_id) == ["closed", "settled", "settled"]
    assert read_class(class_id).status == "closed"
    assert money.read({"id": "clm_" + class_id[4:]})["status"] == "paid"
    balanced(money, batch["amount_fen"])


def test_results_before_the_export_are_refused(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    line = money.batch(batch)["lines"][0]
    answer = money.send(batch, [money.result(line)])
    assert (answer.status, answer.json["code"]) == (409, "not_exported")


def test_right_rows_are_applied_once_and_wrong_rows_are_named(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 4))
    money.export(batch)
    one, two, three, _ = money.batch(batch)["lines"]
    rows = [
        money.result(one),
        money.result(two, amount_fen=two["amount_fen"] - 1),
        {**money.result(three), "line_id": "lin_unknown-01"},
        money.result(one),
        money.result(three, "failed"),
        money.result(one, "failed"),
    ]
    first = money.ok(money.send(batch, rows))
    assert first["applied"] == 2
    assert [(row["row"], row["code"]) for row in first["refused"]] == [
        (2, "amount_differs"),
        (3, "line_unknown"),
        (4, "result_repeated"),
        (6, "result_contradicts"),
    ]
    balanced(money, one["amount_fen"])
    again = money.ok(money.send(batch, rows))
    assert again == first
    balanced(money, one["amount_fen"])
    assert money.batch(batch)["result_count"] == 2
    contradicting = money.ok(money.send(batch, [money.result(one, bank_reference="another")]))
    assert contradicting["refused"][0]["code"] == "result_contradicts"


def test_a_line_reported_twice_in_one_file_counts_once_and_its_second_row_is_refused_and_kept(
    world: Any, money: Money
) -> None:
    batch = money.sealed(scored_class(world, 3))
    money.export(batch)
    one, two, three = money.batch(batch)["lines"]
    bounced = money.result(two, "failed")
    rows = [
        money.result(one),
        bounced,
        money.result(one),
        bounced | {"reason": "又一次"},
        money.result(three, amount_fen=1),
        money.result(three, amount_fen=1),
    ]
    first = money.ok(money.send(batch, rows))
    assert first["applied"] == 2
    assert [(row["row"], row["code"]) for row in first["refused"]] == [
        (3, "result_repeated"),
        (4, "result_repeated"),
        (5, "amount_differs"),
        (6, "result_repeated"),
    ]
    assert "第 1 行" in first["refused"][0]["detail"]
    assert money.ok(money.send(batch, rows)) == first, "the whole file again gets the same answer"
    assert money.ok(money.send(batch, rows[:2]))["applied"] == 2, "known from an earlier file is no mistake"
    kept = money.ok(money.api("finance").get(f"/v1/settlement-batches/{batch['id']}/results"))["items"]
    assert sorted((row["row"], row["code"]) for row in kept) == [
        (row["row"], row["code"]) for row in first["refused"]
    ]
    assert (money.batch(batch)["result_count"], money.batch(batch)["paid_count"]) == (2, 1)
    balanced(money, one["amount_fen"])


def test_lines_of_another_batch_are_unknown(world: Any, money: Money) -> None:
    first = money.sealed(scored_class(world, 1))
    money.publicised(scored_class(world, 1))
    money.wait()
    second = money.seal()
    money.export(first)
    other = money.batch(second)["lines"][0]
    answer = money.ok(money.send(first, [money.result(other)]))
    assert answer["refused"][0]["code"] == "line_unknown"
    assert money.send(first, [money.result(other)], who="finance_wuhu").status == 404


@pytest.mark.parametrize(
    ("day", "code"),
    [
        ("2026-09-20", "paid_before_sealing"),
        ("2026-09-21", None),
        ("2026-09-22", None),
        ("2026-09-23", "date_in_future"),
    ],
)
def test_the_banks_date_lies_between_sealing_and_today(money: Money, day: str, code: str | None) -> None:
    batch = money.sealed(scored_class(money.world, 1))  # on the 21st
    money.now = money.now.replace(hour=16, minute=0)  # midnight in Shanghai: the 22nd has begun
    money.export(batch)
    (line,) = money.batch(batch)["lines"]
    answer = money.ok(money.send(batch, [money.result(line, paid_on=day)]))
    assert [row["code"] for row in answer["refused"]] == ([code] if code else [])
    assert money.batch(batch)["paid_count"] == (code is None)


def test_an_account_number_in_the_banks_reason_is_masked_before_it_is_stored(
    world: Any, money: Money
) -> None:
    batch = money.sealed(scored_class(world, 1))
    money.export(batch)
    (line,) = money.batch(batch)["lines"]
    money.ok(money.send(batch, [money.result(line, "failed", reason="账号 6222 0200 0000 0009 993 不存在")]))
    shown = money.ok(money.api("finance").get(f"/v1/claim-lines/{line['line_id']}"))
    assert [attempt["reason"] for attempt in shown["attempts"]] == ["账号 ***************9993 不存在"]
    assert "0009 993" not in str(claims.LineRow.get(line["line_id"]).attribute_values)


def test_a_line_shows_every_try_of_its_payment(world: Any, money: Money) -> None:
    first = money.sealed(scored_class(world, 1))
    money.pay(first, failing={0})
    money.release(first)
    second = money.seal()
    money.pay(second)
    (line,) = money.batch(second)["lines"]
    shown = money.ok(money.api("finance").get(f"/v1/claim-lines/{line['line_id']}"))
    fen = line["amount_fen"]
    failed, paid = shown["attempts"]
    assert failed == {
        "batch_id": first["id"],
        "status": "payment_failed",
        "amount_fen": fen,
        "set_off_fen": 0,
        "paid_on": None,
        "bank_reference": None,
        "reason": "账号不符",
        "corrected": False,
    }
    assert (paid["batch_id"], paid["status"], paid["paid_on"]) == (second["id"], "paid", "2026-09-21")
    assert paid["bank_reference"].startswith("ref-")


def test_a_failed_line_joins_the_next_batch_and_both_close_when_it_is_paid(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3)
    first = money.sealed(class_id)
    money.pay(first, failing={0})
    shown = money.batch(first)
    assert shown["status"] == "reconciled"
    assert sorted(line["status"] for line in shown["lines"]) == ["paid", "paid", "payment_failed"]
    assert read_class(class_id).status == "claimed"
    balanced(money, 2 * shown["lines"][0]["amount_fen"])
    assert money.seal() is None, "nobody has released it"
    money.release(first)
    second = money.seal()
    assert second["count"] == 1
    assert money.seal() is None
    assert money.batch(first)["lines"][0]["status"] == "payment_failed"
    money.pay(second)
    assert money.batch(second)["status"] == "closed"
    assert money.batch(first)["status"] == "closed"
    assert read_class(class_id).status == "closed"
    assert voucher_states(class_id) == ["settled"] * 3
    balanced(money, first["amount_fen"])


def test_a_batch_of_many_lines_settles_in_groups(world: Any, money: Money) -> None:
    sizes = (30, 12, 3)
    class_ids = [scored_class(world, size) for size in sizes]
    batch = money.sealed(*class_ids)
    assert batch["count"] == sum(sizes)
    assert money.pay(batch, failing={3})["applied"] == sum(sizes)
    assert money.batch(batch)["status"] == "reconciled"
    money.release(batch)
    money.pay(money.seal())
    assert {read_class(class_id).status for class_id in class_ids} == {"closed"}
    assert money.batch(batch)["status"] == "closed"
    balanced(money, batch["amount_fen"])


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"line_id": "lin_x-01", "status": "maybe", "amount_fen": 1},
        {"line_id": "lin_x-01", "status": "paid", "amount_fen": 1},
        {"line_id": "lin_x-01", "status": "failed", "amount_fen": -1},
        {"line_id": "lin_x-01", "status": "failed", "amount_fen": 10**30},
        {"line_id": "x" * 500, "status": "failed", "amount_fen": 1},
        {"line_id": "lin_x-01", "status": "failed", "amount_fen": 1, "sum": 2},
    ],
)
def test_malformed_results_are_400(world: Any, money: Money, row: dict[str, Any]) -> None:
    assert money.send({"id": "bat_x"}, [row]).status == 400


# --------------------------------------------------------------------------- reversal and ledger


def test_a_reversal_takes_two_officers_and_reverses_everything_once(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch)
    line = money.batch(batch)["lines"][0]
    path = f"/v1/claim-lines/{line['line_id']}/reverse"
    finance, other = world.api("finance"), world.api("finance_two")
    early = other.post(f"{path}/confirm", {}, at=money.now)
    assert (early.status, early.json["code"]) == (409, "reversal_not_asked")
    asked = money.ok(finance.post(path, {"reason": "重复发放"}, at=money.now))
    assert asked["status"] == "paid"
    assert asked["allowed_actions"] == ["cancel_reversal"]
    assert money.ok(finance.post(path, {"reason": "重复发放"}, at=money.now)) == asked
    own = finance.post(f"{path}/confirm", {}, at=money.now)
    assert (own.status, own.json["code"]) == (403, "self_approval")
    assert other.post(path, {"reason": "别的"}, at=money.now).json["code"] == "reversal_already_asked"
    assert world.api("finance_wuhu").post(f"{path}/confirm", {}, at=money.now).status == 404
    done = money.ok(other.post(f"{path}/confirm", {}, at=money.now))
    assert done["status"] == "reversed"
    assert money.ok(other.post(f"{path}/confirm", {}, at=money.now)) == done
    balanced(money, batch["amount_fen"] - line["amount_fen"])
    voucher = VoucherRow.get(done["voucher_id"])
    assert voucher.status == "settled"
    assert voucher.reversed_fen == line["amount_fen"]


def test_an_unpaid_line_cannot_be_reversed(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    line = money.batch(batch)["lines"][0]
    path = f"/v1/claim-lines/{line['line_id']}/reverse"
    answer = world.api("finance").post(path, {"reason": "r"}, at=money.now)
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")
    assert world.api("finance").post("/v1/claim-lines/lin_none-01/reverse", {"reason": "r"}).status == 404


def test_the_trial_balance_and_the_statements_agree(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 3))
    money.pay(batch)
    balance = money.balance()
    assert balance["debit_fen"] == balance["credit_fen"] == batch["amount_fen"]
    for account in balance["accounts"]:
        statement = money.ok(world.api("finance").get(f"/v1/ledger/accounts/{account['id']}", {"limit": 2}))
        items = statement["items"]
        rest = {"limit": 2, "cursor": statement["next"]}
        items += money.ok(world.api("finance").get(f"/v1/ledger/accounts/{account['id']}", rest))["items"]
        assert len(items) == 3
        assert sum(entry["debit_fen"] for entry in items) == account["debit_fen"]
        assert sum(entry["credit_fen"] for entry in items) == account["credit_fen"]
    assert money.balance(who="province")["debit_fen"] == balance["debit_fen"]
    assert money.balance(who="finance_wuhu")["accounts"] == []
    treasury = world.api("finance_wuhu").get("/v1/ledger/accounts/treasury.3401")
    assert treasury.status == 404
    assert world.api("finance").get("/v1/ledger/accounts/nonsense").status == 404
    assert world.api("finance").get("/v1/ledger/trial-balance", {"division": "34"}).status == 404


def test_budgets_are_entered_changed_and_never_cut_below_what_is_promised(world: Any, money: Money) -> None:
    finance = world.api("finance")
    path = "/v1/budgets/3401/2026"
    body = {"program_id": world.program_id, "appropriated_fen": 1_000_000}
    assert finance.get(path).status == 404
    first = money.ok(finance.put(path, body))
    assert money.ok(finance.put(path, body)) == first
    unversioned = finance.put(path, {**body, "appropriated_fen": 2})
    assert (unversioned.status, unversioned.json["code"]) == (409, "version_conflict")
    claim = money.publicised(scored_class(world, 1))
    now = money.ok(finance.get(path, {"program_id": world.program_id}))
    cut = finance.put(path, {**body, "appropriated_fen": claim["amount_fen"] - 1, "version": now["version"]})
    assert (cut.status, cut.json["code"]) == (409, "budget_exhausted")
    just = money.ok(
        finance.put(path, {**body, "appropriated_fen": claim["amount_fen"], "version": now["version"]})
    )
    assert just["available_fen"] == 0
    assert finance.put("/v1/budgets/3402/2026", body).status == 404
    assert finance.put("/v1/budgets/340111/2026", body).status == 404
    assert finance.put("/v1/budgets/3401/20x6", body).status == 400
    assert finance.put(path, {**body, "program_id": "prg_none"}).status == 400
    assert finance.put(path, {**body, "appropriated_fen": -1}).status == 400
    assert world.api("clerk").put(path, body).status == 403
