from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.exchange.model import (
    ALL_AREAS,
    DELIVERY_TRANSITIONS,
    REPORTED,
    DeliveryState,
    area_of,
    body_of,
    delivery_key,
    event_of,
    message_id_of,
)
from chalicelib.kernel.divisions import COUNTY_LEVEL, covers

VOUCHERS = REPORTED["vouchers"]
S = DeliveryState


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, {"status": "issued"}, "voucher.issued"),
        ({"status": "issued"}, {"status": "claimed"}, "voucher.claimed"),
        ({"status": "claimed"}, {"status": "redeemed"}, "voucher.redeemed"),
        ({"status": "redeemed"}, {"status": "claimed"}, "voucher.released"),
        ({"status": "revoked"}, {"status": "redeemed"}, "voucher.restored"),
        ({"status": "expired"}, {"status": "issued"}, "voucher.restored"),
        ({"status": "redeemed"}, {"status": "expired"}, "voucher.expired"),
        ({"status": "redeemed"}, {"status": "settled", "paid_fen": 600_000}, "voucher.settled"),
        ({"status": "redeemed"}, {"status": "closed"}, "voucher.closed"),
        ({"status": "issued"}, {"status": "expired"}, "voucher.expired"),
        ({"status": "claimed"}, {"status": "revoked"}, "voucher.revoked"),
        (
            {"status": "settled", "reversed_fen": 0},
            {"status": "settled", "reversed_fen": 5},
            "voucher.reversed",
        ),
        ({"status": "claimed"}, {"status": "claimed"}, "voucher.changed"),
    ],
)
def test_each_change_of_a_voucher_has_its_event(before: Any, after: Any, event: str) -> None:
    assert event_of(VOUCHERS, before, after) == event


def test_what_is_told_names_nobody_in_the_clear() -> None:
    voucher = {
        "id": "vch_a",
        "program_id": "prg_a",
        "person_key": "prs_a",
        "division": "3401",
        "status": "issued",
        "face_value_fen": 600_000,
        "holder_name": "张**",
        "holder_id_number": "340***********1234",
        "redeem_nonce": "n",
        "issued_at": datetime(2026, 9, 1, tzinfo=UTC),
        "valid_through": date(2027, 9, 1),
        "claimed_at": None,
    }
    assert body_of(VOUCHERS, voucher) == {
        "id": "vch_a",
        "program_id": "prg_a",
        "person_key": "prs_a",
        "division": "3401",
        "status": "issued",
        "face_value_fen": 600_000,
        "issued_at": "2026-09-01T08:00:00+08:00",
        "valid_through": "2027-09-01",
    }


@given(st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=4, max_size=24), st.integers(1, 999_999))
def test_a_message_id_can_be_read_backwards(body: str, sequence: int) -> None:
    assert delivery_key(message_id_of(f"vch_{body}", sequence)) == (f"vch_{body}", sequence)


@given(st.text(max_size=80))
def test_a_message_id_from_outside_is_read_or_unknown(text: str) -> None:
    for candidate in (text, f"msg_{text}", f"msg_abcd-vch{text}"):
        key = delivery_key(candidate)
        assert key is None or message_id_of(*key) == candidate


_ALLOWED = {
    "send": {S.PENDING},
    "refuse": {S.PENDING, S.SENT},
    "give_up": {S.PENDING},
    "acknowledge": {S.PENDING, S.SENT, S.REFUSED, S.DEAD},
    "redrive": {S.SENT, S.REFUSED, S.DEAD},
}


@pytest.mark.parametrize("action", _ALLOWED)
@pytest.mark.parametrize("state", S)
def test_each_action_is_allowed_in_its_states_only(action: str, state: DeliveryState) -> None:
    assert DELIVERY_TRANSITIONS.allows(action, state) == (state in _ALLOWED[action])


def test_every_division_has_one_area_that_covers_it() -> None:
    assert len(ALL_AREAS) == 1 + 16 + 2
    for code in COUNTY_LEVEL:
        assert covers(area_of(code), code)
    assert area_of("340111") == area_of("3401") == "3401"
    assert area_of("341882") == "341882"
    assert area_of("34") == area_of("999999") == area_of(None) == "34"
