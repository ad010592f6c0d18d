"""What follows for a voucher from dates, lists and names: the rules by themselves, without any table."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.people.eligibility import Bar
from chalicelib.people.standings.model import Situation, Standing
from chalicelib.vouchers.model import (
    Consequence,
    Voucher,
    VoucherStatus,
    consequence_of,
    extended,
    facts_of,
    has_expired,
    is_late_mark,
    is_name_proven,
    status_released,
)

NOW = datetime(2026, 9, 20, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def a_voucher(status: str = "claimed", **facts: Any) -> Voucher:
    known: dict[str, Any] = {
        "id": "vch_a",
        "program_id": "prg_a",
        "person_key": "prs_a",
        "division": "340111",
        "batch_id": "iss_a",
        "status": VoucherStatus(status),
        "face_value_fen": 600_000,
        "holder_name": "张*",
        "holder_id_number": "340***********1234",
        "issued_at": NOW - 30 * DAY,
        "expires_at": NOW + DAY,
        "valid_through": date(2026, 9, 20),
    }
    return Voucher(**{**known, **facts})


def a_bar(since: date, until: date | None = None) -> Bar:
    standing = Standing(
        situation=Situation.EMPLOYED,
        since=since,
        until=until,
        as_of=since,
        import_id="imp_a",
        listed_at=NOW,
        listed_by="acc_a",
    )
    return Bar(first_day=since, last_day=until, standing=standing)


HOLDS, LATER = a_bar(date(2026, 9, 1)), a_bar(date(2026, 10, 1))


@pytest.mark.parametrize(
    ("voucher", "bar", "follows"),
    [
        (a_voucher("issued"), HOLDS, Consequence.REVOKE),
        (a_voucher(), HOLDS, Consequence.REVOKE),
        (a_voucher(), LATER, Consequence.MARK),
        (a_voucher(bar=LATER), LATER, None),
        (a_voucher(bar=LATER), None, Consequence.MARK),
        (a_voucher(), None, None),
        (a_voucher("redeemed"), HOLDS, Consequence.MARK),
        (a_voucher("redeemed", bar=HOLDS), HOLDS, None),
        (a_voucher(expires_at=NOW), HOLDS, None),
        (a_voucher("redeemed", expires_at=NOW), HOLDS, Consequence.MARK),
        *[(a_voucher(status), HOLDS, None) for status in ("settled", "closed", "revoked", "expired")],
    ],
)
def test_what_follows_from_a_list(voucher: Voucher, bar: Bar | None, follows: Consequence | None) -> None:
    assert consequence_of(voucher, bar, now=NOW) is follows


@pytest.mark.parametrize(
    ("voucher", "bar", "stands_against", "late"),
    [
        (a_voucher("settled"), HOLDS, True, True),
        (a_voucher("settled"), HOLDS, False, False),
        (a_voucher("settled", bar=LATER), HOLDS, False, True),
        (a_voucher("settled", bar=HOLDS), HOLDS, True, False),
        (a_voucher("redeemed"), HOLDS, True, False),
    ],
)
def test_a_list_that_came_after_the_payment(
    voucher: Voucher, bar: Bar, stands_against: bool, late: bool
) -> None:
    assert is_late_mark(voucher, bar, stands_against_payment=stands_against) is late


def test_a_date_that_has_passed_ends_what_is_unspent() -> None:
    assert has_expired(a_voucher(expires_at=NOW), NOW)
    assert not has_expired(a_voucher(expires_at=NOW + timedelta(microseconds=1)), NOW)
    assert not has_expired(a_voucher("redeemed", expires_at=NOW), NOW)
    assert status_released(a_voucher("redeemed", expires_at=NOW), NOW) is VoucherStatus.EXPIRED
    assert status_released(a_voucher("redeemed"), NOW) is VoucherStatus.CLAIMED
    assert status_released(a_voucher("redeemed", barred_from=NOW), NOW) is VoucherStatus.REVOKED
    assert status_released(a_voucher("redeemed", barred_from=NOW + DAY), NOW) is VoucherStatus.CLAIMED
    over = a_voucher("redeemed", barred_from=NOW - DAY, barred_until=NOW)
    assert status_released(over, NOW) is VoucherStatus.CLAIMED


def test_the_days_lost_on_a_cancelled_class_come_back() -> None:
    lost = extended(a_voucher("redeemed", redeemed_at=NOW - 61 * DAY), NOW)
    assert lost.valid_through == date(2026, 9, 20) + 61 * DAY
    assert lost.expires_at == datetime(2026, 11, 20, 16, tzinfo=UTC)
    never = a_voucher("redeemed")
    assert extended(never, NOW) == never


def test_a_name_counts_from_when_it_was_known() -> None:
    assert is_name_proven(a_voucher(), NOW)
    assert not is_name_proven(a_voucher(), None)
    assert not is_name_proven(a_voucher(name_mismatch_at=NOW), NOW)
    assert is_name_proven(a_voucher(named_at=NOW - DAY), NOW)
    assert not is_name_proven(a_voucher(named_at=NOW), NOW)


def test_the_facts_of_a_refusal_tell_the_list() -> None:
    assert facts_of(a_voucher()) == {"valid_through": "2026-09-20", "status": "claimed"}
    assert facts_of(a_voucher(bar=HOLDS)).keys() > {"valid_through", "status"}
