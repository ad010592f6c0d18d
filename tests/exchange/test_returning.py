"""Changes reach the platform at least once, in order, signed; and nothing is lost while it is away."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RecordsUndone
from chalicelib.edge import tokens
from chalicelib.exchange import jobs, store
from chalicelib.exchange.model import DeliveryState, message_id_of
from chalicelib.exchange.platform import platform_at
from chalicelib.kernel.principal import system_context
from chalicelib.vouchers.batches.store import IssuanceBatchRow
from chalicelib.vouchers.store import VoucherRow
from tests.support import keys
from tests.support.platform import FakePlatform
from tests.support.streams import NOW, stream_event
from tests.support.streams import voucher_changes as changes


def context(at: datetime = NOW) -> Any:
    return system_context("exchange", now=at, request_id="req_test")


def returned(*records: Any) -> dict[str, int]:
    return jobs.return_changes(stream_event(*records), context())


def states(name: str = "vch_aaaa") -> list[str]:
    return [delivery.state.value for delivery in store.deliveries_of(name)]


@pytest.fixture(autouse=True)
def _no_platform() -> Iterator[None]:
    _use("")
    yield
    _use("")


@pytest.fixture
def platform(cloud: Any) -> Iterator[FakePlatform]:
    fake = FakePlatform()
    _use(fake.url)
    yield fake
    platform_at(fake.url).close()
    fake.close()


def _use(url: str) -> None:
    os.environ["PLATFORM_URL"] = url
    settings.cache_clear()


def test_changes_are_sent_in_order_and_signed(platform: FakePlatform) -> None:
    returned(*changes(versions=4))

    assert [message["event"] for message in platform.messages] == [
        "voucher.issued",
        "voucher.claimed",
        "voucher.redeemed",
        "voucher.settled",
    ]
    assert [message["sequence"] for message in platform.messages] == [1, 2, 3, 4]
    assert states() == ["sent"] * 4
    first = platform.messages[0]
    assert first["path"] == "/messages"
    assert first["message_id"] == message_id_of("vch_aaaa", 1)
    assert first["occurred_at"] == "2026-09-01T09:01:00+08:00"
    claims = tokens.verify_foreign(
        first["headers"]["X-Message-Signature"],
        tokens.public_keys("exchange"),
        algorithm="Ed25519",
        issuer="voucher-service",
        audience="national-platform",
    )
    assert claims["jti"] == first["message_id"]
    assert claims["body_sha256"] == tokens.body_digest(first["raw"])
    assert claims["exp"] - claims["iat"] == 300
    assert "张" not in first["raw"].decode()
    assert "340***" not in first["raw"].decode()


def test_one_connection_carries_many_messages(platform: FakePlatform) -> None:
    returned(*[record for n in range(30) for record in changes(f"vch_many{n}")])
    assert len(platform.messages) == 30
    assert platform.connections == 1


def test_a_redelivered_record_makes_no_second_message(platform: FakePlatform) -> None:
    batch = changes(versions=2)
    returned(*batch)
    returned(*batch)
    assert len(platform.messages) == 2
    assert states() == ["sent", "sent"]


def test_a_later_change_waits_for_an_earlier_one(platform: FakePlatform) -> None:
    platform.answers = [503]
    returned(*changes())
    assert states() == ["pending"]
    platform.answers = [503]
    returned(*changes(start=2))
    assert states() == ["pending", "pending"]
    assert not platform.messages

    returned(*changes(start=3))

    assert [message["sequence"] for message in platform.messages] == [1, 2, 3]
    assert store.deliveries_of("vch_aaaa")[0].attempts == 3


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403, 408, 429, 302])
def test_what_is_not_the_messages_fault_is_tried_again(platform: FakePlatform, status: int) -> None:
    platform.always = status
    returned(*changes())
    delivery = store.deliveries_of("vch_aaaa")[0]
    assert (delivery.state, delivery.attempts, delivery.failure) == (
        DeliveryState.PENDING,
        1,
        f"status_{status}",
    )

    platform.always = None
    counts = jobs.reconcile_exchange({}, context())

    assert counts == {"waiting": 1, "sent": 1, "refused": 0, "failed": 0}
    assert states() == ["sent"]


def test_a_message_that_is_refused_is_kept_and_does_not_hold_up_the_next(platform: FakePlatform) -> None:
    platform.answers = [422]
    returned(*changes(versions=2))
    assert states() == ["refused", "sent"]
    assert store.deliveries_of("vch_aaaa")[0].failure == "status_422"


def test_without_a_platform_everything_waits(cloud: Any) -> None:
    returned(*changes(versions=2))
    assert states() == ["pending", "pending"]
    assert jobs.reconcile_exchange({}, context())["waiting"] == 2


def test_a_platform_that_is_away_is_not_asked_again_for_each_voucher(platform: FakePlatform) -> None:
    platform.always = 503
    counts = returned(*[record for n in range(20) for record in changes(f"vch_many{n}")])
    assert counts["failed"] == 3
    platform.always = None
    assert jobs.reconcile_exchange({}, context())["sent"] == 20


def test_an_address_where_nobody_listens_leaves_all_waiting(cloud: Any) -> None:
    fake = FakePlatform()
    fake.close()
    _use(fake.url)
    returned(*changes())
    assert states() == ["pending"]
    assert store.deliveries_of("vch_aaaa")[0].failure == "ConnectionRefusedError"


def test_a_few_bad_vouchers_do_not_stand_in_the_others_way(platform: FakePlatform) -> None:
    bad = [f"vch_bad{n}" for n in range(5)]
    platform.refused_subjects = dict.fromkeys(bad, 500)
    for name in bad:
        returned(*changes(name))
    platform.answers = [503]
    returned(*changes("vch_good"))

    jobs.reconcile_exchange({}, context())

    assert [message["subject"] for message in platform.messages] == ["vch_good"]


def test_after_too_many_tries_a_person_decides(platform: FakePlatform) -> None:
    platform.always = 503
    returned(*changes())
    delivery = store.deliveries_of("vch_aaaa")[0]
    store.DeliveryRow(delivery.subject, delivery.sequence).update(
        actions=[store.DeliveryRow.attempts.set(199)]
    )

    jobs.reconcile_exchange({}, context())

    assert states() == ["dead"]
    assert jobs.reconcile_exchange({}, context())["waiting"] == 0


def test_a_record_that_cannot_be_kept_fails_the_batch_after_the_others_are_done(
    platform: FakePlatform,
) -> None:
    bad = changes("vch_bad")[0]
    del bad["dynamodb"]["NewImage"]["status"]
    with pytest.raises(RecordsUndone):
        returned(bad, *changes("vch_good"))
    assert states("vch_good") == ["sent"]


def test_other_tables_are_nobodys_business(platform: FakePlatform) -> None:
    record = changes()[0]
    record["eventSourceARN"] = record["eventSourceARN"].replace(
        VoucherRow.Meta.table_name, IssuanceBatchRow.Meta.table_name
    )
    returned(record)
    assert not platform.messages


# --------------------------------------------------------------------------- over HTTP


def acknowledge(api: Any, *items: dict[str, Any]) -> Any:
    body = {"items": list(items)}
    raw = json.dumps(body).encode()
    signature = keys.sign(
        keys.PLATFORM_KEY,
        {
            "iss": "national-platform",
            "aud": "voucher-service",
            "jti": "x",
            "body_sha256": tokens.body_digest(raw),
        },
    )
    return api().post("/v1/exchange/acknowledgements", raw=raw, headers={"X-Message-Signature": signature})


def test_the_platform_acknowledges_and_repeats_are_harmless(api: Any, platform: FakePlatform) -> None:
    returned(*changes(versions=2))
    items = [
        {"message_id": message_id_of("vch_aaaa", 1), "outcome": "accepted"},
        {"message_id": message_id_of("vch_aaaa", 2), "outcome": "refused", "reason": "unknown program"},
        {"message_id": message_id_of("vch_none", 1), "outcome": "accepted"},
        {"message_id": "nonsense", "outcome": "accepted"},
    ]
    first = acknowledge(api, *items)
    again = acknowledge(api, *items)

    assert first.status == 200, first.text
    assert first.json == {
        "applied": 2,
        "unknown": [message_id_of("vch_none", 1), "nonsense"],
        "contradicting": [],
    }
    assert again.json == first.json
    assert states() == ["acknowledged", "refused"]
    contradiction = acknowledge(api, {**items[0], "outcome": "refused"})
    assert contradiction.json["contradicting"] == [message_id_of("vch_aaaa", 1)]
    assert states() == ["acknowledged", "refused"]


def test_an_acknowledgement_may_come_before_we_know_it_was_sent(api: Any, cloud: Any) -> None:
    returned(*changes())
    assert (
        acknowledge(api, {"message_id": message_id_of("vch_aaaa", 1), "outcome": "accepted"}).json["applied"]
        == 1
    )
    assert states() == ["acknowledged"]


def test_nobody_else_acknowledges(api: Any, cloud: Any) -> None:
    body = {"items": [{"message_id": "msg_aaaa-vch1", "outcome": "accepted"}]}
    assert api().post("/v1/exchange/acknowledgements", body).status == 401
    assert api("province").post("/v1/exchange/acknowledgements", body).status == 403
    headers = {"X-Message-Signature": "forged"}
    assert api().post("/v1/exchange/acknowledgements", body, headers=headers).status == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": []},
        {"items": [{"message_id": "m", "outcome": "maybe"}]},
        {"items": "x"},
        {"items": [], "x": 1},
    ],
)
def test_a_malformed_acknowledgement_is_refused(api: Any, cloud: Any, body: Any) -> None:
    raw = json.dumps(body).encode()
    claims = {"iss": "national-platform", "aud": "voucher-service", "body_sha256": tokens.body_digest(raw)}
    headers = {"X-Message-Signature": keys.sign(keys.PLATFORM_KEY, claims)}
    assert api().post("/v1/exchange/acknowledgements", raw=raw, headers=headers).status == 400


def test_deliveries_are_listed_by_state_page_by_page(api: Any, cloud: Any) -> None:
    returned(*[record for n in range(7) for record in changes(f"vch_hefei{n}")])
    returned(*changes("vch_wuhu", division="340202"))

    def every(who: str) -> list[str]:
        subjects, cursor = [], None
        while True:
            query = {"state": "pending", "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = api(who).get("/v1/exchange/deliveries", query)
            assert page.status == 200, page.text
            assert len(page.json["items"]) <= 2
            subjects += [item["subject"] for item in page.json["items"]]
            cursor = page.json["next"]
            if cursor is None:
                return sorted(subjects)

    hefei = sorted(f"vch_hefei{n}" for n in range(7))
    assert every("supervisor") == hefei
    assert every("supervisor_wuhu") == ["vch_wuhu"]
    assert every("province") == sorted([*hefei, "vch_wuhu"])
    assert api("supervisor").get("/v1/exchange/deliveries", {"state": "sent"}).json["items"] == []
    assert api("clerk").get("/v1/exchange/deliveries").status == 403
    assert api("supervisor").get("/v1/exchange/deliveries", {"state": "lost"}).status == 400


def test_a_refused_message_is_sent_again_on_demand(api: Any, platform: FakePlatform) -> None:
    platform.answers = [422]
    returned(*changes())
    message_id = message_id_of("vch_aaaa", 1)
    listed = api("province").get("/v1/exchange/deliveries", {"state": "refused"}).json["items"]
    assert [item["allowed_actions"] for item in listed] == [["redrive"]]
    assert api("supervisor").post(f"/v1/exchange/deliveries/{message_id}/redrive").status == 403

    answer = api("province").post(f"/v1/exchange/deliveries/{message_id}/redrive")

    assert (answer.status, answer.json["state"]) == (200, "sent")
    assert len(platform.messages) == 1
    acknowledge(api, {"message_id": message_id, "outcome": "accepted"})
    again = api("province").post(f"/v1/exchange/deliveries/{message_id}/redrive")
    assert (again.status, again.json["code"]) == (409, "wrong_state")
    for unknown in ("msg_none-vch1", "nonsense", "msg_aaaa-vch9999999999"):
        assert api("province").post(f"/v1/exchange/deliveries/{unknown}/redrive").status == 404


def test_a_day_is_reconciled_by_count(api: Any, platform: FakePlatform) -> None:
    platform.answers = [200, 200, 422]
    returned(*changes(versions=3))
    acknowledge(api, {"message_id": message_id_of("vch_aaaa", 1), "outcome": "accepted"})

    day = api("supervisor").get("/v1/exchange/reconciliation", {"day": "2026-09-01"})

    assert day.json == {
        "day": "2026-09-01",
        "division": "3401",
        "changes": 3,
        "pending": 0,
        "sent": 1,
        "acknowledged": 1,
        "refused": 1,
        "dead": 0,
    }
    empty = api("province").get("/v1/exchange/reconciliation", {"day": "2026-09-02"}).json
    assert (empty["division"], empty["changes"]) == ("34", 0)
    assert api("province").get("/v1/exchange/reconciliation").status == 400
    assert api("province").get("/v1/exchange/reconciliation", {"day": "yesterday"}).status == 400


def test_the_keys_that_verify_messages_are_public(api: Any, cloud: Any) -> None:
    answer = api().get("/v1/exchange/keys")
    assert answer.status == 200
    assert answer.json == msgspec.to_builtins(tokens.public_keys("exchange"))
    assert "d" not in answer.json["keys"][0]


def test_what_follows_a_change_that_could_not_be_recorded_waits_for_it(platform: FakePlatform) -> None:
    """The platform was told a voucher's second and third change before its first."""
    from tests.proof.network import THROTTLED, Network

    with Network(None).watched({1: THROTTLED}), pytest.raises(RecordsUndone) as undone:
        returned(*changes(versions=3), *changes("vch_bbbb"))
    assert str(undone.value).startswith("3 records undone")
    assert [message["subject"] for message in platform.messages] == ["vch_bbbb"]
    returned(*changes(versions=3), *changes("vch_bbbb"))
    told = [message["sequence"] for message in platform.messages if message["subject"] == "vch_aaaa"]
    assert told == [1, 2, 3]
