"""What it costs to tell a change, and to drain a backlog by several workers.

`BACKLOG` says how many messages wait: one takes less than two calls (1.4 of 200, 1.7 of 5,000).
"""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.clients import client
from chalicelib.aws.settings import settings
from chalicelib.exchange import jobs, service, store
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.model import PLATFORM, DeliveryState, PlatformVerdict
from chalicelib.exchange.reconciling import service as walk
from chalicelib.exchange.sending import SendingRun, drain
from chalicelib.kernel.principal import Context, Principal, Role, system_context
from chalicelib.vouchers.store import VoucherRow
from infra.local.platform.rules import Platform
from tests.exchange.conftest import national  # noqa: F401 - a fixture
from tests.support.depth import size_of
from tests.support.streams import NOW, a_voucher, stream_event, voucher_changes

BATCH = 50
BACKLOG = size_of("BACKLOG", usual=200, full=1_000)
CALLS_A_CHANGE_MAX = 3
CALLS_A_ROW_MAX = 0.1
pytestmark = pytest.mark.usefixtures("national")


@pytest.fixture(autouse=True)
def _no_walk_before(cloud: Any) -> None:
    client("s3").delete_object(Bucket=settings().intake_bucket, Key="exchange/reconciliation.json")


def context(at: Any = NOW) -> Context:
    return system_context("exchange", now=at, request_id="req_bench")


def told(*records: Any) -> None:
    jobs.return_changes(stream_event(*records), context())


def heard(platform: Platform, at: Any = NOW) -> None:
    """Take the platform's words on everything it took, a hundred at a time, as it sends them."""
    principal = Principal(actor="platform:national", role=Role.PLATFORM, division="34")
    while batches := platform.words():
        for words in batches:
            said = [
                service.Acknowledgement(word["message_id"], PlatformVerdict(word["outcome"]), None)
                for word in words
            ]
            service.acknowledge(Context(principal=principal, now=at, request_id="req_word"), said)
            platform.told(words)


def finished(platform: Platform) -> None:
    """Go on with what a busy machine left to the job."""
    for minutes in range(1, 6):
        at = NOW + timedelta(minutes=minutes)
        drain(context(at), lists.lines_of(PLATFORM), SendingRun(seconds=60), workers=4)
        heard(platform, at)


def test_telling_a_change_takes_three_calls_with_its_answer(
    national: Platform,  # noqa: F811
    measure: Any,
    within: Any,
) -> None:
    names = [f"vch_bench{number:04d}" for number in range(BATCH)]
    told(*[record for name in names for record in voucher_changes(name)])
    heard(national)
    with measure() as meter:
        told(*[record for name in names for record in voucher_changes(name, start=2)])
        heard(national)
    within("tell a change and hear of it", meter, calls=CALLS_A_CHANGE_MAX, units=16, count=BATCH)
    assert {len(history) for history in national.ledger.history.values()} == {2}


def test_a_change_alone_in_its_batch_takes_no_more(
    national: Platform,  # noqa: F811
    measure: Any,
    within: Any,
) -> None:
    told(*voucher_changes())
    heard(national)
    with measure() as meter:
        told(*voucher_changes(start=2))
        heard(national)
    within("tell a change that comes alone", meter, calls=CALLS_A_CHANGE_MAX, units=16)


def test_changes_that_wait_for_each_other_take_no_more(
    national: Platform,  # noqa: F811
    measure: Any,
    within: Any,
) -> None:
    names = [f"vch_bench{number:04d}" for number in range(BATCH)]
    with measure() as meter:
        told(*[record for name in names for record in voucher_changes(name, versions=4)])
        heard(national)
        finished(national)
    within(
        "tell a change behind three others",
        meter,
        calls=CALLS_A_CHANGE_MAX,
        units=16,
        count=4 * BATCH,
    )
    assert {tuple(history) for history in national.ledger.history.values()} == {(1, 2, 3, 4)}


def test_a_backlog_is_drained_in_order_by_several_workers(
    national: Platform,  # noqa: F811
    measure: Any,
    within: Any,
) -> None:
    """Four changes a subject wait while the platform is away; eight workers drain them."""
    subjects = max(1, BACKLOG // 4)
    national.mode = "down"
    for start in range(0, subjects, 25):
        records = [
            record
            for number in range(start, min(start + 25, subjects))
            for record in voucher_changes(f"vch_backlog{number:05d}", versions=4)
        ]
        told(*records)
    national.mode = "ok"
    at = NOW + timedelta(days=1)
    left, rounds = subjects * 4, 0
    with measure() as meter:
        while left and rounds < 40:
            rounds += 1
            at += timedelta(minutes=5)
            drain(context(at), lists.lines_of(PLATFORM), SendingRun(seconds=3600, patience=50), workers=8)
            heard(national, at)
            left = subjects * 4 - sum(map(len, national.ledger.history.values()))
    within("drain one of a backlog", meter, calls=CALLS_A_CHANGE_MAX, units=16, count=subjects * 4)
    assert left == 0
    assert national.ledger.disorder == []
    assert {tuple(history) for history in national.ledger.history.values()} == {(1, 2, 3, 4)}
    assert sum(national.ledger.repeats.values()) == 0, "no message was sent by two workers"


def test_the_daily_walk_reads_each_row_once(
    national: Platform,  # noqa: F811
    measure: Any,
    within: Any,
) -> None:
    rows = 400
    for number in range(rows):
        name = f"vch_walk{number:05d}"
        VoucherRow.from_record(a_voucher(name)).save()
        told(*voucher_changes(name))
    heard(national)
    with measure() as first:
        found = walk.reconcile(context(NOW + timedelta(days=2)))
    assert (found.rows, found.rebuilt, found.difference_count) == (rows, 0, 0)
    within("hold a row against what was told", first, calls=CALLS_A_ROW_MAX, units=0, count=rows)
    with measure() as second:
        walk.reconcile(context(NOW + timedelta(days=4)))
    within("walk over a row that did not change", second, calls=0.05, units=0, count=rows)


def test_naming_and_telling_what_was_lost_costs_a_write_each(
    national: Platform,  # noqa: F811
    measure: Any,
    within: Any,
) -> None:
    rows = 50
    for number in range(rows):
        name = f"vch_lost{number:05d}"
        told(*voucher_changes(name))
        VoucherRow.from_record(a_voucher(name, version=3)).save()
    heard(national)
    with measure() as meter:
        found = walk.reconcile(context(NOW + timedelta(days=2)))
    assert (found.rebuilt, found.missing) == (rows, rows)
    within("rebuild a voucher with two lost changes", meter, calls=5, units=24, count=rows)
    states = [delivery.state for delivery in store.deliveries_of("vch_lost00000")]
    assert states == [DeliveryState.ACKNOWLEDGED, DeliveryState.MISSING, DeliveryState.PENDING]
