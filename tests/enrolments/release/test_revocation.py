"""A voucher spent on an enrolment is taken back with it, unless a class counts on the trainee."""

import pytest

from chalicelib.aws.writes import transact
from chalicelib.enrolments import store as enrolment_store
from chalicelib.enrolments.model import EnrolmentStatus


def put_on_roster(world, enrolment):
    place = {"institution": enrolment["institution"], "project_id": enrolment["project_id"]}
    transact(
        [enrolment_store.roster_write(enrolment["id"], class_id="cls_x", now=world.now, **place)],
        change=world.change,
    )


def actions_offered(client, voucher_id, at):
    """Give what is offered of a voucher, read by itself and in a list."""
    alone = client.get(f"/v1/vouchers/{voucher_id}", at=at).json["allowed_actions"]
    listed = client.whole("/v1/vouchers", at=at)
    (in_list,) = [voucher["allowed_actions"] for voucher in listed if voucher["id"] == voucher_id]
    assert alone == in_list
    return alone


@pytest.mark.parametrize("on_roster", [False, True])
def test_revoking_a_redeemed_voucher_is_offered_where_it_is_accepted(world, api, on_roster):
    enrolment = world.enrolment(world.person(1))
    voucher_id = enrolment["voucher_id"]
    if on_roster:
        put_on_roster(world, enrolment)
    clerk = api("clerk")
    assert actions_offered(clerk, voucher_id, world.now) == ([] if on_roster else ["revoke"])
    version = clerk.get(f"/v1/vouchers/{voucher_id}", at=world.now).json["version"]
    body = {"version": version, "reason": "查实不符合条件"}
    answer = clerk.post(f"/v1/vouchers/{voucher_id}/revoke", body, at=world.now)
    after = enrolment_store.read_enrolment(enrolment["id"]).status
    if on_roster:
        assert (answer.status, answer.json["code"]) == (409, "voucher_already_redeemed")
        assert after is EnrolmentStatus.ROSTERED
    else:
        assert (answer.status, answer.json["status"]) == (200, "revoked")
        assert after is EnrolmentStatus.RELEASED
