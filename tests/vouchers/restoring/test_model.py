"""Giving a lost voucher back: what stands against it and until when it is good, without any table."""

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.vouchers.model import Restoration, VoucherStatus
from chalicelib.vouchers.restoring.model import (
    barred_again,
    good_through,
    lapses_at,
    open_restoration,
    state_before,
    why_not,
    why_not_until,
)
from tests.vouchers.test_model import DAY, HOLDS, LATER, NOW, a_voucher

MOMENT = timedelta(microseconds=1)
CLAIMED, REDEEMED, ISSUED = VoucherStatus.CLAIMED, VoucherStatus.REDEEMED, VoucherStatus.ISSUED


def asked(by="acc_jia", at=NOW, target=CLAIMED, extended_to=None):
    return Restoration(asked_by=by, asked_at=at, reason="错收", target=target, extended_to=extended_to)


def lost(**facts):
    return a_voucher("revoked", claimed_at=NOW - DAY, **facts)


def told(action, voucher, who="acc_yi", bar=None, now=NOW):
    refusal = why_not(action, voucher, hands={who}, now=now, bar=bar)
    return None if refusal is None else refusal.code


def test_a_proposal_lapses_after_its_days():
    voucher = lost(restoration=asked())
    assert lapses_at(asked()) == NOW + 30 * DAY
    assert open_restoration(voucher, NOW + 30 * DAY - MOMENT) == asked()
    assert open_restoration(voucher, NOW + 30 * DAY) is None
    assert open_restoration(lost(), NOW) is None


def test_a_voucher_comes_back_to_where_it_was():
    assert state_before(a_voucher("revoked")) is ISSUED
    assert state_before(lost()) is CLAIMED
    assert state_before(lost(redeemed_at=NOW, enrolment_id="enr_a")) is REDEEMED
    assert state_before(lost(redeemed_at=NOW)) is CLAIMED
    assert state_before(lost(enrolment_id="enr_a")) is CLAIMED


@pytest.mark.parametrize(
    ("action", "voucher", "who", "code"),
    [
        ("restore", lost(), "acc_jia", None),
        ("restore", a_voucher("expired"), "acc_jia", None),
        ("restore", a_voucher("issued", expires_at=NOW), "acc_jia", None),
        ("restore", a_voucher("settled"), "acc_jia", "voucher_settled"),
        ("restore", a_voucher("closed"), "acc_jia", "voucher_closed"),
        ("restore", a_voucher("claimed"), "acc_jia", "voucher_not_lost"),
        ("restore", a_voucher("redeemed"), "acc_jia", "voucher_not_lost"),
        ("restore", lost(restoration=asked()), "acc_jia", None),
        ("restore", lost(restoration=asked()), "acc_yi", "restore_already_asked"),
        ("restore", lost(restoration=asked(at=NOW - 30 * DAY)), "acc_yi", None),
        ("confirm_restore", lost(restoration=asked()), "acc_yi", None),
        ("confirm_restore", lost(restoration=asked()), "acc_jia", "self_approval"),
        ("confirm_restore", lost(), "acc_yi", "restore_not_asked"),
        ("confirm_restore", lost(restoration=asked(at=NOW - 30 * DAY)), "acc_yi", "restore_not_asked"),
        ("confirm_restore", a_voucher("claimed", restoration=asked()), "acc_yi", "voucher_not_lost"),
    ],
)
def test_one_proposes_and_another_confirms_of_what_was_lost(action, voucher, who, code):
    assert told(action, voucher, who) == code


def test_what_a_list_would_take_back_at_once_is_not_given_back():
    assert told("restore", lost(), bar=HOLDS) == "listed_employed"
    assert told("restore", lost(), bar=LATER) is None
    spent = lost(redeemed_at=NOW, enrolment_id="enr_a")
    assert told("restore", spent, bar=HOLDS) is None
    proposed = lost(restoration=asked(target=REDEEMED))
    assert told("confirm_restore", proposed, bar=HOLDS) is None, "what was proposed is what comes back"
    assert told("confirm_restore", lost(restoration=asked()), bar=HOLDS) == "listed_employed"
    last_of_august = datetime(2026, 8, 31, 15, 59, tzinfo=UTC)
    assert barred_again(CLAIMED, HOLDS, now=last_of_august) is None
    refusal = barred_again(ISSUED, HOLDS, now=last_of_august + timedelta(minutes=1))
    assert refusal is not None
    assert refusal.facts == {"since": "2026-09-01", "as_of": "2026-09-01"}
    assert barred_again(CLAIMED, None, now=NOW) is None


TODAY = date(2026, 9, 20)


@pytest.mark.parametrize(
    ("valid_through", "target", "extended_to", "ends_with_date", "code"),
    [
        (TODAY, CLAIMED, None, False, None),
        (date(2026, 9, 19), CLAIMED, None, False, "restore_needs_extension"),
        (date(2026, 9, 19), ISSUED, None, False, "restore_needs_extension"),
        (date(2026, 9, 19), REDEEMED, None, False, None),
        (date(2026, 9, 19), REDEEMED, None, True, "restore_needs_extension"),
        (date(2026, 9, 1), CLAIMED, date(2026, 9, 19), False, "restore_needs_extension"),
        (date(2026, 9, 1), CLAIMED, TODAY, False, None),
        (date(2026, 9, 1), CLAIMED, date(2027, 9, 20), False, None),
        (date(2026, 9, 1), CLAIMED, date(2027, 9, 21), False, "extension_out_of_range"),
        (date(2026, 10, 1), CLAIMED, date(2026, 9, 30), False, "extension_out_of_range"),
        (date(2026, 10, 1), CLAIMED, date(2026, 10, 1), False, None),
        (date(2028, 1, 1), CLAIMED, date(2028, 1, 1), False, None),
        (date(2028, 1, 1), CLAIMED, date(2028, 1, 2), False, "extension_out_of_range"),
    ],
)
def test_a_restored_voucher_lives_today_and_no_longer_than_one_issued_today(
    valid_through, target, extended_to, ends_with_date, code
):
    refusal = why_not_until(
        lost(valid_through=valid_through),
        target,
        extended_to,
        today=TODAY,
        validity_months=12,
        ends_with_date=ends_with_date,
    )
    assert (None if refusal is None else refusal.code) == code
    if code is not None:
        assert refusal.facts["valid_through"] == valid_through.isoformat()


def test_it_is_good_through_the_day_that_was_proposed_or_as_before():
    assert good_through(lost(), asked()) == (TODAY, datetime(2026, 9, 20, 16, tzinfo=UTC))
    later = asked(extended_to=date(2026, 10, 1))
    assert good_through(lost(), later) == (date(2026, 10, 1), datetime(2026, 10, 1, 16, tzinfo=UTC))
