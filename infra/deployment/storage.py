"""What the service keeps: tables, buckets, queues, the customer key and the generated secrets.

Tables are read off the PynamoDB models, so a table and its template cannot disagree.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from infra.deployment.functions import BUCKETS, FUNCTIONS, PARTNERS, QUEUES, SEEDS, Function, logical_id

Json = dict[str, Any]

LOCAL: Final = "local"
INTAKE_DAYS: Final = 30
FOOTAGE_ONLINE_DAYS: Final = 90
FOOTAGE_RETENTION_YEARS: Final = 5
LANDING_DAYS: Final = 30
_DAY_SECONDS: Final = 86_400
_QUEUE_RETENTION_SECONDS: Final = 4 * _DAY_SECONDS
_DEAD_LETTER_RETENTION_SECONDS: Final = 14 * _DAY_SECONDS
_VISIBILITY_FACTOR: Final = 6
"""AWS asks for a visibility timeout of six times the consumer's own."""


class OtherStage(RuntimeError):
    """The models were imported with another stage's settings; their template would name its tables."""


class TableModel(Protocol):
    """The part of a table's model the template needs."""

    Meta: Any
    streamed: bool
    watched: bool
    ttl_attribute: str | None

    @classmethod
    def _get_schema(cls) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table as the template sees it.

    `name` has no prefix; `generation` is that of restored ones. The audit reads the stream of `audited` ones.
    """

    name: str
    full_name: str
    keys: Json
    streamed: bool
    audited: bool
    ttl_attribute: str | None
    generation: str = ""

    @property
    def logical_id(self) -> str:
        """Give the table's id in the template; a restored one comes beside the first, with another id."""
        return camel(self.name) + "Table" + camel(self.generation)

    @property
    def indexes(self) -> frozenset[str]:
        """Give the names of the table's indexes."""
        found = [*self.keys.get("GlobalSecondaryIndexes", ()), *self.keys.get("LocalSecondaryIndexes", ())]
        return frozenset(index["IndexName"] for index in found)


def camel(name: str) -> str:
    """Write `claim_lines` or `claim-lines` as `ClaimLines`."""
    return "".join(part[:1].upper() + part[1:] for part in name.replace("-", "_").split("_"))


def prefix(stage: str) -> str:
    """Give what every physical name of a stage starts with."""
    return f"voucher-{stage}"


def keep(stage: str) -> str:
    """Tell whether data outlives its stack: always, except on a developer's machine.

    A first deployment that fails takes along what it had made, empty as it is: else the names would be taken
    and no later one could succeed.
    """
    return "Delete" if stage == LOCAL else "RetainExceptOnCreate"


def keep_replaced(stage: str) -> str:
    """Tell whether what was replaced is kept; `UpdateReplacePolicy` knows no exception."""
    return "Delete" if stage == LOCAL else "Retain"


def arn(resource: str) -> Json:
    """Give the ARN of another resource of the template."""
    return {"Fn::GetAtt": [resource, "Arn"]}


def read_table(model: TableModel, stage: str, *, generation: str = "") -> Table:
    """Read a table's definition off its model.

    Raises:
        OtherStage: the model was imported with the settings of another stage.

    """
    schema = model._get_schema()  # noqa: SLF001 - PynamoDB offers no public reader of a model's schema
    definitions = {
        (item["AttributeName"], item["AttributeType"])
        for part in (schema, *schema["global_secondary_indexes"], *schema["local_secondary_indexes"])
        for item in part["attribute_definitions"]
    }
    keys: Json = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in sorted(definitions)
        ],
        "KeySchema": _key_schema(schema["key_schema"]),
    }
    for kind, found in (
        ("GlobalSecondaryIndexes", schema["global_secondary_indexes"]),
        ("LocalSecondaryIndexes", schema["local_secondary_indexes"]),
    ):
        if found:
            keys[kind] = [
                {
                    "IndexName": index["index_name"],
                    "KeySchema": _key_schema(index["key_schema"]),
                    "Projection": index["projection"],
                }
                for index in found
            ]
    full_name: str = model.Meta.table_name
    start = f"{prefix(stage)}-{generation}-" if generation else f"{prefix(stage)}-"
    if not full_name.startswith(start):
        raise OtherStage(f"{full_name} is no table of the stage {stage}")
    return Table(
        name=full_name.removeprefix(start),
        full_name=full_name,
        keys=keys,
        streamed=model.streamed or model.watched,
        audited=model.streamed,
        ttl_attribute=model.ttl_attribute,
        generation=generation,
    )


def _key_schema(keys: Iterable[Mapping[str, str]]) -> list[Json]:
    """Hash key first, as DynamoDB wants it, whatever the order of the attributes in the model."""
    return [
        {"AttributeName": key["AttributeName"], "KeyType": key["KeyType"]}
        for key in sorted(keys, key=lambda key: key["KeyType"])
    ]


def table_resources(tables: Iterable[Table], stage: str) -> Json:
    """Make on-demand tables, encrypted with the customer key, recoverable to any second of 35 days."""
    resources: Json = {}
    for table in tables:
        properties: Json = {
            "TableName": table.full_name,
            **table.keys,
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "DeletionProtectionEnabled": {"Fn::If": ["ProtectData", True, False]},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "DataKey"}},
        }
        if table.streamed:
            properties["StreamSpecification"] = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
        if table.ttl_attribute:
            properties["TimeToLiveSpecification"] = {"AttributeName": table.ttl_attribute, "Enabled": True}
        resources[table.logical_id] = {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": properties,
        }
    return resources


def key_resources(stage: str) -> Json:
    """Make the customer key that encrypts tables, buckets and the personal-data vault."""
    return {
        "DataKey": {
            "Type": "AWS::KMS::Key",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "Description": f"Personal data and tables of {prefix(stage)}",
                "EnableKeyRotation": True,
                "KeyPolicy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "AccountDecidesThroughIam",
                            "Effect": "Allow",
                            "Principal": {
                                "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
                            },
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ],
                },
            },
        },
        "DataKeyAlias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": f"alias/{prefix(stage)}-data", "TargetKeyId": {"Ref": "DataKey"}},
        },
    }


def secret_id(name: str) -> str:
    """Give a secret's id in the template."""
    return camel(name) + "Secret"


def secret_name(name: str, stage: str) -> str:
    """Give a secret's physical name."""
    return f"{prefix(stage)}-{name}"


def secret_resources(stage: str) -> Json:
    """Make the seeds of the service's own keys, born in the account; and keep the partners' keys."""
    return {
        secret_id(name): {
            "Type": "AWS::SecretsManager::Secret",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "Name": secret_name(name, stage),
                "KmsKeyId": {"Ref": "DataKey"},
                "GenerateSecretString": {
                    "SecretStringTemplate": "{}",
                    "GenerateStringKey": "seed",
                    "PasswordLength": 64,
                    "ExcludeCharacters": string.punctuation,
                    "ExcludePunctuation": True,
                },
            },
        }
        for name in SEEDS
    } | {
        secret_id(PARTNERS): {
            "Type": "AWS::SecretsManager::Secret",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "Name": secret_name(PARTNERS, stage),
                "KmsKeyId": {"Ref": "DataKey"},
                "SecretString": {"Fn::Sub": '{"card": ${CardJwks}, "platform": ${PlatformJwks}}'},
            },
        }
    }


def bucket_id(name: str) -> str:
    """Give a bucket's id in the template."""
    return camel(name) + "Bucket"


def bucket_name(name: str, stage: str) -> Json:
    """Give a bucket's physical name; the account makes it unique."""
    return {"Fn::Sub": f"{prefix(stage)}-{name}-${{AWS::AccountId}}"}


def bucket_resources(stage: str) -> Json:
    """Make `intake` for uploads that are read once, `evidence` for footage that nobody may change."""
    resources: Json = {}
    for name in BUCKETS:
        resources[bucket_id(name)] = {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "BucketName": bucket_name(name, stage),
                **_BUCKET_DEFAULTS,
                **(_EVIDENCE if name == "evidence" else _INTAKE),
                "LoggingConfiguration": _log_setting(name, stage),
            },
        }
        resources[bucket_id(name) + "Policy"] = _tls_only(name)
    return resources


def _log_setting(name: str, stage: str) -> Json:
    """Give a bucket's setting: its accesses into another bucket of the same region, if there is one."""
    on = {"DestinationBucketName": {"Ref": "BucketLogs"}, "LogFilePrefix": f"voucher-{stage}/{name}/"}
    return {"Fn::If": ["WriteBucketLogs", on, {"Ref": "AWS::NoValue"}]}


_BUCKET_DEFAULTS: Final[Json] = {
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms",
                    "KMSMasterKeyID": {"Fn::GetAtt": ["DataKey", "Arn"]},
                },
            }
        ]
    },
    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    "CorsConfiguration": {
        "CorsRules": [
            {
                "AllowedMethods": ["POST", "PUT", "GET"],
                "AllowedOrigins": [{"Ref": "UploadOrigin"}],
                "AllowedHeaders": ["*"],
                "ExposedHeaders": ["ETag"],
                "MaxAge": 3600,
            }
        ]
    },
}

ABORT_UNFINISHED: Final[Json] = {
    "Id": "abort-unfinished",
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
}

_INTAKE: Final[Json] = {
    "LifecycleConfiguration": {
        "Rules": [
            {"Id": "forget-uploads", "Status": "Enabled", "ExpirationInDays": INTAKE_DAYS},
            {"Id": "forget-errors", "Status": "Enabled", "Prefix": "error-sheets/", "ExpirationInDays": 1},
            ABORT_UNFINISHED,
        ]
    }
}

_EVIDENCE: Final[Json] = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "ObjectLockEnabled": True,
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        # Until registration locks it for the policy's years: a longer default could not be shortened.
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": LANDING_DAYS}},
    },
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "archive-footage",
                "Status": "Enabled",
                "Prefix": "footage/",
                "Transitions": [{"StorageClass": "GLACIER_IR", "TransitionInDays": FOOTAGE_ONLINE_DAYS}],
                "NoncurrentVersionTransitions": [
                    {"StorageClass": "GLACIER_IR", "TransitionInDays": FOOTAGE_ONLINE_DAYS}
                ],
            },
            {
                # What is locked for longer, or held, outlives this.
                "Id": "forget",
                "Status": "Enabled",
                "ExpirationInDays": FOOTAGE_RETENTION_YEARS * 366,
                "NoncurrentVersionExpiration": {"NoncurrentDays": FOOTAGE_RETENTION_YEARS * 366},
            },
            ABORT_UNFINISHED,
        ]
    },
}


def _tls_only(name: str) -> Json:
    bucket = arn(bucket_id(name))
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": bucket_id(name)},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "RefusePlainHttp",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [bucket, {"Fn::Join": ["/", [bucket, "*"]]}],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    }


def queue_id(name: str) -> str:
    """Give a work queue's id in the template."""
    return camel(name) + "Queue"


def dead_letters_id(function: Function) -> str:
    """Give the id of the queue that keeps what a function could not do."""
    return logical_id(function) + "DeadLetters"


def has_dead_letters(function: Function) -> bool:
    """Tell whether anything starts the function without waiting for its answer."""
    return bool(function.schedule or function.queue or function.bucket or function.streams)


def queue_resources(stage: str) -> Json:
    """Make the work queues and, for every function that nobody waits for, a dead-letter queue."""
    resources: Json = {}
    for function in FUNCTIONS:
        if has_dead_letters(function):
            resources[dead_letters_id(function)] = {
                "Type": "AWS::SQS::Queue",
                "DeletionPolicy": keep(stage),
                "UpdateReplacePolicy": keep_replaced(stage),
                "Properties": {
                    "QueueName": f"{prefix(stage)}-{function.name}-dead",
                    "MessageRetentionPeriod": _DEAD_LETTER_RETENTION_SECONDS,
                    "SqsManagedSseEnabled": True,
                },
            }
    consumers = {function.queue.name: function for function in FUNCTIONS if function.queue}
    for queue in QUEUES:
        consumer = consumers[queue.name]
        resources[queue_id(queue.name)] = {
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": keep(stage),
            "UpdateReplacePolicy": keep_replaced(stage),
            "Properties": {
                "QueueName": f"{prefix(stage)}-{queue.name}",
                "VisibilityTimeout": consumer.timeout_seconds * _VISIBILITY_FACTOR,
                "MessageRetentionPeriod": _QUEUE_RETENTION_SECONDS,
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": {
                    "deadLetterTargetArn": arn(dead_letters_id(consumer)),
                    "maxReceiveCount": queue.attempts,
                },
            },
        }
    return resources
