from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.exchange.messages.reported import REPORTED, body_of, event_of
from chalicelib.exchange.model import (
    ALL_AREAS,
    DELIVERY_TRANSITIONS,
    GIVE_UP_AFTER,
    PAUSE_MAX,
    SETTLED,
    DeliveryState,
    answer_wait,
    area_of,
    delivery_key,
    message_id_of,
    pause_after,
)
from chalicelib.exchange.sending import drawn_share
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
        ({"status": "settled", "paid_fen": 9}, {"status": "settled", "paid_fen": 0}, "voucher.returned"),
        ({"status": "settled", "paid_fen": 0}, {"status": "settled", "paid_fen": 9}, "voucher.paid_again"),
        ({"status": "claimed"}, {"status": "claimed"}, "voucher.changed"),
        (None, {"status": "settled", "paid_fen": 9}, "voucher.settled"),
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
        "valid_through": "2027-09-01",
        "expires_at": datetime(2027, 9, 1, 16, tzinfo=UTC),
    }
    assert body_of(VOUCHERS, voucher) == {
        "id": "vch_a",
        "program_id": "prg_a",
        "person_key": "prs_a",
        "division": "3401",
        "status": "issued",
        "face_value_fen": 600_000,
        "issued_at": "2026-09-01T08:00:00+08:00",
        "expires_at": "2027-09-02T00:00:00+08:00",
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
    "follow": {S.WAITING},
    "hand_over": {S.PENDING, S.SENT},
    "put_off": {S.SENT},
    "refuse": {S.PENDING, S.SENT, S.DEAD},
    "give_up": {S.PENDING, S.SENT},
    "pass_over": {S.REFUSED, S.DEAD},
    "tell_again": {S.ACKNOWLEDGED},
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


def test_the_table_of_what_is_allowed_is_whole() -> None:
    assert set(_ALLOWED) == set(DELIVERY_TRANSITIONS.steps)
    for state in SETTLED:
        left = {action for action in DELIVERY_TRANSITIONS.steps if DELIVERY_TRANSITIONS.allows(action, state)}
        assert left <= {"tell_again"}


def test_pauses_double_up_to_six_hours_and_are_drawn_from_the_whole_span() -> None:
    full = [pause_after(attempts, 1.0) for attempts in range(1, 15)]
    assert full[0] == timedelta(seconds=30)
    assert all(later == min(PAUSE_MAX, earlier * 2) for earlier, later in pairwise(full))
    assert pause_after(9, 0.0) == timedelta(0)
    assert pause_after(10_000, 1.0) == PAUSE_MAX
    assert len({drawn_share() for _ in range(50)}) == 50
    assert all(0 <= drawn_share() < 1 for _ in range(50))
    assert answer_wait(1) == timedelta(minutes=10)
    assert answer_wait(10_000) == PAUSE_MAX


def test_what_fails_is_tried_for_days_before_a_person_decides() -> None:
    spent, tries = timedelta(0), 0
    while spent < GIVE_UP_AFTER:
        tries += 1
        spent += pause_after(tries, 1.0)
    assert 25 < tries < 60
