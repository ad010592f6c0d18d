"""A night in which many vouchers fall due, on the local cloud: pages, dying workers, two runs at once."""

import json
from concurrent.futures import ThreadPoolExecutor

import msgspec

import app
from chalicelib.aws.table import connection
from chalicelib.vouchers import store
from chalicelib.vouchers.expiry import service as expiry
from chalicelib.vouchers.expiry import store as expiry_store
from chalicelib.vouchers.model import VoucherStatus


def in_one_shard(world, count):
    """Issue so many vouchers that all wait in one shard, as copies of one."""
    model = store.read_voucher(world.voucher(world.person(1), claimed=False))
    vouchers = [
        msgspec.structs.replace(model, id=f"vch_copy{n:04d}", due_shard="00", last_change=None, version=1)
        for n in range(count)
    ]
    assert store.issue(vouchers, world.change) == count
    return vouchers


def test_a_shard_is_worked_page_by_page_and_a_dying_message_goes_on(world, cloud):
    count = 2 * expiry.PAGE + 100
    vouchers = in_one_shard(world, count)
    moment = vouchers[0].expires_at
    app.expire_vouchers({"now": moment.isoformat()}, None)
    first = [body for body in cloud.messages("expiry") if body["due_shard"] == "00"]
    assert len(first) == 1
    record = {"Records": [{"messageId": "m", "body": json.dumps(first[0])}]}
    seen = []

    def die_at_the_hundredth(model, **_):
        seen.append(model.name)
        if len(seen) == 100:
            raise RuntimeError("the worker dies")

    events = connection().client.meta.events
    events.register("before-call.dynamodb.UpdateItem", die_at_the_hundredth)
    assert app.expire_shard(record, None) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    events.unregister("before-call.dynamodb.UpdateItem", die_at_the_hundredth)
    assert cloud.messages("expiry") == [], "a page that is not done asks for no next one"
    assert app.expire_shard(record, None) == {"batchItemFailures": []}
    pages = 1
    while handled := cloud.work("expiry", app.expire_shard):
        pages += handled
    assert pages == 3
    found = store.find_vouchers([one.id for one in vouchers])
    assert {(one.status, one.version) for one in found} == {(VoucherStatus.EXPIRED, 2)}
    assert expiry_store.due_vouchers("00", until=moment, limit=10).voucher_ids == []


def test_two_runs_of_a_night_at_once_record_each_expiry_once(world, cloud):
    count = 300
    vouchers = in_one_shard(world, count)
    place = json.dumps({"due_shard": "00", "now": vouchers[0].expires_at.isoformat()})
    record = {"Records": [{"messageId": "m", "body": place}]}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.expire_shard(record, None), range(4)))
    assert answers == [{"batchItemFailures": []}] * 4
    found = store.find_vouchers([one.id for one in vouchers])
    assert {(one.status, one.version) for one in found} == {(VoucherStatus.EXPIRED, 2)}
