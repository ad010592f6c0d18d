"""What a deployer is given: the example of parameters, and the rights to deploy.

Held against the packaged template, by AWS's documented actions of each kind of resource. AWS itself was not
asked: what a kind needs beyond its documentation shows at the first deployment, with the name of the action.
"""

import ast
import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.deployment.deploy import Deployment
from infra.deployment.deployer import MANAGED_MAX, filled, policies
from infra.deployment.package import ROOT

ACCOUNT = "111122223333"
STATEMENTS = filled(account=ACCOUNT, region="cn-northwest-1", artifacts="artifacts")
EXAMPLE = json.loads((ROOT / "infra/deployment/prod.example.json").read_text())
NEEDED = {
    # kind of resource: what makes, changes and removes it
    "AWS::ApiGateway::BasePathMapping": {"apigateway:DELETE", "apigateway:PATCH", "apigateway:POST"},
    "AWS::ApiGateway::DomainName": {"apigateway:DELETE", "apigateway:PATCH", "apigateway:POST"},
    "AWS::ApiGateway::Account": {"apigateway:GET", "apigateway:PATCH", "iam:PassRole"},
    "AWS::CloudWatch::Alarm": {"cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"},
    "AWS::CloudWatch::Dashboard": {"cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"},
    "AWS::DynamoDB::Table": {
        "dynamodb:CreateTable",
        "dynamodb:DeleteTable",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
        "kms:CreateGrant",
    },
    "AWS::Events::Rule": {"events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"},
    "AWS::IAM::ManagedPolicy": {
        "iam:AttachRolePolicy",
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:DetachRolePolicy",
        "iam:GetPolicy",
        "iam:ListPolicyVersions",
    },
    "AWS::IAM::Role": {"iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"},
    "AWS::KMS::Alias": {"kms:CreateAlias", "kms:DeleteAlias"},
    "AWS::KMS::Key": {"kms:CreateKey", "kms:EnableKeyRotation", "kms:PutKeyPolicy"},
    "AWS::Lambda::Alias": {
        "lambda:CreateAlias",
        "lambda:DeleteAlias",
        "lambda:GetAlias",
        "lambda:UpdateAlias",
    },
    "AWS::Lambda::EventSourceMapping": {
        "lambda:CreateEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
        "lambda:UpdateEventSourceMapping",
    },
    "AWS::Lambda::Permission": {"lambda:AddPermission", "lambda:RemovePermission"},
    "AWS::Logs::LogGroup": {"logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy"},
    "AWS::Logs::MetricFilter": {"logs:DeleteMetricFilter", "logs:PutMetricFilter"},
    "AWS::S3::Bucket": {"s3:CreateBucket", "s3:DeleteBucket"},
    "AWS::S3::BucketPolicy": {"s3:DeleteBucketPolicy", "s3:PutBucketPolicy"},
    "AWS::SQS::Queue": {"sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes"},
    "AWS::SecretsManager::Secret": {
        "secretsmanager:CreateSecret",
        "secretsmanager:DeleteSecret",
        "secretsmanager:GetRandomPassword",
        "secretsmanager:UpdateSecret",
    },
    "AWS::Serverless::Api": {"apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"},
    "AWS::Serverless::Function": {
        "iam:PassRole",
        "lambda:CreateFunction",
        "lambda:DeleteFunction",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
    },
}
NEEDED_FOR = {
    # kind of resource, property: what setting it takes besides
    ("AWS::IAM::Role", "ManagedPolicyArns"): {"iam:AttachRolePolicy", "iam:DetachRolePolicy"},
    ("AWS::S3::Bucket", "BucketEncryption"): {"s3:PutEncryptionConfiguration"},
    ("AWS::S3::Bucket", "CorsConfiguration"): {"s3:PutBucketCORS"},
    ("AWS::S3::Bucket", "LifecycleConfiguration"): {"s3:PutLifecycleConfiguration"},
    ("AWS::S3::Bucket", "LoggingConfiguration"): {"s3:PutBucketLogging"},
    ("AWS::S3::Bucket", "NotificationConfiguration"): {"s3:PutBucketNotification"},
    ("AWS::S3::Bucket", "ObjectLockConfiguration"): {"s3:PutBucketObjectLockConfiguration"},
    ("AWS::S3::Bucket", "OwnershipControls"): {"s3:PutBucketOwnershipControls"},
    ("AWS::S3::Bucket", "PublicAccessBlockConfiguration"): {"s3:PutBucketPublicAccessBlock"},
    ("AWS::S3::Bucket", "VersioningConfiguration"): {"s3:PutBucketVersioning"},
    ("AWS::Serverless::Function", "ReservedConcurrentExecutions"): {
        "lambda:DeleteFunctionConcurrency",
        "lambda:PutFunctionConcurrency",
    },
    ("AWS::Serverless::Function", "VpcConfig"): {
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    },
    ("AWS::Serverless::Function", "Tags"): {"lambda:TagResource", "lambda:UntagResource"},
}
OF_THE_BUCKET = {
    # calls on the bucket of artifacts: boto's names are not those of the actions
    "create_bucket": "s3:CreateBucket",
    "generate_presigned_url": "s3:GetObject",
    "head_bucket": "s3:ListBucket",
    "put_object": "s3:PutObject",
    "put_public_access_block": "s3:PutBucketPublicAccessBlock",
}


def actions() -> set[str]:
    return {action for statement in STATEMENTS for action in statement["Action"]}


def allows(action: str, resource: str) -> bool:
    """Tell whether an action on a resource is allowed, conditions aside."""
    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"]))
        for statement in STATEMENTS
    )


def _listed(resources: str | list[str]) -> list[str]:
    return [resources] if isinstance(resources, str) else resources


WAITS_BY = {
    # what botocore's waiters ask
    "function_updated_v2": "get_function",
    "published_version_active": "get_function_configuration",
}
OTHER_NAMES = {"lambda:Invoke": "lambda:InvokeFunction"}
CLIENTS = {"self._formation": "cloudformation", "self._functions": "lambda", "self._cloudwatch": "cloudwatch"}


def called_by_deploying() -> set[str]:
    """Name the actions that `infra.deployment.deploy` and `infra.deployment.rolling` call, read off their source."""
    found = set()
    sources = [
        ast.parse((ROOT / f"infra/deployment/{name}.py").read_text()) for name in ("deploy", "rolling")
    ]
    for node in [node for source in sources for node in ast.walk(source)]:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        client, name = ast.unparse(node.func.value), node.func.attr
        if name == "get_paginator":
            name = ast.literal_eval(node.args[0])
        if name == "get_waiter":
            name = WAITS_BY[ast.literal_eval(node.args[0])]
        if client in CLIENTS:
            action = f"{CLIENTS[client]}:" + "".join(part.title() for part in name.split("_"))
            found.add(OTHER_NAMES.get(action, action))
        elif client == "self._objects":
            found.add(OF_THE_BUCKET[name])
    return found


def test_who_deploys_may_make_change_and_remove_each_kind_of_resource(template: dict[str, Any]) -> None:
    resources = template["Resources"].values()
    kinds = {resource["Type"] for resource in resources}
    assert kinds <= NEEDED.keys(), "a new kind of resource needs its rights here and in deployer-policy.json"
    needed = set().union(*(NEEDED[kind] for kind in kinds))
    for resource in resources:
        for name in resource.get("Properties", {}):
            needed |= NEEDED_FOR.get((resource["Type"], name), set())
    assert needed - actions() == set()


def test_who_deploys_may_do_what_the_command_does() -> None:
    called = called_by_deploying()
    assert {"cloudformation:CreateChangeSet", "cloudformation:ListStacks", "s3:PutObject"} <= called
    assert {"cloudwatch:DescribeAlarms", "lambda:PublishVersion", "lambda:InvokeFunction"} <= called
    assert called - actions() == set()


def test_the_rights_reach_the_names_of_the_template(template: dict[str, Any]) -> None:
    regional = f"arn:aws-cn:{{}}:cn-northwest-1:{ACCOUNT}:{{}}"
    named = {
        ("AWS::DynamoDB::Table", "TableName"): ("dynamodb", "dynamodb:UpdateTable", "table/{}"),
        ("AWS::SQS::Queue", "QueueName"): ("sqs", "sqs:CreateQueue", "{}"),
        ("AWS::CloudWatch::Alarm", "AlarmName"): ("cloudwatch", "cloudwatch:PutMetricAlarm", "alarm:{}"),
        ("AWS::Events::Rule", "Name"): ("events", "events:PutRule", "rule/{}"),
        ("AWS::Logs::LogGroup", "LogGroupName"): ("logs", "logs:CreateLogGroup", "log-group:{}"),
        ("AWS::SecretsManager::Secret", "Name"): (
            "secretsmanager",
            "secretsmanager:CreateSecret",
            "secret:{}-AbCdEf",
        ),
        ("AWS::KMS::Alias", "AliasName"): ("kms", "kms:CreateAlias", "{}"),
    }
    seen = set()
    for resource in template["Resources"].values():
        for (kind, key), (service, action, shape) in named.items():
            if resource["Type"] == kind:
                name = resource["Properties"][key]
                seen.add(kind)
                assert allows(action, regional.format(service, shape.format(name))), name
    assert seen == {kind for kind, _ in named}
    buckets = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::S3::Bucket"]
    for bucket in buckets:
        assert allows("s3:CreateBucket", f"arn:aws-cn:s3:::{bucket['BucketName']['Fn::Sub']}")
    for kind in ("role", "policy"):  # named by CloudFormation, after the stack
        assert allows(f"iam:Create{kind.title()}", f"arn:aws-cn:iam::{ACCOUNT}:{kind}/voucher-prod-ApiRole-1")


def test_who_deploys_may_touch_nothing_else_of_the_account() -> None:
    everywhere = {
        action for statement in STATEMENTS if statement["Resource"] == "*" for action in statement["Action"]
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
    for action in ("dynamodb:DeleteTable", "s3:DeleteBucket", "iam:PutRolePolicy", "lambda:InvokeFunction"):
        assert not allows(action, f"arn:aws-cn:{action.partition(':')[0]}:::another-system")


def test_it_attaches_only_policies_of_the_stack_and_those_that_gateway_and_network_need() -> None:
    attaching = [part for part in STATEMENTS if "iam:AttachRolePolicy" in part["Action"]]
    assert [part["Condition"] for part in attaching] == [
        {
            "ArnLike": {
                "iam:PolicyARN": [
                    f"arn:aws-cn:iam::{ACCOUNT}:policy/voucher-*",
                    "arn:aws-cn:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
                    "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
                ]
            }
        }
    ]


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "cn-northwest-1", "ap-southeast-3"])
def test_each_part_fits_a_managed_policy_and_nothing_is_left_out(region: str) -> None:
    statements = filled(account=ACCOUNT, region=region, artifacts="a" * 63)
    parts = policies(statements)
    assert all(len(part) <= MANAGED_MAX for part in parts)
    assert [statement for part in parts for statement in json.loads(part)["Statement"]] == statements
    assert not re.search(r"\$\{", "".join(parts))
    assert ("aws-cn" in parts[0]) == region.startswith("cn-")


def test_the_example_has_a_value_for_every_parameter_and_no_other(template: dict[str, Any]) -> None:
    assert EXAMPLE.keys() == template["Parameters"].keys()
    Deployment._require_parameters(template, EXAMPLE)
    for name, rule in template["Parameters"].items():
        assert EXAMPLE[name] in rule.get("AllowedValues", [EXAMPLE[name]]), name
        assert re.fullmatch(rule.get("AllowedPattern", ".*"), EXAMPLE[name], re.DOTALL), name
        if rule["Type"] == "Number":
            assert int(EXAMPLE[name]) >= rule["MinValue"]
    assert EXAMPLE["ApiDomain"]
    for name in ("CardJwks", "PlatformJwks"):
        assert json.loads(EXAMPLE[name])["keys"][0]["kty"]
