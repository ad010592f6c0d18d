"""Nothing that the service leaves behind holds a number in the clear; the scanner finds what is planted."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import Binary

import app
from infra.local import catalogue
from infra.local.people import demo_list, make_person
from infra.privacy_scan import Found, is_published, kinds_in, scan
from tests.subsidies.scored import Money, scored_class
from tests.vouchers.batches.test_issuance_from_a_list import imported

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
PERSON = make_person(7, today=NOW.date())
CARD = "6222021234567890123"
ACCOUNTS = {entry["bank_account"]["number"] for entry in catalogue.INSTITUTIONS}
TABLE = "voucher-test-vouchers"


def luhn_card() -> str:
    from stdnum import luhn

    return CARD[:-1] + luhn.calc_check_digit(CARD[:-1])


def client(service: str) -> Any:
    return boto3.client(service, region_name="cn-north-1")


def found() -> list[Found]:
    return scan(client, streams=False, known=ACCOUNTS).found


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (PERSON.id_number, {"id_number"}),
        (f"号码：{PERSON.id_number}。", {"id_number"}),
        (PERSON.phone, {"phone"}),
        ("+86 " + PERSON.phone, {"phone"}),
        (f"2026-09-01 {PERSON.phone} 12", {"phone"}),
        (f"imports/{PERSON.phone}/x", {"phone"}),
        ("6222 0212 3456 7890 12" + luhn_card()[-1], {"bank_account"}),
        (f"0.{PERSON.phone}", set()),
        (f"ab{PERSON.phone}cd", set()),
        (luhn_card(), {"bank_account"}),
        (min(ACCOUNTS), {"bank_account"}),
        (json.dumps({"a": json.dumps([PERSON.phone])}), {"phone"}),
        (base64.b64encode(f"id={PERSON.id_number}".encode()).decode(), {"id_number"}),
        (base64.urlsafe_b64encode(json.dumps({"p": PERSON.phone}).encode()).decode(), {"phone"}),
        ({"deep": [{"er": PERSON.id_number}]}, {"id_number"}),
        (Binary(gzip.compress(json.dumps([PERSON.phone]).encode())), {"phone"}),
        (b"\x1f\x8bno gzip " + PERSON.id_number.encode(), {"id_number"}),
        ("340***********1234", set()),
        ("20260901T010000", set()),
        ("91340111MX0000027D", set()),
        (600_000, set()),
        ("2026-09-01T01:00:00.000000Z", set()),
    ],
)
def test_what_the_scanner_takes_for_a_number(text: object, kinds: set[str]) -> None:
    assert kinds_in(text, known=ACCOUNTS) == kinds


def test_a_whole_life_leaves_nothing_in_the_clear_and_what_is_planted_is_found(
    world: Any, api: Any, cloud: Any
) -> None:
    raw, _ = demo_list(60, today=NOW.date())
    done = imported(api, cloud, raw, partial=True)
    batches = f"/v1/programs/{world.program_id}/issuance-batches"
    asked = {"import_id": done["id"], "declared_count": done["valid"]}
    batch = api("province").post(batches, asked, at=NOW).json
    approved = api("province_two").post(
        f"{batches}/{batch['id']}/approve", {"version": batch["version"]}, at=NOW
    )
    assert approved.status == 200, approved.text
    cloud.work("issuance", app.issue_vouchers)
    for number in (101, 102):
        world.enrolment(world.person(number))
    money = Money(world)
    money.pay(money.sealed(scored_class(world)))
    assert found() == []

    dynamodb, s3, sqs = client("dynamodb"), client("s3"), client("sqs")
    key = dynamodb.scan(TableName=TABLE, Limit=1)["Items"][0]["id"]
    dynamodb.update_item(
        TableName=TABLE,
        Key={"id": key},
        UpdateExpression="SET note = :x",
        ExpressionAttributeValues={":x": {"S": json.dumps({"who": PERSON.id_number})}},
    )
    s3.put_object(Bucket="voucher-test-evidence", Key=f"x/{PERSON.phone}", Body=b"")
    s3.put_object(Bucket="voucher-test-intake", Key="x/text", Body=luhn_card().encode())
    url = sqs.get_queue_url(QueueName="voucher-test-expiry")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"account": min(ACCOUNTS)}))
    logs = client("logs")
    logs.create_log_group(logGroupName="planted")
    logs.create_log_stream(logGroupName="planted", logStreamName="s")
    event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": f"call {PERSON.phone}"}
    logs.put_log_events(logGroupName="planted", logStreamName="s", logEvents=[event])
    assert {(one.kind, one.place.split()[0]) for one in found()} == {
        ("id_number", "table"),
        ("phone", "name"),
        ("bank_account", "object"),
        ("bank_account", "queue"),
        ("phone", "log"),
    }
    logs.delete_log_group(logGroupName="planted")


def test_only_what_is_told_of_an_institution_may_hold_its_own_phone() -> None:
    of_institution, of_voucher = (
        {"event": {"S": name}} for name in ("institution.changed", "voucher.claimed")
    )
    assert is_published("deliveries", "body", of_institution)
    assert not is_published("deliveries", "body", of_voucher)
    assert not is_published("deliveries", "failure", of_institution)
    assert is_published("institutions", "phone", {})
