"""Under `expiry_scope: complete` a redeemed voucher needs a class by its date; under `redeem` it does not."""

from datetime import timedelta

import msgspec
import pytest

import app
from chalicelib.aws.writes import transact
from chalicelib.enrolments import store as enrolment_store
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.programs import store as program_store
from chalicelib.programs.model import ExpiryScope
from chalicelib.programs.service import forget_programs
from chalicelib.vouchers import store
from chalicelib.vouchers.model import VoucherStatus


def set_policy(world, **changes):
    program = program_store.read_program(world.program_id)
    policy = msgspec.structs.replace(program.policy, **changes)
    program_store.change_policy(program, policy, version=program.version, change=world.change)
    forget_programs()


@pytest.fixture
def complete(world):
    set_policy(world, expiry_scope=ExpiryScope.COMPLETE)
    return world


def put_on_roster(world, enrolment):
    place = {"institution": enrolment["institution"], "project_id": enrolment["project_id"]}
    transact(
        [enrolment_store.roster_write(enrolment["id"], class_id="cls_x", now=world.now, **place)],
        change=world.change,
    )


def run_night(cloud, voucher_id):
    moment = store.read_voucher(voucher_id).expires_at
    for _ in range(2):  # at once would be the same: what is done has left the shard
        app.expire_vouchers({"now": moment.isoformat()}, None)
        cloud.work("expiry", app.expire_shard)


def test_without_a_class_the_voucher_expires_with_its_enrolment(complete, cloud):
    enrolment = complete.enrolment(complete.person(1))
    before = store.read_voucher(enrolment["voucher_id"])
    run_night(cloud, before.id)
    after = store.read_voucher(before.id)
    assert (after.status, after.version) == (VoucherStatus.EXPIRED, before.version + 1)
    released = enrolment_store.read_enrolment(enrolment["id"])
    assert released.status is EnrolmentStatus.RELEASED
    assert released.last_change.actor == "system:expire_shard"
    assert released.last_change.reason == "券已过有效期且未编入班级"


def test_on_a_roster_the_voucher_is_left_to_its_class(complete, cloud):
    enrolment = complete.enrolment(complete.person(1))
    put_on_roster(complete, enrolment)
    run_night(cloud, enrolment["voucher_id"])
    left = store.read_voucher(enrolment["voucher_id"])
    assert (left.status, left.due_shard) == (VoucherStatus.REDEEMED, None)
    assert left.last_change.action == "voucher.leave_to_class"
    assert enrolment_store.read_enrolment(enrolment["id"]).status is EnrolmentStatus.ROSTERED


def test_before_its_date_nothing_happens(complete, cloud):
    enrolment = complete.enrolment(complete.person(1))
    voucher = store.read_voucher(enrolment["voucher_id"])
    app.expire_vouchers({"now": (voucher.expires_at - timedelta(seconds=1)).isoformat()}, None)
    cloud.work("expiry", app.expire_shard)
    assert store.read_voucher(voucher.id) == voucher


def test_under_the_usual_scope_a_started_class_may_finish(world, cloud):
    enrolment = world.enrolment(world.person(1))
    voucher = store.read_voucher(enrolment["voucher_id"])
    assert voucher.due_shard is None
    run_night(cloud, voucher.id)
    assert store.read_voucher(voucher.id) == voucher


def test_a_program_that_went_back_to_the_usual_scope_leaves_the_redeemed_alone(complete, cloud):
    enrolment = complete.enrolment(complete.person(1))
    set_policy(complete, expiry_scope=ExpiryScope.REDEEM)
    run_night(cloud, enrolment["voucher_id"])
    assert store.read_voucher(enrolment["voucher_id"]).status is VoucherStatus.REDEEMED


# --------------------------------------------------------------------------- releasing in time


def test_an_institution_releases_within_the_policys_days_and_its_bureau_later(world, api):
    set_policy(world, release_within_days=90)
    first, second = (world.enrolment(world.person(n)) for n in (1, 2))
    path = "/v1/enrolments/{}/release"
    last = world.later(days=90, hours=14, minutes=59, seconds=59)  # 23:59:59 in Shanghai
    too_late = world.later(days=90, hours=15)
    assert api("institution").get(f"/v1/enrolments/{first['id']}", at=too_late).json["allowed_actions"] == []
    refused = api("institution").post(path.format(first["id"]), {"reason": "停办"}, at=too_late)
    assert (refused.status, refused.json["code"]) == (409, "release_too_late")
    assert "90" in refused.json["detail"]
    assert api("institution").post(path.format(second["id"]), {"reason": "停办"}, at=last).status == 200
    assert api("clerk").post(path.format(first["id"]), {"reason": "停办"}, at=too_late).status == 200


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  \n"}])
def test_a_release_says_why(world, api, body):
    enrolment = world.enrolment(world.person(1))
    answer = api("institution").post(f"/v1/enrolments/{enrolment['id']}/release", body, at=world.now)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "reason")
