"""Holders are reminded 30, 7 and 1 days before their voucher's last day, once for each."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import app
from chalicelib.aws.settings import settings
from chalicelib.exchange import jobs, store
from chalicelib.exchange.platform import platform_at
from chalicelib.kernel.principal import system_context
from chalicelib.vouchers.store import read_voucher
from tests.support.platform import FakePlatform


@pytest.fixture
def platform(cloud: Any) -> Iterator[FakePlatform]:
    fake = FakePlatform()
    _use(fake.url)
    yield fake
    platform_at(fake.url).close()
    fake.close()
    _use("")


def _use(url: str) -> None:
    os.environ["PLATFORM_URL"] = url
    settings.cache_clear()


def night(cloud: Any, voucher_id: str, days_before: int) -> None:
    """Run the job at 00:05 in the night that begins so many days before the voucher's last day."""
    last_day = read_voucher(voucher_id).expires_at - timedelta(days=1)
    moment = last_day - timedelta(days=days_before) + timedelta(minutes=5)
    app.expire_vouchers({"now": moment.isoformat()}, None)
    cloud.work("expiry", app.expire_shard)
    cloud.work("reminders", app.remind_shard)


def days_told(platform: FakePlatform) -> list[int]:
    return [message["body"]["days"] for message in platform.messages]


def test_every_unspent_voucher_is_told_of_three_times(world: Any, cloud: Any, platform: FakePlatform) -> None:
    claimed = world.voucher(world.person(1))
    issued = world.voucher(world.person(2), claimed=False)
    for days_before in range(32, -2, -1):
        night(cloud, claimed, days_before)
    told = [(message["body"]["voucher_id"], message["body"]["days"]) for message in platform.messages]
    assert sorted(told) == sorted(
        (voucher_id, days) for voucher_id in (claimed, issued) for days in (30, 7, 1)
    )
    assert {message["event"] for message in platform.messages} == {"voucher.expires_soon"}


def test_a_reminder_stands_outside_the_vouchers_own_chain(
    world: Any, cloud: Any, platform: FakePlatform
) -> None:
    person = world.person(1)
    voucher_id = world.voucher(person)
    night(cloud, voucher_id, 30)
    night(cloud, voucher_id, 7)
    assert len({message["subject"] for message in platform.messages}) == 2
    assert [message["sequence"] for message in platform.messages] == [1, 1]
    assert store.deliveries_of(voucher_id) == []
    body = platform.messages[0]["body"]
    assert (body["valid_through"], body["expires_at"]) == ("2027-09-01", "2027-09-02T00:00:00+08:00")
    raw = platform.messages[0]["raw"].decode()
    for private in (person.name, person.id_number, person.phone, "*"):
        assert private not in raw


def test_a_night_that_runs_twice_reminds_once(world: Any, cloud: Any, platform: FakePlatform) -> None:
    voucher_id = world.voucher(world.person(1))
    for _ in range(2):
        night(cloud, voucher_id, 7)
    assert days_told(platform) == [7]


def test_a_missed_night_is_made_up_for_by_the_next(world: Any, cloud: Any, platform: FakePlatform) -> None:
    voucher_id = world.voucher(world.person(1))
    night(cloud, voucher_id, 6)
    assert days_told(platform) == [7]
    night(cloud, voucher_id, 5)
    assert days_told(platform) == [7]


def test_who_has_redeemed_is_not_reminded(world: Any, cloud: Any, platform: FakePlatform) -> None:
    enrolment = world.enrolment(world.person(1))
    night(cloud, enrolment["voucher_id"], 30)
    assert platform.messages == []


def test_a_reminder_waits_while_the_platform_is_away(world: Any, cloud: Any, platform: FakePlatform) -> None:
    voucher_id = world.voucher(world.person(1))
    platform.always = 503
    night(cloud, voucher_id, 1)
    platform.always = None
    last_day = read_voucher(voucher_id).expires_at
    context = system_context("exchange", now=last_day, request_id="req_test")
    assert jobs.reconcile_exchange({}, context)["sent"] == 1
    assert days_told(platform) == [1]


def test_the_platform_acknowledges_a_reminder(
    world: Any, cloud: Any, api: Any, platform: FakePlatform
) -> None:
    night(cloud, world.voucher(world.person(1)), 1)
    message = platform.messages[0]
    listed = api("province").whole("/v1/exchange/deliveries", {"state": "sent"})
    assert [delivery["message_id"] for delivery in listed] == [message["message_id"]]
    path = f"/v1/exchange/deliveries/{message['message_id']}/redrive"
    assert api("province").post(path, at=world.now).status == 200
    assert len(platform.messages) == 2
    assert platform.messages[0]["message_id"] == platform.messages[1]["message_id"]
