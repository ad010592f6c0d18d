"""What AWS refuses, as data: each limit, where it is documented, and what this template takes of it.

    python -m infra.deployment.limits              # the table for a packaged prod stage (`make limits`)
    python -m infra.deployment.limits --broken     # what is broken of it (`make check-template`)

An emulator refuses none of these, so a template can be deployed here a thousand times and nowhere else once.
Names, policies and settings are written out as they will be in each region of `REGIONS`: the longest names of
both partitions count. `tests/infra/deployment/test_limits.py` fails on any row above its limit, and on one
with less than its margin.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.deployment.storage import Json

REGIONS: Final = {"us-east-1": "aws", "cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn"}
_SUFFIXES: Final = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
_ACCOUNT: Final = "123456789012"
_KEY: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
_STREAM: Final = "2026-11-28T00:00:00.000"
_SECRET_SUFFIX: Final = "-AbCdEf"  # noqa: S105 - what AWS adds to a secret's name
_API: Final = "a1b2c3d4e5"


@dataclass(frozen=True)
class Use:
    """How much of a limit one thing takes."""

    subject: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Built:
    """A packaged stage as one region will see it: the template as written, and as SAM transforms it."""

    written: Json
    plain: Json
    parameters: Mapping[str, str]
    region: str
    archive: Path | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def of_type(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Go through the transformed resources of a type, with their properties."""
        for name, resource in self.plain["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def text(self, value: Any) -> str:
        """Write a value out as CloudFormation will in this region."""
        return _written_out(self, value)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit: its value, its source, and how to find what takes of it; `margin` is the share kept free."""

    name: str
    value: int
    unit: str
    source: str
    uses: Callable[[Built], Iterator[Use]]
    margin: float = 0.0
    at_least: bool = False
    """The amount must reach the value, instead of keeping below it."""

    def holds(self, use: Use) -> bool:
        """Tell whether a use is within the limit and its margin."""
        if self.at_least:
            return use.amount >= self.value
        return use.amount <= self.value * (1 - self.margin)


# --------------------------------------------------------------------------- as CloudFormation writes it


def _physical_name(built: Built, logical_id: str) -> str:
    """Give the name of a resource: its own, or what CloudFormation makes of stack and logical id."""
    resource = built.plain["Resources"][logical_id]
    properties = resource.get("Properties", {})
    for key in _NAME_PROPERTIES.get(resource["Type"], ()):
        if key in properties:
            return built.text(properties[key])
    return f"{built.names['stack']}-{logical_id}-1A2B3C4D5E6F"


_NAME_PROPERTIES: Final[Mapping[str, Sequence[str]]] = {
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Lambda::Alias": ("Name",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::Events::Rule": ("Name",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
}

_ARNS: Final[Mapping[str, str]] = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/" + _KEY,
}


def _arn_of(built: Built, logical_id: str) -> str:
    kind = built.plain["Resources"][logical_id]["Type"]
    place = _ARNS[kind].format(region=built.region, account=_ACCOUNT, name=_physical_name(built, logical_id))
    return f"arn:{REGIONS[built.region]}:{place}"


def _reference(built: Built, name: str) -> str:  # noqa: PLR0911 - one line a type
    """Give what `Ref` gives: a parameter's value, a pseudo parameter, or what a type's reference is."""
    partition = REGIONS[built.region]
    pseudo = {
        "AWS::Region": built.region,
        "AWS::Partition": partition,
        "AWS::AccountId": _ACCOUNT,
        "AWS::URLSuffix": _SUFFIXES[partition],
        "AWS::StackName": built.names["stack"],
        "AWS::NoValue": "",
    }
    if name in pseudo:
        return pseudo[name]
    if name in built.plain.get("Parameters", {}):
        return str(built.parameters.get(name, built.plain["Parameters"][name].get("Default", "")))
    kind = built.plain["Resources"][name]["Type"]
    physical = _physical_name(built, name)
    match kind:
        case "AWS::SQS::Queue":
            return f"https://sqs.{built.region}.{_SUFFIXES[partition]}/{_ACCOUNT}/{physical}"
        case "AWS::SecretsManager::Secret":
            place = f"secretsmanager:{built.region}:{_ACCOUNT}:secret:{physical}{_SECRET_SUFFIX}"
            return f"arn:{partition}:{place}"
        case "AWS::KMS::Key":
            return _KEY
        case "AWS::ApiGateway::RestApi":
            return _API
        case "AWS::Lambda::Alias":
            function = built.plain["Resources"][name]["Properties"]["FunctionName"]["Ref"]
            return f"{_arn_of(built, function)}:{physical}"
        case _:
            return physical


def _written_out(built: Built, value: Any) -> str:  # noqa: PLR0911, C901 - a case a function
    match value:
        case str() | int() | float():
            return str(value)
        case {"Ref": name}:
            return _reference(built, name)
        case {"Fn::GetAtt": [logical_id, "Arn"]}:
            return _arn_of(built, logical_id)
        case {"Fn::GetAtt": [logical_id, "StreamArn"]}:
            return f"{_arn_of(built, logical_id)}/stream/{_STREAM}"
        case {"Fn::GetAtt": [logical_id, _]}:
            return _physical_name(built, logical_id)
        case {"Fn::Join": [between, parts]}:
            return str(between).join(built.text(part) for part in parts)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}!]+)\}", lambda name: _substituted(built, name[1]), text)
        case {"Fn::Sub": [str(text), dict(names)]}:
            given = {name: built.text(part) for name, part in names.items()}
            return re.sub(
                r"\$\{([^}!]+)\}", lambda name: given.get(name[1]) or _substituted(built, name[1]), text
            )
        case {"Fn::If": [_, yes, no]}:
            return max(built.text(yes), built.text(no), key=len)
        case list():
            return "".join(built.text(part) for part in value)
        case _:
            raise ValueError(f"no rule to write out {value}")


def _substituted(built: Built, name: str) -> str:
    logical_id, _, attribute = name.partition(".")
    return built.text({"Fn::GetAtt": [logical_id, attribute]} if attribute else {"Ref": name})


def _plain_values(built: Built, value: Any) -> Any:
    """Write out every function in a document; statements keep their form."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::Join": _} | {"Fn::Sub": _}:
            return built.text(value)
        case dict():
            return {key: _plain_values(built, part) for key, part in value.items()}
        case list():
            return [_plain_values(built, part) for part in value]
        case _:
            return value


def _characters(document: Any) -> int:
    """Count a policy as IAM does: white space is free."""
    return len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"))))


# --------------------------------------------------------------------------- what is measured


def _role_policies(built: Built) -> Iterator[Use]:
    for name, role in built.of_type("AWS::IAM::Role"):
        policies = [policy["PolicyDocument"] for policy in role.get("Policies", ())]
        yield Use(name, sum(_characters(_plain_values(built, policy)) for policy in policies))


def _managed_policies(built: Built) -> Iterator[Use]:
    for name, policy in built.of_type("AWS::IAM::ManagedPolicy"):
        yield Use(name, _characters(_plain_values(built, policy["PolicyDocument"])))


def _attached_policies(built: Built) -> Iterator[Use]:
    for name, role in built.of_type("AWS::IAM::Role"):
        yield Use(name, len(role.get("ManagedPolicyArns", ())))


def _template(built: Built) -> Iterator[Use]:
    yield Use("as written", len(json.dumps(built.written, ensure_ascii=False, sort_keys=True).encode()))
    yield Use("as transformed", len(json.dumps(built.plain, ensure_ascii=False).encode()))


def _count(section: str) -> Callable[[Built], Iterator[Use]]:
    def counted(built: Built) -> Iterator[Use]:
        yield Use("template", len(built.plain.get(section, {})))

    return counted


def _of_kind(kind: str) -> Callable[[Built], Iterator[Use]]:
    def counted(built: Built) -> Iterator[Use]:
        yield Use("template", len(list(built.of_type(kind))))

    return counted


def _widgets(built: Built) -> Iterator[Use]:
    for name, dashboard in built.of_type("AWS::CloudWatch::Dashboard"):
        yield Use(name, len(json.loads(built.text(dashboard["DashboardBody"]))["widgets"]))


def _definition(built: Built) -> Iterator[Use]:
    for name, api in built.of_type("AWS::ApiGateway::RestApi"):
        yield Use(name, len(json.dumps(api["Body"], ensure_ascii=False).encode()))


def _parameters(built: Built) -> Iterator[Use]:
    for name, value in built.parameters.items():
        yield Use(name, len(value.encode()))


def _api_resources(built: Built) -> Iterator[Use]:
    """Count the nodes of the tree of paths: each part of a path is a resource of the API."""
    for name, api in built.of_type("AWS::ApiGateway::RestApi"):
        nodes = {"/"}
        for path in api["Body"]["paths"]:
            parts = [part for part in path.split("/") if part]
            nodes |= {"/" + "/".join(parts[: depth + 1]) for depth in range(len(parts))}
        yield Use(name, len(nodes))


def _environments(built: Built) -> Iterator[Use]:
    for name, function in built.of_type("AWS::Lambda::Function"):
        variables = function.get("Environment", {}).get("Variables", {})
        total = sum(len(key.encode()) + len(built.text(value).encode()) for key, value in variables.items())
        yield Use(name, total)


def _sheet_requests(_: Built) -> Iterator[Use]:
    """Weigh the largest sheet as it reaches the function: base64, in the event of the gateway."""
    from chalicelib.edge.endpoints import SHEET_BYTES_MAX  # noqa: PLC0415 - tables want the stage first

    base64_bytes = -(-SHEET_BYTES_MAX // 3) * 4
    yield Use("a sheet, its headers and its path", base64_bytes + _EVENT_ENVELOPE_BYTES)


_EVENT_ENVELOPE_BYTES: Final = 24_576
"""Headers (10,240 at the gateway's most, twice: single and multi-valued), path, query and request context."""


def _stream_readers(built: Built) -> Iterator[Use]:
    readers: Counter[str] = Counter()
    for _, mapping in built.of_type("AWS::Lambda::EventSourceMapping"):
        match mapping["EventSourceArn"]:
            case {"Fn::GetAtt": [table, "StreamArn"]}:
                readers[table] += 1
    yield from (Use(table, count) for table, count in readers.items())


def _indexes(built: Built) -> Iterator[Use]:
    for name, table in built.of_type("AWS::DynamoDB::Table"):
        yield Use(name, len(table.get("GlobalSecondaryIndexes", ())))


def _projected(built: Built) -> Iterator[Use]:
    for name, table in built.of_type("AWS::DynamoDB::Table"):
        kept = [
            index["Projection"].get("NonKeyAttributes", ())
            for index in table.get("GlobalSecondaryIndexes", ())
        ]
        yield Use(name, sum(map(len, kept)))


def _names(kind: str) -> Callable[[Built], Iterator[Use]]:
    """Measure the names that the template fixes; those that CloudFormation makes up, it cuts to size."""

    def measured(built: Built) -> Iterator[Use]:
        for name, properties in built.of_type(kind):
            if any(key in properties for key in _NAME_PROPERTIES[kind]):
                yield Use(name, len(_physical_name(built, name)))

    return measured


def _permissions(built: Built) -> Iterator[Use]:
    """Weigh the resource policy of each function and of each alias: one statement a permission."""
    totals: Counter[str] = Counter()
    for name, permission in built.of_type("AWS::Lambda::Permission"):
        function = built.text(permission["FunctionName"]).rpartition(":function:")[2]
        statement = {
            "Sid": f"{built.names['stack']}-{name}-1A2B3C4D5E6F",
            "Effect": "Allow",
            "Principal": {"Service": permission["Principal"]},
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:{REGIONS[built.region]}:lambda:{built.region}:{_ACCOUNT}:function:{function}",
            "Condition": {"ArnLike": {"AWS:SourceArn": built.text(permission.get("SourceArn", ""))}},
        }
        totals[function] += _characters(statement)
    yield from (Use(function, total) for function, total in totals.items())


def _package(built: Built) -> Iterator[Use]:
    if built.archive is not None:
        import zipfile  # noqa: PLC0415 - only where there is an archive to open

        with zipfile.ZipFile(built.archive) as archive:
            yield Use(built.archive.name, sum(entry.file_size for entry in archive.infolist()))


def _kept_code(built: Built) -> Iterator[Use]:
    """Weigh the code that the account keeps: of each function the versions kept, one more in a deployment."""
    if built.archive is not None:
        from infra.deployment.rolling import VERSIONS_KEPT  # noqa: PLC0415 - asks for AWS's own library

        functions = len(list(built.of_type("AWS::Lambda::Function")))
        copies = functions * (VERSIONS_KEPT + 2)  # and what is deployed, and what is being published
        yield Use(f"{functions} functions", copies * built.archive.stat().st_size)


def _event_patterns(built: Built) -> Iterator[Use]:
    for name, rule in built.of_type("AWS::Events::Rule"):
        if "EventPattern" in rule:
            yield Use(name, len(json.dumps(_plain_values(built, rule["EventPattern"]))))


def _timeouts(built: Built) -> Iterator[Use]:
    for name, function in built.of_type("AWS::Lambda::Function"):
        yield Use(name, int(function["Timeout"]))


def _api_timeout(built: Built) -> Iterator[Use]:
    for name, function in built.of_type("AWS::Lambda::Function"):
        if function["Handler"] == "app.app":
            yield Use(name, int(function["Timeout"]) * 1000)


def _memory(built: Built) -> Iterator[Use]:
    for name, function in built.of_type("AWS::Lambda::Function"):
        yield Use(name, int(function["MemorySize"]))


def _visibility(built: Built) -> Iterator[Use]:
    """Give each work queue's visibility timeout as hundredths of its consumer's own."""
    functions = {
        name: built.plain["Resources"][alias["FunctionName"]["Ref"]]["Properties"]
        for name, alias in built.of_type("AWS::Lambda::Alias")
    }
    queues = dict(built.of_type("AWS::SQS::Queue"))
    for _, mapping in built.of_type("AWS::Lambda::EventSourceMapping"):
        match mapping:
            case {"EventSourceArn": {"Fn::GetAtt": [queue, "Arn"]}, "FunctionName": {"Ref": consumer}}:
                if queue in queues and consumer in functions:
                    visible = int(queues[queue]["VisibilityTimeout"])
                    yield Use(queue, visible * 100 // int(functions[consumer]["Timeout"]))


def _retention(built: Built) -> Iterator[Use]:
    for name, queue in built.of_type("AWS::SQS::Queue"):
        yield Use(name, int(queue.get("MessageRetentionPeriod", 0)))


def _bucket_policies(built: Built) -> Iterator[Use]:
    for name, policy in built.of_type("AWS::S3::BucketPolicy"):
        yield Use(name, _characters(_plain_values(built, policy["PolicyDocument"])))


def _key_policies(built: Built) -> Iterator[Use]:
    for name, key in built.of_type("AWS::KMS::Key"):
        yield Use(name, len(json.dumps(_plain_values(built, key["KeyPolicy"]))))


def _secrets(built: Built) -> Iterator[Use]:
    for name, secret in built.of_type("AWS::SecretsManager::Secret"):
        if "SecretString" in secret:
            yield Use(name, len(built.text(secret["SecretString"]).encode()))


_DOCS: Final = "https://docs.aws.amazon.com/"
_IAM: Final = _DOCS + "IAM/latest/UserGuide/reference_iam-quotas.html"
_FORMATION: Final = _DOCS + "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
_GATEWAY: Final = _DOCS + "apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"
_LAMBDA: Final = _DOCS + "lambda/latest/dg/gettingstarted-limits.html"
_DYNAMODB: Final = _DOCS + "amazondynamodb/latest/developerguide/ServiceQuotas.html"
_STREAMS: Final = _DOCS + "amazondynamodb/latest/developerguide/Streams.html"
_SQS: Final = _DOCS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"
_SQS_LAMBDA: Final = _DOCS + "lambda/latest/dg/services-sqs-configure.html"
_S3_NAMES: Final = _DOCS + "AmazonS3/latest/userguide/bucketnamingrules.html"
_S3_POLICY: Final = _DOCS + "AmazonS3/latest/userguide/bucket-policies.html"
_EVENTS: Final = _DOCS + "eventbridge/latest/userguide/eb-quota.html"
_LOGS: Final = _DOCS + "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
_ALARMS: Final = _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_WATCH: Final = _DOCS + "AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
_KMS: Final = _DOCS + "kms/latest/developerguide/resource-limits.html"
_SECRETS: Final = _DOCS + "secretsmanager/latest/userguide/reference_limits.html"

LIMITS: Final = (
    Limit(
        name="inline policies of a role",
        value=10_240,
        unit="characters",
        source=_IAM,
        margin=0.15,
        uses=_role_policies,
    ),
    Limit(
        name="managed policy",
        value=6_144,
        unit="characters",
        source=_IAM,
        margin=0.15,
        uses=_managed_policies,
    ),
    Limit(
        name="managed policies of a role",
        value=10,
        unit="policies",
        source=_IAM,
        uses=_attached_policies,
    ),
    Limit(
        name="template through S3",
        value=1_048_576,
        unit="bytes",
        source=_FORMATION,
        margin=0.25,
        uses=_template,
    ),
    Limit(
        name="resources of a stack",
        value=500,
        unit="resources",
        source=_FORMATION,
        margin=0.15,  # room for what old code keeps during an update (`infra.deployment.updates.expanded`)
        uses=_count("Resources"),
    ),
    Limit(
        name="outputs of a stack",
        value=200,
        unit="outputs",
        source=_FORMATION,
        margin=0.25,
        uses=_count("Outputs"),
    ),
    Limit(
        name="parameters of a stack",
        value=200,
        unit="parameters",
        source=_FORMATION,
        margin=0.5,
        uses=_count("Parameters"),
    ),
    Limit(
        name="value of a parameter",
        value=4_096,
        unit="bytes",
        source=_FORMATION,
        margin=0.25,
        uses=_parameters,
    ),
    Limit(
        name="resources of a REST API",
        value=300,
        unit="resources",
        source=_GATEWAY,
        margin=0.15,
        uses=_api_resources,
    ),
    Limit(
        name="definition of a REST API",
        value=6 * 1024**2,
        unit="bytes",
        source=_GATEWAY,
        margin=0.5,
        uses=_definition,
    ),
    Limit(
        name="tables of an account",
        value=2_500,
        unit="tables",
        source=_DYNAMODB,
        margin=0.5,
        uses=_of_kind("AWS::DynamoDB::Table"),
    ),
    Limit(
        name="rules of an event bus",
        value=100,  # 300 in most regions
        unit="rules",
        source=_EVENTS,
        margin=0.5,
        uses=_of_kind("AWS::Events::Rule"),
    ),
    Limit(
        name="alarms of an account",
        value=5_000,
        unit="alarms",
        source=_WATCH,
        margin=0.5,
        uses=_of_kind("AWS::CloudWatch::Alarm"),
    ),
    Limit(name="widgets of a dashboard", value=500, unit="widgets", source=_WATCH, margin=0.5, uses=_widgets),
    Limit(
        name="environment of a function",
        value=4_096,
        unit="bytes",
        source=_LAMBDA,
        margin=0.15,
        uses=_environments,
    ),
    Limit(name="request of a function", value=6_291_456, unit="bytes", source=_LAMBDA, uses=_sheet_requests),
    Limit(name="readers of a stream shard", value=2, unit="consumers", source=_STREAMS, uses=_stream_readers),
    Limit(
        name="global indexes of a table",
        value=20,
        unit="indexes",
        source=_DYNAMODB,
        margin=0.25,
        uses=_indexes,
    ),
    Limit(
        name="projected attributes of a table",
        value=100,
        unit="attributes",
        source=_DYNAMODB,
        margin=0.25,
        uses=_projected,
    ),
    Limit(
        name="name of a table",
        value=255,
        unit="characters",
        source=_DYNAMODB,
        uses=_names("AWS::DynamoDB::Table"),
    ),
    Limit(
        name="name of a function",
        value=64,
        unit="characters",
        source=_LAMBDA,
        uses=_names("AWS::Lambda::Function"),
    ),
    Limit(
        name="name of an alias",
        value=128,
        unit="characters",
        source=_DOCS + "lambda/latest/api/API_CreateAlias.html",
        uses=_names("AWS::Lambda::Alias"),
    ),
    Limit(name="name of a role", value=64, unit="characters", source=_IAM, uses=_names("AWS::IAM::Role")),
    Limit(name="name of a queue", value=80, unit="characters", source=_SQS, uses=_names("AWS::SQS::Queue")),
    Limit(
        name="name of a bucket", value=63, unit="characters", source=_S3_NAMES, uses=_names("AWS::S3::Bucket")
    ),
    Limit(
        name="name of a rule", value=64, unit="characters", source=_EVENTS, uses=_names("AWS::Events::Rule")
    ),
    Limit(
        name="name of a log group",
        value=512,
        unit="characters",
        source=_LOGS,
        uses=_names("AWS::Logs::LogGroup"),
    ),
    Limit(
        name="name of an alarm",
        value=255,
        unit="characters",
        source=_ALARMS,
        uses=_names("AWS::CloudWatch::Alarm"),
    ),
    Limit(
        name="name of a secret",
        value=512,
        unit="characters",
        source=_SECRETS,
        uses=_names("AWS::SecretsManager::Secret"),
    ),
    Limit(name="value of a secret", value=65_536, unit="bytes", source=_SECRETS, uses=_secrets),
    Limit(
        name="resource policy of a function or alias",
        value=20_480,
        unit="bytes",
        source=_LAMBDA,
        margin=0.25,
        uses=_permissions,
    ),
    Limit(
        name="package, unzipped", value=262_144_000, unit="bytes", source=_LAMBDA, margin=0.5, uses=_package
    ),
    Limit(
        name="code kept in the account",
        value=75 * 1024**3,
        unit="bytes",
        source=_LAMBDA,
        margin=0.5,
        uses=_kept_code,
    ),
    Limit(
        name="pattern of a rule",
        value=2_048,
        unit="characters",
        source=_EVENTS,
        margin=0.5,
        uses=_event_patterns,
    ),
    Limit(name="time-out of a function", value=900, unit="seconds", source=_LAMBDA, uses=_timeouts),
    Limit(
        name="time-out of the API's function",
        value=29_000,
        unit="milliseconds",
        source=_GATEWAY,
        uses=_api_timeout,
    ),
    Limit(name="memory of a function", value=10_240, unit="MB", source=_LAMBDA, uses=_memory),
    Limit(
        name="visibility, of the consumer's time-out",
        value=600,
        unit="hundredths",
        source=_SQS_LAMBDA,
        uses=_visibility,
        at_least=True,
    ),
    Limit(name="retention of a queue", value=1_209_600, unit="seconds", source=_SQS, uses=_retention),
    Limit(
        name="policy of a bucket",
        value=20_480,
        unit="bytes",
        source=_S3_POLICY,
        margin=0.5,
        uses=_bucket_policies,
    ),
    Limit(name="policy of a key", value=32_768, unit="bytes", source=_KMS, margin=0.5, uses=_key_policies),
)
"""Every limit that a deployment can run into, by the order in which it would."""


# --------------------------------------------------------------------------- a packaged stage


def _key_set(keys: int = 4) -> str:
    """Give a JWK set as a party really publishes it: RSA of 2,048 bits, two in use, two to come."""
    key = {"kty": "RSA", "use": "sig", "alg": "RS256", "e": "AQAB", "n": "n" * 342}
    names = (f"2026-11-28-{number:02d}-{_KEY}" for number in range(keys))
    return json.dumps({"keys": [{**key, "kid": name} for name in names]})


REAL_PARAMETERS: Final = {
    "CardIssuer": "https://card.national-social-card-platform.example.gov.cn/issuer",
    "CardAudience": "anhui-training-voucher-service",
    "CardJwks": _key_set(),
    "PlatformUrl": "https://exchange.national-training-platform.example.gov.cn/v2/provinces/340000",
    "PlatformJwks": _key_set(),
    "UploadOrigin": "https://vouchers.training.hrss.example.gov.cn",
    "CorsOrigins": " ".join(f"https://vouchers-{number}.training.hrss.example.gov.cn" for number in range(4)),
    "AlarmTopicArn": f"arn:aws-cn:sns:cn-northwest-1:{_ACCOUNT}:training-voucher-operators",
}
"""What a province will really give: key sets of four RSA keys, addresses as long as a ministry's."""


def transformed(written: Json) -> Json:
    """Give a SAM template as CloudFormation expands it."""
    from samtranslator.translator.transform import transform  # noqa: PLC0415 - seconds to load

    given = json.loads(json.dumps(written))
    for resource in given["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "artifacts", "Key": "a" * 64 + ".zip"}
    plain: Json = transform(given, {}, type("Policies", (), {"load": staticmethod(dict)})())
    return plain


def built_in(region: str, written: Json, plain: Json, *, stack: str, archive: Path | None = None) -> Built:
    """See a packaged stage as a region will."""
    known = written.get("Parameters", {})
    parameters = {name: value for name, value in REAL_PARAMETERS.items() if name in known}
    return Built(
        written=written,
        plain=plain,
        parameters=parameters,
        region=region,
        archive=archive,
        names={"stack": stack},
    )


@dataclass(frozen=True)
class Row:
    """What of a limit is used at the most, and where."""

    limit: Limit
    use: Use
    region: str

    @property
    def holds(self) -> bool:
        """Tell whether the limit is kept, with its margin."""
        return self.limit.holds(self.use)


def rows(builds: Sequence[Built]) -> list[Row]:
    """Find the worst use of every limit over all regions.

    Raises:
        ValueError: something in the template cannot be written out, so that nothing is known of it.

    """
    found = []
    for limit in LIMITS:
        uses = [Row(limit, use, built.region) for built in builds for use in limit.uses(built)]
        worst = min if limit.at_least else max
        if uses:
            found.append(worst(uses, key=lambda row: row.use.amount))
    return found


def packaged(stage: str) -> list[Built]:
    """Package a stage and see it as each region will."""
    import os  # noqa: PLC0415

    from infra.deployment.package import BUILD, TEMPLATE, package  # noqa: PLC0415 - imports the program
    from infra.deployment.storage import prefix  # noqa: PLC0415

    archive = package(stage, BUILD / stage)
    written = json.loads((BUILD / stage / TEMPLATE).read_text())
    os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")
    plain = transformed(written)
    return [built_in(region, written, plain, stack=prefix(stage), archive=archive) for region in REGIONS]


def main() -> int:
    """Print every limit with what is used of it; 1 if one is broken."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Compare a packaged stage with what AWS allows.")
    parser.add_argument("--stage", default="prod")
    parser.add_argument("--broken", action="store_true", help="print only the limits that are broken")
    options = parser.parse_args()
    table = Table("limit", "AWS", "used", "%", "by", "in", "", box=None)
    found = rows(packaged(options.stage))
    for row in found:
        if options.broken and row.holds:
            continue
        limit, use = row.limit, row.use
        share = round(100 * use.amount / limit.value)
        mark = "✓" if row.holds else "✗"
        table.add_row(
            f"{limit.name} ({limit.unit})",
            f"{limit.value:,}",
            f"{use.amount:,}",
            f"{share}",
            use.subject,
            row.region,
            mark,
        )
    if table.rows:
        Console(width=150).print(table)
    return 0 if all(row.holds for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
