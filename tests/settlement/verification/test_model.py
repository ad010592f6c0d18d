"""What verification compares, without any table: which figures are told, and that right ones are not."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.settlement.batches.model import Batch, BatchStatus, Member
from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, Summary, summaries_of_group
from chalicelib.settlement.verification.model import (
    Difference,
    Progress,
    Stage,
    against_lines,
    against_members,
    against_postings,
    against_summary,
    against_sums,
    against_vouchers,
    misplaced,
    more_posted,
    more_reserved,
    open_set_offs,
    posted_by_line,
    without_batch,
)
from chalicelib.subsidies.budgets.model import Budget
from chalicelib.subsidies.claims.model import (
    BankOutcome,
    Line,
    PaymentAttempt,
    Repayment,
    SetOff,
)
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.vouchers.model import VoucherStatus
from tests.settlement.lines import SCHOOL, paid_line
from tests.subsidies.claims.test_each_rule import a_claim
from tests.vouchers.test_model import a_voucher

FEN = 180_000
AT = datetime(2026, 9, 30, tzinfo=UTC)
NAME = "budget.3401.2026.prg_a"
BUDGET = Budget(
    id="bud_3401-2026",
    program_id="prg_a",  # type: ignore[arg-type]
    division="3401",
    year=2026,
    appropriated_fen=1_000,
    available_fen=400,
    reserved_fen=300,
    spent_fen=200,
    receivable_fen=100,
)


def told(differences: Iterable[Difference]) -> list[tuple[str, int, int]]:
    return [(one.kind, one.stored_fen, one.expected_fen) for one in differences]


def attempt(status: BankOutcome = BankOutcome.PAID, batch_id: str = "bat_a", **facts: Any) -> PaymentAttempt:
    return PaymentAttempt(**{"batch_id": batch_id, "status": status, "amount_fen": FEN, **facts})


def line(name: str = "lin_a-01", **facts: Any) -> Line:
    return paid_line(name, **{"batch_id": "bat_a", **facts})


def group(
    event: Event, *fen: int, batch_id: str | None = "bat_a", at_version: int | None = 1
) -> PostingGroup:
    postings = [
        Posting(f"lin_a-{place:02}", "vch_a", SCHOOL, amount, at_version=at_version)  # type: ignore[arg-type]
        for place, amount in enumerate(fen, start=1)
    ]
    return PostingGroup(
        division="3401",
        id="grp_a",
        event=event,
        program_id="prg_a",  # type: ignore[arg-type]
        budget_year=2026,
        batch_id=batch_id,
        posted_at=AT,
        postings=postings,
    )


# ------------------------------------------------------------------------------------------ batches


def test_a_batch_says_what_became_of_its_lines() -> None:
    members = [Member(f"lin_a-{place:02}", "e", "v", SCHOOL, "prg_a", 2026, 100) for place in (1, 2, 3)]  # type: ignore[arg-type]
    lines = [
        line(),
        line("lin_a-02", status=LineStatus.REJECTED, attempts=[attempt(batch_id="bat_b")]),
        line("lin_a-03", status=LineStatus.REVERSED),
    ]
    batch = Batch(
        id="bat_a",  # type: ignore[arg-type]
        division="3401",
        number=1,
        status=BatchStatus.RECONCILED,
        opened_at=AT,
        line_count=3,
        amount_fen=300,
        result_count=2,
        paid_count=2,
        withdrawn_count=1,
    )
    assert told(against_members("bat_a", batch, members, lines)) == []
    assert told(against_members("bat_a", None, members, lines)) == [
        ("batch_line_count", 0, 3),
        ("batch_amount", 0, 300),
        ("batch_result_count", 0, 2),
        ("batch_paid_count", 0, 2),
        ("batch_withdrawn_count", 0, 1),
    ]
    collecting = msgspec.structs.replace(batch, status=BatchStatus.SEALING, line_count=9)
    assert told(against_members("bat_a", collecting, members, lines)) == []
    [one] = against_members("bat_a", msgspec.structs.replace(batch, amount_fen=299), members, lines)
    assert one == Difference("batch_amount", "bat_a", None, 299, 300)


# ------------------------------------------------------------------------------------------ postings


@pytest.mark.parametrize(
    ("of", "posted"),
    [
        (line(), {Event.PAID: FEN}),
        (line(attempts=[attempt(set_off_fen=30_000)]), {Event.PAID: 150_000, Event.SET_OFF: 30_000}),
        (
            line(
                status=LineStatus.REVERSED,
                reversed_fen=FEN,
                repayments=[Repayment("r", 80_000, date(2026, 10, 1))],
            ),
            {Event.PAID: FEN, Event.REVERSED: FEN, Event.REPAID: 80_000},
        ),
        (
            line(
                reversed_fen=50_000,
                set_offs=[
                    SetOff("lin_b-01", "bat_b", 20_000, booked=True),  # type: ignore[arg-type]
                    SetOff("lin_c-01", "bat_b", 10_000),  # type: ignore[arg-type]
                ],
            ),
            {Event.PAID: FEN, Event.REVERSED: 50_000, Event.OFFSET: 25_000, Event.OWED_AGAIN: 5_000},
        ),
        (line(status=LineStatus.PAYMENT_FAILED, attempts=[attempt(BankOutcome.FAILED)]), {}),
        (
            line(
                status=LineStatus.PAYMENT_FAILED,
                attempts=[attempt(set_off_fen=7), attempt(BankOutcome.RETURNED, set_off_fen=7)],
            ),
            {Event.PAID: FEN, Event.SET_OFF: 7, Event.RETURNED: FEN, Event.SET_OFF_UNDONE: 7},
        ),
        (
            line(
                status=LineStatus.PAYMENT_FAILED,
                attempts=[attempt(), attempt(BankOutcome.FAILED, confirmed_by="acc_b")],
            ),
            {Event.PAID: FEN, Event.UNPAID: FEN},
        ),
        (line(batch_id="bat_b", attempts=[attempt(BankOutcome.FAILED), attempt(batch_id="bat_b")]), {}),
        (
            line(batch_id="bat_b", reversed_fen=5, attempts=[attempt(), attempt(BankOutcome.RETURNED)]),
            {Event.PAID: FEN, Event.RETURNED: FEN},
        ),
        (line(attempts=[]), {Event.PAID: FEN}),
    ],
)
def test_a_line_has_just_what_its_results_come_to(of: Line, posted: dict[Event, int]) -> None:
    assert told(against_postings(of, "bat_a", posted)) == []
    for event in Event:
        if event is Event.OWED_AGAIN:
            continue
        more = {**posted, event: posted.get(event, 0) + 1}
        [one] = against_postings(of, "bat_a", more)
        assert one == Difference(f"posting_{event.value}", None, of.id, more[event], posted.get(event, 0))


def test_postings_stand_under_their_batch_and_a_line_of_it() -> None:
    here, elsewhere = group(Event.PAID, 5, 6), group(Event.PAID, 7, batch_id="bat_b")
    found = list(misplaced([here, elsewhere], "bat_a", {"lin_a-01"}))
    assert found == [
        Difference("posting_without_line", None, "lin_a-02", 6, 0),
        Difference("posting_without_batch", None, "lin_a-01", 7, 0),
    ]
    assert list(without_batch(here)) == [
        Difference("posting_without_batch", None, "lin_a-01", 5, 0),
        Difference("posting_without_batch", None, "lin_a-02", 6, 0),
    ]
    assert list(misplaced([here], "bat_a", {"lin_a-01", "lin_a-02"})) == []


def test_what_was_posted_of_a_line_adds_up_by_event() -> None:
    assert posted_by_line([group(Event.PAID, 5, 6), group(Event.PAID, 7), group(Event.REVERSED, 1)]) == {
        "lin_a-01": {Event.PAID: 12, Event.REVERSED: 1},
        "lin_a-02": {Event.PAID: 6},
    }


def test_a_summary_is_what_its_postings_add_up_to() -> None:
    right: Summary = summaries_of_group(group(Event.PAID, 5, 6))[0]
    assert list(against_summary(right, right)) == []
    wrong = msgspec.structs.replace(right, debit_fen=12, credit_fen=1)
    assert list(against_summary(wrong, right)) == [
        Difference("summary_debit", right.account, None, 12, 11),
        Difference("summary_credit", right.account, None, 1, 0),
    ]
    assert list(against_summary(None, right)) == [Difference("summary_debit", right.account, None, 0, 11)]
    assert list(against_summary(right, None)) == [Difference("summary_debit", right.account, None, 11, 0)]


# ------------------------------------------------------------------------------------------ vouchers


def test_a_paid_line_has_a_voucher_settled_for_just_as_much() -> None:
    settled = a_voucher("settled", enrolment_id="enr_a", paid_fen=FEN)

    def found(of: Line, **facts: Any) -> list[tuple[str, int, int]]:
        return told(against_vouchers([of], {"vch_a": msgspec.structs.replace(settled, **facts)}))

    assert found(line()) == []
    assert found(line(), paid_fen=1) == [("voucher_paid", 1, FEN)]
    assert found(line(), status=VoucherStatus.REDEEMED) == [("voucher_settled", 0, 1)]
    nothing = [("voucher_settled", 0, 1), ("voucher_paid", 0, FEN)]
    assert found(line(), enrolment_id="enr_b") == nothing
    assert told(against_vouchers([line()], {})) == nothing
    assert told(against_vouchers([line(unsettled="revoked")], {})) == []
    assert found(line(reversed_fen=5)) == [("voucher_reversed", 0, 5)]
    assert found(line(reversed_fen=5), reversed_fen=5) == []
    assert found(line(status=LineStatus.REVERSED), reversed_fen=FEN) == []
    pending = line(status=LineStatus.PENDING)
    assert found(pending, status=VoucherStatus.REDEEMED, paid_fen=0) == []
    assert found(pending) == [("voucher_settled", 1, 0), ("voucher_paid", FEN, 0)]
    once = line(status=LineStatus.PAYMENT_FAILED, paid_once=True)
    assert found(once, paid_fen=0) == []


# ------------------------------------------------------------------------------------------ claims, budgets


def test_a_claim_says_what_its_lines_come_to() -> None:
    lines = [line(f"lin_a-{place:02}", status=status) for place, status in enumerate(LineStatus)]
    claim = a_claim("batched", line_count=6, amount_fen=6 * FEN, batched_count=4, paid_count=2)
    assert told(against_lines(claim, lines)) == []
    over = msgspec.structs.replace(claim, status=ClaimStatus.REJECTED)
    assert told(against_lines(over, lines)) == [
        ("claim_line_count", 6, 0),
        ("claim_amount", 6 * FEN, 0),
        ("claim_batched_count", 4, 0),
        ("claim_paid_count", 2, 0),
    ]
    [one] = against_lines(msgspec.structs.replace(claim, paid_count=3), lines)
    assert one == Difference("claim_paid_count", claim.id, None, 3, 2)


@pytest.mark.parametrize(
    ("event", "spent", "receivable", "out", "set_off"),
    [
        (Event.PAID, 11, 0, 11, 0),
        (Event.SET_OFF, 11, 0, 11, 11),
        (Event.RETURNED, -11, 0, -11, 0),
        (Event.UNPAID, -11, 0, -11, 0),
        (Event.SET_OFF_UNDONE, -11, 0, -11, -11),
        (Event.REVERSED, -11, 11, 0, 0),
        (Event.REPAID, 0, -11, -11, 0),
        (Event.OFFSET, 0, -11, -11, -11),
        (Event.OWED_AGAIN, 0, 11, 11, 11),
    ],
)
def test_each_event_moves_what_is_spent_owed_out_and_set_off(
    event: Event, spent: int, receivable: int, out: int, set_off: int
) -> None:
    before = Progress(
        stage=Stage.BATCHES, spent={NAME: 1}, receivable={NAME: 2}, out={NAME: 3}, set_off={SCHOOL: 4}
    )
    after = more_posted(before, [group(event, 5, 6)])
    assert (after.spent[NAME], after.receivable[NAME], after.out[NAME], after.set_off[SCHOOL]) == (
        1 + spent,
        2 + receivable,
        3 + out,
        4 + set_off,
    )
    of_old = more_posted(before, [group(event, 5, 6, at_version=None)])
    is_of_before = event in (Event.REVERSED, Event.REPAID)
    assert of_old.receivable[NAME] == (2 if is_of_before else 2 + receivable)


def test_lines_of_approved_claims_reserve_and_others_do_not() -> None:
    reserving = (LineStatus.PENDING, LineStatus.HELD, LineStatus.BATCHED, LineStatus.PAYMENT_FAILED)
    for status in LineStatus:
        reserved = more_reserved(
            {NAME: 1}, "3401", a_claim("publicised", budget_year=2026), [line(status=status)]
        )
        assert reserved == {NAME: 1 + (FEN if status in reserving else 0)}, status
    pending = [line(status=LineStatus.PENDING), line(status=LineStatus.PENDING, budget_year=2027)]
    for state in ClaimStatus:
        claim, reserves = (
            a_claim(state.value, budget_year=2026),
            state.value in ("publicised", "payable", "batched"),
        )
        expected = {NAME: FEN, "budget.3401.2027.prg_a": FEN} if reserves else {}
        assert more_reserved({}, "3401", claim, pending) == expected, state
    assert more_reserved({}, "3401", a_claim("payable"), pending[:1]) == {"budget.3401.0.prg_a": FEN}


def test_a_budget_is_what_was_posted_and_reserved_and_never_more_is_out() -> None:
    right = Progress(
        stage=Stage.CLAIMS, spent={NAME: 200}, receivable={NAME: 100}, reserved={NAME: 300}, out={NAME: 1_000}
    )
    assert list(against_sums(NAME, BUDGET, right)) == []
    assert told(against_sums(NAME, BUDGET, msgspec.structs.replace(right, out={NAME: 1_001}))) == [
        ("budget_overdrawn", 1_001, 1_000)
    ]
    assert told(against_sums(NAME, msgspec.structs.replace(BUDGET, available_fen=399), right)) == [
        ("budget_parts", 999, 1_000)
    ]
    assert told(against_sums(NAME, BUDGET, Progress(stage=Stage.CLAIMS))) == [
        ("budget_spent", 200, 0),
        ("budget_receivable", 100, 0),
        ("budget_reserved", 300, 0),
    ]
    assert told(against_sums(NAME, None, right)) == [
        ("budget_spent", 0, 200),
        ("budget_receivable", 0, 100),
        ("budget_reserved", 0, 300),
        ("budget_overdrawn", 1_000, 0),
    ]
    assert list(against_sums(NAME, None, Progress(stage=Stage.CLAIMS))) == []


def test_what_was_set_off_has_repaid_just_as_much() -> None:
    progress = Progress(stage=Stage.CLAIMS, set_off={"b": 5, "a": -3, "c": 0})
    assert list(open_set_offs("3401", progress)) == [
        Difference("set_off_open", "set_off.3401.a", None, -3, 0),
        Difference("set_off_open", "set_off.3401.b", None, 5, 0),
    ]


def test_a_verification_begins_with_nothing_and_each_stage_at_its_beginning() -> None:
    begun = Progress(stage=Stage.BATCHES)
    assert (begun.number, begun.differing, begun.place) == (0, 0, None)
    gone_on = msgspec.structs.replace(begun, place={"a": 1}, number=3, differing=2)
    assert gone_on.at(Stage.CLAIMS, number=0) == Progress(stage=Stage.CLAIMS, number=0, differing=2)
