"""The chart of accounts, without any table."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from chalicelib.settlement.ledger.model import (
    Event,
    Period,
    Posting,
    PostingGroup,
    add_up,
    batch_of_group,
    division_of_account,
    entries_in,
    entry_id_of,
    expense_account,
    group_id_of,
    institution_account,
    is_memorandum,
    receivable_account,
    set_off_account,
    sides_of,
    summaries_of_group,
    treasury_account,
)


def test_the_chart_of_accounts_names_its_division() -> None:
    assert division_of_account(expense_account("3401", "prg_a")) == "3401"
    assert division_of_account(treasury_account("34")) == "34"
    for wrong in ("", "treasury", "treasury.3401.x", "subsidy_expense.3401", "other.3401.x", "treasury.x"):
        assert division_of_account(wrong) is None


AT = datetime(2026, 9, 30, 16, 30, tzinfo=UTC)
SCHOOL = "91340111MX0000027D"
SIDES = {
    Event.PAID: ("subsidy_expense", "treasury"),
    Event.RETURNED: ("treasury", "subsidy_expense"),
    Event.UNPAID: ("treasury", "subsidy_expense"),
    Event.SET_OFF: ("subsidy_expense", "set_off"),
    Event.SET_OFF_UNDONE: ("set_off", "subsidy_expense"),
    Event.REVERSED: ("receivable", "subsidy_expense"),
    Event.REPAID: ("treasury", "receivable"),
    Event.OFFSET: ("set_off", "receivable"),
    Event.OWED_AGAIN: ("receivable", "set_off"),
}
TOLD_BESIDE = {
    Event.PAID: (1, 0),
    Event.SET_OFF: (1, 0),
    Event.RETURNED: (0, 1),
    Event.UNPAID: (0, 1),
    Event.SET_OFF_UNDONE: (0, 1),
    Event.REVERSED: (0, 1),
}


def posting(line: str = "lin_a-01", fen: int = 180_000, **facts: Any) -> Posting:
    return Posting(line, "vch_a", SCHOOL, fen, **facts)  # type: ignore[arg-type]


def group(event: Event, *postings: Posting) -> PostingGroup:
    return PostingGroup(
        division="3401",
        id=group_id_of("bat_a", event, postings),
        event=event,
        program_id="prg_a",  # type: ignore[arg-type]
        budget_year=2026,
        batch_id="bat_a",
        posted_at=AT,
        postings=list(postings),
    )


@pytest.mark.parametrize("event", Event)
def test_each_event_debits_one_account_and_credits_another(event: Event) -> None:
    posted = group(event, posting(), posting("lin_a-02", 20_000))
    debited, credited = sides_of(posted, posted.postings[0])
    assert (debited.partition(".")[0], credited.partition(".")[0]) == SIDES[event]
    books = {
        name: sums for name, sums in add_up(summaries_of_group(posted)).items() if not is_memorandum(name)
    }
    assert {name: (sums.id, sums.debit_fen, sums.credit_fen) for name, sums in books.items()} == {
        debited: (debited, 200_000, 0),
        credited: (credited, 0, 200_000),
    }
    beside = add_up(summaries_of_group(posted)).get(institution_account("3401", SCHOOL))
    more, less = TOLD_BESIDE.get(event, (0, 0))
    told = (0, 0) if beside is None else (beside.debit_fen, beside.credit_fen)
    assert told == (200_000 * more, 200_000 * less)
    assert (beside is None) == (event not in TOLD_BESIDE)


def test_summaries_count_their_entries_and_add_up_over_groups() -> None:
    groups = [group(Event.PAID, posting(), posting("lin_a-02")), group(Event.REVERSED, posting(fen=50_000))]
    summaries = [summary for one in groups for summary in summaries_of_group(one)]
    assert [summary.entries for summary in summaries] == [2, 2, 2, 1, 1, 1]
    totals = add_up(summaries)
    expense = totals[expense_account("3401", "prg_a")]
    assert (expense.debit_fen, expense.credit_fen) == (360_000, 50_000)
    again = add_up([*summaries, *summaries])[expense.id]
    assert (again.debit_fen, again.credit_fen) == (720_000, 100_000)
    assert add_up([*summaries, *summaries])[treasury_account("3401")].credit_fen == 720_000
    first = summaries[0]
    assert first.id == f"{first.account}#2026-09-30T16:30:00.000000Z#{groups[0].id}"
    assert (first.division, first.group_id, first.posted_at) == ("3401", groups[0].id, AT)


def test_an_account_shows_its_postings_with_the_account_on_the_other_side() -> None:
    paid = group(Event.PAID, posting(reference="R1", paid_on=date(2026, 9, 30)), posting("lin_a-02", 20_000))
    expense, treasury = sides_of(paid, paid.postings[0])
    beside = institution_account("3401", SCHOOL)
    shown = {account: entries_in(paid, account) for account in (expense, treasury, beside, "treasury.3402")}
    assert [len(entries) for entries in shown.values()] == [2, 2, 2, 0]
    assert [(one.debit_fen, one.credit_fen) for one in shown[expense]] == [(180_000, 0), (20_000, 0)]
    assert [(one.debit_fen, one.credit_fen) for one in shown[treasury]] == [(0, 180_000), (0, 20_000)]
    counters = {account: {one.counter_account for one in entries} for account, entries in shown.items()}
    assert counters == {expense: {treasury}, treasury: {expense}, beside: {treasury}, "treasury.3402": set()}
    entry = shown[expense][0]
    assert (entry.id, entry.event, entry.line_id) == (
        entry_id_of(paid.postings[0], Event.PAID),
        Event.PAID,
        "lin_a-01",
    )
    assert (entry.batch_id, entry.bank_reference, entry.paid_on) == ("bat_a", "R1", date(2026, 9, 30))
    assert (entry.posted_at, entry.voucher_id, entry.institution) == (AT, "vch_a", SCHOOL)


def test_the_key_of_a_posting_is_its_line_and_event_and_what_can_come_twice() -> None:
    once = entry_id_of(posting(), Event.PAID)
    assert once == entry_id_of(posting(fen=1, reference="R9"), Event.PAID)
    assert once != entry_id_of(posting(at_version=3), Event.PAID)
    assert entry_id_of(posting(at_version=3), Event.PAID) != entry_id_of(posting(at_version=4), Event.PAID)
    repaid = [entry_id_of(posting(reference=text), Event.REPAID) for text in ("R1", "R2", None)]
    assert len(set(repaid)) == 3
    assert repaid[0] == entry_id_of(posting(reference="R1", at_version=7), Event.REPAID)
    assert repaid[2] == entry_id_of(posting(at_version=7), Event.REPAID)
    assert repaid[2].endswith("repaid")
    assert once.endswith("paid")
    assert group_id_of("bat_a", Event.PAID, [posting()]) != group_id_of("bat_b", Event.PAID, [posting()])
    assert group_id_of("bat_a", Event.PAID, [posting()]) != group_id_of("bat_a", Event.RETURNED, [posting()])
    assert batch_of_group(group_id_of("bat_a", Event.PAID, [posting()])) == "bat_a"
    assert batch_of_group("nonsense") == "bat_none"


def test_a_period_has_both_its_days_and_may_be_open() -> None:
    period = Period(date(2026, 9, 1), date(2026, 9, 30))
    assert period.starts() == datetime(2026, 8, 31, 16, tzinfo=UTC)
    assert period.ends() == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert (Period().starts(), Period().ends()) == (None, None)


def test_accounts_of_the_chart_are_known_and_memoranda_told_apart() -> None:
    assert division_of_account(receivable_account("3401", SCHOOL)) == "3401"
    assert division_of_account(set_off_account("3401", SCHOOL)) == "3401"
    assert division_of_account(institution_account("3401", SCHOOL)) == "3401"
    assert is_memorandum(institution_account("3401", SCHOOL))
    assert not is_memorandum(treasury_account("3401"))
