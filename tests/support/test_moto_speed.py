"""What the tests' emulator does with less work, it does the same: `tests/support/moto_speed.py`."""

import os
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
    "map": {"M": {"S": {"S": "named like a kind"}, "deep": {"M": {"list": {"L": [{"N": "1"}]}}}}},
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


def test_a_message_is_kept_as_long_as_its_queue_says(cloud: Any) -> None:
    url = os.environ["IMPORTS_QUEUE_URL"]
    client("sqs").send_message(QueueUrl=url, MessageBody='{"n": 1}')
    if "AWS_ENDPOINT_URL" not in os.environ:
        from moto.backends import get_backend

        queue = get_backend("sqs")["123456789012"]["cn-north-1"].queues["voucher-test-imports"]
        young = queue._messages[0].sent_timestamp
        queue._messages[0].sent_timestamp = young - queue.message_retention_period * 1000 - 1
        assert cloud.messages("imports") == []
        queue._messages[0].visible_at = 0
        queue._messages[0].sent_timestamp = young
    assert cloud.messages("imports") == [{"n": 1}]
