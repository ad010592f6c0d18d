"""Objects in S3: presigned forms and links, reading and writing. Names hold opaque ids only."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client

_READERS = 8
UPLOAD_SECONDS = 900
LINK_SECONDS = 600
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True)
class UploadForm:
    """A form the client posts straight to S3: exact key, type, size and digest."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class StoredObject:
    """What S3 says of an object."""

    size_bytes: int
    sha256_base64: str | None
    content_type: str


def upload_form(
    bucket: str, key: str, *, content_type: str, size_bytes: int, sha256_base64: str
) -> UploadForm:
    """Presign a POST that accepts exactly this object and nothing else, for 15 minutes."""
    fixed = {
        "Content-Type": content_type,
        "x-amz-checksum-algorithm": "SHA256",
        "x-amz-checksum-sha256": sha256_base64,
    }
    conditions: list[Any] = [{name: value} for name, value in fixed.items()]
    conditions.append(["content-length-range", size_bytes, size_bytes])
    made = client("s3").generate_presigned_post(
        bucket, key, Fields=dict(fixed), Conditions=conditions, ExpiresIn=UPLOAD_SECONDS
    )
    return UploadForm(
        url=made["url"],
        fields=made["fields"],
        expires_at=datetime.now(UTC) + timedelta(seconds=UPLOAD_SECONDS),
    )


def link(bucket: str, key: str, *, filename: str | None = None) -> str:
    """Presign a link that reads one object for ten minutes."""
    parameters = {"Bucket": bucket, "Key": key}
    if filename is not None:
        parameters["ResponseContentDisposition"] = f'attachment; filename="{filename}"'
    return str(client("s3").generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_SECONDS))


def read_object(bucket: str, key: str) -> bytes | None:
    """Read a whole object; None if there is none."""
    try:
        return bytes(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise


def write_object(
    bucket: str, key: str, body: bytes, *, content_type: str = "application/octet-stream"
) -> None:
    """Write a whole object."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def write_locked(bucket: str, key: str, body: bytes, *, until: datetime, content_type: str) -> None:
    """Write an object that nobody, whatever their rights, can change or remove before a day."""
    client("s3").put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType=content_type,
        ChecksumAlgorithm="SHA256",  # S3 wants a digest with a lock
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=until,
    )


def read_versions(bucket: str, prefix: str) -> list[bytes]:
    """Read every version of every object under a prefix, several at a time."""
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    found = [(one["Key"], one["VersionId"]) for page in pages for one in page.get("Versions", [])]

    def read(one: tuple[str, str]) -> bytes:
        answer = client("s3").get_object(Bucket=bucket, Key=one[0], VersionId=one[1])
        return bytes(answer["Body"].read())

    if not found:
        return []
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(read, found))


def describe_object(bucket: str, key: str) -> StoredObject | None:
    """Ask S3 for an object's size, digest and type; None if there is none."""
    try:
        found = client("s3").head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    return StoredObject(
        size_bytes=int(found["ContentLength"]),
        sha256_base64=found.get("ChecksumSHA256"),
        content_type=str(found.get("ContentType", "")),
    )
