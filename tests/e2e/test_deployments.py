"""What becomes of a deployment that fails, on the local cloud: first run, update, rollback.

Small templates of real resources: what is tried is `infra.deployment.deploy`, not the service. What fails half way is a queue
whose time-out is longer than SQS allows. The local cloud refuses that as AWS does, and honours `DeletionPolicy`
when it rolls back. What it cannot do (a rollback that fails, another deployment under way, pages of events) is
told by a stubbed client in `tests/infra/deployment/test_deployment_told.py`.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.deployment.deploy import Deployment
from infra.deployment.package import ARCHIVE, TEMPLATE
from infra.deployment.updates import DeploymentFailed
from tests.e2e.bare_cloud import bare_cloud

pytestmark = pytest.mark.cloud

STACK = "voucher-try"
BUCKET = "voucher-try-artifacts"
Template = dict[str, Any]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[boto3.Session]:
    with bare_cloud(tmp_path_factory.mktemp("cloud")) as session:
        yield session


class Deployer:
    """Deploys templates as packages, and looks at what stands afterwards."""

    def __init__(self, cloud: boto3.Session, folder: Path) -> None:
        self._folder = folder
        self.cloud = cloud
        self.tables = cloud.client("dynamodb")
        self.formation = cloud.client("cloudformation")
        self.queues = cloud.client("sqs")
        self.deployment = Deployment(cloud, stack=STACK, bucket=BUCKET, poll_seconds=0.1, wait_minutes=1)

    def deploy(self, template: Template) -> dict[str, str]:
        (self._folder / TEMPLATE).write_text(json.dumps(template))
        (self._folder / ARCHIVE).write_bytes(b"no code")
        return self.deployment.run(self._folder, {})

    def names(self) -> list[str]:
        return self.tables.list_tables()["TableNames"]

    def updates(self) -> int:
        """Count the updates of the stack that came to their end."""
        pages = self.formation.get_paginator("describe_stack_events").paginate(StackName=STACK)
        events = [event for page in pages for event in page["StackEvents"]]
        return sum(
            event["ResourceStatus"] == "UPDATE_COMPLETE" and event["LogicalResourceId"] == STACK
            for event in events
        )

    def clear(self) -> None:
        if self.deployment.status() is not None:
            self.deployment.delete()
        for name in self.names():  # kept, as on AWS, and protected if they ever stood
            if self.tables.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
                self.tables.update_table(TableName=name, DeletionProtectionEnabled=False)
            self.tables.delete_table(TableName=name)


@pytest.fixture
def deployer(cloud: boto3.Session, tmp_path: Path) -> Iterator[Deployer]:
    deployer = Deployer(cloud, tmp_path)
    yield deployer
    deployer.clear()


def index(key: str) -> dict[str, Any]:
    return {
        "IndexName": f"by_{key}",
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }


def table(name: str, *indexed: str) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "TableName": f"{STACK}-{name}",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "S"} for key in sorted({"id", *indexed})
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": {"Fn::If": ["ProtectData", True, False]},
    }
    if indexed:
        properties["GlobalSecondaryIndexes"] = [index(key) for key in indexed]
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def template(**resources: dict[str, Any]) -> Template:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {
            "DeletionProtection": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "on"}
        },
        "Conditions": {"ProtectData": {"Fn::Equals": [{"Ref": "DeletionProtection"}, "on"]}},
        "Resources": resources,
        "Outputs": {name: {"Value": {"Ref": name}} for name in resources},
    }


def queue(seconds: int, name: str = "work") -> dict[str, Any]:
    properties = {"QueueName": f"{STACK}-{name}", "VisibilityTimeout": seconds}
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


TOO_LONG = 50_000
"""SQS allows 43,200 seconds: the queue is refused when its turn comes."""


def after(resource: dict[str, Any], other: str) -> dict[str, Any]:
    """Make a resource only when another one stands, so that the order is known."""
    return {**resource, "DependsOn": other}


def test_a_first_deployment_that_fails_half_way_leaves_nothing_and_then_succeeds(deployer: Deployer) -> None:
    vouchers = table("vouchers")
    with pytest.raises(DeploymentFailed) as failure:
        deployer.deploy(template(Vouchers=vouchers, Work=after(queue(TOO_LONG), "Vouchers")))
    assert "gone: what had been created was removed again" in str(failure.value)
    assert "Work (AWS::SQS::Queue): " in str(failure.value)
    assert "Vouchers" not in str(failure.value), "what had to go with it is no reason"
    assert deployer.names() == []
    assert deployer.deployment.status() is None

    outputs = deployer.deploy(template(Vouchers=vouchers, Work=after(queue(30), "Vouchers")))
    assert outputs["Vouchers"] == f"{STACK}-vouchers"
    found = deployer.tables.describe_table(TableName=outputs["Vouchers"])["Table"]
    assert found["DeletionProtectionEnabled"], "switched on when all of it stands"


def test_what_is_always_retained_would_stand_in_the_way_of_the_next_run(deployer: Deployer) -> None:
    """Why `RetainExceptOnCreate`: with plain `Retain` the table stays, and its name is taken."""
    kept = table("vouchers") | {"DeletionPolicy": "Retain"}
    with pytest.raises(DeploymentFailed):
        deployer.deploy(template(Vouchers=kept, Work=after(queue(TOO_LONG), "Vouchers")))
    assert deployer.names() == [f"{STACK}-vouchers"]


def test_a_taken_name_is_told_before_anything_is_made(deployer: Deployer, cloud: boto3.Session) -> None:
    cloud.client("s3").create_bucket(Bucket=f"{STACK}-evidence")
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"{STACK}-evidence"}}
    with pytest.raises(DeploymentFailed) as failure:
        deployer.deploy(template(Vouchers=table("vouchers"), Evidence=after(bucket, "Vouchers")))
    assert f"{STACK}-evidence" in str(failure.value)
    assert "Evidence (AWS::S3::Bucket)" in str(failure.value)
    assert deployer.names() == []


def test_two_index_changes_of_one_table_are_made_one_after_the_other(deployer: Deployer) -> None:
    deployer.deploy(template(Vouchers=table("vouchers", "holder")))
    row = {key: {"S": key} for key in ("id", "holder", "school", "city")}
    deployer.tables.put_item(TableName=f"{STACK}-vouchers", Item=row)
    before = deployer.updates()
    deployer.deploy(template(Vouchers=table("vouchers", "school", "city")))
    assert deployer.updates() - before == 3, "one is taken away, two are made"
    found = deployer.tables.describe_table(TableName=f"{STACK}-vouchers")["Table"]
    assert {one["IndexName"] for one in found["GlobalSecondaryIndexes"]} == {"by_school", "by_city"}
    answer = deployer.tables.query(
        TableName=f"{STACK}-vouchers",
        IndexName="by_city",
        KeyConditionExpression="city = :city",
        ExpressionAttributeValues={":city": {"S": "city"}},
    )
    assert answer["Items"] == [row]


def test_a_failed_update_rolls_back_tells_why_and_can_be_repeated(deployer: Deployer) -> None:
    standing = template(Vouchers=table("vouchers"), Work=queue(30))
    deployer.deploy(standing)
    wanted = copy.deepcopy(standing)
    wanted["Resources"] |= {
        "Work": queue(60),
        "Lists": after(table("lists"), "Work"),
        "More": after(queue(TOO_LONG, "more"), "Lists"),
    }
    with pytest.raises(DeploymentFailed) as failure:
        deployer.deploy(wanted)
    assert "UPDATE_ROLLBACK_COMPLETE" in str(failure.value)
    assert "More (AWS::SQS::Queue): " in str(failure.value)
    url = deployer.deployment.outputs()["Work"]
    kept = deployer.queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert kept["Attributes"]["VisibilityTimeout"] == "30"
    assert deployer.names() == [f"{STACK}-vouchers"], "the new table is gone again"

    wanted["Resources"]["More"] = after(queue(60, "more"), "Lists")
    deployer.deploy(wanted)
    for name in ("lists", "vouchers"):
        found = deployer.tables.describe_table(TableName=f"{STACK}-{name}")["Table"]
        assert found["DeletionProtectionEnabled"], "new tables are protected once all of it stands"


def test_what_holds_data_is_not_left_out_by_an_update(deployer: Deployer) -> None:
    deployer.deploy(template(Vouchers=table("vouchers"), Work=queue(30)))
    with pytest.raises(DeploymentFailed, match="Vouchers: holds data and is missing"):
        deployer.deploy(template(Work=queue(30)))
    assert deployer.deployment.status() == "UPDATE_COMPLETE"


def test_the_same_again_changes_nothing(deployer: Deployer) -> None:
    whole = template(Vouchers=table("vouchers"))
    deployer.deploy(whole)
    before = deployer.updates()
    deployer.deploy(whole)
    assert deployer.updates() == before


def test_restored_tables_are_taken_into_the_stack_and_those_of_before_stay(deployer: Deployer) -> None:
    old, new = f"{STACK}-vouchers", f"{STACK}-r1-vouchers"
    deployer.deploy(template(VouchersTable=table("vouchers", "holder")))
    deployer.tables.put_item(TableName=old, Item={"id": {"S": "vch_1"}, "holder": {"S": "prs_1"}})
    deployer.tables.restore_table_to_point_in_time(SourceTableName=old, TargetTableName=new)
    moved = template(VouchersTableR1=table("r1-vouchers", "holder"))
    with pytest.raises(DeploymentFailed, match="VouchersTable: holds data and is missing"):
        deployer.deploy(moved)
    deployer.deployment = Deployment(
        deployer.cloud, stack=STACK, bucket=BUCKET, poll_seconds=0.1, wait_minutes=1, import_existing=True
    )
    assert deployer.deploy(moved) == {"VouchersTableR1": new}
    assert sorted(deployer.names()) == [new, old]
    for name in (old, new):
        assert deployer.tables.scan(TableName=name)["Count"] == 1
