"""Every pair of voucher state and action, on the store itself: what the table forbids, the write refuses."""

import pytest

from chalicelib.accounts.persons.names import moment_of_names
from chalicelib.aws.writes import ConditionFailed, transact, update
from chalicelib.kernel.errors import DomainError
from chalicelib.vouchers import store
from chalicelib.vouchers.card import store as card_store
from chalicelib.vouchers.expiry import store as expiry_store
from chalicelib.vouchers.model import VOUCHER_TRANSITIONS, Restoration, VoucherStatus
from chalicelib.vouchers.restoring.store import restore_write


def attempt(action, voucher, world):
    """Do the write of one action; tell whether it was accepted."""
    now = world.later(days=400) if action == "expire" else world.now
    try:
        match action:
            case "claim":
                card_store.claim(
                    voucher.id,
                    person_key=voucher.person_key,
                    name_proven_at=moment_of_names(),
                    now=now,
                    change=world.change,
                )
            case "expire":
                expiry_store.expire(voucher.id, now=now, change=world.change)
            case "revoke":
                store.revoke(voucher.id, version=voucher.version, change=world.change)
            case _:
                transact([part(action, voucher, now, world.change)], change=world.change)
    except (ConditionFailed, DomainError):
        return False
    return True


def part(action, voucher, now, change):
    match action:
        case "redeem":
            return store.redeem_write(
                voucher, enrolment_id="enr_x", institution="i", served_in="340111", nonce="n", step=9, now=now
            )
        case "release":
            return store.release_write(voucher, enrolment_id="enr_x", change=change)
        case "settle":
            return store.settle_write(
                voucher.id, enrolment_id="enr_x", served_in="340111", amount_fen=100, now=now
            )
        case "close":
            return store.close_write(voucher.id, enrolment_id="enr_x")
        case "restore_issued" | "restore_claimed" | "restore_redeemed":
            target = VoucherStatus(action.removeprefix("restore_"))
            asked = Restoration(asked_by="acc_a", asked_at=now, reason="错收", target=target)
            return restore_write(voucher, asked, None, stays_due=False, change=change)
    raise LookupError(action)


@pytest.mark.parametrize("status", list(VoucherStatus))
@pytest.mark.parametrize("action", list(VOUCHER_TRANSITIONS.steps))
def test_the_write_agrees_with_the_table(world, status, action):
    voucher_id = world.voucher(world.person(1), claimed=False)
    row = store.VoucherRow
    asked = Restoration(asked_by="acc_a", asked_at=world.now, reason="错收", target=VoucherStatus.CLAIMED)
    actions = [row.status.set(str(status)), row.enrolment_id.set("enr_x"), row.restoration.set(asked)]
    voucher = update(row, (voucher_id,), actions, condition=row.id.exists(), change=world.change)
    before = store.read_voucher(voucher_id)
    accepted = attempt(action, voucher, world)
    after = store.read_voucher(voucher_id)
    repeat_of_claim = action == "claim" and status is VoucherStatus.CLAIMED  # answers like the first
    assert accepted == (VOUCHER_TRANSITIONS.allows(action, status) or repeat_of_claim)
    if accepted and not repeat_of_claim:
        assert after.status is VOUCHER_TRANSITIONS.target(action)
        assert after.version == before.version + 1
    else:
        assert after == before


def test_an_expired_voucher_is_neither_claimed_nor_redeemed(world):
    voucher_id = world.voucher(world.person(1))
    voucher = store.read_voucher(voucher_id)
    late = voucher.expires_at
    assert not attempt("redeem", voucher, _at(world, late))
    assert attempt("expire", voucher, world)
    assert not attempt("expire", voucher, world)
    assert not attempt("claim", voucher, _at(world, late))


def _at(world, moment):
    world.now = moment
    return world


def test_more_than_the_face_value_is_never_settled(world):
    voucher_id = world.voucher(world.person(1))
    voucher = store.read_voucher(voucher_id)
    transact([part("redeem", voucher, world.now, world.change)], change=world.change)
    too_much = store.settle_write(
        voucher_id,
        enrolment_id="enr_x",
        served_in="3401",
        amount_fen=voucher.face_value_fen + 1,
        now=world.now,
    )
    with pytest.raises(ConditionFailed):
        transact([too_much], change=world.change)


def test_the_night_expires_exactly_what_is_due(world, api, cloud):
    import app

    people = [world.person(n) for n in range(6)]
    ids = [world.voucher(person, claimed=n % 2 == 0) for n, person in enumerate(people)]
    enrolled = world.enrolment(world.person(10))
    night = store.read_voucher(ids[0]).expires_at
    for _ in range(2):  # the job runs twice
        app.expire_vouchers({"now": night.isoformat()}, None)
        cloud.work("expiry", app.expire_shard)
    assert {store.read_voucher(voucher_id).status for voucher_id in ids} == {VoucherStatus.EXPIRED}
    assert store.read_voucher(enrolled["voucher_id"]).status is VoucherStatus.REDEEMED
    assert store.read_voucher(ids[0]).version == 3  # issued, claimed, expired
