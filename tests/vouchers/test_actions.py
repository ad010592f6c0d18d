"""What may be done with a voucher is what is offered, in each of its states."""

import pytest

from chalicelib.aws.writes import update
from chalicelib.vouchers import store
from chalicelib.vouchers.model import VoucherStatus


def forced(world, person, status):
    """Issue a voucher and put it into a state, whatever the way there."""
    voucher_id = world.voucher(person, claimed=False)
    row = store.VoucherRow
    update(row, (voucher_id,), [row.status.set(str(status))], condition=row.id.exists(), change=world.change)
    return f"/v1/vouchers/{voucher_id}"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("status", list(VoucherStatus))
@pytest.mark.parametrize("action", ["claim", "show_qr", "revoke"])
def test_an_action_is_accepted_where_it_is_offered_and_nowhere_else(world, api, status, action, late):
    person = world.person(1)
    path = forced(world, person, status)
    moment = world.later(days=400) if late else world.now
    client = api("province" if action == "revoke" else person)
    shown = client.get(path, at=moment).json
    offered = action in shown["allowed_actions"]
    match action:
        case "claim":
            answer = client.post(f"{path}/claim", at=moment)
        case "show_qr":
            answer = client.get(f"{path}/qr", at=moment)
        case "revoke":
            body = {"version": shown["version"], "reason": "发错"}
            answer = client.post(f"{path}/revoke", body, at=moment)
    repeat = (action, shown["status"]) == ("claim", "claimed")  # answers like the first
    assert (answer.status == 200) == (offered or repeat), answer.text
    assert answer.status in (200, 409)


def test_a_stale_revocation_is_told_the_version_before_anything_else(world, api):
    for number, status in enumerate(VoucherStatus):
        path = forced(world, world.person(number), status)
        answer = api("province").post(f"{path}/revoke", {"version": 9, "reason": "发错"}, at=world.now)
        assert (answer.status, answer.json["code"]) == (409, "version_conflict"), status
