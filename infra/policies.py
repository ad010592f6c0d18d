"""One role and one policy a function, derived from its grants; every resource is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.functions import ALL, API, FUNCTIONS, Function, logical_id
from infra.storage import (
    Json,
    Table,
    arn,
    bucket_id,
    dead_letters_id,
    has_dead_letters,
    prefix,
    queue_id,
    secret_id,
)

_READ: Final = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query"]
_WRITE: Final = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
_FOLLOW: Final = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
_CONSUME: Final = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
]
_LIST: Final = ["s3:ListBucket", "s3:ListBucketVersions"]
_CRYPT: Final = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]


def role_id(function: Function) -> str:
    """Give the id of a function's role in the template."""
    return logical_id(function) + "Role"


def log_group_id(function: Function) -> str:
    """Give the id of a function's log group in the template."""
    return logical_id(function) + "Logs"


def log_group_resources(stage: str) -> Json:
    """Make one log group a function, with the retention of the table."""
    return {
        log_group_id(function): {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": f"/aws/lambda/{prefix(stage)}/{function.name}",
                "RetentionInDays": function.log_retention_days,
            },
        }
        for function in FUNCTIONS
    }


def role_resources(tables: Sequence[Table], stage: str) -> Json:
    """Make one role a function; only the Lambda service may take it."""
    return {
        role_id(function): {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": function.name,
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": statements(function, tables, stage),
                        },
                    }
                ],
            },
        }
        for function in FUNCTIONS
    }


def statements(function: Function, tables: Sequence[Table], stage: str) -> list[Json]:
    """List what a function may do, from its grants and from what starts it."""
    grants = function.grants
    found = [
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [arn(log_group_id(function))]),
        _allow(_CRYPT, [arn("DataKey")]),
        _allow(_READ, _table_arns(_named(grants.reads, tables))),
        _allow(["dynamodb:Scan"], [arn(table.logical_id) for table in _named(grants.scans, tables)]),
        _allow(_WRITE, [arn(table.logical_id) for table in _named(grants.writes, tables)]),
        _allow(["s3:GetObject", "s3:GetObjectVersion"], _object_arns(grants.buckets_read)),
        _allow(
            ["s3:ListBucket", "s3:ListBucketVersions"],
            [arn(bucket_id(name)) for name in sorted(grants.buckets_read)],
        ),
        _allow(["s3:PutObject"], _object_arns(grants.buckets_write)),
        _allow(
            ["s3:GetObjectRetention", "s3:PutObject", "s3:PutObjectRetention"],
            _object_arns(grants.buckets_locked),
        ),
        _allow(["s3:PutObjectLegalHold"], _object_arns(grants.buckets_held)),
        _allow(["sqs:SendMessage"], [arn(queue_id(name)) for name in sorted(grants.sends)]),
        _allow(
            ["secretsmanager:GetSecretValue"], [{"Ref": secret_id(name)} for name in sorted(grants.secrets)]
        ),
    ]
    if function.name == API:
        found += _dead_letter_statements(stage)
    if function.queue:
        found.append(_allow(_CONSUME, [arn(queue_id(function.queue.name))]))
    elif has_dead_letters(function):
        found.append(_allow(["sqs:SendMessage"], [arn(dead_letters_id(function))]))
    if function.streams:
        streams: list[Json | str] = [
            {"Fn::GetAtt": [table.logical_id, "StreamArn"]}
            for table in tables
            if table.streamed and function.follows(table.name)
        ]
        found.append(_allow(_FOLLOW, streams))
        # AWS knows no narrower resource for this action.
        found.append(_allow(["dynamodb:ListStreams"], ["*"]))
    return [statement for statement in found if statement["Resource"]]


def _dead_letter_statements(stage: str) -> list[Json]:
    """Let the API count all dead letters, and take those that go back to a work queue.

    Counting names the queues by how their names end: one by one they would take a fifth of a role's policy.
    """
    workers = [function for function in FUNCTIONS if function.queue]
    beside = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
    return [
        _allow(["sqs:GetQueueAttributes"], [{"Fn::Sub": f"{beside}{prefix(stage)}-*-dead"}]),
        _allow(
            ["sqs:DeleteMessage", "sqs:ReceiveMessage"],
            [arn(dead_letters_id(function)) for function in workers],
        ),
    ]


def _allow(actions: list[str], resources: Sequence[Json | str]) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _named(names: frozenset[str], tables: Sequence[Table]) -> list[Table]:
    if names == ALL:
        return list(tables)
    unknown = names - {table.name for table in tables}
    if unknown:
        raise ValueError(f"grants name unknown tables: {sorted(unknown)}")
    return [table for table in tables if table.name in names]


def _table_arns(tables: Sequence[Table]) -> list[Json]:
    found: list[Json] = []
    for table in tables:
        found.append(arn(table.logical_id))
        if "GlobalSecondaryIndexes" in table.keys:
            found.append({"Fn::Join": ["/", [arn(table.logical_id), "index", "*"]]})
    return found


def _object_arns(buckets: frozenset[str]) -> list[Json]:
    return [{"Fn::Join": ["/", [arn(bucket_id(name)), "*"]]} for name in sorted(buckets)]
