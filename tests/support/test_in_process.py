"""DynamoDB called as a function answers as over HTTP, and is heard where somebody listens: `in_process.py`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.accounts.store import AccountRow
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.aws.clients import client
from chalicelib.aws.table import connection

ACCOUNTS = AccountRow.Meta.table_name
EVERY_KIND: dict[str, Any] = {
    "text": {"S": "张三"},
    "empty": {"S": ""},
    "number": {"N": "180000"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "many": {"BS": [b"\x01", b"\xfe"]},
    "list": {"L": [{"S": "x"}, {"B": b"\xfd"}, {"L": []}, {"M": {}}]},
    "map": {"M": {"S": {"S": "named like a kind"}, "B": {"S": "too"}, "BS": {"L": []}}},
    "named like bytes": {"M": {"B": {"B": b"\x01"}}},
    "deep": {"M": {"deep": {"M": {"list": {"L": [{"N": "1"}]}}}}},
}


def rows() -> dict[str, Any]:
    items = connection().client.scan(TableName=ACCOUNTS)["Items"]
    return {item["id"]["S"]: item for item in items}


def account(name: str, **values: Any) -> dict[str, Any]:
    return {"id": {"S": name}, **values}


def test_every_kind_of_value_comes_back_as_it_was_put(cloud: Any) -> None:
    put = account("acc_kinds", **EVERY_KIND)
    connection().client.put_item(TableName=ACCOUNTS, Item=put)
    read = connection().client.get_item(TableName=ACCOUNTS, Key={"id": {"S": "acc_kinds"}})["Item"]
    for item in (read, put):
        for name, kind in (("texts", "SS"), ("numbers", "NS"), ("many", "BS")):
            item[name] = {kind: sorted(item[name][kind])}
    assert read == put


@pytest.mark.parametrize("failing", ["last", "first"])
def test_a_transaction_that_fails_leaves_every_row_as_it_was(cloud: Any, failing: str) -> None:
    dynamo = connection().client
    for name in ("acc_put", "acc_updated", "acc_deleted"):
        dynamo.put_item(TableName=ACCOUNTS, Item=account(name, list={"L": [{"S": "old"}]}, n={"N": "1"}))
    before = rows()
    writes: list[dict[str, Any]] = [
        {"Put": {"TableName": ACCOUNTS, "Item": account("acc_put", n={"N": "9"})}},
        {"Put": {"TableName": ACCOUNTS, "Item": account("acc_new", n={"N": "9"})}},
        {"Delete": {"TableName": ACCOUNTS, "Key": {"id": {"S": "acc_deleted"}}}},
        {
            "Update": {
                "TableName": ACCOUNTS,
                "Key": {"id": {"S": "acc_updated"}},
                "UpdateExpression": "SET #l[0] = :new, n = :nine",
                "ExpressionAttributeNames": {"#l": "list"},
                "ExpressionAttributeValues": {":new": {"S": "new"}, ":nine": {"N": "9"}},
            }
        },
    ]
    check = {
        "ConditionCheck": {
            "TableName": ACCOUNTS,
            "Key": {"id": {"S": "acc_absent"}},
            "ConditionExpression": "attribute_exists(id)",
        }
    }
    refused = [*writes, check] if failing == "last" else [check, *writes]
    with pytest.raises(dynamo.exceptions.TransactionCanceledException):
        dynamo.transact_write_items(TransactItems=refused)
    assert rows() == before
    dynamo.transact_write_items(TransactItems=writes)
    after = rows()
    assert set(after) == {"acc_put", "acc_new", "acc_updated"}
    assert after["acc_updated"] == account("acc_updated", list={"L": [{"S": "new"}]}, n={"N": "9"})


def test_rows_under_a_sort_key_are_taken_back_too(cloud: Any) -> None:
    dynamo, table = connection().client, CheckInRow.Meta.table_name
    schema = dynamo.describe_table(TableName=table)["Table"]["KeySchema"]
    partition, sort = (part["AttributeName"] for part in schema)

    def row(name: str, place: str, n: str) -> dict[str, Any]:
        return {partition: {"S": name}, sort: {"S": place}, "n": {"N": n}}

    dynamo.put_item(TableName=table, Item=row("a", "1", "1"))
    writes = [
        {"Put": {"TableName": table, "Item": row(*at, "9")}} for at in (("a", "1"), ("a", "2"), ("b", "1"))
    ]
    check = {
        "TableName": table,
        "Key": {partition: {"S": "c"}, sort: {"S": "1"}},
        "ConditionExpression": f"attribute_exists({partition})",
    }
    with pytest.raises(dynamo.exceptions.TransactionCanceledException):
        dynamo.transact_write_items(TransactItems=[*writes, {"ConditionCheck": check}])
    assert dynamo.scan(TableName=table)["Items"] == [row("a", "1", "1")]


def test_what_was_kept_comes_back_and_is_counted(cloud: Any, emulator: Any) -> None:
    if emulator is None:
        pytest.skip("tables elsewhere are not kept")
    dynamo = connection().client
    for name in ("acc_one", "acc_two"):
        dynamo.put_item(TableName=ACCOUNTS, Item=account(name))
    kept, before = emulator.keep(), rows()
    for number in range(5):
        dynamo.put_item(TableName=ACCOUNTS, Item=account(f"acc_{number}"))
    emulator.restore(kept)
    assert (rows(), AccountRow.count()) == (before, 2)
    emulator.empty()
    assert (rows(), AccountRow.count()) == ({}, 0)


def test_what_is_prepared_is_built_once_and_never_over_what_is_there(cloud: Any, emulator: Any) -> None:
    if emulator is None:
        pytest.skip("tables elsewhere are not kept")
    dynamo, built = connection().client, []

    def build() -> None:
        dynamo.put_item(TableName=ACCOUNTS, Item=account(f"acc_{len(built)}"))
        built.append(None)

    for _ in range(3):
        emulator.empty()
        emulator.prepare("test", build)
        assert (set(rows()), len(built)) == ({"acc_0"}, 1)
    emulator.prepare("test", build)
    assert set(rows()) == {"acc_0", "acc_1"}


def test_a_message_is_kept_as_long_as_its_queue_says(cloud: Any, emulator: Any) -> None:
    url = os.environ["IMPORTS_QUEUE_URL"]
    for number in (1, 2):
        client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"n": number}))
    if emulator is not None:
        (queue,) = (queue for queue in emulator.queues.values() if queue["messages"])
        queue["messages"][0]["sent_at"] -= int(queue["attributes"]["MessageRetentionPeriod"]) + 1
        assert cloud.messages("imports") == [{"n": 2}]
    assert cloud.messages("imports") == ([] if emulator is not None else [{"n": 1}, {"n": 2}])


# --------------------------------------------------------------------------- a call, and the same call sent


@contextmanager
def listening(stage: str, listener: Any) -> Iterator[None]:
    """Hang on the way of every request, as tests of faults do."""
    events = connection().client.meta.events
    events.register(f"{stage}.dynamodb", listener)
    try:
        yield
    finally:
        events.unregister(f"{stage}.dynamodb", listener)


def told(name: str, **asked: Any) -> Any:
    """Give what came of a call: its answer, or the whole of its error."""
    dynamo = connection().client
    try:
        answer = getattr(dynamo, name)(**asked)
    except dynamo.exceptions.ClientError as error:
        answer = error.response
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def test_what_is_called_answers_as_what_is_sent(cloud: Any) -> None:
    key = {"id": {"S": "acc_one"}}
    taken = {"ConditionExpression": "attribute_not_exists(id)"}
    put = {"TableName": ACCOUNTS, "Item": account("acc_one", **EVERY_KIND), **taken}
    old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("put_item", {**put, **old}),
        ("get_item", {"TableName": ACCOUNTS, "Key": key, "ReturnConsumedCapacity": "INDEXES"}),
        ("transact_write_items", {"TransactItems": [{"Put": {**put, **old}}]}),
        ("update_item", {"TableName": ACCOUNTS, "Key": key, "UpdateExpression": "SET id = #absent"}),
        ("scan", {"TableName": ACCOUNTS}),
        ("query", {"TableName": "nowhere", "KeyConditionExpression": "id = :id"}),
        ("describe_table", {"TableName": ACCOUNTS}),
    ]
    told(*calls[0][:1], **calls[0][1])
    heard: list[str] = []
    for name, asked in calls:
        called = told(name, **asked)
        with listening("before-send", lambda request, **_: heard.append(request.url)):
            assert told(name, **asked) == called, name
        assert name in ("scan", "describe_table", "get_item") or "Error" in called
    assert len(heard) == len(calls)


def test_a_request_is_repeated_when_its_answer_is_lost(cloud: Any) -> None:
    sent: list[str] = []
    lost = [0.0]
    dynamo = connection().client
    with (
        listening("needs-retry", lambda **_: lost.pop() if lost else None),
        listening("before-send", lambda request, **_: sent.append(request.url)),
    ):
        dynamo.put_item(TableName=ACCOUNTS, Item=account("acc_one"))
    assert len(sent) == 2


def test_calls_of_many_threads_are_done_one_after_the_other(cloud: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    dynamo, key = connection().client, {"id": {"S": "acc_one"}}
    dynamo.put_item(TableName=ACCOUNTS, Item=account("acc_one", n={"N": "0"}))

    def add(_: int) -> None:
        dynamo.update_item(
            TableName=ACCOUNTS,
            Key=key,
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(200)))
    assert dynamo.get_item(TableName=ACCOUNTS, Key=key)["Item"]["n"] == {"N": "200"}


def test_a_stack_beside_the_tests_is_not_answered_for(cloud):
    """The scan for personal data once read the emulator of its own process instead of the stack."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import EndpointConnectionError

    once = Config(retries={"total_max_attempts": 1})
    elsewhere = boto3.client(
        "dynamodb", region_name="cn-north-1", endpoint_url="http://127.0.0.1:9", config=once
    )
    with pytest.raises(EndpointConnectionError):
        elsewhere.list_tables()
