"""Payability to the figure: what each check shows, what was paid, what became of it since; without any table."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pytest

from chalicelib.classes.model import ClassStatus
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.people.eligibility import Bar
from chalicelib.people.standings.model import Situation, Standing
from chalicelib.programs.model import ProgramKind
from chalicelib.subsidies.claims.evidence import OverrideInForce
from chalicelib.subsidies.payability.model import (
    as_listed_now,
    covered_fen,
    differences,
    evaluate,
    occupation_of,
    totals_of,
    waived_by,
)
from chalicelib.vouchers.model import VoucherStatus
from tests.subsidies.payability.test_model import evidence, failed_checks, judge, voucher

OPENS_ON = date(2026, 8, 10)


def listed_since(day):
    standing = Standing(
        situation=Situation.EMPLOYED,
        since=day,
        as_of=day,
        import_id="imp_a",
        listed_at=datetime(2026, 8, 20, tzinfo=UTC),
        listed_by="acc_clerk",
    )
    return Bar(first_day=day, last_day=None, standing=standing)


def paid(found, held, paid_fen):
    return evaluate(found, held, enrolment_id="enr_a", voucher_id="vch_a", holds=[], paid_fen=paid_fen)


def shown(outcome, name):
    return next(check.evidence for check in outcome.checks if check.name == name)


# ------------------------------------------------------------------------------------------ the amount


def test_one_fen_is_paid_and_less_than_one_is_not():
    least = judge(evidence(), voucher(face_value_fen=1))
    assert (least.payable, least.amount_fen) == (True, 1)
    nothing = judge(evidence(rate_passed=Decimal("0.5")), voucher(face_value_fen=1))
    assert (nothing.payable, nothing.amount_fen, failed_checks(nothing)) == (False, 0, [])
    assert totals_of([least, nothing, least]) == (2, 2)


def test_an_entitlement_covers_the_fee_whatever_its_face_value():
    entitled = voucher(face_value_fen=1, kind=ProgramKind.OPEN_ENTITLEMENT)
    assert covered_fen(entitled, 500_001) == 500_001
    assert judge(evidence(), entitled).amount_fen == 500_001
    assert covered_fen(voucher(face_value_fen=1), 500_001) == 1
    assert covered_fen(voucher(face_value_fen=600_000), 500_001) == 500_001


def test_both_marks_are_needed_to_be_paid_as_passed():
    for marks in ({"theory": 59}, {"practice": 59}, {"theory": None}, {"practice": None}):
        assert judge(evidence(**marks, rate_failed=Decimal("0.4")), voucher()).amount_fen == 200_000, marks


def test_what_was_paid_is_the_amount_and_its_voucher_is_settled():
    settled = voucher(status=VoucherStatus.SETTLED, face_value_fen=600_000)
    outcome = paid(evidence(), settled, 123)
    assert (outcome.payable, outcome.amount_fen, failed_checks(outcome)) == (True, 123, [])
    again = paid(evidence(), voucher(), 123)
    assert (again.payable, again.amount_fen, failed_checks(again)) == (False, 0, ["voucher_redeemed"])
    assert failed_checks(paid(evidence(), None, 123)) == ["voucher_redeemed"]


def test_a_list_stops_who_is_not_paid_yet_and_takes_nothing_from_who_is():
    bar, found = listed_since(date(2026, 8, 1)), evidence(opens_on=OPENS_ON)
    outcome = judge(found, voucher(bar=bar))
    assert (outcome.payable, failed_checks(outcome)) == (False, ["eligible_at_date"])
    assert shown(outcome, "eligible_at_date") == {
        "opens_on": "2026-08-10",
        "listed": "employed",
        "since": "2026-08-01",
    }
    settled = paid(found, voucher(status=VoucherStatus.SETTLED, bar=bar), 500_001)
    assert (settled.payable, failed_checks(settled)) == (True, [])
    later = judge(found, voucher(bar=listed_since(date(2026, 8, 20))))
    assert failed_checks(later) == []
    assert shown(later, "eligible_at_date") == {"opens_on": "2026-08-10", "listed": None, "since": None}


# ------------------------------------------------------------------------------------------ each check


def test_each_check_shows_the_figures_it_was_judged_by():
    outcome = judge(evidence(theory=61, opens_on=OPENS_ON), voucher(), ["rsk_a", "rsk_b"])
    assert {check.name: check.evidence for check in outcome.checks} == {
        "voucher_redeemed": {"status": "redeemed"},
        "class_approved": {"status": "scored", "completion_approved_on": "2026-08-30"},
        "on_roster": {"on_roster": True, "enrolment_status": "passed"},
        "attendance": {"hours": 32.0, "required_hours": 40.0, "share": 0.8, "minimum": 0.8},
        "scores": {"theory": 61, "practice": 60, "pass_mark": 60, "pay_rate": 1.0},
        "yearly_cap": {"this_year": 2, "maximum": 3},
        "occupation_and_level_once": {"subsidised_before": False},
        "eligible_at_date": {"opens_on": "2026-08-10", "listed": None, "since": None},
        "not_rejected": {"reason": None},
        "no_hold": {"holds": "rsk_a, rsk_b"},
    }
    assert (outcome.enrolment_id, outcome.voucher_id, outcome.held) == ("enr_a", "vch_a", True)
    free = judge(evidence(), None)
    assert shown(free, "no_hold") == {"holds": None}
    assert shown(free, "voucher_redeemed") == {"status": None}
    assert not free.held


def test_who_was_taken_out_for_good_is_not_payable_again():
    outcome = judge(evidence(reject_reason="不符合条件"), voucher())
    assert (outcome.payable, failed_checks(outcome)) == (False, ["not_rejected"])
    assert shown(outcome, "not_rejected") == {"reason": "不符合条件"}


@pytest.mark.parametrize("status", [ClassStatus.SCORED, ClassStatus.CLAIMED, ClassStatus.CLOSED])
def test_a_class_is_payable_from_scoring_on(status):
    assert failed_checks(judge(evidence(class_status=status), voucher())) == []


def test_training_has_to_end_within_the_vouchers_validity_and_unknown_days_do_not():
    held = voucher()
    due = evidence(completed_by_expiry=True, last_lesson_on=held.valid_through)
    outcome = judge(due, held)
    day = held.valid_through.isoformat()
    assert shown(outcome, "completed_in_time") == {"last_lesson_on": day, "valid_through": day}
    unknown = judge(msgspec.structs.replace(due, last_lesson_on=None), held)
    assert failed_checks(unknown) == ["completed_in_time"]
    without = judge(due, None)
    assert failed_checks(without) == ["voucher_redeemed", "completed_in_time"]
    assert shown(without, "completed_in_time") == {"last_lesson_on": day, "valid_through": None}


# ------------------------------------------------------------------------------------------ overrides

LET_PASS = OverrideInForce("attendance", "ovr_a", date(2026, 9, 30))
SECOND = OverrideInForce("yearly_cap", "ovr_b", date(2026, 9, 30))
THIRD = OverrideInForce("occupation_and_level_once", "ovr_c", date(2026, 9, 30))


def test_an_override_lets_its_own_check_pass_and_shows_by_whose_decision():
    found = evidence(share=Decimal(0), overrides=[SECOND, LET_PASS])
    outcome = judge(found, voucher())
    assert (outcome.payable, failed_checks(outcome)) == (True, [])
    attendance = shown(outcome, "attendance")
    assert (attendance["override"], attendance["override_expires_on"]) == ("ovr_a", "2026-09-30")
    assert attendance["share"] == 0.0
    assert "override" not in shown(outcome, "yearly_cap")
    other = judge(msgspec.structs.replace(found, overrides=[SECOND]), voucher())
    assert failed_checks(other) == ["attendance"]


def test_what_passes_by_itself_needs_nobodys_word():
    everything = [LET_PASS, SECOND, THIRD]
    assert waived_by(evidence(overrides=everything)) == set()
    assert waived_by(evidence(share=Decimal(0), overrides=everything)) == {"attendance"}
    assert waived_by(evidence(subsidies_this_year=3, overrides=everything)) == {"yearly_cap"}
    assert waived_by(evidence(same_level_before=True, overrides=everything)) == {"occupation_and_level_once"}
    assert waived_by(evidence(share=Decimal(0), overrides=[SECOND])) == set()


# ------------------------------------------------------------------------------------------ since then


def test_what_changed_since_is_listed_with_what_it_was():
    before = judge(evidence(), voucher())
    now = judge(evidence(subsidies_this_year=3, same_level_before=True), voucher())
    changed = differences(before, now)
    assert [change.name for change in changed] == ["yearly_cap", "occupation_and_level_once"]
    assert (changed[0].before.evidence["this_year"], changed[0].now.evidence["this_year"]) == (2, 3)
    assert (changed[0].before.passed, changed[0].now.passed) == (True, False)
    assert differences(before, before) == []


def test_a_figure_that_changed_is_a_difference_though_the_check_passes():
    changed = differences(judge(evidence(), voucher()), judge(evidence(subsidies_this_year=1), voucher()))
    assert [(change.name, change.now.passed) for change in changed] == [("yearly_cap", True)]


def test_the_next_state_holds_and_checks_of_another_policy_are_no_difference():
    before = judge(evidence(), voucher())
    settled = paid(evidence(), voucher(status=VoucherStatus.SETTLED), 500_001)
    assert differences(before, settled) == []
    assert differences(before, judge(evidence(), voucher(), ["rsk_a"])) == []
    in_time = evidence(completed_by_expiry=True, last_lesson_on=date(2026, 8, 1))
    assert differences(before, judge(in_time, voucher())) == []
    lost = judge(evidence(enrolment_status=EnrolmentStatus.WITHDRAWN), voucher(status=VoucherStatus.REVOKED))
    assert [change.name for change in differences(before, lost)] == ["voucher_redeemed", "on_roster"]


def test_what_was_paid_shows_what_lists_say_by_now_and_stays_as_it_was_paid():
    found = evidence(opens_on=OPENS_ON)
    before = paid(found, voucher(status=VoucherStatus.SETTLED), 500_001)
    now = as_listed_now(before, found, listed_since(date(2026, 8, 1)))
    assert (now.payable, now.amount_fen, failed_checks(now)) == (True, 500_001, ["eligible_at_date"])
    assert [check.name for check in now.checks] == [check.name for check in before.checks]
    assert [change.name for change in differences(before, now)] == ["eligible_at_date"]
    assert as_listed_now(before, found, None) == before


def test_an_occupation_is_subsidised_once_at_each_level():
    project = SimpleNamespace(occupation_code="4-01-02-01", level="五级")
    assert occupation_of(project) == "4-01-02-01/五级"
