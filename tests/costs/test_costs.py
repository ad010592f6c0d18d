"""What each operation costs against the floors of the design; the table is printed at the end."""

import math

import pytest

from tests.costs.conftest import MEASURED, Cost

FLOORS = {
    # operation: (calls, write units)
    "issue one voucher": (0.05, 2),
    "claim": (1, 1),
    "show QR": (1, 0),
    "verify a scan (preview)": (1, 0),
    "redeem after a preview": (1, 4),
    "redeem without a preview": (2, 4),
    "refused: replayed code": (1, 0),
    "expire one voucher": (1.1, 1),
}
SCALE = 300


@pytest.fixture
def within():
    """Give `within(name, meter, count)`: note a cost and hold it against its floor."""

    def check(name, meter, count=1):
        calls, writes = FLOORS[name]
        cost = Cost(
            calls=meter.call_count / count,
            calls_floor=calls,
            writes=meter.writes / count,
            writes_floor=writes,
            index_writes=meter.index_writes / count,
        )
        MEASURED[name] = cost
        assert cost.calls <= calls + 1e-9, (name, meter.calls)
        assert cost.writes <= writes + 1e-9, name

    return check


def vouchers_of(world, count, start=1000):
    from chalicelib.aws.keys import person_key_of
    from chalicelib.kernel.principal import system_context
    from chalicelib.people.model import Graduate
    from chalicelib.programs.service import read_program
    from chalicelib.vouchers.batch_model import BatchStatus, IssuanceBatch
    from chalicelib.vouchers.issuing import new_voucher

    program = read_program(world.program_id)
    batch = IssuanceBatch(
        id="iss_bench",
        program_id=world.program_id,
        import_id="imp_bench",
        status=BatchStatus.ISSUING,
        proposed_by="test",
        proposed_at=world.now,
    )
    context = system_context("bench", now=world.now, request_id="req_bench")
    for index in range(start, start + count):
        person = world.person(index)
        graduate = Graduate(
            row=index,
            name=person.name,
            id_number=person.id_number,
            school=person.school,
            degree=person.degree,
            graduated_on=person.graduated_on,
            left_school_on=person.left_school_on,
            employment_status=person.employment_status,
            phone=person.phone,
            division=person.division,
        )
        yield new_voucher(context, graduate, person_key_of(person.id_number), program, batch)


def test_issuing(world, measure, within):
    from chalicelib.vouchers import store

    vouchers = list(vouchers_of(world, SCALE))
    with measure() as meter:
        assert store.issue_many(vouchers, world.change) == SCALE
    within("issue one voucher", meter, SCALE)
    with measure() as again:
        assert store.issue_many(vouchers[:100], world.change) == 100  # the same batch finds its own
    assert again.writes <= 200


def test_the_holders_way(world, api, measure, within):
    from chalicelib.vouchers import store

    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    card = api(person)
    voucher = store.read_voucher(voucher_id)
    with measure() as meter:
        store.claim(voucher_id, person_key=voucher.person_key, now=world.now, change=world.change)
    within("claim", meter)
    with measure() as meter:
        token = card.get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    within("show QR", meter)
    counter, body = api("institution"), {"token": token, "project_id": world.project_id}
    counter.post("/v1/verifications", {**body, "token": "bad"}, at=world.now)  # warms the catalogue
    with measure() as meter:
        assert counter.post("/v1/verifications", body, at=world.now).json["redeemable"]
    within("verify a scan (preview)", meter)
    scan = {**body, "device_id": "d", "happened_at": world.now.isoformat()}
    with measure() as meter:
        assert counter.post("/v1/enrolments", {**scan, "nonce": "n1"}, at=world.now).status == 201
    within("redeem after a preview", meter)


def test_redeeming_cold_and_refused(world, api, measure, within):
    people = [world.person(n) for n in (1, 2)]
    tokens = []
    for person in people:
        voucher_id = world.voucher(person)
        tokens.append(api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"])
    world.scan(tokens[0], at=world.now)  # warms the catalogue
    counter = api("institution")
    body = {
        "token": tokens[1],
        "project_id": world.project_id,
        "nonce": "n2",
        "device_id": "d",
        "happened_at": world.now.isoformat(),
    }
    with measure() as meter:
        assert counter.post("/v1/enrolments", body, at=world.now).status == 201
    within("redeem without a preview", meter)
    with measure() as meter:
        refused = counter.post(
            "/v1/verifications", {"token": tokens[1], "project_id": world.project_id}, at=world.now
        )
    assert refused.json["reasons"][0] == "token_replayed"
    within("refused: replayed code", meter)


def test_expiring(world, measure, within):
    from chalicelib.kernel.principal import system_context
    from chalicelib.vouchers import service, store

    vouchers = list(vouchers_of(world, SCALE, start=5000))
    store.issue_many(vouchers, world.change)
    night = system_context("expire", now=vouchers[0].expires_at, request_id="req_night")
    shards = sorted({voucher.due_shard for voucher in vouchers})
    with measure() as meter:
        expired = sum(service.expire_shard(night, shard) for shard in shards)
    assert expired == SCALE
    within("expire one voucher", meter, SCALE)
    assert math.isclose(meter.writes, SCALE)
