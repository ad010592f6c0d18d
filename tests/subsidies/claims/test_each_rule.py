"""Whose work a claim is, what stands against each step, when it counts: every case, without any table."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.subsidies.claims.model import (
    AskedRepayment,
    BankOutcome,
    Claim,
    Correction,
    PaymentAttempt,
    Repayment,
    SetOff,
    counts,
    filing_day,
    hands_in,
    has_hand_in,
    is_prepared_by,
    line_status_shown,
    may_count,
    sent_again_by,
    status_shown,
    waits_for_closing,
    waits_for_finance,
    was_paid,
    why_not,
    why_not_again,
    why_not_drop,
    why_not_withdraw_approval,
)
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from tests.settlement.lines import paid_line
from tests.subsidies.claims.test_states_shown import claim_of

TODAY = date(2026, 9, 10)
FRIDAY, MONDAY, TUESDAY = date(2026, 9, 11), date(2026, 9, 14), date(2026, 9, 15)
CORRECTION = Correction(
    to=BankOutcome.PAID, amount_fen=5, paid_on=None, bank_reference=None, reason="错", asked_by="acc_a"
)


def a_claim(state: str = "submitted", **facts: Any) -> Claim:
    fresh = claim_of("clm_a", ClaimStatus(state), was_public=False, objections=0)
    known: dict[str, Any] = {
        "also_prepared_by": ["acc_head"],
        "line_ids": ["lin_a-01"],
        "publicity_ends_on": None,
        "approved_by": None,
        "approved_on": None,
        "due_city": None,
    }
    return msgspec.structs.replace(fresh, **{**known, **facts})


def code(refusal: Any) -> str | None:
    return None if refusal is None else refusal.code


# --------------------------------------------------------------------------- whose work it is


def test_whoever_prepared_or_reviewed_a_claim_has_a_hand_in_it() -> None:
    claim = a_claim(reviewed_by="acc_jia", approved_by="acc_yi")
    assert hands_in(claim) == {"acc_school", "acc_head", "acc_jia", "acc_yi"}
    assert hands_in(a_claim()) == {"acc_school", "acc_head"}
    assert [is_prepared_by(claim, {who}) for who in ("acc_school", "acc_head", "acc_jia")] == [
        True,
        True,
        False,
    ]
    assert [has_hand_in(claim, {who}) for who in ("acc_head", "acc_jia", "acc_yi", "acc_x")] == [
        True,
        True,
        True,
        False,
    ]
    assert has_hand_in(claim, {"acc_x", "acc_yi"}) is True
    assert is_prepared_by(claim, {"acc_x"}) is False


@pytest.mark.parametrize(
    ("action", "status", "who", "told"),
    [
        ("submit", "returned", "acc_school", None),
        ("submit", "returned", "acc_x", None),
        ("submit", "submitted", "acc_school", "wrong_state"),
        ("review", "submitted", "acc_x", None),
        ("review", "submitted", "acc_school", "self_approval"),
        ("review", "submitted", "acc_head", "self_approval"),
        ("approve", "reviewed", "acc_head", "self_approval"),
        ("approve", "reviewed", "acc_jia", "self_approval"),
        ("approve", "reviewed", "acc_x", None),
        ("approve", "submitted", "acc_x", "wrong_state"),
        ("return", "reviewed", "acc_jia", None),
        ("return", "reviewed", "acc_school", "self_approval"),
        ("reject", "reviewed", "acc_jia", None),
    ],
)
def test_nobody_decides_on_their_own_work(action: str, status: str, who: str, told: str | None) -> None:
    assert code(why_not(action, a_claim(status, reviewed_by="acc_jia"), {who})) == told


def test_another_version_than_was_read_is_told() -> None:
    claim = a_claim(version=4)
    assert code(why_not("review", claim, {"acc_x"}, version=3)) == "version_conflict"
    assert why_not("review", claim, {"acc_x"}, version=4) is None


# --------------------------------------------------------------------------- withdrawing one's approval


@pytest.mark.parametrize(
    ("facts", "today", "told"),
    [
        ({}, FRIDAY, None),
        ({}, MONDAY, None),
        ({}, TUESDAY, "approval_stands"),
        ({"approved_on": None}, FRIDAY, "approval_stands"),
        ({"approved_by": "acc_x"}, FRIDAY, "approval_not_yours"),
        ({"approved_by": None}, FRIDAY, "approval_not_yours"),
        ({"objections": 1}, FRIDAY, "objection_open"),
        ({"status": ClaimStatus.PAYABLE}, FRIDAY, "wrong_state"),
        ({"version": 2}, FRIDAY, "version_conflict"),
    ],
)
def test_an_approval_is_withdrawn_by_who_gave_it_until_publicity_has_run_a_working_day(
    facts: dict[str, Any], today: date, told: str | None
) -> None:
    claim = a_claim("publicised", **{"approved_by": "acc_yi", "approved_on": FRIDAY, "version": 1, **facts})
    assert code(why_not_withdraw_approval(claim, {"acc_yi", "acc_too"}, today=today, version=1)) == told


# --------------------------------------------------------------------------- taking out a line


@pytest.mark.parametrize(
    ("line", "claim", "who", "told"),
    [
        ({}, {}, "acc_x", None),
        ({"status": LineStatus.HELD}, {"status": ClaimStatus.PAYABLE}, "acc_x", None),
        ({"status": LineStatus.PAYMENT_FAILED}, {"status": ClaimStatus.BATCHED}, "acc_x", None),
        ({}, {}, "acc_head", "self_approval"),
        ({"status": LineStatus.PAID}, {}, "acc_x", "wrong_state"),
        ({"version": 2}, {}, "acc_x", "version_conflict"),
        ({"correction": CORRECTION}, {}, "acc_x", "correction_already_asked"),
        ({"paid_once": True}, {}, "acc_x", "line_paid_once"),
        ({"paid_once": True, "holds": ["check:eligible_at_date"]}, {}, "acc_x", None),
        ({"status": LineStatus.PAID, "correction": CORRECTION}, {}, "acc_x", "wrong_state"),
        ({"status": LineStatus.PAID, "paid_once": True}, {}, "acc_x", "wrong_state"),
        ({}, {"status": ClaimStatus.REVIEWED}, "acc_x", "wrong_state"),
        ({}, {"line_ids": []}, "acc_x", "wrong_state"),
    ],
)
def test_a_line_is_taken_out_after_second_review_as_long_as_nothing_was_paid(
    line: dict[str, Any], claim: dict[str, Any], who: str, told: str | None
) -> None:
    given = paid_line(**{"status": LineStatus.PENDING, "version": 1, **line})
    assert code(why_not_drop(given, a_claim("publicised", **claim), {who}, version=1)) == told


def test_the_state_that_is_told_is_the_lines_before_it_is_the_claims() -> None:
    line = paid_line(status=LineStatus.PAID)
    refusal = why_not_drop(line, a_claim("reviewed"), {"acc_x"})
    assert refusal is not None
    assert refusal.facts["status"] == "paid"
    pending = why_not_drop(paid_line(status=LineStatus.PENDING), a_claim("reviewed"), {"acc_x"})
    assert pending is not None
    assert pending.facts["status"] == "reviewed"


# --------------------------------------------------------------------------- when it counts


def test_a_returned_claim_is_sent_again_within_its_deadline_or_thirty_days() -> None:
    until = date(2026, 9, 1)

    def back(on: date) -> Claim:
        return a_claim(
            "returned", claim_by=until, queued_at=datetime(on.year, on.month, on.day, 4, tzinfo=UTC)
        )

    assert sent_again_by(back(date(2026, 6, 1))) == until
    assert sent_again_by(back(date(2026, 8, 20))) == date(2026, 9, 19)
    late = back(date(2026, 8, 20))
    assert why_not_again(late, date(2026, 9, 19)) is None
    refusal = why_not_again(late, date(2026, 9, 20))
    assert refusal is not None
    assert (refusal.code, refusal.facts["deadline"]) == ("claim_deadline_passed", "2026-09-19")
    for of_old in ({"claim_by": None}, {"queued_at": None}):
        assert sent_again_by(msgspec.structs.replace(late, **of_old)) is None
        assert why_not_again(msgspec.structs.replace(late, **of_old), date(2030, 1, 1)) is None


def test_a_claim_counts_by_the_day_in_shanghai_on_which_it_was_filed() -> None:
    evening = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
    assert filing_day(a_claim(submitted_at=evening)) == date(2027, 1, 1)
    assert filing_day(a_claim("paid", submitted_at=evening)) == date(2027, 1, 1)
    assert filing_day(a_claim("returned", submitted_at=evening)) is None
    assert filing_day(None) is None


def test_a_line_counts_as_a_subsidy_unless_it_or_its_claim_is_rejected_or_it_was_taken_back() -> None:
    over = {LineStatus.REJECTED, LineStatus.REVERSED}
    for status in LineStatus:
        line = paid_line(status=status)
        assert may_count(line) is (status not in over), status
        assert counts(line, a_claim("publicised")) is (status not in over), status
    line = paid_line(status=LineStatus.PENDING)
    assert counts(line, a_claim("rejected")) is False
    assert counts(line, a_claim(line_ids=["lin_a-02"])) is False


def test_what_the_bank_has_paid_was_paid_though_it_came_back() -> None:
    paid = {LineStatus.PAID, LineStatus.REVERSED}
    assert {status for status in LineStatus if was_paid(paid_line(status=status))} == paid
    assert was_paid(paid_line(status=LineStatus.PAYMENT_FAILED, paid_once=True)) is True
    assert was_paid(paid_line(status=LineStatus.PAYMENT_FAILED)) is False


# --------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize(
    ("line", "waits"),
    [
        ({}, False),
        ({"reversal_asked_by": "acc_a"}, True),
        ({"status": LineStatus.REVERSED, "reversal_asked_by": "acc_a"}, False),
        ({"status": LineStatus.PAYMENT_FAILED}, True),
        ({"status": LineStatus.PAYMENT_FAILED, "released_by": "acc_a"}, False),
        ({"status": LineStatus.BATCHED}, False),
        ({"correction": CORRECTION}, True),
        (
            {
                "status": LineStatus.REVERSED,
                "repayment_asked": AskedRepayment(repayment=Repayment("r", 5, TODAY), asked_by="acc_a"),
            },
            True,
        ),
    ],
)
def test_a_line_waits_for_a_second_finance_officer(line: dict[str, Any], waits: bool) -> None:
    assert waits_for_finance(paid_line(**line)) is waits


@pytest.mark.parametrize(
    ("status", "ends_on", "objections", "shown"),
    [
        ("publicised", date(2026, 9, 9), 0, "payable"),
        ("publicised", TODAY, 0, "publicised"),
        ("publicised", None, 0, "publicised"),
        ("publicised", date(2026, 9, 9), 1, "publicised"),
        ("reviewed", date(2026, 9, 9), 0, "reviewed"),
        ("batched", date(2026, 9, 9), 0, "batched"),
        ("paid", date(2026, 9, 9), 0, "paid"),
    ],
)
def test_publicity_that_is_over_is_shown_as_payable(
    status: str, ends_on: date | None, objections: int, shown: str
) -> None:
    claim = a_claim(status, publicity_ends_on=ends_on, open_objections=objections)
    assert status_shown(claim, TODAY).value == shown


def test_a_line_shows_what_its_claim_adds() -> None:
    stopped, rejected, free = a_claim("publicised", open_objections=1), a_claim("rejected"), a_claim()
    for status in LineStatus:
        line, waits = paid_line(status=status), status in (LineStatus.PENDING, LineStatus.HELD)
        assert line_status_shown(line, free) is status
        assert line_status_shown(line, stopped) is (LineStatus.HELD if waits else status)
        assert line_status_shown(line, rejected) is (LineStatus.REJECTED if waits else status)
    both = a_claim("rejected", open_objections=1)
    assert line_status_shown(paid_line(status=LineStatus.PENDING), both) is LineStatus.REJECTED


def test_a_claim_that_is_over_waits_until_its_class_is_closed() -> None:
    waiting = {status for status in ClaimStatus if waits_for_closing(a_claim(status.value, due_city="3401"))}
    assert waiting == {ClaimStatus.PAID, ClaimStatus.REJECTED}
    assert not waits_for_closing(a_claim("paid"))


def test_what_is_fresh_has_no_objection_no_payment_and_no_past() -> None:
    claim, line = claim_of("clm_a", ClaimStatus.SUBMITTED, was_public=False, objections=0), paid_line()
    assert (claim.objections, claim.batched_count, claim.paid_count, claim.class_closed) == (0, 0, 0, False)
    made = Claim(
        **{
            name: getattr(claim, name)
            for name in Claim.__struct_fields__
            if name not in ("open_objections", "version")
        }
    )
    assert (made.open_objections, made.version) == (0, 1)
    assert (line.reversed_fen, line.paid_once, line.dropped, line.version) == (0, False, False, 1)
    attempt = PaymentAttempt(batch_id="bat_a", status=BankOutcome.PAID, amount_fen=5)
    assert attempt.set_off_fen == 0
    assert SetOff("lin_a-01", "bat_a", 5).booked is False  # type: ignore[arg-type]
