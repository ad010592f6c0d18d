"""What cross-match lists do: who is listed gets no voucher, loses an unspent one, and a redeemed one is marked."""

import hashlib
import json

import boto3
import pytest

import app
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.aws.writes import ConditionFailed, transact
from chalicelib.enrolments.store import find_enrolment
from chalicelib.kernel.principal import system_context
from chalicelib.people.standings import store as standings_store
from chalicelib.people.standings.service import standings_of
from chalicelib.vouchers import store
from chalicelib.vouchers.ineligibility import service as ineligibility
from chalicelib.vouchers.model import VoucherStatus, voucher_id_of
from tests.vouchers.lists import approve, deliver, graduate_of, propose, read, ready_list, say

HEADER = "姓名,身份证号,情形,起始日期,截止日期,数据日期"


def sheet(*rows):
    return "\n".join([HEADER, *(",".join(row) for row in rows)]).encode()


def line(person, situation="已就业", since="2026-08-01", until="", as_of=""):
    return person.name, person.id_number, situation, since, until, as_of


def announced(world, raw, *, query=""):
    body = {
        "kind": "ineligible_people",
        "filename": "a.csv",
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    answer = world.api("province").post(f"/v1/imports{query}", body, at=world.now)
    assert answer.status == 201, answer.text
    key = f"imports/{answer.json['id']}/upload"
    boto3.client("s3", region_name="cn-north-1").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}, "now": world.now.isoformat()}, None)
    while world.cloud.work("imports", app.process_import):
        pass
    return answer.json["id"]


def imported(world, raw, *, query=""):
    import_id = announced(world, raw, query=query)
    world.cloud.work("standings", app.follow_standings)
    return world.api("province").get(f"/v1/imports/{import_id}", at=world.now).json


def follow(world, *keys):
    ineligibility.follow(system_context("test", now=world.now, request_id="req_test"), keys)


def test_whoever_is_listed_before_gets_no_voucher_and_is_told_why(world, cloud):
    listed, other = world.person(1), world.person(2)
    record = imported(world, sheet(line(listed), line(listed, "退休", "2025-01-01")))
    assert (record["status"], record["valid"]) == ("applied", 2), record
    batch = propose(world, ready_list(world, [[graduate_of(listed, 2), graduate_of(other, 3)]]))
    assert (batch["eligible"], batch["refused"]) == (1, 1)
    path = f"/v1/programs/{world.program_id}/issuance-batches/{batch['id']}/refusals"
    refusals = world.api("province").get(path, at=world.now).json["items"]
    assert [(refusal["row"], refusal["code"]) for refusal in refusals] == [
        (2, "listed_employed"),
        (2, "listed_retired"),
    ]
    assert "2026-08-01" in refusals[0]["detail"]
    assert approve(world, batch).status == 200
    deliver(cloud.messages("issuance"))
    assert read(world, batch)["issued"] == 1


def test_an_unspent_voucher_is_lost_with_a_reason_that_names_the_list_and_the_person(world, api):
    people = [world.person(n) for n in range(4)]
    issued, claimed = world.voucher(people[0], claimed=False), world.voucher(people[1])
    redeemed = world.enrolment(people[2])["voucher_id"]
    untouched = world.voucher(people[3])
    record = imported(world, sheet(*(line(person, "死亡") for person in people[:3])))
    assert record["status"] == "applied"
    assert (record["effect"]["revoked"], record["effect"]["marked"]) == (2, 1)
    for voucher_id in (issued, claimed):
        voucher = store.read_voucher(voucher_id)
        assert (voucher.status, voucher.due_shard) == (VoucherStatus.REVOKED, None)
        assert voucher.last_change.action == "voucher.find_ineligible"
        for part in ("listed_deceased", record["id"], "applied_by=acc_"):
            assert part in voucher.last_change.reason
    kept = store.read_voucher(redeemed)
    assert (kept.status, kept.bar.code) == (VoucherStatus.REDEEMED, "listed_deceased")
    assert store.read_voucher(untouched).status is VoucherStatus.CLAIMED
    shown = api("clerk").get(f"/v1/vouchers/{issued}", at=world.now).json
    assert (shown["status"], shown["ineligible"]["code"]) == ("revoked", "listed_deceased")
    again = api(people[0]).post(f"/v1/vouchers/{issued}/claim", at=world.now)
    assert (again.status, again.json["code"]) == (409, "voucher_revoked")


def test_a_list_delivered_twice_changes_nothing_more(world, cloud):
    person = world.person(1)
    voucher_id = world.voucher(person)
    announced(world, sheet(line(person)))
    messages = cloud.messages("standings")
    records = [{"messageId": "1", "body": json.dumps(body)} for body in messages * 3]
    app.follow_standings({"Records": records[:1]}, None)
    once = store.read_voucher(voucher_id)
    assert app.follow_standings({"Records": records}, None) == {"batchItemFailures": []}
    assert store.read_voucher(voucher_id) == once


def test_a_situation_that_begins_later_refuses_from_its_first_day_on(world, api):
    waiting, holding = world.person(1), world.person(2)
    first, second = world.voucher(waiting, claimed=False), world.voucher(holding)
    imported(
        world, sheet(line(waiting, "参军", "2026-09-10"), line(holding, "参军", "2026-09-10", "2026-12-31"))
    )
    assert store.read_voucher(first).status is VoucherStatus.ISSUED
    before, day = world.later(days=8), world.later(days=9)
    refused = api(waiting).post(f"/v1/vouchers/{first}/claim", at=day)
    assert (refused.status, refused.json["code"]) == (409, "listed_in_military")
    assert "2026-09-10" in refused.json["detail"]
    assert api(waiting).post(f"/v1/vouchers/{first}/claim", at=before).status == 200
    token = api(holding).get(f"/v1/vouchers/{second}/qr", at=before).json["token"]
    body = {"token": token, "project_id": world.project_id}
    assert api("institution").post("/v1/verifications", body, at=before).json["redeemable"]
    shown = api(holding).get(f"/v1/vouchers/{second}/qr", at=day)
    assert (shown.status, shown.json["code"]) == (409, "listed_in_military")


def test_a_voucher_shows_from_when_on_a_situation_stands_against_it(world, api):
    person = world.person(1)
    path = f"/v1/vouchers/{world.voucher(person)}"
    imported(world, sheet(line(person, "参军", "2026-09-10")))
    offered = []
    for days in (8, 9):
        shown = api(person).get(path, at=world.later(days=days)).json
        assert (shown["status"], shown["ineligible"]["since"]) == ("claimed", "2026-09-10")
        offered.append(shown["allowed_actions"])
    assert offered == [["show_qr"], []]
    assert api("province").get(path, at=world.later(days=9)).json["allowed_actions"] == ["revoke"]


def test_a_redemption_under_way_asks_again_in_the_write_itself(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person)
    voucher = store.read_voucher(voucher_id)
    say(world, person, since=world.later(days=5).date())
    follow(world, voucher.person_key)
    marked = store.read_voucher(voucher_id)
    assert marked.barred_from is not None

    def redeem(now):
        return store.redeem_write(
            voucher, enrolment_id="enr_x", institution="i", served_in="340111", nonce="n", step=9, now=now
        )

    with pytest.raises(ConditionFailed):
        transact([redeem(world.later(days=6))], change=world.change)
    transact([redeem(world.now)], change=world.change)


def test_a_released_voucher_of_somebody_listed_meanwhile_is_lost_with_both_reasons(world, api):
    person = world.person(1)
    enrolment = world.enrolment(person)
    record = imported(world, sheet(line(person)))
    path = f"/v1/enrolments/{enrolment['id']}/release"
    answer = api("institution").post(path, {"reason": "改报其他班"}, at=world.now)
    assert (answer.status, answer.json["status"]) == (200, "released")
    voucher = store.read_voucher(enrolment["voucher_id"])
    assert (voucher.status, voucher.due_shard, voucher.enrolment_id) == (VoucherStatus.REVOKED, None, None)
    assert voucher.last_change.action == "voucher.find_ineligible"
    for part in ("改报其他班", "listed_employed", record["id"], "applied_by=acc_"):
        assert part in voucher.last_change.reason
    assert find_enrolment(enrolment["id"]).last_change.action == "enrolment.release"
    shown = api(person).get(f"/v1/vouchers/{voucher.id}", at=world.now).json
    assert (shown["status"], shown["ineligible"]["code"]) == ("revoked", "listed_employed")
    refused = api(person).get(f"/v1/vouchers/{voucher.id}/qr", at=world.now)
    assert (refused.status, refused.json["code"]) == (409, "voucher_revoked")
    assert api("institution").post(path, {"reason": "again"}, at=world.now).json == answer.json


def test_a_list_applied_between_the_look_and_the_release_is_not_slipped_past(world):
    person = world.person(1)
    enrolment = world.enrolment(person)
    stale = store.read_voucher(enrolment["voucher_id"])
    imported(world, sheet(line(person)))
    writes = [store.release_write(stale, enrolment_id=enrolment["id"], change=world.change)]
    with pytest.raises(ConditionFailed):
        transact(writes, change=world.change)
    assert store.read_voucher(stale.id).status is VoucherStatus.REDEEMED


def test_a_released_voucher_is_usable_before_a_later_situation_begins_and_after_one_has_ended(world, api):
    before, after = world.person(1), world.person(2)
    enrolments = [world.enrolment(person) for person in (before, after)]
    imported(
        world,
        sheet(line(before, "参军", "2026-09-10"), line(after, "参军", "2026-08-01", "2026-09-02")),
    )
    for enrolment, days in zip(enrolments, (0, 3), strict=True):
        path = f"/v1/enrolments/{enrolment['id']}/release"
        assert api("institution").post(path, {"reason": "x"}, at=world.later(days=days)).status == 200
        assert store.read_voucher(enrolment["voucher_id"]).status is VoucherStatus.CLAIMED


def test_a_later_list_that_ends_the_situation_takes_the_mark_away(world):
    person = world.person(1)
    voucher_id = world.enrolment(person)["voucher_id"]
    imported(world, sheet(line(person, as_of="2026-08-15")))
    assert store.read_voucher(voucher_id).bar is not None
    imported(world, sheet(line(person, until="2026-08-20", as_of="2026-08-31")))
    assert store.read_voucher(voucher_id).bar is None
    imported(world, sheet(line(person, as_of="2026-08-15")))  # older data, uploaded late
    assert store.read_voucher(voucher_id).bar is None


def test_standings_are_told_as_of_any_day_also_of_strangers(world):
    stranger = world.person(77)
    imported(
        world, sheet(line(stranger, "在读", "2026-03-01", "2026-07-31"), line(stranger, "就业", "2026-08-15"))
    )
    key = person_key_of(stranger.id_number)
    (known,) = standings_of([key]).values()
    from datetime import date

    def on(day):
        return [standing.situation.value for standing in known.standings if standing.counts_on(day)]

    assert (on(date(2026, 5, 1)), on(date(2026, 8, 1)), on(date(2026, 9, 1))) == (
        ["in_school"],
        [],
        ["employed"],
    )
    raw = json.dumps(standings_store.StandingsRow.get(key).to_simple_dict(), default=str)
    assert stranger.id_number not in raw
    assert stranger.name not in raw


def test_wrong_rows_of_a_list_are_named_and_nothing_is_applied(world):
    person, other = world.person(1), world.person(2)
    voucher_id = world.voucher(person)
    record = imported(
        world,
        sheet(
            line(person),
            line(other, "离职"),
            line(other, since="", until="2026-13-01"),
            line(other, since="2026-08-01", until="2026-07-01"),
            line(person),
        ),
    )
    assert record["status"] == "failed"
    assert {(fault["row"], fault["column"], fault["code"]) for fault in record["errors"]} == {
        (3, "情形", "invalid_choice"),
        (4, "起始日期", "empty_cell"),
        (4, "截止日期", "invalid_date"),
        (5, "截止日期", "ends_before_it_begins"),
        (6, "身份证号", "repeated_person"),
    }
    assert store.read_voucher(voucher_id).status is VoucherStatus.CLAIMED
    assert standings_of([person_key_of(person.id_number)]) == {}


def test_a_list_between_the_issuers_look_and_its_write_is_found_by_the_issuer(world, cloud, api):
    """The list's worker looks before the voucher is there; the issuer's second look finds the list."""
    person = world.person(1)
    batch = propose(world, ready_list(world, [[graduate_of(person, 2)]]))
    approve(world, batch)
    from chalicelib.aws.table import connection

    events = connection().client.meta.events

    def apply_list(**_):
        events.unregister("before-send.dynamodb.TransactWriteItems", apply_list)
        key = say(world, person)
        follow(world, key)  # finds nothing yet

    messages = cloud.messages("issuance")
    events.register("before-send.dynamodb.TransactWriteItems", apply_list)
    deliver(messages)
    voucher_id = voucher_id_of(person_key_of(person.id_number), world.program_id)
    assert store.read_voucher(voucher_id).status is VoucherStatus.REVOKED
    assert read(world, batch)["outcome"]["issued"] == 1
