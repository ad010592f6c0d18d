"""Many objections at once: one list of an area, the same ones counted together, a pace for each address."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.accounts.sign_in.attempts.store import AttemptRow
from chalicelib.aws.writes import transact
from chalicelib.kernel.errors import TooMany, Unavailable
from chalicelib.kernel.principal import change_of, system_context
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.subsidies.publicity import model, service, store
from chalicelib.subsidies.publicity.model import OBJECTIONS_MAX
from chalicelib.subsidies.publicity.store import ObjectionRow
from tests.subsidies.scored import Money, scored_class, wuhu_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def send(money: Money, claim: Any, reason: str, *, source: str = "192.0.2.1", **about: Any) -> Any:
    path = f"/v1/publicity/{claim['id']}/objections"
    return money.api().post(path, {"reason": reason, **about}, at=money.now, source=source)


def listed(money: Money, who: Any = "supervisor", **query: Any) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        page = money.ok(money.api(who).get("/v1/objections", {**query, **cursor}, at=money.now))
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def ids(items: list[Any]) -> list[str]:
    return [item["id"] for item in items]


def decided(money: Money, items: list[Any], outcome: str = "dismissed") -> Any:
    body = {
        "decisions": [
            {"objection_id": item["id"], "version": item["version"], "outcome": outcome, "reason": "经核查"}
            for item in items
        ]
    }
    return money.ok(money.api("supervisor").post("/v1/objection-decisions", body, at=money.now))


# --------------------------------------------------------------------------- the list of an area


def test_open_objections_of_an_area_are_listed_oldest_first_and_decided_from_the_list(
    world: Any, money: Money
) -> None:
    claims = [money.publicised(scored_class(world, 2)) for _ in range(2)]
    line = money.read(claims[1])["lines"][0]["id"]
    sent = []
    for claim, reason, about in (
        (claims[0], "甲", {}),
        (claims[1], "乙", {"line_id": line}),
        (claims[0], "丙", {}),
    ):
        sent.append(send(money, claim, reason, **about).json["id"])
        money.now += timedelta(minutes=1)
    found = listed(money)
    assert ids(found) == sent
    assert [item["reason"] for item in found] == ["甲", "乙", "丙"]
    assert [item["line_id"] for item in found] == [None, line, None]
    assert [(item["allowed_actions"], item["same_count"]) for item in found] == [(["resolve"], 1)] * 3
    assert ids(listed(money, limit=1)) == sent
    assert ids(listed(money, claim=claims[0]["id"], status="open")) == [sent[0], sent[2]]
    assert listed(money, claim=claims[0]["id"], division="3402") == []

    assert decided(money, found[:2])["applied"] == 2
    assert ids(listed(money)) == ids(listed(money, status="open")) == [sent[2]]
    assert ids(listed(money, status="dismissed")) == sent[:2]
    assert listed(money, status="upheld") == []
    assert ids(listed(money, claim=claims[0]["id"], status="dismissed")) == [sent[0]]
    assert decided(money, listed(money), "upheld")["applied"] == 1
    assert (listed(money), ids(listed(money, status="upheld"))) == ([], [sent[2]])


def test_a_county_and_another_city_see_their_own_objections_and_the_province_all(
    world: Any, money: Money
) -> None:
    money.budget(division="3402", who="finance_wuhu")
    here = money.publicised(scored_class(world, 1))
    there = money.publicised(wuhu_class(world), town="_wuhu")
    first, second = send(money, here, "甲").json["id"], send(money, there, "乙").json["id"]
    assert ids(listed(money)) == ids(listed(money, "clerk", division=here["division"])) == [first]
    assert ids(listed(money, "supervisor_wuhu")) == [second]
    assert listed(money, division="340122") == [], "another county of the same city"
    assert sorted(ids(listed(money, "province"))) == sorted([first, second])
    assert money.api("supervisor").get("/v1/objections", {"division": "3402"}, at=money.now).status == 404
    assert money.api("institution").get("/v1/objections", at=money.now).status == 403
    assert money.api().get("/v1/objections", at=money.now).status == 401


def test_a_cursor_of_open_objections_is_refused_for_decided_ones(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    for reason in "甲乙":
        send(money, claim, reason)
    page = money.ok(money.api("supervisor").get("/v1/objections", {"limit": 1}, at=money.now))
    query = {"limit": 1, "cursor": page["next"], "status": "dismissed"}
    other = money.api("supervisor").get("/v1/objections", query, at=money.now)
    assert (other.status, other.json["code"]) == (400, "invalid_cursor")


# --------------------------------------------------------------------------- the same words


def test_the_same_words_are_counted_with_the_open_objection(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    first = send(money, claim, "此人未参加培训 abc 1", contact="13800000000")
    assert first.status == 201
    for number, reason in enumerate(
        ("此人未参加培训，ABC１。", "  此人 未参加 培训！\nAbc 1", "此人未参加培训abc1")
    ):
        again = send(money, claim, reason, source=f"192.0.2.{10 + number}")
        assert (again.status, again.json) == (200, first.json)
    told = send(money, claim, "此人未参加培训abc1", source="192.0.2.20", contact="13900000000")
    assert (told.status, told.json) == (200, {**first.json, "contact_not_kept": True})
    (shown,) = listed(money)
    assert (shown["same_count"], shown["version"]) == (5, 1), "a crowd makes no decision stale"
    assert (shown["reason"], shown["contact"]) == ("此人未参加培训 abc 1", "13800000000")
    assert (ClaimRow.get(claim["id"]).objections, money.read(claim)["open_objections"]) == (1, 1)
    assert decided(money, [shown])["applied"] == 1
    after = send(money, claim, "此人未参加培训abc1", source="192.0.2.30")
    assert (after.status, after.json["status"]) == (200, "dismissed")
    assert listed(money, status="dismissed")[0]["same_count"] == 5, "only what is open is counted"


def test_the_same_words_about_a_line_and_its_claim_are_two_objections(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    lines = [line["id"] for line in money.read(claim)["lines"]]
    sent = [
        send(money, claim, "未到课", **about) for about in ({}, {"line_id": lines[0]}, {"line_id": lines[1]})
    ]
    assert [answer.status for answer in sent] == [201, 201, 201]
    assert [item["same_count"] for item in listed(money)] == [1, 1, 1]


def test_two_hundred_of_the_same_leave_room_for_another(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    send(money, claim, "甲")
    ClaimRow(claim["id"]).update(actions=[ClaimRow.objections.set(OBJECTIONS_MAX - 1)])
    for number in range(10):
        assert send(money, claim, f"甲{'！' * number}", source=f"198.51.100.{number}").status == 200
    assert send(money, claim, "乙", source="203.0.113.1").status == 201
    full = send(money, claim, "丙", source="203.0.113.1")
    assert (full.status, full.json["code"]) == (409, "too_many_objections")
    assert send(money, claim, "甲。", source="203.0.113.1").status == 200, (
        "what is there already needs no room"
    )


def test_the_same_words_at_once_are_all_counted(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    objection = store.find_objection(send(money, claim, "甲").json["id"])
    assert objection is not None
    change = change_of(system_context("test", now=money.now, request_id="req_test"), "claim.object")

    def once_more(_: int) -> None:
        while True:
            try:
                transact(store.same_writes(objection), change=change)
            except Unavailable:
                continue
            return

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(once_more, range(12)))
    assert listed(money)[0]["same_count"] == 13


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("此人，未到！", "此人未到"),
        ("ＡＢＣ　１", "abc1"),
        ("第1、2课", "第1 2课"),
        ("第12课", "第12课"),
        ("3 000元", "3 000元"),
        ("！！！", "！！！"),
        ("_a_", "a"),
    ],
)
def test_words_are_folded_but_numbers_stay_apart(text: str, words: str) -> None:
    assert model.folded(text) == words
    assert model.folded(words) == words


# --------------------------------------------------------------------------- the pace


def test_one_address_files_five_objections_an_hour_to_a_claim_and_others_are_free(
    world: Any, money: Money
) -> None:
    first, second = (money.publicised(scored_class(world, 1)) for _ in range(2))
    for reason in "甲乙丙丁戊":
        assert send(money, first, reason).status == 201
    more = send(money, first, "己")
    assert (more.status, more.json["code"]) == (429, "objections_too_fast")
    assert more.headers["Retry-After"] == "3600"
    assert "3600" in more.json["detail"]
    assert send(money, first, "甲").status == 429, "repeats are counted too"
    assert send(money, second, "己").status == 201
    assert send(money, first, "己", source="192.0.2.2").status == 201
    money.now += timedelta(hours=1)
    assert send(money, first, "庚").status == 201
    assert len(listed(money, claim=first["id"])) == 7


def test_one_address_files_twenty_objections_an_hour_to_all_claims(world: Any, money: Money) -> None:
    claims = [money.publicised(scored_class(world, 1)) for _ in range(5)]
    for claim in claims[:4]:
        for reason in "甲乙丙丁戊":
            assert send(money, claim, reason).status == 201
    more = send(money, claims[4], "甲")
    assert (more.status, more.json["code"]) == (429, "objections_too_fast")
    assert send(money, claims[4], "甲", source="192.0.2.2").status == 201
    assert ClaimRow.get(claims[4]["id"]).objections == 1


def test_parallel_objections_from_one_address_do_not_pass_together(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))

    def one(_: int) -> str:
        while True:
            try:
                service._paced("192.0.2.1", claim["id"], money.now)
            except TooMany:
                return "refused"
            except Unavailable:
                continue
            return "taken"

    with ThreadPoolExecutor(8) as workers:
        results = list(workers.map(one, range(16)))
    assert (results.count("taken"), results.count("refused")) == (5, 11)


def test_addresses_of_objectors_are_kept_as_digests_only(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    assert send(money, claim, "甲", source="192.0.2.77").status == 201
    rows = [*AttemptRow.scan(), *ObjectionRow.scan()]
    assert len(rows) >= 3
    assert not [row for row in rows if "192.0.2" in str(row.attribute_values)]
    hour = int((money.now + timedelta(hours=1)).timestamp())
    assert [row.expires for row in AttemptRow.scan() if row.id.startswith("obj_")] == [hour, hour]


def test_an_ipv6_network_is_one_source() -> None:
    assert model.source_of("2001:db8:1:2:3::4") == model.source_of("2001:db8:1:2:ffff::9")
    assert model.source_of("2001:db8:1:2::1") != model.source_of("2001:db8:1:3::1")
    assert model.source_of("192.0.2.1") != model.source_of("192.0.2.2")
    assert model.source_of("") == ""
