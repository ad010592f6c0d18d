"""Accounts of institutions without any table: their states, which counts when, what stands against a decision."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.catalogue.institutions.model import listed_payee_id
from chalicelib.catalogue.payees.model import (
    PAYEE_TRANSITIONS,
    ConfirmedPayee,
    PayeeAccount,
    Payees,
    PayeeStatus,
    counts_from,
    needs_reason,
    status_shown,
    why_not,
)
from chalicelib.kernel.errors import Refused
from tests.support.people import HEFEI_SCHOOL

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
CELLS = {
    "object": {"proposed": "refused", "confirmed": "refused"},
    "confirm": {"proposed": "confirmed"},
    "refuse": {"proposed": "refused"},
    "lapse": {"proposed": "lapsed"},
}


def account(**facts: Any) -> PayeeAccount:
    known: dict[str, Any] = {
        "institution": HEFEI_SCHOOL,
        "id": "pay_a",
        "division": "340111",
        "status": PayeeStatus.PROPOSED,
        "holder": "合肥市启明学校",
        "bank": "徽商银行",
        "sealed_number": "x",
        "masked_number": "622202*********9993",
        "number_digest": "0",
        "holder_differs": False,
        "shared_with": [],
        "wait_days": 3,
        "reason": "更换",
        "proposed_by": "acc_clerk",
        "proposed_at": NOW,
        "counts_from": NOW,
    }
    return PayeeAccount(**{**known, **facts})


@pytest.mark.parametrize("action", sorted(PAYEE_TRANSITIONS.steps))
@pytest.mark.parametrize("state", list(PayeeStatus))
def test_each_action_is_lawful_in_its_states_only(action: str, state: PayeeStatus) -> None:
    expected = CELLS[action].get(state.value)
    if expected is None:
        with pytest.raises(Refused):
            PAYEE_TRANSITIONS.require(action, state)
    else:
        assert PAYEE_TRANSITIONS.require(action, state) == expected


def test_an_account_counts_after_the_days_of_the_policy_to_the_hour() -> None:
    counting = counts_from(account(), NOW)
    payees = Payees(institution=HEFEI_SCHOOL, division="3401", confirmed=[ConfirmedPayee("pay_a", counting)])  # type: ignore[arg-type]
    just_before = NOW + timedelta(days=3) - timedelta(seconds=1)
    assert (payees.in_force(just_before), payees.to_come(just_before)) == (None, "pay_a")
    assert (payees.in_force(counting), payees.to_come(counting)) == ("pay_a", None)


def test_of_those_that_count_the_one_confirmed_last_is_in_force() -> None:
    confirmed = [
        ConfirmedPayee("pay_a", NOW),
        ConfirmedPayee("pay_b", NOW + timedelta(days=9)),
        ConfirmedPayee("pay_c", NOW + timedelta(days=3)),
    ]
    payees = Payees(institution=HEFEI_SCHOOL, division="3401", confirmed=confirmed)  # type: ignore[arg-type]
    in_force = [payees.in_force(NOW + timedelta(days=days)) for days in (0, 2, 3, 9)]
    assert in_force == ["pay_a", "pay_a", "pay_c", "pay_c"]


def test_an_account_that_was_replaced_before_it_counted_never_counts() -> None:
    """Seen: a mistaken account was replaced the same day, and would have been paid to for the days between."""
    paid_on = ConfirmedPayee("pay_a", NOW - timedelta(days=9))
    mistaken = ConfirmedPayee("pay_b", NOW + timedelta(days=3))
    before = Payees(institution=HEFEI_SCHOOL, division="3401", confirmed=[paid_on, mistaken])  # type: ignore[arg-type]
    right = ConfirmedPayee("pay_c", NOW + timedelta(days=4))
    confirmed = before.with_confirmed(right, NOW + timedelta(days=1))
    assert [known.id for known in confirmed] == ["pay_a", "pay_c"]
    after = msgspec.structs.replace(before, confirmed=confirmed)
    assert [after.in_force(NOW + timedelta(days=days)) for days in (1, 3, 4)] == ["pay_a", "pay_a", "pay_c"]


def test_an_account_that_nobody_decides_on_lapses_after_thirty_days() -> None:
    last = NOW + timedelta(days=30) - timedelta(seconds=1)
    assert status_shown(account(), last) is PayeeStatus.PROPOSED
    assert status_shown(account(), NOW + timedelta(days=30)) is PayeeStatus.LAPSED
    assert (
        status_shown(account(status=PayeeStatus.CONFIRMED), NOW + timedelta(days=30)) is PayeeStatus.CONFIRMED
    )
    refusal = why_not("confirm", account(), {"acc_finance"}, now=NOW + timedelta(days=30))
    assert refusal is not None
    assert refusal.code == "payee_lapsed"


@pytest.mark.parametrize(
    ("actor", "version", "code"),
    [
        ("acc_clerk", 2, "self_approval"),
        ("acc_finance", 2, "version_conflict"),
        ("acc_finance", 1, None),
        ("acc_finance", None, None),
    ],
)
def test_ones_own_account_is_told_first_then_the_version(
    actor: str, version: int | None, code: str | None
) -> None:
    refusal = why_not("confirm", account(), {actor}, now=NOW, version=version)
    assert (refusal and refusal.code) == code


@pytest.mark.parametrize(
    ("action", "differs", "reason", "missing"),
    [
        ("confirm", False, None, False),
        ("confirm", True, None, True),
        ("confirm", True, "更名，已核", False),
        ("refuse", False, None, True),
    ],
)
def test_a_holder_who_is_not_the_institution_is_confirmed_with_a_reason(
    action: str, reason: str | None, *, differs: bool, missing: bool
) -> None:
    refusal = needs_reason(action, account(holder_differs=differs), reason)
    assert (refusal is not None) == missing


def test_the_account_on_an_institutions_own_row_has_an_id_of_its_own() -> None:
    assert listed_payee_id(HEFEI_SCHOOL) != listed_payee_id(HEFEI_SCHOOL[:-1] + "X")
