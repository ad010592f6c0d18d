"""The extension that `chalice package --merge-template` merges into Chalice's own template.

Chalice writes the functions and the routes; everything else comes from here, derived from
`infra.functions` and from the table models. Dicts are merged, lists and scalars replaced, and a key that
Chalice does not know becomes a new resource: `tests/infra` proves that no such stray exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from infra.functions import BUCKETS, FUNCTIONS, QUEUES, SECRETS, Function, logical_id
from infra.policies import log_group_id, log_group_resources, role_id, role_resources
from infra.storage import (
    LOCAL,
    Json,
    Table,
    arn,
    bucket_id,
    bucket_name,
    bucket_resources,
    camel,
    dead_letters_id,
    has_dead_letters,
    key_resources,
    prefix,
    queue_id,
    queue_resources,
    secret_id,
    secret_resources,
    table_resources,
)

API_STAGE: Final = "api"
_STREAM_BATCH: Final = 100
_STREAM_ATTEMPTS: Final = 20
_PERIOD_SECONDS: Final = 300
_ITERATOR_AGE_MAX_MS: Final = 3_600_000


def build(tables: Sequence[Table], stage: str) -> Json:
    """Build the extension for a stage."""
    return {
        "Description": f"Provincial training-voucher service, stage {stage}",
        "Parameters": _PARAMETERS,
        "Conditions": {
            "ProtectData": {"Fn::Equals": [{"Ref": "DeletionProtection"}, "on"]},
            "TellSomebody": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]},
        },
        "Globals": {"Function": {"Environment": {"Variables": environment()}}},
        "Resources": {
            **key_resources(stage),
            **secret_resources(stage),
            **table_resources(tables, stage),
            **bucket_resources(stage),
            **queue_resources(stage),
            **log_group_resources(stage),
            **role_resources(tables, stage),
            **{logical_id(function): _function(function) for function in FUNCTIONS},
            **_event_sources(tables),
            **_rules(stage),
            **_alarms(stage),
            **_api(stage),
        },
        "Outputs": _outputs(tables),
    }


_PARAMETERS: Final[Json] = {
    "DeletionProtection": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "on"},
    "AlarmTopicArn": {
        "Type": "String",
        "Default": "",
        "Description": "SNS topic told of alarms; may be empty",
    },
    "UploadOrigin": {
        "Type": "String",
        "Default": "*",
        "Description": "Origin of the console, for browser uploads",
    },
    "CardIssuer": {"Type": "String", "Description": "`iss` of the social-card platform's assertions"},
    "CardAudience": {"Type": "String", "Default": "voucher-service"},
    "CardJwks": {"Type": "String", "Description": "Public keys of the social-card platform, a JWK set"},
    "PlatformUrl": {"Type": "String", "Description": "Base URL of the national platform"},
    "PlatformJwks": {"Type": "String", "Description": "Public keys of the national platform, a JWK set"},
    "TotpRequired": {
        "Type": "String",
        "AllowedValues": ["0", "1"],
        "Default": "0",
        "Description": "1: reviewer, finance and province sign in with a one-time code",
    },
    "CorsOrigins": {
        "Type": "String",
        "Default": "",
        "Description": "Origins whose pages may read answers, separated by spaces; none by default",
    },
}


def environment() -> Json:
    """Give the settings that need an account or a parameter; every function gets all of them.

    `STAGE`, `TABLE_PREFIX` and, in the local stage, `ALLOW_TIME_TRAVEL` are in `.chalice/config.json`.
    """
    return {
        **{f"{name.upper()}_BUCKET": {"Ref": bucket_id(name)} for name in BUCKETS},
        **{f"{queue.name.upper()}_QUEUE_URL": {"Ref": queue_id(queue.name)} for queue in QUEUES},
        **{f"{name.upper()}_SECRET_ID": {"Ref": secret_id(name)} for name in SECRETS},
        "DATA_KEY_ID": arn("DataKey"),
        "CARD_ISSUER": {"Ref": "CardIssuer"},
        "CARD_AUDIENCE": {"Ref": "CardAudience"},
        "PLATFORM_URL": {"Ref": "PlatformUrl"},
        "TOTP_REQUIRED": {"Ref": "TotpRequired"},
        "CORS_ORIGINS": {"Ref": "CorsOrigins"},
    }


def _function(function: Function) -> Json:
    properties: Json = {
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout_seconds,
        "Role": arn(role_id(function)),
        "LoggingConfig": {"LogGroup": {"Ref": log_group_id(function)}},
    }
    if function.schedule or function.bucket:
        properties["DeadLetterQueue"] = {"Type": "SQS", "TargetArn": arn(dead_letters_id(function))}
    return {"Properties": properties}


def _event_sources(tables: Sequence[Table]) -> Json:
    resources: Json = {}
    for function in FUNCTIONS:
        if function.queue:
            resources[logical_id(function) + "Source"] = {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": arn(queue_id(function.queue.name)),
                    "FunctionName": {"Ref": logical_id(function)},
                    "BatchSize": function.queue.batch_size,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "ScalingConfig": {"MaximumConcurrency": function.queue.maximum_concurrency},
                },
            }
        if function.streams:
            for table in tables:
                if table.streamed:
                    resources[stream_source_id(function, table)] = _stream_source(function, table)
    return resources


def stream_source_id(function: Function, table: Table) -> str:
    """Give the id of the mapping that feeds a table's changes to a consumer."""
    return logical_id(function) + camel(table.name) + "Source"


def _stream_source(function: Function, table: Table) -> Json:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": [table.logical_id, "StreamArn"]},
            "FunctionName": {"Ref": logical_id(function)},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": _STREAM_BATCH,
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": _STREAM_ATTEMPTS,
            "DestinationConfig": {"OnFailure": {"Destination": arn(dead_letters_id(function))}},
        },
    }


def _rules(stage: str) -> Json:
    """Give the EventBridge rules of schedules and uploads.

    Not Chalice's own schedules: their event class refuses an event without the bus's envelope, and
    operators start these jobs by hand with nothing but `{}`.
    """
    resources: Json = {}
    for function in FUNCTIONS:
        trigger = _trigger(function, stage)
        if trigger is None:
            continue
        rule = logical_id(function) + "Rule"
        resources[rule] = {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": f"{prefix(stage)}-{function.name}",
                **trigger,
                "Targets": [{"Id": function.name, "Arn": arn(logical_id(function))}],
            },
        }
        resources[rule + "Permission"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": logical_id(function)},
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
                "SourceArn": arn(rule),
            },
        }
    return resources


def _trigger(function: Function, stage: str) -> Json | None:
    if function.schedule:
        return {"ScheduleExpression": function.schedule}
    if function.bucket:
        detail: Json = {"bucket": {"name": [bucket_name(function.bucket, stage)]}}
        if function.object_prefix:
            detail["object"] = {"key": [{"prefix": function.object_prefix}]}
        if function.object_suffix:
            detail["object"] = {"key": [{"suffix": function.object_suffix}]}
        return {"EventPattern": {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}}
    return None


def _alarms(stage: str) -> Json:
    resources: Json = {}
    for function in FUNCTIONS:
        by_function = [{"Name": "FunctionName", "Value": {"Ref": logical_id(function)}}]
        resources[logical_id(function) + "Errors"] = _alarm(
            f"{prefix(stage)}-{function.name}-errors", "AWS/Lambda", "Errors", by_function, statistic="Sum"
        )
        if function.streams:
            resources[logical_id(function) + "Behind"] = _alarm(
                f"{prefix(stage)}-{function.name}-behind",
                "AWS/Lambda",
                "IteratorAge",
                by_function,
                threshold=_ITERATOR_AGE_MAX_MS,
            )
        if has_dead_letters(function):
            name = {"Fn::GetAtt": [dead_letters_id(function), "QueueName"]}
            resources[dead_letters_id(function) + "Depth"] = _alarm(
                f"{prefix(stage)}-{function.name}-dead",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                [{"Name": "QueueName", "Value": name}],
            )
    return resources


def _alarm(
    name: str,
    namespace: str,
    metric: str,
    dimensions: list[Json],
    *,
    statistic: str = "Maximum",
    threshold: int = 1,
) -> Json:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": dimensions,
            "Statistic": statistic,
            "Period": _PERIOD_SECONDS,
            "EvaluationPeriods": 1,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": {"Fn::If": ["TellSomebody", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]},
        },
    }


_GATEWAY_CODES: Final = {
    "DEFAULT_4XX": "malformed",
    "DEFAULT_5XX": "try_again",
    "INTEGRATION_FAILURE": "try_again",
    "INTEGRATION_TIMEOUT": "try_again",
    "MISSING_AUTHENTICATION_TOKEN": "not_found",
    "REQUEST_TOO_LARGE": "too_large",
    "THROTTLED": "too_many_requests",
    "UNSUPPORTED_MEDIA_TYPE": "unsupported_type",
}
"""What the gateway answers by itself, as codes of the service, whose tables say the rest."""


def _api(stage: str) -> Json:
    resources: Json = {
        "RestAPI": {
            "Properties": {
                "Name": prefix(stage),
                # Without a version, SAM adds a second stage of its own named "Stage".
                "OpenApiVersion": "2.0",
                "EndpointConfiguration": {"Type": "REGIONAL"},
                "MethodSettings": [
                    {
                        "ResourcePath": "/*",
                        "HttpMethod": "*",
                        "MetricsEnabled": True,
                        "ThrottlingRateLimit": 1000,
                        "ThrottlingBurstLimit": 2000,
                    }
                ],
            }
        }
    }
    if stage != LOCAL:
        resources["RestAPI"]["Properties"]["GatewayResponses"] = {
            kind: {
                "StatusCode": status,
                "ResponseParameters": {"Headers": headers},
                "ResponseTemplates": {"application/json": body},
            }
            for kind, (status, headers, body) in _gateway_answers().items()
        }
        return resources
    # The local cloud reads them only as resources; on AWS those would miss the first deployment.
    for kind, (status, headers, body) in _gateway_answers().items():
        resources["Gateway" + camel(kind.lower())] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "RestAPI"},
                "ResponseType": kind,
                "StatusCode": str(status),
                "ResponseParameters": {
                    f"gatewayresponse.header.{name}": value for name, value in headers.items()
                },
                "ResponseTemplates": {"application/json": body},
            },
        }
    return resources


def _gateway_answers() -> dict[str, tuple[int, dict[str, str], str]]:
    """Give status, headers and body of each answer that the gateway makes by itself, as the service would."""
    # Not above: the tables' names are fixed when they are first imported, and the stage is known only now.
    from chalicelib.edge.endpoints import HEADERS, JSON, SHEET_BYTES_MAX  # noqa: PLC0415
    from chalicelib.edge.problems import headers_of, problem_of  # noqa: PLC0415
    from chalicelib.kernel.reasons import error, facts_told_by  # noqa: PLC0415

    facts: Json = {"accepted": JSON, "limit_bytes": SHEET_BYTES_MAX, "retry_after_seconds": 1}
    answers = {}
    for kind, code in _GATEWAY_CODES.items():
        refusal = error(code, **{name: facts[name] for name in facts_told_by(code)})
        problem = problem_of(refusal, request_id="$context.requestId", english=False)
        headers = {name: f"'{value}'" for name, value in {**HEADERS, **headers_of(refusal)}.items()}
        answers[kind] = (problem.status, headers, msgspec.json.encode(problem).decode())
    return answers


def function_output(function: Function) -> str:
    """Name the output that tells a function's deployed name."""
    return logical_id(function).removesuffix("Handler") + "FunctionName"


def _outputs(tables: Sequence[Table]) -> Json:
    outputs: Json = {
        "ApiUrl": {
            "Value": {
                "Fn::Sub": f"https://${{RestAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{API_STAGE}"
            }
        },
        "DataKeyArn": {"Value": arn("DataKey")},
    }
    for function in FUNCTIONS:
        outputs[function_output(function)] = {"Value": {"Ref": logical_id(function)}}
    for table in tables:
        outputs[table.logical_id + "Name"] = {"Value": {"Ref": table.logical_id}}
    for name in BUCKETS:
        outputs[bucket_id(name) + "Name"] = {"Value": {"Ref": bucket_id(name)}}
    for queue in QUEUES:
        outputs[queue_id(queue.name) + "Url"] = {"Value": {"Ref": queue_id(queue.name)}}
    return outputs
