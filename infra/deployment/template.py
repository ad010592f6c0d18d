"""The extension that `chalice package --merge-template` merges into Chalice's own template.

Chalice writes the functions and the routes; everything else comes from here, derived from
`infra.deployment.functions` and from the table models. Dicts are merged, lists and scalars replaced, and a
key that Chalice does not know becomes a new resource: `tests/infra` proves that no such stray exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from infra.deployment.access_logs import (
    access_log_conditions,
    access_log_parameters,
    access_log_resources,
    access_log_setting,
)
from infra.deployment.dashboard import dashboard_resources
from infra.deployment.functions import (
    ALIAS,
    API,
    BUCKETS,
    FUNCTIONS,
    QUEUES,
    SECRETS,
    Function,
    alias_id,
    logical_id,
)
from infra.deployment.network import (
    domain_outputs,
    domain_resources,
    network_conditions,
    network_parameters,
    vpc_config,
)
from infra.deployment.policies import log_group_id, log_group_resources, role_id, role_resources
from infra.deployment.storage import (
    LOCAL,
    Json,
    Table,
    arn,
    bucket_id,
    bucket_name,
    bucket_resources,
    camel,
    dead_letters_id,
    key_resources,
    prefix,
    queue_id,
    queue_resources,
    secret_id,
    secret_resources,
    table_resources,
)
from infra.deployment.watching import API_STAGE, alarm_resources, topic_parameter

_STREAM_BATCH: Final = 100
_STREAM_ATTEMPTS: Final = -1
"""Until a record leaves the stream, after a day; the consumer parks by itself what it cannot do."""


def build(tables: Sequence[Table], stage: str) -> Json:
    """Build the extension for a stage."""
    return {
        "Description": f"Provincial training-voucher service, stage {stage}",
        "Parameters": {
            "AlarmTopicArn": topic_parameter(stage),
            **_PARAMETERS,
            **access_log_parameters(),
            **(_LOCAL_PARAMETERS if stage == LOCAL else network_parameters()),
            **{
                name: {"Type": "Number", "MinValue": 0, "Default": 0, "Description": says}
                for name, says in _CONCURRENCY.items()
            },
        },
        "Conditions": {
            "ProtectData": {"Fn::Equals": [{"Ref": "DeletionProtection"}, "on"]},
            **({"TellSomebody": _TELL_SOMEBODY} if stage == LOCAL else {}),
            **access_log_conditions(),
            **({} if stage == LOCAL else network_conditions()),
            "AnswerOrigins": {"Fn::Not": [{"Fn::Equals": [{"Ref": "CorsOrigins"}, ""]}]},
            **{f"Reserve{name}": {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, 0]}]} for name in _CONCURRENCY},
        },
        "Globals": {"Function": {"Environment": {"Variables": environment(stage)}}},
        "Resources": {
            **key_resources(stage),
            **secret_resources(stage),
            **table_resources(tables, stage),
            **bucket_resources(stage),
            **queue_resources(stage),
            **log_group_resources(stage),
            **role_resources(tables, stage),
            **{logical_id(function): _function(function, stage) for function in FUNCTIONS},
            **{alias_id(function): _alias(function) for function in FUNCTIONS},
            **_event_sources(tables),
            **_rules(stage),
            **alarm_resources(stage),
            **dashboard_resources(stage),
            **access_log_resources(stage),
            **_api(stage),
            **({} if stage == LOCAL else domain_resources()),
        },
        "Outputs": {**_outputs(tables), **({} if stage == LOCAL else domain_outputs())},
    }


_TELL_SOMEBODY: Final[Json] = {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]}

_PARAMETERS: Final[Json] = {
    "DeletionProtection": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "on"},
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

_LOCAL_PARAMETERS: Final[Json] = {
    "WebhookReceiver": {
        "Type": "String",
        "Default": "",
        "Description": "host:port that is told instead of every program's own address",
    },
}


def environment(stage: str) -> Json:
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
        **({"WEBHOOK_RECEIVER": {"Ref": "WebhookReceiver"}} if stage == LOCAL else {}),
    }


def _function(function: Function, stage: str) -> Json:
    properties: Json = {
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout_seconds,
        "Role": arn(role_id(function)),
        "LoggingConfig": {"LogGroup": {"Ref": log_group_id(function)}},
        **_concurrency(function),
        **({} if stage == LOCAL else vpc_config(function)),
    }
    if function.schedule or function.bucket:
        properties["DeadLetterQueue"] = {"Type": "SQS", "TargetArn": arn(dead_letters_id(function))}
    return {"Properties": properties}


def _alias(function: Function) -> Json:
    """Make a function's alias. It never changes here, so that no update of the stack moves it.

    On a new stack it follows the newest code; `infra.deployment.rolling` then leads it from version to
    version.
    """
    return {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": logical_id(function)},
            "FunctionVersion": "$LATEST",
            "Name": ALIAS,
        },
    }


def _event_sources(tables: Sequence[Table]) -> Json:
    resources: Json = {}
    for function in FUNCTIONS:
        if function.queue:
            resources[logical_id(function) + "Source"] = {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": arn(queue_id(function.queue.name)),
                    "FunctionName": {"Ref": alias_id(function)},
                    "BatchSize": function.queue.batch_size,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "ScalingConfig": {"MaximumConcurrency": function.queue.maximum_concurrency},
                },
            }
        if function.streams:
            for table in tables:
                if table.streamed and function.follows(table.name, audited=table.audited):
                    resources[stream_source_id(function, table)] = _stream_source(function, table)
    return resources


def stream_source_id(function: Function, table: Table) -> str:
    """Give the id of the mapping that feeds a table's changes to a consumer."""
    return logical_id(function) + camel(table.name) + "Source"


def _stream_source(function: Function, table: Table) -> Json:
    properties: Json = {
        "EventSourceArn": {"Fn::GetAtt": [table.logical_id, "StreamArn"]},
        "FunctionName": {"Ref": alias_id(function)},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": _STREAM_BATCH,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": _STREAM_ATTEMPTS,
        "MaximumRecordAgeInSeconds": -1,
        "ParallelizationFactor": function.stream_lanes.get(table.name, 1),
        "DestinationConfig": {"OnFailure": {"Destination": arn(dead_letters_id(function))}},
    }
    if function.stream_window_seconds:
        properties["MaximumBatchingWindowInSeconds"] = function.stream_window_seconds
    if function.stream_events:
        pattern = json.dumps({"eventName": list(function.stream_events)})
        properties["FilterCriteria"] = {"Filters": [{"Pattern": pattern}]}
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}


_CONCURRENCY: Final = {
    "ApiConcurrency": "Executions reserved for the API, which nothing else can take; 0: none",
    "ConsumerConcurrency": "Executions that each stream consumer may have at most, kept for it; 0: no limit",
}
"""Parameters: AWS keeps a hundred of an account's executions unreserved, and a new account may have ten."""


def _concurrency(function: Function) -> Json:
    name = "ApiConcurrency" if function.name == API else "ConsumerConcurrency" if function.streams else ""
    if not name:
        return {}
    reserved = {"Fn::If": [f"Reserve{name}", {"Ref": name}, {"Ref": "AWS::NoValue"}]}
    return {"ReservedConcurrentExecutions": reserved}


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
        name = _rule_name(function)
        own_id = logical_id(function) if name == function.name else name.title().replace("_", "")
        rule = own_id + "Rule"
        own: Json = {"Name": f"{prefix(stage)}-{name}", **trigger, "Targets": []}
        resources.setdefault(rule, {"Type": "AWS::Events::Rule", "Properties": own})
        resources[rule]["Properties"]["Targets"].append(
            {"Id": function.name, "Arn": {"Ref": alias_id(function)}}
        )
        resources[logical_id(function) + "RulePermission"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": alias_id(function)},
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
                "SourceArn": arn(rule),
            },
        }
    return resources


TARGETS_OF_A_RULE_MAX: Final = 5
"""EventBridge, "Quotas": targets for a rule."""


def _rule_name(function: Function) -> str:
    """Name the rule that starts a function: one of its own, or that of all that are started as often.

    A rule may have five targets, and a stack 500 resources: jobs of every ten minutes, or of the same
    minute of the night, need no rule each.
    """
    schedule = function.schedule or ""
    alike = [one for one in FUNCTIONS if schedule and one.schedule == schedule]
    if not 1 < len(alike) <= TARGETS_OF_A_RULE_MAX:
        return function.name
    if every := re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", schedule):
        return f"every_{every[1]}_{every[2]}s"
    daily = re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", schedule)
    return f"daily_{int(daily[2]):02}{int(daily[1]):02}_utc" if daily else function.name


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


COMPRESSED_FROM_BYTES: Final = 1_400
"""From which size the gateway compresses an answer for who accepts it: below, it fits one packet anyway."""

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


def by_alias(template: Json) -> Json:
    """Let the routes that Chalice wrote call the API's alias instead of whatever is deployed."""
    (api,) = [function for function in FUNCTIONS if function.name == API]
    properties = template["Resources"]["RestAPI"]["Properties"]
    body = json.dumps(properties["DefinitionBody"])
    properties["DefinitionBody"] = json.loads(
        body.replace(f"${{{logical_id(api)}.Arn}}", f"${{{alias_id(api)}}}")
    )
    return template


def with_every_method(template: Json) -> Json:
    """Let the service answer the methods that a path has not: HEAD as GET, the others by 405 with `Allow`.

    The gateway's own answer to them is that it misses a token. A method that a path names goes before.
    """
    for methods in template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"].values():
        declared = next(
            methods[name] for name in sorted(methods) if "x-amazon-apigateway-integration" in methods[name]
        )
        methods["x-amazon-apigateway-any-method"] = {
            "responses": {"200": {"description": "method not allowed, or HEAD"}},
            "x-amazon-apigateway-integration": declared["x-amazon-apigateway-integration"],
            **({"parameters": declared["parameters"]} if "parameters" in declared else {}),
        }
    return template


def _api(stage: str) -> Json:
    (api,) = [function for function in FUNCTIONS if function.name == API]
    resources: Json = {
        logical_id(api) + "InvokePermission": {"Properties": {"FunctionName": {"Ref": alias_id(api)}}},
        "RestAPI": {
            "Properties": {
                "Name": prefix(stage),
                # Without a version, SAM adds a second stage of its own named "Stage".
                "OpenApiVersion": "2.0",
                "EndpointConfiguration": {"Type": "REGIONAL"},
                "MinimumCompressionSize": COMPRESSED_FROM_BYTES,
                "AccessLogSetting": access_log_setting(stage),
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
        },
    }
    if stage != LOCAL:
        resources["RestAPI"]["Properties"]["GatewayResponses"] = {
            kind: {
                "StatusCode": status,
                "ResponseParameters": {"Headers": headers | _READABLE_ELSEWHERE},
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


_READABLE_ELSEWHERE: Final[Json] = {
    "Access-Control-Allow-Origin": {"Fn::If": ["AnswerOrigins", "'*'", {"Ref": "AWS::NoValue"}]},
    "Access-Control-Expose-Headers": {
        "Fn::If": ["AnswerOrigins", "'Retry-After, X-Request-Id'", {"Ref": "AWS::NoValue"}]
    },
}
"""Where pages of other origins may read answers, they may read the gateway's own: those hold nobody's data.

The gateway cannot compare an origin with a list, so it names none. Without this header a browser tells a page
only that something failed.
"""


def _gateway_answers() -> dict[str, tuple[int, dict[str, str], str]]:
    """Give status, headers and body of each answer that the gateway makes by itself, as the service would.

    It cannot tell which language is asked for, so it says both. `context.requestId` is a value of its own.
    """
    # Not above: the tables' names are fixed when they are first imported, and the stage is known only now.
    from chalicelib.edge.endpoints import HEADERS, JSON, SHEET_BYTES_MAX  # noqa: PLC0415
    from chalicelib.edge.problems import headers_of, problem_of  # noqa: PLC0415
    from chalicelib.kernel.reasons import error, facts_told_by  # noqa: PLC0415

    facts: Json = {"accepted": JSON, "limit_bytes": SHEET_BYTES_MAX, "retry_after_seconds": 1}
    answers = {}
    for kind, code in _GATEWAY_CODES.items():
        refusal = error(code, **{name: facts[name] for name in facts_told_by(code)})
        chinese, english = (
            problem_of(refusal, request_id="$context.requestId", english=spoken) for spoken in (False, True)
        )
        both = msgspec.structs.replace(
            chinese,
            title=f"{chinese.title} {english.title}",
            detail=f"{chinese.detail} {english.detail}",
        )
        told = {**HEADERS, **headers_of(refusal), "Content-Language": "zh-CN, en"}
        headers = {name: f"'{value}'" for name, value in told.items()}
        headers["X-Request-Id"] = "context.requestId"
        answers[kind] = (both.status, headers, msgspec.json.encode(both).decode())
    return answers


def function_output(function: Function) -> str:
    """Name the output that tells by which name a function is started: its own and its alias's."""
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
        outputs[function_output(function)] = {"Value": {"Fn::Sub": f"${{{logical_id(function)}}}:{ALIAS}"}}
    for table in tables:
        outputs[table.logical_id + "Name"] = {"Value": {"Ref": table.logical_id}}
    for name in BUCKETS:
        outputs[bucket_id(name) + "Name"] = {"Value": {"Ref": bucket_id(name)}}
    for queue in QUEUES:
        outputs[queue_id(queue.name) + "Url"] = {"Value": {"Ref": queue_id(queue.name)}}
    return outputs
