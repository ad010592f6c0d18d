"""The rules of payability, without any table: each check, the amount, the deadline."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from chalicelib.classes.marks import claim_deadline
from chalicelib.classes.model import ClassStatus
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.programs.model import Policy
from chalicelib.subsidies.claims.evidence import OverrideInForce, PayabilityEvidence
from chalicelib.subsidies.holds.model import attendance_hold
from chalicelib.subsidies.payability.model import evaluate, totals_of
from chalicelib.vouchers.model import Voucher, VoucherStatus

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def evidence(**facts: Any) -> PayabilityEvidence:
    good = PayabilityEvidence(
        class_status=ClassStatus.SCORED,
        completion_approved_on=date(2026, 8, 30),
        on_roster=True,
        enrolment_status=EnrolmentStatus.PASSED,
        theory=60,
        practice=60,
        pass_mark=60,
        hours=Decimal(32),
        required_hours=Decimal(40),
        share=Decimal("0.80"),
        attendance_min=Decimal("0.80"),
        fee_fen=500_001,
        rate_passed=Decimal(1),
        rate_failed=Decimal(0),
        subsidies_this_year=2,
        subsidies_per_year=3,
        same_level_before=False,
    )
    return msgspec.structs.replace(good, **facts)


LET_PASS = OverrideInForce("attendance", "ovr_a", date(2026, 9, 30))


def voucher(**facts: Any) -> Voucher:
    voucher_facts: dict[str, Any] = {
        "id": "vch_a",
        "program_id": "prg_a",
        "person_key": "prs_a",
        "division": "340111",
        "batch_id": "iss_a",
        "status": VoucherStatus.REDEEMED,
        "face_value_fen": 600_000,
        "holder_name": "",
        "holder_id_number": "",
        "issued_at": NOW,
        "expires_at": NOW,
        "valid_through": NOW.date(),
        "enrolment_id": "enr_a",
    }
    return Voucher(**{**voucher_facts, **facts})


def judge(found: PayabilityEvidence, held: Voucher | None, holds: list[str] | None = None) -> Any:
    return evaluate(found, held, enrolment_id="enr_a", voucher_id="vch_a", holds=holds or [])  # type: ignore[arg-type]


def failed_checks(outcome: Any) -> list[str]:
    return [check.name for check in outcome.checks if not check.passed]


def test_just_enough_of_everything_is_payable() -> None:
    outcome = judge(evidence(), voucher())
    assert outcome.payable
    assert failed_checks(outcome) == []
    assert outcome.amount_fen == 500_001


@pytest.mark.parametrize(("days_late", "payable"), [(0, True), (1, False)])
def test_where_the_program_wants_it_the_last_lesson_is_within_the_vouchers_validity(
    days_late: int, *, payable: bool
) -> None:
    held = voucher()
    found = evidence(completed_by_expiry=True, last_lesson_on=held.valid_through + timedelta(days=days_late))
    outcome = judge(found, held)
    assert (outcome.payable, failed_checks(outcome)) == (payable, [] if payable else ["completed_in_time"])
    elsewhere = judge(msgspec.structs.replace(found, completed_by_expiry=False), held)
    assert elsewhere.payable
    assert "completed_in_time" not in [check.name for check in elsewhere.checks]


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        ({"share": Decimal("0.7999")}, "attendance"),
        ({"theory": 59}, "scores"),
        ({"practice": None}, "scores"),
        ({"enrolment_status": EnrolmentStatus.FAILED, "theory": 59}, "scores"),
        ({"enrolment_status": EnrolmentStatus.FAILED, "share": Decimal("0.7999")}, "attendance"),
        ({"theory": 59, "overrides": [LET_PASS]}, "scores"),
        ({"enrolment_status": EnrolmentStatus.WITHDRAWN}, "on_roster"),
        ({"on_roster": False}, "on_roster"),
        ({"class_status": ClassStatus.COMPLETION_APPROVED}, "class_approved"),
        ({"completion_approved_on": None}, "class_approved"),
        ({"subsidies_this_year": 3}, "yearly_cap"),
        ({"same_level_before": True}, "occupation_and_level_once"),
    ],
)
def test_each_condition_alone_stops_payment(facts: dict[str, Any], check: str) -> None:
    outcome = judge(evidence(**facts), voucher())
    assert check in failed_checks(outcome)
    assert not outcome.payable
    assert outcome.amount_fen == 0


@pytest.mark.parametrize("state", [state for state in VoucherStatus if state is not VoucherStatus.REDEEMED])
def test_only_a_redeemed_voucher_is_paid_for(state: VoucherStatus) -> None:
    assert failed_checks(judge(evidence(), voucher(status=state))) == ["voucher_redeemed"]


def test_a_voucher_of_another_enrolment_or_none_is_not_paid_for() -> None:
    assert failed_checks(judge(evidence(), voucher(enrolment_id="enr_b"))) == ["voucher_redeemed"]
    assert failed_checks(judge(evidence(), None)) == ["voucher_redeemed"]


def test_a_hold_stops_the_line_but_not_the_claim() -> None:
    outcome = judge(evidence(), voucher(), ["rsk_a"])
    assert outcome.payable
    assert outcome.held
    assert failed_checks(outcome) == ["no_hold"]


@pytest.mark.parametrize(
    ("face", "fee", "rate", "amount"),
    [(600_000, 500_001, "1", 500_001), (100, 500_001, "1", 100), (600_000, 999, "0.5", 499)],
)
def test_the_amount_is_rounded_down_and_never_above_face_value_or_fee(
    face: int, fee: int, rate: str, amount: int
) -> None:
    outcome = judge(evidence(fee_fen=fee, rate_passed=Decimal(rate)), voucher(face_value_fen=face))
    assert outcome.amount_fen == amount
    assert totals_of([outcome, outcome]) == (2, 2 * amount)


def test_a_policy_may_pay_part_for_those_who_failed() -> None:
    outcome = judge(
        evidence(enrolment_status=EnrolmentStatus.FAILED, theory=10, rate_failed=Decimal("0.5")), voucher()
    )
    assert outcome.payable
    assert outcome.amount_fen == 250_000


def test_whoever_was_let_pass_for_attendance_is_paid_as_passed_though_scored_as_failed() -> None:
    absent = evidence(
        enrolment_status=EnrolmentStatus.FAILED,
        share=Decimal(0),
        rate_failed=Decimal("0.5"),
        overrides=[LET_PASS],
    )
    outcome = judge(absent, voucher())
    assert (failed_checks(outcome), outcome.amount_fen) == ([], 500_001)
    without = judge(msgspec.structs.replace(absent, overrides=[]), voucher())
    assert (failed_checks(without), without.amount_fen) == (["attendance"], 0)


def test_the_deadline_is_the_same_date_twelve_months_later() -> None:
    assert claim_deadline(datetime(2026, 8, 30, 20, tzinfo=UTC), Policy()) == date(2027, 8, 31)


def test_the_worked_example_of_the_module_is_true() -> None:
    of_wang = evidence(
        theory=72,
        practice=85,
        hours=Decimal(36),
        share=Decimal("0.90"),
        fee_fen=180_000,
        subsidies_this_year=1,
        opens_on=date(2026, 8, 10),
    )
    held = judge(of_wang, voucher(), [attendance_hold("mock_location")])
    assert [check.name for check in held.checks] == [
        "voucher_redeemed",
        "class_approved",
        "on_roster",
        "attendance",
        "scores",
        "yearly_cap",
        "occupation_and_level_once",
        "eligible_at_date",
        "not_rejected",
        "no_hold",
    ]
    assert (held.payable, held.held, held.amount_fen, failed_checks(held)) == (
        True,
        True,
        180_000,
        ["no_hold"],
    )
    failed = msgspec.structs.replace(of_wang, practice=55, rate_failed=Decimal("0.6"))
    assert judge(failed, voucher()).amount_fen == 108_000
    assert judge(failed, voucher(face_value_fen=100_001)).amount_fen == 60_000
    unpaid = judge(msgspec.structs.replace(failed, rate_failed=Decimal(0)), voucher())
    assert (unpaid.payable, failed_checks(unpaid)) == (False, ["scores"])
