"""Changes reach the platform at least once, in order, signed; and nothing is lost while it is away."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RecordsUndone
from chalicelib.edge import tokens
from chalicelib.exchange import jobs, store
from chalicelib.exchange.model import DeliveryState, message_id_of
from chalicelib.exchange.platform import platform_at
from chalicelib.kernel.principal import change_of, system_context
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


def work(at: datetime = NOW + timedelta(hours=1)) -> dict[str, int]:
    return jobs.reconcile_exchange({}, context(at))


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
    _use("")  # who comes after in this process has none
    platform_at(fake.url).close()
    fake.close()


def _use(url: str) -> None:
    os.environ["PLATFORM_URL"] = url
    settings.cache_clear()


def test_changes_are_sent_in_order_and_signed(api: Any, platform: FakePlatform) -> None:
    returned(*changes(versions=4))
    assert states() == ["sent", "waiting", "waiting", "waiting"]
    for sequence in range(1, 5):
        assert [message["sequence"] for message in platform.messages] == list(range(1, sequence + 1))
        accept(api, message_id_of("vch_aaaa", sequence))

    assert [message["event"] for message in platform.messages] == [
        "voucher.issued",
        "voucher.claimed",
        "voucher.redeemed",
        "voucher.settled",
    ]
    assert [message["sequence"] for message in platform.messages] == [1, 2, 3, 4]
    assert states() == ["acknowledged"] * 4
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
    assert (claims["method"], claims["path"], claims["query"]) == ("POST", "/messages", {})
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
    assert len(platform.messages) == 1
    assert states() == ["sent", "waiting"]


def test_a_later_change_waits_until_the_earlier_one_is_accepted(api: Any, platform: FakePlatform) -> None:
    platform.answers = [503]
    returned(*changes())
    assert states() == ["pending"]
    returned(*changes(start=2))
    assert states() == ["pending", "waiting"]
    assert not platform.messages
    work()
    assert states() == ["sent", "waiting"]
    returned(*changes(start=3))
    work(NOW + timedelta(hours=5))
    assert {message["sequence"] for message in platform.messages} == {1}  # no answer yet: told once more
    accept(api, message_id_of("vch_aaaa", 1))
    assert states() == ["acknowledged", "sent", "waiting"]
    accept(api, message_id_of("vch_aaaa", 2))
    assert [message["sequence"] for message in platform.messages][-2:] == [2, 3]


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403, 404, 408, 429, 302])
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
    assert delivery.due_at is not None
    assert NOW <= delivery.due_at <= NOW + timedelta(seconds=30)
    counts = work()

    assert counts == {"waiting": 1, "sent": 1, "refused": 0, "failed": 0}
    assert states() == ["sent"]


def test_a_message_that_is_refused_holds_up_its_subject_and_nothing_else(platform: FakePlatform) -> None:
    platform.answers = [422]
    returned(*changes(versions=2), *changes("vch_bbbb"))
    assert states() == ["refused", "waiting"]
    assert store.deliveries_of("vch_aaaa")[0].failure == "status_422"
    assert states("vch_bbbb") == ["sent"]
    work(NOW + timedelta(days=30))
    assert states() == ["refused", "waiting"]


def test_without_a_platform_everything_waits(cloud: Any) -> None:
    returned(*changes(versions=2))
    assert states() == ["pending", "waiting"]
    assert work()["waiting"] == 1
    assert states() == ["pending", "waiting"]


def test_a_platform_that_is_away_is_not_asked_again_for_each_voucher(platform: FakePlatform) -> None:
    platform.always = 503
    counts = returned(*[record for n in range(20) for record in changes(f"vch_many{n}")])
    assert counts["failed"] == 3
    assert counts["changes"] == 20
    platform.always = None
    assert work()["sent"] == 20


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

    work()

    assert [message["subject"] for message in platform.messages] == ["vch_good"]


def test_what_fails_for_a_week_while_others_get_through_is_left_to_a_person(
    api: Any, platform: FakePlatform
) -> None:
    platform.refused_subjects = {"vch_aaaa": 500}
    returned(*changes(versions=2))
    at = NOW
    for _ in range(40):
        at += timedelta(hours=6)
        work(at)
    assert states() == ["pending", "waiting"]  # nobody else was heard of: the platform may be away
    returned(*changes("vch_good"))
    other = store.deliveries_of("vch_good")[0]
    store.DeliveryRow(*other.key).update(actions=[store.DeliveryRow.occurred_at.set(at)])
    accept(api, message_id_of("vch_good", 1))
    work(at + timedelta(hours=6))
    assert states() == ["dead", "waiting"]
    assert store.deliveries_of("vch_aaaa")[0].due_at is None
    platform.refused_subjects = {}
    work(at + timedelta(days=3))
    assert states() == ["dead", "waiting"]


def test_what_is_taken_and_never_answered_is_told_again_and_then_left_to_a_person(
    api: Any, platform: FakePlatform
) -> None:
    returned(*changes())
    at = NOW
    while states() == ["sent"]:
        at += timedelta(hours=6)
        returned(*changes(f"vch_new{int(at.timestamp())}"))
        newest = store.deliveries_of(f"vch_new{int(at.timestamp())}")[0]
        store.DeliveryRow(*newest.key).update(actions=[store.DeliveryRow.occurred_at.set(at)])
        accept(api, newest.message_id)
        work(at)
    assert states() == ["dead"]
    assert store.deliveries_of("vch_aaaa")[0].failure == "unanswered"
    assert timedelta(days=7) <= at - NOW <= timedelta(days=8)
    told = [message for message in platform.messages if message["subject"] == "vch_aaaa"]
    assert len({message["message_id"] for message in told}) == 1
    assert [message.get("attempt", 1) for message in told] == list(range(1, len(told) + 1))
    assert len(told) > 12


def test_two_workers_never_hold_one_message(platform: FakePlatform) -> None:
    _use("")
    returned(*changes())
    pending = store.deliveries_of("vch_aaaa")[0]
    change = change_of(context(), "test")
    first = store.hand_over(pending, now=NOW, change=change)
    assert first is not None
    assert store.hand_over(pending, now=NOW, change=change) is None
    assert store.hand_over(pending, now=NOW + timedelta(minutes=9), change=change) is None
    assert store.hand_over(first, now=NOW + timedelta(minutes=10), change=change) is not None
    # who held it first can no longer put it off
    late = store.put_off(first, failure="late", due_at=NOW, now=NOW, change=change)
    assert late is None


def test_a_record_that_cannot_be_kept_fails_the_batch_after_the_others_are_done(
    platform: FakePlatform,
) -> None:
    bad = changes("vch_bad")[0]
    del bad["dynamodb"]["NewImage"]["status"]
    with pytest.raises(RecordsUndone):
        returned(bad, *changes("vch_good"))
    assert states("vch_good") == ["sent"]


def test_without_a_key_to_seal_for_nothing_leaves(platform: FakePlatform, monkeypatch: Any) -> None:
    monkeypatch.setattr("chalicelib.exchange.sealing.partner_keys", lambda _: {"keys": []})
    returned(*changes())
    assert states() == ["pending"]
    assert store.deliveries_of("vch_aaaa")[0].failure == "no_key_to_seal_for"
    monkeypatch.undo()
    work()
    assert len(platform.messages) == 1
    assert platform.messages[0]["body"]["person_key"] == "prs_a"
    assert "prs_a" not in platform.messages[0]["raw"].decode()


def test_other_tables_are_nobodys_business(platform: FakePlatform) -> None:
    record = changes()[0]
    record["eventSourceARN"] = record["eventSourceARN"].replace(
        VoucherRow.Meta.table_name, IssuanceBatchRow.Meta.table_name
    )
    returned(record)
    assert not platform.messages


# --------------------------------------------------------------------------- over HTTP


def acknowledge(api: Any, *items: dict[str, Any]) -> Any:
    raw = json.dumps({"items": list(items)}).encode()
    headers = {"X-Message-Signature": keys.signed_by_platform(raw)}
    return api().post("/v1/exchange/acknowledgements", raw=raw, headers=headers)


def accept(api: Any, *message_ids: str) -> None:
    answer = acknowledge(api, *({"message_id": name, "outcome": "accepted"} for name in message_ids))
    assert answer.json["applied"] == len(message_ids), answer.text


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
        "never_sent": [],
    }
    assert again.json == first.json
    assert states() == ["acknowledged", "refused"]
    assert store.deliveries_of("vch_aaaa")[1].failure == "unknown program"
    contradiction = acknowledge(api, {**items[0], "outcome": "refused"})
    assert contradiction.json["contradicting"] == [message_id_of("vch_aaaa", 1)]
    assert states() == ["acknowledged", "refused"]


@pytest.mark.parametrize(("outcome", "state"), [("accepted", "acknowledged"), ("refused", "refused")])
def test_an_acknowledgement_may_come_though_the_answer_of_the_call_was_lost(
    api: Any, platform: FakePlatform, outcome: str, state: str
) -> None:
    platform.answers = [503]  # as far as we know it was not taken
    returned(*changes())
    assert states() == ["pending"]
    word = {"message_id": message_id_of("vch_aaaa", 1), "outcome": outcome}
    assert acknowledge(api, word).json["applied"] == 1
    assert states() == [state]


@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_a_word_on_what_was_never_handed_over_settles_nothing(
    api: Any, platform: FakePlatform, outcome: str
) -> None:
    _use("")
    returned(*changes(versions=2))
    names = [message_id_of("vch_aaaa", sequence) for sequence in (1, 2)]
    answer = acknowledge(api, *({"message_id": name, "outcome": outcome} for name in names))
    expected = {"applied": 0, "unknown": [], "contradicting": [], "never_sent": names}
    assert (answer.status, answer.json) == (200, expected)
    assert states() == ["pending", "waiting"]
    assert [delivery.answered_at for delivery in store.deliveries_of("vch_aaaa")] == [None, None]
    _use(platform.url)
    work()
    accept(api, *names)
    assert states() == ["acknowledged", "acknowledged"]
    assert [message["sequence"] for message in platform.messages] == [1, 2]


def test_a_word_that_comes_while_its_message_waits_to_be_told_again_counts(
    api: Any, platform: FakePlatform
) -> None:
    returned(*changes())
    [sent] = store.deliveries_of("vch_aaaa")
    change = change_of(context(), "test")
    assert store.redrive(sent, due_at=NOW + timedelta(hours=1), change=change) is not None
    assert [(d.state, d.attempts) for d in store.deliveries_of("vch_aaaa")] == [("pending", 0)]
    accept(api, sent.message_id)
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
    headers = {"X-Message-Signature": keys.signed_by_platform(raw)}
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
    assert [item["allowed_actions"] for item in listed] == [["redrive", "pass_over"]]
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
    returned(*changes(versions=4))
    accept(api, message_id_of("vch_aaaa", 1))
    returned(*changes("vch_bbbb"))

    day = api("supervisor").get("/v1/exchange/reconciliation", {"day": "2026-09-01"})

    assert day.json == {
        "day": "2026-09-01",
        "division": "3401",
        "changes": 5,
        "waiting": 2,
        "pending": 0,
        "sent": 1,
        "acknowledged": 1,
        "refused": 1,
        "dead": 0,
        "passed": 0,
        "missing": 0,
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


def test_what_follows_a_change_that_could_not_be_recorded_waits_for_it(
    api: Any, platform: FakePlatform
) -> None:
    """The platform was told a voucher's second and third change before its first."""
    from tests.proof.network import THROTTLED, Network

    with Network(None).watched({1: THROTTLED}), pytest.raises(RecordsUndone) as undone:
        returned(*changes(versions=3), *changes("vch_bbbb"))
    assert str(undone.value).startswith("3 records undone")
    assert [message["subject"] for message in platform.messages] == ["vch_bbbb"]
    returned(*changes(versions=3), *changes("vch_bbbb"))
    for sequence in (1, 2, 3):
        accept(api, message_id_of("vch_aaaa", sequence))
    told = [message["sequence"] for message in platform.messages if message["subject"] == "vch_aaaa"]
    assert told == [1, 2, 3]
