"""One role and one policy a function, derived from its grants; every resource is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from infra.deployment.functions import API, BUCKETS, FUNCTIONS, QUEUES, SECRETS, Function, logical_id
from infra.deployment.grants import GRANTS
from infra.deployment.network import vpc_policies
from infra.deployment.storage import (
    LOCAL,
    Json,
    Table,
    arn,
    bucket_id,
    dead_letters_id,
    has_dead_letters,
    keep,
    keep_replaced,
    prefix,
    queue_id,
    secret_name,
)

_SERVICES: Final[Mapping[str, str]] = {
    "bucket": "s3",
    "object": "s3",
    "queue": "sqs",
    "secret": "secretsmanager",
    "table": "dynamodb",
}
"""The service that answers for a kind of resource, by the first part of its name in
`infra.deployment.grants`."""

_DEAD_LETTERS: Final = {
    f"{function.name}-dead": dead_letters_id(function) for function in FUNCTIONS if has_dead_letters(function)
}
"""Queues of dead letters, by the name that `infra.deployment.grants` gives them."""

_OWN_CONTEXT: Final = {"kms:EncryptionContext:service": "training-voucher"}
"""What the program seals and opens itself carries this context (`chalicelib.aws.crypto`). No other use of the
key does, so nobody can open a table's or an object's key by asking KMS for it directly."""

_THROUGH: Final[Mapping[str, Mapping[str, Collection[str]]]] = {
    # Who reads or writes a table has to be allowed to open the table's key; all other uses of the key are
    # DynamoDB's own, by the grants that it got when the table was made.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    "dynamodb": {"kms:Decrypt": ()},
    # A reader opens the object's key, a writer has one made. A form that a browser posts, and a link that it
    # follows, act with the rights of the role that signed them.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    "s3": {"kms:Decrypt": ("GetObject", "GetObjectVersion"), "kms:GenerateDataKey": ("PutObject",)},
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    "secretsmanager": {"kms:Decrypt": ()},
}
"""What a caller needs of the key that encrypts a service's data: each right, and the actions that need it
(none: every action does). Queues are encrypted by SQS itself and need nothing."""

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
_CONSUME: Final = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaDynamoDBExecutionRole.html
_FOLLOW: Final = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]


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
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "LogGroupName": f"/aws/lambda/{prefix(stage)}/{function.name}",
                "RetentionInDays": function.log_retention_days,
            },
        }
        for function in FUNCTIONS
    }


def attached_id(function: Function, part: str) -> str:
    """Give the id of a managed policy that takes a part of what does not fit into a function's role."""
    return logical_id(function) + part


def role_resources(tables: Sequence[Table], stage: str) -> Json:
    """Make one role a function; only the Lambda service may take it.

    The API reads and writes nearly everything, each by name, and a role holds no more than 10,240 characters
    of policies. So what it does beside the tables stands in managed policies (`infra.deployment.limits`).
    """
    resources: Json = {}
    for function in FUNCTIONS:
        parts: dict[str, list[Json]] = defaultdict(list)
        for statement in statements(function, tables, stage):
            if function.name == API:
                for part, told_part in _shared_out(statement):
                    parts[part].append(told_part)
            else:
                parts[""].append(statement)
        for part, told in parts.items():
            if part:
                resources[attached_id(function, part)] = {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {
                        "Description": f"{function.name}: {part}, stage {stage}",
                        "PolicyDocument": _policy(told),
                    },
                }
        role: Json = {
            "AssumeRolePolicyDocument": _policy(
                [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ]
            ),
            "Policies": [{"PolicyName": function.name, "PolicyDocument": _policy(parts[""])}],
        }
        attached: list[Json] = [{"Ref": attached_id(function, part)} for part in sorted(parts) if part]
        if stage != LOCAL:
            attached += vpc_policies(function)
        if attached:
            role["ManagedPolicyArns"] = attached
        resources[role_id(function)] = {"Type": "AWS::IAM::Role", "Properties": role}
    return resources


def _policy(told: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": told}


def _shared_out(statement: Json) -> Iterator[tuple[str, Json]]:
    """Say which policies of a large role take a statement: two of indexes, of what is no table, its own."""
    services = {action.partition(":")[0] for action in statement["Action"]}
    on_tables = any("Fn::GetAtt" in resource for resource in statement["Resource"])
    if services <= {"s3", "secretsmanager", "sqs", "kms"}:
        yield "BesideTables", statement
    elif services == {"dynamodb"} and not on_tables:
        resources = statement["Resource"]
        middle = (len(resources) + 1) // 2
        for part, some in (("Indexes", resources[:middle]), ("MoreIndexes", resources[middle:])):
            if some:
                yield part, {**statement, "Resource": some}
    else:
        yield "", statement


def statements(function: Function, tables: Sequence[Table], stage: str) -> list[Json]:
    """List what a function may do: what its code calls, the key behind that, and what Lambda does for it.

    Raises:
        ValueError: the grants name something that the template does not make.

    """
    grants = {resource: actions.split() for resource, actions in GRANTS[function.name].items()}
    return [
        *_called(grants, tables, stage),
        *_sealing(grants),
        *_keys_through_services(grants),
        *_by_lambda(function, tables),
    ]


def _called(grants: Mapping[str, Sequence[str]], tables: Sequence[Table], stage: str) -> Iterator[Json]:
    """Say what the code calls: one statement for all resources of a kind with the same actions."""
    alike: dict[tuple[str, ...], list[Json]] = defaultdict(list)
    for resource, actions in sorted(grants.items()):
        kind = resource.partition("/")[0]
        if kind in _SERVICES:
            asked = (f"{_SERVICES[kind]}:{action}" for action in sorted(actions))
            part = "index" if "/index/" in resource else kind
            alike[part, *asked].append(_arn_of(resource, tables, stage))
    for (_, *actions_alike), resources in sorted(alike.items(), key=lambda group: group[0]):
        yield _allow(actions_alike, resources)


def _sealing(grants: Mapping[str, Sequence[str]]) -> Iterator[Json]:
    if "key" in grants:
        asked = [f"kms:{action}" for action in sorted(grants["key"])]
        yield {**_allow(asked, [arn("DataKey")]), "Condition": {"StringEquals": _OWN_CONTEXT}}


def _keys_through_services(grants: Mapping[str, Sequence[str]]) -> Iterator[Json]:
    """Say what the services may do with the key on the role's behalf: one statement for those alike."""
    called: dict[str, set[str]] = defaultdict(set)
    for resource, actions in grants.items():
        called[_SERVICES.get(resource.partition("/")[0], "")].update(actions)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for service, rights in _THROUGH.items():
        used = called[service]
        asked = [right for right, actions in rights.items() if used & (set(actions) or used)]
        if asked:
            alike[tuple(asked)].append(service)
    for rights_asked, services in alike.items():
        # The suffix is .com, or .com.cn in China.
        through = [{"Fn::Sub": f"{service}.${{AWS::Region}}.amazonaws.com*"} for service in services]
        yield {
            **_allow(rights_asked, [arn("DataKey")]),
            "Condition": {"StringLike": {"kms:ViaService": through}},
        }


def _by_lambda(function: Function, tables: Sequence[Table]) -> Iterator[Json]:
    """Say what Lambda itself does with the role: log, take messages, read streams, keep dead letters."""
    yield _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [arn(log_group_id(function))])
    if function.queue:
        yield _allow(_CONSUME, [arn(queue_id(function.queue.name))])
    elif has_dead_letters(function):
        yield _allow(["sqs:SendMessage"], [arn(dead_letters_id(function))])
    if function.streams:
        streams = [
            {"Fn::GetAtt": [table.logical_id, "StreamArn"]}
            for table in tables
            if table.streamed and function.follows(table.name, audited=table.audited)
        ]
        yield _allow(_FOLLOW, streams)
        # AWS knows no narrower resource for this action.
        yield _allow(["dynamodb:ListStreams"], ["*"])


def _allow(actions: Sequence[str], resources: Sequence[Json | str]) -> Json:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _arn_of(resource: str, tables: Sequence[Table], stage: str) -> Json:
    """Give the ARN of a resource as `infra.deployment.grants` names it."""
    kind, _, name = resource.partition("/")
    match kind:
        case "table":
            return _table_arn(name, tables)
        case "queue":
            return _queue_arn(name, stage)
        case "bucket" if name in BUCKETS:
            return arn(bucket_id(name))
        case "object" if name.partition("/")[0] in BUCKETS:
            bucket, _, objects = name.partition("/")
            return {"Fn::Join": ["/", [arn(bucket_id(bucket)), objects]]}
        case "secret" if name in SECRETS:
            # On AWS `Ref` would do; the local cloud gives the name for it, without the ARN's six letters.
            place = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"
            return {"Fn::Sub": f"{place}:{secret_name(name, stage)}-??????"}
        case _:
            raise ValueError(f"grants name an unknown resource: {resource}")


def _queue_arn(name: str, stage: str) -> Json:
    if name in {queue.name for queue in QUEUES}:
        return arn(queue_id(name))
    if name in _DEAD_LETTERS:
        return arn(_DEAD_LETTERS[name])
    if name == "*-dead":
        # By how their names end: one by one they would take a fifth of a role's policy.
        place = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}"
        return {"Fn::Sub": f"{place}:{prefix(stage)}-*-dead"}
    raise ValueError(f"grants name an unknown queue: {name}")


def _table_arn(name: str, tables: Sequence[Table]) -> Json:
    wanted, _, index = name.partition("/index/")
    for table in tables:
        if table.name == wanted:
            if not index:
                return arn(table.logical_id)
            if index in table.indexes:
                return {"Fn::Join": ["/", [arn(table.logical_id), "index", index]]}
    raise ValueError(f"grants name an unknown table or index: {name}")
