"""Verification names every figure that is not what it stands for, and nothing else, whatever goes on meanwhile."""

from datetime import date
from typing import Any

import msgspec
import pytest

from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import batch_id_of
from chalicelib.settlement.jobs import seal_settlement
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import group_id_of
from chalicelib.settlement.verification import service as verification
from chalicelib.subsidies.budgets.store import BudgetRow
from chalicelib.subsidies.claims.model import Repayment
from chalicelib.subsidies.claims.store import ClaimRow, LineRow
from chalicelib.vouchers.store import VoucherRow
from tests.settlement.due import LINE_FEN, due_lines
from tests.settlement.ledger.test_ledger import FEN, differences, repay, take_back
from tests.settlement.test_faults import before_each_call
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def paid(world: Any, money: Money) -> Any:
    batch = money.sealed(scored_class(world, 3))
    money.pay(batch)
    return batch


def differences_now(money: Money) -> set[tuple[str, int, int]]:
    """Give kind, stored and expected figure of each difference; none is told twice."""
    all_found = [(kind, stored, expected) for kind, _, _, stored, expected in differences(money)]
    assert len(all_found) == len(set(all_found)), all_found
    return set(all_found)


def test_every_figure_that_is_tampered_with_is_named(money: Money, paid: Any) -> None:
    line_id = money.batch(paid)["lines"][1]["line_id"]
    line = LineRow.get(line_id)
    claim, batch = (
        ClaimRow.get("clm_" + line_id[4:].partition("-")[0]),
        batches_store.BatchRow.get(paid["id"]),
    )
    voucher = VoucherRow.get(line.voucher_id)
    budget = BudgetRow.get("bud_3401-2026", money.world.program_id)
    (group,) = list(store.GroupRow.query("3401"))
    treasury = next(
        summary for summary in store.SummaryRow.query("3401") if summary.account == "treasury.3401"
    )
    expense = next(
        summary for summary in store.SummaryRow.query("3401") if summary.account.startswith("subsidy_exp")
    )
    first = group.postings[0]
    cases: list[tuple[Any, str, Any, set[tuple[str, int, int]]]] = [
        (
            line,
            "amount_fen",
            5,
            {("posting_paid", FEN, 5), ("voucher_paid", FEN, 5), ("claim_amount", 3 * FEN, 2 * FEN + 5)},
        ),
        (
            line,
            "status",
            "batched",
            {
                ("posting_paid", FEN, 0),
                ("voucher_settled", 1, 0),
                ("voucher_paid", FEN, 0),
                ("batch_paid_count", 3, 2),
                ("claim_paid_count", 3, 2),
            },
        ),
        (line, "status", "reversed", {("posting_reversed", 0, FEN), ("voucher_reversed", 0, FEN)}),
        (line, "repayments", [Repayment("R9", 7, date(2026, 9, 21))], {("posting_repaid", 0, 7)}),
        (claim, "line_count", 4, {("claim_line_count", 4, 3)}),
        (claim, "amount_fen", 9, {("claim_amount", 9, 3 * FEN)}),
        (claim, "batched_count", 2, {("claim_batched_count", 2, 3)}),
        (claim, "paid_count", 2, {("claim_paid_count", 2, 3)}),
        (batch, "line_count", 4, {("batch_line_count", 4, 3)}),
        (batch, "amount_fen", 9, {("batch_amount", 9, 3 * FEN)}),
        (batch, "result_count", 2, {("batch_result_count", 2, 3)}),
        (batch, "paid_count", 2, {("batch_paid_count", 2, 3)}),
        (batch, "withdrawn_count", 1, {("batch_withdrawn_count", 1, 0)}),
        (voucher, "status", "redeemed", {("voucher_settled", 0, 1)}),
        (voucher, "paid_fen", 9, {("voucher_paid", 9, FEN)}),
        (voucher, "reversed_fen", 9, {("voucher_reversed", 9, 0)}),
        (voucher, "enrolment_id", "enr_other", {("voucher_settled", 0, 1), ("voucher_paid", 0, FEN)}),
        (
            budget,
            "spent_fen",
            7,
            {("budget_spent", 7, 3 * FEN), ("budget_parts", 100_000_000 - 3 * FEN + 7, 100_000_000)},
        ),
        (budget, "reserved_fen", 9, {("budget_reserved", 9, 0), ("budget_parts", 100_000_009, 100_000_000)}),
        (budget, "available_fen", 0, {("budget_parts", 3 * FEN, 100_000_000)}),
        (treasury, "credit_fen", 1, {("summary_credit", 1, 3 * FEN)}),
        (treasury, "debit_fen", 1, {("summary_debit", 1, 0)}),
        (expense, "debit_fen", 1, {("summary_debit", 1, 3 * FEN)}),
        (
            group,
            "postings",
            [[*first[:3], FEN + 1, *first[4:]], *group.postings[1:]],
            {
                ("posting_paid", FEN + 1, FEN),
                ("summary_debit", 3 * FEN, 3 * FEN + 1),
                ("summary_credit", 3 * FEN, 3 * FEN + 1),
                ("budget_spent", 3 * FEN, 3 * FEN + 1),
            },
        ),
    ]
    assert differences_now(money) == set()
    for row, figure, wrong, expected in cases:
        attribute, right = getattr(type(row), figure), getattr(row, figure)
        row.update(actions=[attribute.set(wrong)])
        named = {(kind, stored, should) for kind, _, _, stored, should in differences(money)}
        assert named == expected, (type(row).__name__, figure, wrong)
        row.update(actions=[attribute.set(right)])
    assert differences_now(money) == set()


def test_a_voucher_settled_by_a_line_that_never_was_paid_is_named(world: Any, money: Money) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 1))
    voucher = VoucherRow.get(money.read(claim)["lines"][0]["voucher_id"])
    voucher.update(actions=[VoucherRow.status.set("settled"), VoucherRow.paid_fen.set(FEN)])
    assert differences_now(money) == {("voucher_settled", 1, 0), ("voucher_paid", FEN, 0)}


def test_a_line_paid_although_its_voucher_was_gone_is_no_difference(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 2))
    line = LineRow.get(money.batch(batch)["lines"][0]["line_id"])
    VoucherRow(line.voucher_id).update(actions=[VoucherRow.status.set("revoked")])
    assert len(money.pay(batch)["flagged"]) == 1
    assert differences_now(money) == set()


def test_a_budget_of_which_nothing_was_ever_paid_is_verified_too(world: Any, money: Money) -> None:
    money.budget()
    row = BudgetRow("bud_3401-2026", world.program_id)
    row.update(actions=[BudgetRow.spent_fen.set(7)])
    assert differences_now(money) == {("budget_spent", 7, 0), ("budget_parts", 100_000_007, 100_000_000)}
    row.update(actions=[BudgetRow.spent_fen.set(0), BudgetRow.available_fen.set(1)])
    assert differences_now(money) == {("budget_parts", 1, 100_000_000)}


def test_summaries_of_no_posting_and_postings_without_summaries_are_named(money: Money, paid: Any) -> None:
    known = next(summary for summary in store.summaries_of("3401") if summary.account == "treasury.3401")
    row = store.SummaryRow.get("3401", known.id)
    row.delete()
    assert differences_now(money) == {("summary_credit", 0, 3 * FEN)}
    store.SummaryRow.from_record(known).save()
    other = msgspec.structs.replace(known, id=f"{known.id}z", debit_fen=4)
    store.SummaryRow.from_record(other).save()
    assert differences_now(money) == {("summary_debit", 4, 0), ("summary_credit", 3 * FEN, 0)}


def test_postings_of_no_batch_or_of_a_line_that_is_not_in_its_batch_are_named(
    money: Money, paid: Any
) -> None:
    (group,) = store.groups_of("3401", after=None, limit=10)
    row = store.GroupRow("3401", group.id)
    row.update(actions=[store.GroupRow.batch_id.set("bat_unknown")])
    assert [difference[0] for difference in differences(money)] == ["posting_without_batch"] * 3
    row.update(actions=[store.GroupRow.batch_id.set(group.batch_id)])
    first = group.postings[0]
    changed = [["lin_stranger", first.voucher_id, first.institution, FEN, None], *group.postings[1:]]
    row.update(actions=[store.GroupRow.postings.set(changed)])
    assert differences(money) == [
        ("posting_paid", None, first.line_id, 0, FEN),
        ("posting_without_line", None, "lin_stranger", FEN, 0),
    ]
    row.update(actions=[store.GroupRow.postings.set(group.postings)])
    for stray_id in ("grp_aaaa-stray", "grp_without", "grp_zzzz-stray"):
        stray = msgspec.structs.replace(group, id=stray_id, postings=[first])
        store.GroupRow.from_record(stray).save()
    found_now = differences(money)
    assert [difference[0] for difference in found_now] == ["posting_without_batch"] * 3 + ["budget_spent"]
    assert found_now[-1][3:] == (3 * FEN, 6 * FEN)


def test_a_batchs_postings_are_found_without_those_of_the_others(world: Any, money: Money, paid: Any) -> None:
    money.publicised(scored_class(world, 2))
    money.wait()
    other = money.seal()
    money.pay(other)
    line_id = money.batch(paid)["lines"][0]["line_id"]
    take_back(money, line_id)
    money.ok(repay(money, line_id, 1))
    events = {
        batch["id"]: sorted(group.event.value for group in store.groups_of_batch("3401", batch["id"]))
        for batch in (paid, other)
    }
    assert events == {paid["id"]: ["paid", "repaid", "reversed"], other["id"]: ["paid"]}
    assert differences(money) == []


def test_many_claims_are_verified_page_by_page(world: Any, money: Money) -> None:
    fen = due_lines(world, classes=25, size=2)
    pages: list[Any] = []
    after = None
    while not pages or after is not None:
        pages.append(verification.verify_page("3401", after, now=money.now))
        after = pages[-1].after
    assert [page.lines for page in pages] == [0, 0, 40, 10]
    assert [difference for page in pages for difference in page.differences] == []
    BudgetRow("bud_3401-2026", world.program_id).update(actions=[BudgetRow.reserved_fen.set(1)])
    assert ("budget_reserved", 1, fen) in differences_now(money)
    assert fen == 50 * LINE_FEN


def test_payments_that_come_in_while_a_page_is_read_are_no_differences(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 30))
    money.export(batch)
    waiting = [money.result(line) for line in money.batch(batch)["lines"]]

    def whole_run() -> list[Any]:
        page = verification.verify_page("3401", None, now=money.now)
        all_found = list(page.differences)
        while page.after is not None:
            page = verification.verify_page("3401", page.after, now=money.now)
            all_found += page.differences
        return all_found

    with before_each_call(lambda _: None) as calls:
        assert whole_run() == []
    for number in range(1, calls[0] + 1):
        sent: list[Any] = []

        def pay(call: int, number: int = number, sent: list[Any] = sent) -> None:
            if call == number and not sent and waiting:
                sent.append(waiting.pop())
                money.ok(money.send(batch, sent))

        with before_each_call(pay):
            assert whole_run() == [], f"a payment before call {number}"
    assert len(waiting) < 10
    assert whole_run() == []


def test_a_budget_that_changes_during_the_run_is_left_to_another_night(world: Any, money: Money) -> None:
    money.budget()
    row = BudgetRow("bud_3401-2026", world.program_id)
    row.update(actions=[BudgetRow.spent_fen.set(7)])
    begun = verification.verify_page("3401", None, now=money.now)
    row.update(actions=[BudgetRow.version.set(BudgetRow.version + 1)])
    page, all_found = begun, []
    while page.after is not None:
        page = verification.verify_page("3401", page.after, now=money.now)
        all_found += page.differences
    assert all_found == []
    assert differences_now(money) != set()


def test_a_verification_goes_on_only_from_a_cursor_of_its_own(world: Any, money: Money) -> None:
    first = money.ok(money.api("finance").post("/v1/ledger/verify", {}, at=money.now))
    for division, after in (("3401", "nonsense"), ("3402", first["after"])):
        answer = money.api("province").post("/v1/ledger/verify", {"division": division, "after": after})
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


def test_the_nightly_verification_goes_through_every_batch_and_fails_on_a_difference(
    world: Any, money: Money, paid: Any
) -> None:
    import app

    now = money.now.isoformat()
    assert app.verify_ledger({"now": now}, None) == {"divisions": 17}
    pages = 0
    while worked := world.cloud.work("settlement", app.seal_settlement):
        pages += worked
    assert pages == 17 * 3 + 1, "of each division strays, summaries and claims, and the one batch there is"
    budget, batch = BudgetRow("bud_3401-2026", world.program_id), batches_store.BatchRow(paid["id"])
    for row, tamper, mend in (
        (budget, BudgetRow.spent_fen.set(7), BudgetRow.spent_fen.set(3 * FEN)),
        (batch, batches_store.BatchRow.result_count.set(7), batches_store.BatchRow.result_count.set(3)),
    ):
        row.update(actions=[tamper])
        app.verify_ledger({"now": now}, None)
        _take_until_it_fails(world, money)
        row.update(actions=[mend])


def _take_until_it_fails(world: Any, money: Money) -> None:
    """Take one division's messages; only the last one fails, and nothing more is asked for."""
    from chalicelib.aws.queues import Message
    from chalicelib.kernel.principal import system_context

    night = system_context("seal_settlement", now=money.now, request_id="req_night")
    pages = 0
    while bodies := [body for body in world.cloud.messages("settlement") if body["division"] == "3401"]:
        (body,) = bodies
        message = Message(id="1", body=body, now=money.now)
        pages += 1
        if pages == 4:
            with pytest.raises(RuntimeError):
                seal_settlement(message, night)
        else:
            seal_settlement(message, night)
    assert pages == 4


def test_what_is_reserved_is_what_is_approved_and_not_yet_paid(world: Any, money: Money) -> None:
    first = money.sealed(scored_class(world, 4))
    waiting = money.publicised(scored_class(world, 2))
    money.claim(scored_class(world, 1))
    assert differences(money) == []
    money.pay(first, failing={0, 1})
    assert differences(money) == []
    failed = [line for line in money.batch(first)["lines"] if line["status"] == "payment_failed"]
    version = money.ok(money.api("finance").get(f"/v1/claim-lines/{failed[0]['line_id']}"))["version"]
    path = f"/v1/claim-lines/{failed[0]['line_id']}/reject"
    money.ok(money.api("reviewer").post(path, {"version": version, "reason": "账户已注销"}, at=money.now))
    take_back(money, money.batch(first)["lines"][3]["line_id"])
    assert differences(money) == []
    line_id = money.read(waiting)["lines"][0]["id"]
    LineRow(line_id).update(actions=[LineRow.status.set("rejected")])
    name = f"budget.3401.2026.{world.program_id}"
    assert differences(money) == [
        ("claim_line_count", waiting["id"], None, 2, 1),
        ("claim_amount", waiting["id"], None, 2 * FEN, FEN),
        ("budget_reserved", name, None, 3 * FEN, 2 * FEN),
    ]
    LineRow(line_id).update(actions=[LineRow.status.set("paid")])
    assert ("posting_paid", None, line_id, 0, FEN) in differences(money)


def test_a_claim_rejected_as_a_whole_is_no_difference(world: Any, money: Money) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 3))
    money.ok(money.decide("clerk", claim, "reject", reason="不符"))
    assert differences_now(money) == set()


def test_a_batch_that_the_division_never_made_hides_no_postings(money: Money, paid: Any) -> None:
    (group,) = store.GroupRow.query("3401")
    forged_id = batch_id_of("3401", 999)
    batch = msgspec.structs.replace(batches_store.BatchRow.get(paid["id"]).record, id=forged_id, number=999)
    batches_store.BatchRow.from_record(batch).save()
    forged = msgspec.structs.replace(
        group.record, id=group_id_of(forged_id, group.record.event, group.record.postings), batch_id=forged_id
    )
    for write in store.post_writes(forged):
        write.row.save()
    kinds = [kind for kind, *_ in differences(money)]
    assert kinds.count("posting_without_batch") == 3
