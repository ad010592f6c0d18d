"""What a deployer is given: the example of parameters, the first accounts' event, and the rights to deploy."""

import json
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest

from chalicelib.accounts.jobs import FirstAccount
from infra.deploy import Deployment
from infra.package import ROOT

POLICY = json.loads((ROOT / "infra/deployer-policy.json").read_text())
EXAMPLE = json.loads((ROOT / "infra/prod.example.json").read_text())
NEEDED = {
    # kind of resource: (what makes it, what changes it, what removes it)
    "AWS::CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"),
    "AWS::DynamoDB::Table": (
        "dynamodb:CreateTable",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTimeToLive",
        "dynamodb:DeleteTable",
        "kms:CreateGrant",
    ),
    "AWS::Events::Rule": ("events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule"),
    "AWS::IAM::Role": ("iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"),
    "AWS::KMS::Alias": ("kms:CreateAlias", "kms:DeleteAlias"),
    "AWS::KMS::Key": ("kms:CreateKey", "kms:PutKeyPolicy", "kms:EnableKeyRotation"),
    "AWS::Lambda::EventSourceMapping": (
        "lambda:CreateEventSourceMapping",
        "lambda:UpdateEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
    ),
    "AWS::Lambda::Permission": ("lambda:AddPermission", "lambda:RemovePermission"),
    "AWS::Logs::LogGroup": ("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"),
    "AWS::S3::Bucket": (
        "s3:CreateBucket",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:PutEncryptionConfiguration",
        "s3:PutBucketNotification",
        "s3:PutBucketCORS",
        "s3:DeleteBucket",
    ),
    "AWS::S3::BucketPolicy": ("s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
    "AWS::SQS::Queue": ("sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue"),
    "AWS::SecretsManager::Secret": (
        "secretsmanager:CreateSecret",
        "secretsmanager:GetRandomPassword",
        "secretsmanager:UpdateSecret",
        "secretsmanager:DeleteSecret",
    ),
    "AWS::Serverless::Api": ("apigateway:POST", "apigateway:PUT", "apigateway:PATCH", "apigateway:DELETE"),
    "AWS::Serverless::Function": (
        "lambda:CreateFunction",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:DeleteFunction",
        "iam:PassRole",
    ),
}
RUNNING = {
    # what `infra.deploy` itself calls
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeEvents",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:ListStacks",
    "cloudformation:SetStackPolicy",
    "cloudformation:UpdateTerminationProtection",
    "s3:PutObject",
}


def actions() -> set[str]:
    return {action for statement in POLICY["Statement"] for action in statement["Action"]}


def test_who_deploys_may_make_change_and_remove_each_kind_of_resource(template: dict[str, Any]) -> None:
    kinds = {one["Type"] for one in template["Resources"].values()}
    assert kinds <= NEEDED.keys(), "a new kind of resource needs its rights"
    missing = {action for kind in kinds for action in NEEDED[kind]} - actions()
    assert missing == set()
    assert actions() >= RUNNING


def test_who_deploys_may_touch_nothing_else_of_the_account() -> None:
    everywhere = {
        action
        for statement in POLICY["Statement"]
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }
    assert not any("*" in action for action in actions())
    assert not any(fnmatchcase(action, "dynamodb:*Item*") for action in actions()), "nobody reads rows by it"
    lists = {action for action in everywhere if action.partition(":")[2].startswith(("List", "Describe"))}
    assert everywhere - lists == {
        "kms:CreateKey",
        "lambda:CreateEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
        "lambda:GetEventSourceMapping",
        "lambda:UpdateEventSourceMapping",
        "secretsmanager:GetRandomPassword",
    }, "what has no name before it is made"


def test_the_policy_fits_a_managed_policy_in_two_parts() -> None:
    size = len(json.dumps(POLICY, separators=(",", ":")))
    assert size < 2 * 6_144, "attach it as two, or inline to a role (10,240)"


def test_names_of_the_template_are_those_that_the_policy_knows(template: dict[str, Any]) -> None:
    for resource in template["Resources"].values():
        for key in ("TableName", "QueueName", "AlarmName", "DashboardName"):
            name = resource.get("Properties", {}).get(key)
            assert name is None or str(name).startswith("voucher-"), name


def test_the_example_has_a_value_for_every_parameter_and_no_other(template: dict[str, Any]) -> None:
    assert EXAMPLE.keys() == template["Parameters"].keys()
    Deployment._require_parameters(template, EXAMPLE)
    for name, rule in template["Parameters"].items():
        assert EXAMPLE[name] in rule.get("AllowedValues", [EXAMPLE[name]]), name
    for name in ("CardJwks", "PlatformJwks"):
        assert json.loads(EXAMPLE[name])["keys"][0]["kty"]


def test_the_event_of_the_first_accounts_holds_no_password() -> None:
    event = json.loads((ROOT / "infra/bootstrap.example.json").read_text())
    accounts = msgspec.convert(event["accounts"], list[FirstAccount])
    assert {one.role for one in accounts} == {"province"}
    assert len(accounts) >= 2, "one alone could approve nothing"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([{**event["accounts"][0], "password": "x"}], list[FirstAccount])
