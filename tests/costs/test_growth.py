"""Issuing and expiring cost the same for each voucher however many there are.

`VOUCHERS=1000,10000` names the sizes; `make bench-large` asks for 100,000.
"""

from datetime import timedelta

import msgspec
import pytest

from tests.costs.conftest import RATIOS
from tests.support.depth import sizes_of

SIZES = sizes_of("VOUCHERS", usual=(1000, 3000), full=(1000, 10_000))
CALLS = {"issue": 0.0100, "expire": 1.01}
"""What each costs at 1,000: ten transactions; an update each and the pages of 32 shards."""
UNITS = {"issue": 2.0, "expire": 1.0}
SHARE_DUE = 100


def made(world, count):
    """Make so many vouchers of one night, and one in `SHARE_DUE` of them due a day earlier."""
    from chalicelib.vouchers import store

    model = store.read_voucher(world.voucher(world.person(1), claimed=False))
    for number in range(count):
        suffix = f"{number:06d}".translate(str.maketrans("0123456789", "abcdefghij"))
        early = timedelta(days=number % SHARE_DUE == 0)
        voucher = msgspec.structs.replace(
            model,
            id=f"vch_grow{suffix}",
            person_key=f"prs_{suffix}",
            expires_at=model.expires_at - early,
            valid_through=model.valid_through - early,
            last_change=None,
            version=1,
        )
        yield msgspec.structs.replace(voucher, due_shard=store.due_shard_of(voucher))


def work_the_night(cloud, moment, pages):
    """Run the job and every message it leads to; give the most one message carried."""
    import app

    app.expire_vouchers({"now": moment.isoformat()}, None)
    while found := cloud.messages("expiry"):
        for body in found:
            record = {"messageId": "m", "body": msgspec.json.encode(body).decode()}
            assert app.expire_shard({"Records": [record]}, None) == {"batchItemFailures": []}
            pages.append(body)


@pytest.mark.parametrize("count", SIZES)
def test_issuing_and_expiring(world, cloud, measure, within, count):
    from chalicelib.vouchers import store
    from chalicelib.vouchers.expiry import service as expiry

    vouchers = list(made(world, count))
    with measure() as meter:
        assert store.issue(vouchers, world.change) == count
    within(f"issue one of {count:,}", meter, calls=0.05, units=2, count=count)
    assert meter.call_count / count == pytest.approx(CALLS["issue"], rel=0.1)
    assert meter.writes / count == pytest.approx(UNITS["issue"], rel=0.1)

    early, late = vouchers[0].expires_at, vouchers[1].expires_at
    pages = []
    due = sum(voucher.expires_at == early for voucher in vouchers)
    with measure() as meter:
        work_the_night(cloud, early, pages)
    assert meter.calls["UpdateItem"] == due, "every item that was read was acted on"
    ratio = meter.items_read / due
    RATIOS[f"1 % due of {count:,}: read ÷ acted on"] = (ratio, 1.05)
    assert ratio <= 1.05

    pages.clear()
    rest = count - due + 1  # and the one they are copies of
    with measure() as meter:
        work_the_night(cloud, late, pages)
    assert len(pages) >= rest / expiry.PAGE
    within(f"expire one of {count:,}", meter, calls=1.1, units=1, count=rest)
    assert meter.call_count / rest == pytest.approx(CALLS["expire"], rel=0.1)
    assert meter.writes / rest == pytest.approx(UNITS["expire"], rel=0.1)
    statuses = {voucher.status for voucher in store.find_vouchers([one.id for one in vouchers])}
    assert statuses == {"expired"}
