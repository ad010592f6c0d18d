"""Statements, repayments and the verification of the ledger."""

from typing import Any

import msgspec
import pytest

from chalicelib.kernel.principal import Role
from chalicelib.settlement.ledger import store
from tests.accounts.test_separation import moved
from tests.settlement.batches.test_batches import file_of
from tests.settlement.test_faults import before_each_call
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL, staff_principal

FEN = 180_000


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def paid(world: Any, money: Money) -> Any:
    batch = money.sealed(scored_class(world, 3))
    money.pay(batch)
    return batch


def take_back(money: Money, line_id: str) -> Any:
    path = f"/v1/claim-lines/{line_id}/reverse"
    money.ok(money.api("finance").post(path, {"reason": "重复发放"}, at=money.now))
    return money.ok(money.api("finance_two").post(f"{path}/confirm", {}, at=money.now))


def repay(money: Money, line_id: str, fen: int, reference: str = "R1", day: str = "2026-09-21") -> Any:
    """Enter a repayment as one officer and confirm it as another; gives the first refusal."""
    body = {"amount_fen": fen, "received_on": day, "bank_reference": reference}
    path = f"/v1/claim-lines/{line_id}/repayments"
    asked = money.api("finance").post(path, body, at=money.now)
    if asked.status >= 400 or asked.json["repayment_asked"] is None:
        return asked
    return money.api("finance_two").post(f"{path}/confirm", {}, at=money.now)


def differences(money: Money) -> list[tuple[str, str | None, str | None, int, int]]:
    differences, after = [], None
    while True:
        body = {"after": after} if after is not None else {}
        page = money.ok(money.api("finance").post("/v1/ledger/verify", body, at=money.now))
        differences += [tuple(difference.values()) for difference in page["differences"]]
        after = page["after"]
        if after is None:
            return differences


def test_repayments_come_in_parts_once_each_and_never_above(money: Money, paid: Any) -> None:
    line_id = money.batch(paid)["lines"][0]["line_id"]
    assert repay(money, line_id, 1).json["code"] == "wrong_state"
    done = take_back(money, line_id)
    assert (done["outstanding_fen"], done["allowed_actions"]) == (FEN, ["repay"])
    money.wait(1)  # what is posted at one moment has no order
    first = money.ok(repay(money, line_id, 100_000))
    assert money.ok(repay(money, line_id, 100_000)) == first
    assert first["outstanding_fen"] == 80_000
    assert repay(money, line_id, 100_001).json["code"] == "repayment_contradicts"
    over = repay(money, line_id, 80_001, "R2")
    assert (over.status, over.json["code"]) == (409, "repayment_exceeds")
    assert money.ok(repay(money, line_id, 80_000, "R2"))["allowed_actions"] == []
    account = f"/v1/ledger/accounts/receivable.3401.{HEFEI_SCHOOL}"
    shown = money.ok(money.api("finance").get(account))
    assert (shown["debit_fen"], shown["credit_fen"], shown["closing_fen"]) == (FEN, FEN, 0)
    assert [entry["event"] for entry in shown["items"]] == ["reversed", "repaid", "repaid"]
    assert len({entry["id"] for entry in shown["items"]}) == 3
    balance = money.balance()
    assert balance["debit_fen"] == balance["credit_fen"] == 3 * FEN + FEN + FEN
    assert differences(money) == []


def entered(money: Money, line_id: str, fen: int, reference: str = "R1", who: Any = "finance") -> Any:
    """Enter a repayment as one officer, and leave it there."""
    body = {"amount_fen": fen, "received_on": "2026-09-21", "bank_reference": reference}
    return money.api(who).post(f"/v1/claim-lines/{line_id}/repayments", body, at=money.now)


def test_a_repayment_is_booked_by_a_second_officer_and_changes_nothing_before(
    money: Money, paid: Any
) -> None:
    """One officer's word would let a debt go, and the money be spent a second time."""
    line_id = money.batch(paid)["lines"][0]["line_id"]
    take_back(money, line_id)
    budget, path = "/v1/budgets/3401/2026", f"/v1/claim-lines/{line_id}/repayments"
    before = money.ok(money.api("finance").get(budget))
    asked = money.ok(entered(money, line_id, 100_000))
    assert asked["repayment_asked"]["asked_by"] == staff_principal("finance").actor
    assert (asked["outstanding_fen"], asked["repayments"], asked["allowed_actions"]) == (
        FEN,
        [],
        ["cancel_repayment"],
    )
    assert money.ok(money.api("finance").get(budget)) == before
    assert money.ok(entered(money, line_id, 100_000)) == asked
    assert entered(money, line_id, 1, "R2").json["code"] == "repayment_already_asked"
    own = money.api("finance").post(f"{path}/confirm", {}, at=money.now)
    assert (own.status, own.json["code"]) == (403, "self_approval")
    reviewer = moved("reviewer", Role.FINANCE)
    hand = money.api(reviewer).post(f"{path}/confirm", {}, at=money.now)
    assert (hand.status, hand.json["code"]) == (403, "self_approval")
    booked = money.ok(money.api("finance_two").post(f"{path}/confirm", {}, at=money.now))
    assert (booked["outstanding_fen"], booked["repayment_asked"]) == (80_000, None)
    assert money.ok(money.api("finance_two").post(f"{path}/confirm", {}, at=money.now)) == booked
    after = money.ok(money.api("finance").get(budget))
    assert after["available_fen"] - before["available_fen"] == 100_000
    assert (
        money.api("finance").post(f"{path}/confirm", {}, at=money.now).json["code"] == "repayment_not_asked"
    )
    assert differences(money) == []


def test_an_entered_repayment_is_withdrawn_or_refused_with_a_reason(money: Money, paid: Any) -> None:
    line_id = money.batch(paid)["lines"][0]["line_id"]
    take_back(money, line_id)
    for who in ("finance", "finance_two"):
        asked = money.ok(entered(money, line_id, FEN))
        body = {"version": asked["version"], "reason": "银行无此笔入账"}
        path = f"/v1/claim-lines/{line_id}/repayments/cancel"
        cancelled = money.ok(money.api(who).post(path, body, at=money.now))
        assert (cancelled["repayment_asked"], cancelled["outstanding_fen"]) == (None, FEN)
    assert money.ok(repay(money, line_id, FEN))["outstanding_fen"] == 0


def test_an_entry_shows_the_banks_date_and_reference_beside_the_day_it_was_booked(
    money: Money, paid: Any
) -> None:
    line_id = money.batch(paid)["lines"][0]["line_id"]
    money.wait(1)
    take_back(money, line_id)
    money.wait(1)
    money.ok(repay(money, line_id, FEN, "R1", day="2026-09-22"))
    account = "/v1/ledger/accounts/treasury.3401"

    def shown() -> Any:
        items = money.ok(money.api("finance").get(account))["items"]
        return [
            (entry["event"], entry["posted_at"][:10], entry["paid_on"], entry["bank_reference"])
            for entry in items
        ]

    payments = [("paid", "2026-09-21", "2026-09-21", f"ref-{n:02d}") for n in (1, 2, 3)]
    assert shown() == [*payments, ("repaid", "2026-09-23", "2026-09-22", "R1")]
    first = next(group for group in store.groups_of("3401", after=None, limit=10) if len(group.postings) == 3)
    as_before = [list(msgspec.to_builtins(posting))[:4] for posting in first.postings]
    store.GroupRow("3401", first.id).update(actions=[store.GroupRow.postings.set(as_before)])
    assert [entry[2:] for entry in shown()[:3]] == [(None, None)] * 3, "rows of before have neither"


def test_a_repayment_received_after_today_is_refused(money: Money, paid: Any) -> None:
    line_id = money.batch(paid)["lines"][0]["line_id"]
    take_back(money, line_id)
    refused = repay(money, line_id, 1, day="2026-09-22")  # it is the 21st
    assert (refused.status, refused.json["code"]) == (422, "date_in_future")
    money.now = money.now.replace(hour=16, minute=0)  # midnight in Shanghai, the 21st still in UTC
    assert money.ok(repay(money, line_id, 1, day="2026-09-22"))["outstanding_fen"] == FEN - 1


def test_an_account_opens_where_the_day_before_closed(money: Money, paid: Any) -> None:
    line_id = money.batch(paid)["lines"][0]["line_id"]
    money.wait(10)
    take_back(money, line_id)
    account = f"/v1/ledger/accounts/institution.3401.{HEFEI_SCHOOL}"
    whole = money.ok(money.api("finance").get(account))
    assert (whole["opening_fen"], whole["closing_fen"]) == (0, 2 * FEN)
    later = money.ok(money.api("finance").get(account, {"from": "2026-09-25"}))
    assert (later["opening_fen"], later["closing_fen"], later["credit_fen"]) == (3 * FEN, 2 * FEN, FEN)
    earlier = money.ok(money.api("finance").get(account, {"to": "2026-09-24"}))
    assert (earlier["closing_fen"], len(earlier["items"])) == (3 * FEN, 3)
    page = money.ok(money.api("finance").get(account, {"limit": 2}))
    rest = money.ok(money.api("finance").get(account, {"limit": 2, "cursor": page["next"]}))
    assert [entry["id"] for entry in page["items"] + rest["items"]] == [
        entry["id"] for entry in whole["items"]
    ]


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"from": "0001-01-01"}, "from", "wrong_type"),
        ({"to": "9999-12-31"}, "to", "wrong_type"),
        ({"from": "2026-12-01", "to": "2026-11-30"}, "to", "period_reversed"),
    ],
)
def test_a_period_that_ends_before_it_begins_or_beyond_all_years_is_malformed(
    money: Money, query: dict[str, str], field: str, code: str
) -> None:
    answer = money.api("finance").get("/v1/ledger/accounts/treasury.3401", query)
    assert answer.status == 400
    assert [(fault["field"], fault["code"]) for fault in answer.json["errors"]] == [(field, code)]


def test_statements_open_and_close_and_agree_with_the_books(money: Money, paid: Any) -> None:
    take_back(money, money.batch(paid)["lines"][0]["line_id"])
    finance, school = money.api("finance"), money.api("institution")
    month = money.ok(finance.get("/v1/statements", {"period": "2026-09"}))
    assert month["paid_fen"] == 2 * FEN
    assert [
        (account["kind"], account["opening_fen"], account["closing_fen"]) for account in month["accounts"]
    ] == [
        ("institution", 0, 2 * FEN),
        ("receivable", 0, FEN),
    ]
    expense = [account for account in month["books"] if account["id"].startswith("subsidy_expense")]
    assert sum(account["debit_fen"] - account["credit_fen"] for account in expense) == month["paid_fen"]
    following = money.ok(finance.get("/v1/statements", {"period": "2026-10"}))
    assert [account["opening_fen"] for account in following["accounts"]] == [2 * FEN, FEN]
    own = money.ok(school.get("/v1/statements", {"period": "2026"}))
    assert own["accounts"] == month["accounts"]
    assert own["books"] == []
    text = school.get("/v1/statements", {"period": "2026", "format": "csv"}).text
    assert "期初余额" in text
    assert text.rstrip().endswith("1800.00")
    assert money.ok(finance.get("/v1/statements", {"period": "2026", "format": "xlsx"}))["url"]
    for query in ({"period": "2026-13"}, {"period": "26"}, {}):
        assert finance.get("/v1/statements", query).status == 400
    other = money.api("institution_wuhu").get(
        "/v1/statements", {"period": "2026", "institution": HEFEI_SCHOOL}
    )
    assert other.status == 404


def test_an_account_before_its_first_posting_shows_zeros(money: Money, paid: Any) -> None:
    finance = money.api("finance")
    before = money.ok(finance.get("/v1/ledger/accounts/treasury.3401", {"to": "2025-12-31"}))
    assert (before["opening_fen"], before["debit_fen"], before["credit_fen"], before["closing_fen"]) == (
        0,
    ) * 4
    assert before["items"] == []
    assert finance.get("/v1/ledger/accounts/treasury.3402", {"to": "2025-12-31"}).status == 404
    unused = f"/v1/ledger/accounts/receivable.3401.{HEFEI_SCHOOL}"
    assert finance.get(unused).status == 404, "nothing was ever posted to it"


def test_a_statement_as_a_workbook_has_amounts_that_add_up(money: Money, paid: Any) -> None:
    import io

    from openpyxl import load_workbook

    url = money.ok(money.api("finance").get("/v1/statements", {"period": "2026", "format": "xlsx"}))["url"]
    sheet = load_workbook(io.BytesIO(file_of({"url": url}))).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    debits = [row[6] for row in rows if row[4] == "本日发生"]
    assert sum(debits) == 3 * FEN / 100  # numbers, not texts: a clerk adds up columns


def test_the_province_sees_every_ledger_a_county_its_own_institutions(
    world: Any, money: Money, paid: Any
) -> None:
    whole = money.ok(money.api("province").get("/v1/statements", {"period": "2026"}))
    city = money.ok(money.api("finance").get("/v1/statements", {"period": "2026"}))
    assert [account["id"] for account in whole["accounts"]] == [account["id"] for account in city["accounts"]]
    assert whole["books"] == city["books"]
    county = moved("supervisor", Role.SUPERVISOR, "340111")
    own = money.ok(money.api(county).get("/v1/statements", {"period": "2026"}))
    assert own["accounts"] == city["accounts"]
    assert own["books"] == []
    other = moved("finance_two", Role.SUPERVISOR, "340103")
    assert money.ok(money.api(other).get("/v1/statements", {"period": "2026"}))["accounts"] == []


def test_an_institution_may_ask_for_one_ledger_and_gets_no_other(money: Money, paid: Any) -> None:
    school = money.api("institution")
    own = money.ok(school.get("/v1/statements", {"period": "2026", "division": "3401"}))
    assert [account["kind"] for account in own["accounts"]] == ["institution"]
    elsewhere = money.ok(school.get("/v1/statements", {"period": "2026", "division": "3402"}))
    assert (elsewhere["division"], elsewhere["accounts"]) == ("3402", [])
    assert school.get("/v1/statements", {"period": "2026", "division": "340111"}).status == 404


def test_a_statement_reads_all_its_institutions_at_once(money: Money, paid: Any) -> None:
    def calls() -> int:
        with before_each_call(lambda _: None) as counted:
            money.ok(money.api("finance").get("/v1/statements", {"period": "2026"}))
        return counted[0]

    few = calls()
    (known, *_) = store.summaries_with("3401", "institution.3401.")
    for number in range(30):
        account = f"institution.3401.9134010000000{number:05d}"
        other = msgspec.structs.replace(known, id=f"{account}#{known.id.partition('#')[2]}", account=account)
        store.SummaryRow.from_record(other).save()
    assert calls() == few


def test_money_cannot_come_back_before_it_was_paid(money: Money, paid: Any) -> None:
    line_id = money.batch(paid)["lines"][0]["line_id"]
    take_back(money, line_id)
    early = repay(money, line_id, 1, day="2026-09-20")
    assert (early.status, early.json["code"]) == (422, "repaid_before_payment")
    assert money.ok(repay(money, line_id, 1))["outstanding_fen"] == FEN - 1
