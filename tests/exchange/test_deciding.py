"""What people decide of messages that stand still: sent again, one or all of a filter, or left out by two."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.accounts.refusals.store import RefusedAttemptRow
from chalicelib.exchange import jobs, service, store
from chalicelib.exchange.model import DeliveryState, message_id_of
from chalicelib.kernel.principal import Context, Principal, Role, system_context
from infra.local.platform.rules import Platform
from tests.support.figures import values_of
from tests.support.streams import NOW, stream_event, voucher_changes

FIRST = message_id_of("vch_aaaa", 1)
PATH = f"/v1/exchange/deliveries/{FIRST}"


def told(*records: Any) -> None:
    jobs.return_changes(stream_event(*records), system_context("exchange", now=NOW, request_id="req_test"))


def states(name: str = "vch_aaaa") -> list[str]:
    return [delivery.state.value for delivery in store.deliveries_of(name)]


def decisions(subject: str) -> dict[str, Any]:
    """Give what was decided of a subject, by action, as its audited rows tell it."""
    rows = [row.record for row in RefusedAttemptRow.query(subject) if row.code == "decided"]
    return {row.last_change.action: row.last_change for row in rows if row.last_change is not None}


def heard(platform: Platform) -> None:
    principal = Principal(actor="platform:national", role=Role.PLATFORM, division="34")
    for _ in range(5):
        for words in platform.words():
            said = [
                service.Acknowledgement(
                    word["message_id"], service.PlatformVerdict(word["outcome"]), word.get("reason")
                )
                for word in words
            ]
            service.acknowledge(Context(principal=principal, now=NOW, request_id="req_word"), said)
            platform.told(words)


@pytest.fixture
def refused(national: Platform) -> Platform:
    """A voucher whose first change the platform refuses, with two more behind it."""
    national.mode = "reject"
    told(*voucher_changes(versions=3))
    national.mode = "ok"
    assert states() == ["refused", "waiting", "waiting"]
    return national


def test_a_refused_message_waits_for_the_province_with_an_owner_and_a_clock(
    api: Any, refused: Platform
) -> None:
    later = NOW + timedelta(days=30)
    found = api("province").get("/v1/waiting", {"kind": "delivery"}, at=later)
    assert found.status == 200, found.text
    [item] = found.json["items"]
    assert (item["subject"], item["within"], item["name"]) == (FIRST, "vch_aaaa", "voucher.issued")
    assert item["flags"] == ["late", "overdue"]
    assert item["allowed_actions"] == ["redrive", "pass_over"]
    assert found.json["counts"]["delivery"]["count"] == 1
    assert api("clerk").get("/v1/waiting", {"kind": "delivery"}, at=later).json["items"] == []
    overseen = api("supervisor").get("/v1/waiting", {"kind": "delivery"}, at=later).json["items"]
    assert [entry["allowed_actions"] for entry in overseen] == [[]]
    assert api("supervisor_wuhu").get("/v1/waiting", {"kind": "delivery"}, at=later).json["items"] == []


def test_sent_again_and_accepted_it_lets_its_subject_go_on(api: Any, refused: Platform) -> None:
    assert api("province").post(f"{PATH}/redrive", at=NOW).json["state"] == "sent"
    heard(refused)
    assert states() == ["acknowledged"] * 3
    assert refused.ledger.history == {"vch_aaaa": [1, 2, 3]}


def test_two_of_the_province_leave_out_what_can_never_be_accepted(api: Any, refused: Platform) -> None:
    one, two = api("province"), api("province_two")
    early = two.post(f"{PATH}/pass-over/confirm", {"reason": "终态已含"}, at=NOW)
    assert (early.status, early.json["code"]) == (409, "wrong_state")
    asked = one.post(f"{PATH}/pass-over", {"reason": "项目已撤销"}, at=NOW)
    assert asked.status == 200, asked.text
    assert asked.json["pass_over_reason"] == "项目已撤销"
    assert asked.json["allowed_actions"] == ["redrive", "pass_over"]
    assert states()[0] == "refused", "asking changes nothing yet"
    again = one.post(f"{PATH}/pass-over", {"reason": "项目已撤销"}, at=NOW)
    assert (again.status, again.json["version"]) == (200, asked.json["version"])
    alone = one.post(f"{PATH}/pass-over/confirm", {"reason": "终态已含"}, at=NOW)
    assert (alone.status, alone.json["code"]) == (403, "self_approval")
    assert "confirm_pass_over" in two.get(PATH, at=NOW).json["allowed_actions"]
    for who in ("supervisor", "clerk", "finance"):
        assert api(who).post(f"{PATH}/pass-over", {"reason": "x"}, at=NOW).status == 403
    confirmed = two.post(f"{PATH}/pass-over/confirm", {"reason": "终态已含"}, at=NOW)
    assert (confirmed.status, confirmed.json["state"]) == (200, "passed")
    assert two.post(f"{PATH}/pass-over/confirm", {"reason": "终态已含"}, at=NOW).json == confirmed.json
    heard(refused)
    assert states() == ["passed", "acknowledged", "acknowledged"]
    assert refused.ledger.history == {"vch_aaaa": [2, 3]}
    made = decisions(FIRST)
    assert made["exchange.ask_pass_over"].reason == "项目已撤销"
    assert made["exchange.pass_over"].reason == "项目已撤销 / 终态已含"
    assert made["exchange.ask_pass_over"].actor != made["exchange.pass_over"].actor
    late = one.post(f"{PATH}/redrive", at=NOW)
    assert (late.status, late.json["code"]) == (409, "wrong_state")


def test_what_is_being_sent_or_is_accepted_is_not_left_out(api: Any, national: Platform) -> None:
    told(*voucher_changes(versions=2))
    for sequence, state in ((1, "sent"), (2, "waiting")):
        path = f"/v1/exchange/deliveries/{message_id_of('vch_aaaa', sequence)}/pass-over"
        answer = api("province").post(path, {"reason": "x"}, at=NOW)
        assert (answer.status, answer.json["code"]) == (409, "wrong_state"), state
    heard(national)
    answer = api("province").post(f"{PATH}/pass-over", {"reason": "x"}, at=NOW)
    assert answer.json["code"] == "wrong_state"


def test_a_redriven_message_forgets_that_it_was_to_be_left_out(api: Any, refused: Platform) -> None:
    api("province").post(f"{PATH}/pass-over", {"reason": "项目已撤销"}, at=NOW)
    refused.mode = "reject"
    assert api("province").post(f"{PATH}/redrive", at=NOW).json["state"] == "refused"
    answer = api("province_two").post(f"{PATH}/pass-over/confirm", {"reason": "x"}, at=NOW)
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")


def test_everything_of_a_filter_is_sent_again(api: Any, national: Platform) -> None:
    national.mode = "reject"
    for number in range(5):
        told(*voucher_changes(f"vch_hefei{number}"))
    told(*voucher_changes("vch_wuhu", division="340202"))
    national.mode = "ok"
    province = api("province")

    def redriven(**wanted: Any) -> Any:
        answer = province.post("/v1/exchange/redrives", {"reason": "平台已恢复", **wanted}, at=NOW)
        assert answer.status == 200, answer.text
        return answer.json

    assert redriven(state="dead") == {"redriven": 0, "more": False}
    assert redriven(state="refused", failure="no such") == {"redriven": 0, "more": False}
    assert redriven(state="refused", kind="project") == {"redriven": 0, "more": False}
    assert redriven(state="refused", division="3402") == {"redriven": 1, "more": False}
    assert states("vch_wuhu") == ["pending"]
    assert redriven(state="refused", kind="voucher", failure="rejected") == {"redriven": 5, "more": False}
    assert province.post("/v1/exchange/redrives", {"state": "passed", "reason": "x"}).status == 409
    assert province.post("/v1/exchange/redrives", {"state": "refused"}).status == 400
    assert api("supervisor").post("/v1/exchange/redrives", {"state": "refused", "reason": "x"}).status == 403
    jobs.reconcile_exchange({}, system_context("x", now=NOW + timedelta(minutes=3), request_id="r"))
    heard(national)
    assert len(national.ledger.history) == 6
    assert decisions("refused:voucher")["exchange.redrive_all"].reason == "平台已恢复 [rejected]"


def test_a_filter_takes_so_many_at_once(
    api: Any, national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REDRIVEN_MAX", 3)
    national.mode = "reject"
    for number in range(5):
        told(*voucher_changes(f"vch_many{number}"))
    body = {"state": "refused", "reason": "x"}
    assert api("province").post("/v1/exchange/redrives", body, at=NOW).json == {"redriven": 3, "more": True}
    assert api("province").post("/v1/exchange/redrives", body, at=NOW).json == {"redriven": 2, "more": False}


def test_a_platform_that_is_down_rings_one_alarm_and_stops_nothing(
    national: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    from infra.deployment.watching import WATCHES

    national.mode = "down"
    for number in range(30):
        told(*voucher_changes(f"vch_down{number}"))
    at = NOW
    for _ in range(24):
        at += timedelta(hours=6)
        jobs.reconcile_exchange({}, system_context("x", now=at, request_id="r"))
    written = capsys.readouterr().out
    rings = [
        watch.name
        for watch in WATCHES
        if not isinstance(watch.figure, str)
        and watch.quiet != "breaching"
        and max(values_of(written, watch.figure.name), default=0) >= watch.threshold
    ]
    assert rings == ["changes-undelivered"]
    assert {state for number in range(30) for state in states(f"vch_down{number}")} == {"pending"}
    national.mode = "ok"
    jobs.reconcile_exchange({}, system_context("x", now=at + timedelta(hours=6), request_id="r"))
    assert len(national.ledger.received) == 30


@pytest.mark.parametrize("state", DeliveryState)
def test_every_state_can_be_listed(api: Any, cloud: Any, state: DeliveryState) -> None:
    assert api("province").get("/v1/exchange/deliveries", {"state": state.value}).status == 200
