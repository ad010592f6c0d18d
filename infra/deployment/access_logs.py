"""Access logs of the API and of the buckets: off unless asked for, and without anybody's data."""

from __future__ import annotations

import json
from typing import Final

from chalicelib.aws import metrics
from chalicelib.aws.metrics import NAMESPACE, STAGE_DIMENSION
from infra.deployment.storage import Json, keep, keep_replaced

ACCESS_LOG_DAYS: Final = 180
ACCESS_LOG_FIELDS: Final = {
    "at": "$context.requestTime",
    "request_id": "$context.requestId",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "ms": "$context.responseLatency",
    "error": "$context.error.responseType",
}
"""What is written of a request; `resource` is the pattern of its path.

Not the path itself, the query string or the user: they name things and people. Nor the address it came
from, which is personal data (Personal Information Protection Law, article 4) and which nobody needs here:
guessing of passwords is counted by a keyed digest of the address (`accounts/sign_in/attempts`).
"""


def access_log_parameters() -> Json:
    """Declare whether the API's access log is written, and whether the account's role for it is made here."""
    return {
        "AccessLogs": {
            "Type": "String",
            "AllowedValues": ["off", "on", "on-with-role"],
            "Default": "off",
            "Description": (
                "Write the API's access log. API Gateway has one role for it in an account and region: "
                "on needs it to be set already, on-with-role makes and sets it"
            ),
        },
        "BucketLogs": {
            "Type": "String",
            "Default": "",
            "Description": "Bucket that takes the access logs of the buckets; without one, none are written",
        },
    }


def access_log_conditions() -> Json:
    """Give the conditions on those parameters."""
    return {
        "WriteAccessLogs": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AccessLogs"}, "off"]}]},
        "MakeGatewayRole": {"Fn::Equals": [{"Ref": "AccessLogs"}, "on-with-role"]},
        "WriteBucketLogs": {"Fn::Not": [{"Fn::Equals": [{"Ref": "BucketLogs"}, ""]}]},
    }


def access_log_setting(stage: str) -> Json:
    """Give the API's setting: one JSON object a request."""
    log_format = json.dumps({"stage": stage, **ACCESS_LOG_FIELDS})
    on = {"DestinationArn": {"Fn::GetAtt": ["AccessLog", "Arn"]}, "Format": log_format}
    return {"Fn::If": ["WriteAccessLogs", on, {"Ref": "AWS::NoValue"}]}


def access_log_resources(stage: str) -> Json:
    """Make the log group, the count of refusals for pace in it, and the role that writes it if asked to."""
    return {
        "AccessLog": {
            # Always there: kept when logging is switched off, it could not be made again when switched on.
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "LogGroupName": f"/aws/apigateway/voucher-{stage}",
                "RetentionInDays": ACCESS_LOG_DAYS,
            },
        },
        "AccessLogThrottled": {
            "Type": "AWS::Logs::MetricFilter",
            "Condition": "WriteAccessLogs",
            "Properties": {
                "LogGroupName": {"Ref": "AccessLog"},
                "FilterPattern": '{ $.status = "429" }',
                "MetricTransformations": [
                    {
                        "MetricNamespace": NAMESPACE,
                        "MetricName": metrics.REQUESTS_THROTTLED.name,
                        "MetricValue": "1",
                        "Unit": metrics.REQUESTS_THROTTLED.unit,
                        "Dimensions": [{"Key": STAGE_DIMENSION, "Value": "$.stage"}],
                    }
                ],
            },
        },
        "GatewayLogRole": {
            "Type": "AWS::IAM::Role",
            "Condition": "MakeGatewayRole",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "apigateway.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [],
                "ManagedPolicyArns": [
                    {
                        "Fn::Sub": (
                            "arn:${AWS::Partition}:iam::aws:policy/service-role/"
                            "AmazonAPIGatewayPushToCloudWatchLogs"
                        )
                    }
                ],
            },
        },
        "GatewayAccount": {
            "Type": "AWS::ApiGateway::Account",
            "Condition": "MakeGatewayRole",
            "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["GatewayLogRole", "Arn"]}},
        },
    }
