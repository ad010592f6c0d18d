"""Why a voucher cannot be claimed, shown, spent or revoked now: every reason, without any table."""

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.vouchers.model import (
    OVER,
    VoucherStatus,
    bar_moments,
    bar_reason,
    barred,
    consequence_of,
    dates_of,
    is_barred,
    is_late_mark,
    is_of_device,
    reasons_against_redeeming,
    status_shown,
    voucher_id_of,
    why_not,
)
from tests.vouchers.test_model import DAY, HOLDS, LATER, NOW, a_bar, a_voucher

MOMENT = timedelta(microseconds=1)


def refusal(action, voucher, **facts):
    found = why_not(action, voucher, now=NOW, **facts)
    return None if found is None else found.code


def against_a_scan(voucher, *, step=1, device="", now=NOW):
    return list(reasons_against_redeeming(voucher, step=step, device=device, now=now))


# ------------------------------------------------------------------------------------------ claim, show, revoke


@pytest.mark.parametrize(
    ("action", "reasons"),
    [
        (
            "claim",
            {
                "issued": None,
                "claimed": "wrong_state",
                "redeemed": "voucher_already_redeemed",
                "settled": "voucher_settled",
                "closed": "voucher_closed",
                "expired": "voucher_expired",
                "revoked": "voucher_revoked",
            },
        ),
        (
            "show_qr",
            {
                "issued": "voucher_not_claimed",
                "claimed": None,
                "redeemed": "voucher_already_redeemed",
                "settled": "voucher_settled",
                "closed": "voucher_closed",
                "expired": "voucher_expired",
                "revoked": "voucher_revoked",
            },
        ),
        (
            "revoke",
            {
                "issued": None,
                "claimed": None,
                "redeemed": None,
                "settled": "voucher_settled",
                "closed": "voucher_closed",
                "expired": "voucher_expired",
                "revoked": "voucher_revoked",
            },
        ),
    ],
)
def test_each_state_has_its_reason(action, reasons):
    assert {str(status): refusal(action, a_voucher(status)) for status in VoucherStatus} == reasons


def test_the_date_counts_before_the_night_has_recorded_it():
    for status in ("issued", "claimed"):
        due = a_voucher(status, expires_at=NOW)
        assert status_shown(due, NOW) is VoucherStatus.EXPIRED
        assert status_shown(due, NOW - MOMENT) is VoucherStatus(status)
        assert [refusal(action, due) for action in ("claim", "show_qr", "revoke")] == ["voucher_expired"] * 3
    spent = a_voucher("redeemed", expires_at=NOW)
    assert status_shown(spent, NOW) is VoucherStatus.REDEEMED
    assert refusal("revoke", spent) is None


def test_a_list_stands_against_using_a_voucher_and_not_against_taking_it_back():
    listed = barred(a_voucher("issued"), HOLDS)
    assert refusal("claim", listed) == "listed_employed"
    assert refusal("show_qr", barred(a_voucher(), HOLDS)) == "listed_employed"
    assert refusal("revoke", listed) is None
    assert refusal("claim", barred(a_voucher("issued"), LATER)) is None
    assert refusal("claim", barred(a_voucher("closed"), HOLDS)) == "voucher_closed"


def test_another_name_on_the_card_stands_before_every_other_reason():
    assert refusal("claim", a_voucher("issued"), named_otherwise=True) == "name_mismatch"
    assert refusal("show_qr", a_voucher("closed"), named_otherwise=True) == "name_mismatch"
    assert refusal("revoke", a_voucher(), named_otherwise=True) is None


def test_what_is_spent_on_a_roster_is_ended_there_first():
    spent = a_voucher("redeemed")
    assert refusal("revoke", spent, on_roster=True) == "voucher_already_redeemed"
    assert refusal("revoke", a_voucher("settled"), on_roster=True) == "voucher_settled"
    assert refusal("claim", a_voucher("issued"), on_roster=True) is None


def test_whoever_read_an_older_version_is_told_so_first():
    assert refusal("revoke", a_voucher("closed"), version=7) == "version_conflict"
    assert refusal("revoke", a_voucher("closed"), version=1) == "voucher_closed"
    assert refusal("revoke", a_voucher(version=7), version=7) is None
    assert refusal("revoke", a_voucher(version=7)) is None


# ------------------------------------------------------------------------------------------ a scan


def test_a_good_scan_has_no_reason_against_it():
    assert against_a_scan(a_voucher()) == []
    assert against_a_scan(a_voucher(last_step=4, device="abcdef"), step=5, device="abc") == []


@pytest.mark.parametrize(
    ("voucher", "scan", "reasons"),
    [
        (a_voucher(last_step=5), {"step": 5}, ["token_replayed"]),
        (a_voucher(last_step=5), {"step": 4}, ["token_replayed"]),
        (a_voucher(device="abcdef"), {"device": "bcd"}, ["other_device"]),
        (a_voucher(device="abcdef"), {}, ["other_device"]),
        (a_voucher(), {"device": "abc"}, ["other_device"]),
        (a_voucher("issued"), {}, ["voucher_not_claimed"]),
        (a_voucher("redeemed"), {}, ["voucher_already_redeemed"]),
        (a_voucher(expires_at=NOW), {}, ["voucher_expired"]),
        *[(a_voucher(str(status)), {}, [code]) for status, code in OVER.items()],
        (barred(a_voucher(), HOLDS), {}, ["listed_employed"]),
        (barred(a_voucher(), LATER), {}, []),
        (barred(a_voucher("revoked"), HOLDS), {}, ["voucher_revoked"]),
        (a_voucher(name_mismatch_at=NOW), {}, ["name_mismatch"]),
        (
            a_voucher("closed", last_step=1, device="abc", name_mismatch_at=NOW),
            {"device": "x"},
            ["token_replayed", "other_device", "voucher_closed", "name_mismatch"],
        ),
    ],
)
def test_every_reason_against_a_scan_is_told(voucher, scan, reasons):
    assert against_a_scan(voucher, **scan) == reasons


def test_a_code_without_a_device_is_of_a_voucher_bound_to_none():
    assert is_of_device(a_voucher(), "")
    assert not is_of_device(a_voucher(), "abc")
    assert not is_of_device(a_voucher(device="abcdef"), "")
    assert is_of_device(a_voucher(device="abcdef"), "abc")
    assert not is_of_device(a_voucher(device="abcdef"), "def")


# ------------------------------------------------------------------------------------------ lists and days


def test_a_bar_holds_from_its_first_day_to_the_end_of_its_last():
    first = datetime(2026, 8, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    assert bar_moments(None) == (None, None)
    assert bar_moments(HOLDS) == (first, None)
    assert bar_moments(a_bar(date(2026, 9, 1), date(2026, 9, 19))) == (
        first,
        datetime(2026, 9, 19, 16, tzinfo=UTC),
    )
    listed = barred(a_voucher(), a_bar(date(2026, 9, 1), date(2026, 9, 19)))
    assert listed.bar is not None
    assert not is_barred(listed, first - MOMENT)
    assert is_barred(listed, first)
    assert is_barred(listed, datetime(2026, 9, 19, 16, tzinfo=UTC) - MOMENT)
    assert not is_barred(listed, datetime(2026, 9, 19, 16, tzinfo=UTC))
    assert is_barred(barred(a_voucher(), HOLDS), NOW + 4000 * DAY)
    assert not is_barred(a_voucher(), NOW)
    assert barred(listed, None) == a_voucher()


def test_a_reason_leads_back_to_the_list_and_who_uploaded_it():
    assert bar_reason(HOLDS).endswith("[listed_employed import=imp_a applied_by=acc_a]")
    assert "2026" in bar_reason(HOLDS)


def test_a_list_counts_from_its_first_day_in_shanghai():
    last_of_august = datetime(2026, 8, 31, 15, 59, tzinfo=UTC)
    assert str(consequence_of(a_voucher("issued"), HOLDS, now=last_of_august)) == "mark"
    assert (
        str(consequence_of(a_voucher("issued"), HOLDS, now=last_of_august + timedelta(minutes=1))) == "revoke"
    )


def test_a_list_after_payment_that_says_what_is_known_is_no_news():
    assert not is_late_mark(a_voucher("settled"), None, stands_against_payment=True)
    assert is_late_mark(a_voucher("settled", bar=LATER), None, stands_against_payment=False)


def test_a_voucher_is_good_through_the_same_day_of_the_last_month():
    assert dates_of(datetime(2026, 9, 1, 1, tzinfo=UTC), 12) == (
        date(2027, 9, 1),
        datetime(2027, 9, 1, 16, tzinfo=UTC),
    )


def test_one_person_has_one_voucher_of_a_program():
    assert voucher_id_of("prs_a", "prg_a") == voucher_id_of("prs_a", "prg_a")
    assert len({voucher_id_of(who, what) for who in ("prs_a", "prs_b") for what in ("prg_a", "prg_b")}) == 4
    assert voucher_id_of("prs_a", "prg_a").startswith("vch_")


def test_a_fresh_voucher_has_nothing_shown_and_nothing_paid():
    fresh = a_voucher("issued")
    assert (fresh.last_step, fresh.paid_fen, fresh.reversed_fen, fresh.version) == (0, 0, 0, 1)
    assert against_a_scan(a_voucher(), step=0) == ["token_replayed"]
    assert against_a_scan(a_voucher(), step=1) == []
