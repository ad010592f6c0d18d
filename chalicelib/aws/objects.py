"""Objects in S3: presigned forms and links, reading and writing. Names hold opaque ids only."""

import base64
import contextlib
import contextvars
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import client
from chalicelib.kernel.reasons import error

Result = TypeVar("Result")

_READERS = 8
ERROR_SHEETS = "error-sheets"
"""Where uploaded sheets are given back with what is wrong in them; forgotten after a day."""
_AT_ONCE = 32
READ_BYTES_MAX = 32 * 1024**2
UPLOAD_SECONDS = 900
LINK_SECONDS = 600
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


@contextlib.contextmanager
def asking() -> Iterator[Any]:
    """Give the client; what S3 does not answer now may be asked again.

    Raises:
        Unavailable: S3 did not answer, or refused; repeating is safe.

    """
    try:
        yield client("s3")
    except (BotoCoreError, ClientError) as failure:
        raise error("try_again") from failure


def _as_here(act: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Let the threads of a pool know what this one knows: how long a request may still ask."""
    here = contextvars.copy_context()
    return lambda item: here.copy().run(act, item)


@dataclass(frozen=True)
class UploadForm:
    """A form the client posts straight to S3: exact key, type, size and digest."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class StoredObject:
    """What S3 says of an object; of one that came in parts it knows no digest of the whole."""

    size_bytes: int
    sha256_base64: str | None
    content_type: str
    version: str
    retained_until: datetime | None


@dataclass(frozen=True)
class ObjectVersion:
    """One version of one object."""

    key: str
    version: str


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
    form = client("s3").generate_presigned_post(
        bucket, key, Fields=dict(fixed), Conditions=conditions, ExpiresIn=UPLOAD_SECONDS
    )
    return UploadForm(
        url=form["url"],
        fields=form["fields"],
        expires_at=datetime.now(UTC) + timedelta(seconds=UPLOAD_SECONDS),
    )


def link(bucket: str, key: str, *, version: str | None = None, filename: str | None = None) -> str:
    """Presign a link that reads one object, or one version of it, for ten minutes."""
    parameters = {"Bucket": bucket, "Key": key}
    if version is not None:
        parameters["VersionId"] = version
    if filename is not None:
        parameters["ResponseContentDisposition"] = f'attachment; filename="{filename}"'
    return str(client("s3").generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_SECONDS))


@functools.lru_cache(maxsize=4)
def origin_of(bucket: str, folder: str) -> str:
    """Tell the origin of a bucket's links and forms: what a page has to be allowed to speak to."""
    address = urlsplit(link(bucket, f"{folder}/any"))
    return f"{address.scheme}://{address.netloc}"


def _named(bucket: str, key: str, version: str | None) -> dict[str, str]:
    name = {"Bucket": bucket, "Key": key}
    return name if version is None else {**name, "VersionId": version}


def read_object(bucket: str, key: str, version: str | None = None) -> bytes | None:
    """Read a whole object, or one version of it; None if there is none."""
    try:
        return bytes(client("s3").get_object(**_named(bucket, key, version))["Body"].read())
    except ClientError as failure:
        if failure.response["Error"]["Code"] in _MISSING:
            return None
        raise


def read_range(bucket: str, key: str, version: str, *, start: int, length: int) -> bytes:
    """Read a part of one version of an object.

    Raises:
        Unavailable: S3 did not answer, or refused; repeating is safe.

    """
    with asking() as s3:
        wanted = f"bytes={start}-{start + length - 1}"
        answer = s3.get_object(**_named(bucket, key, version), Range=wanted)
        body = bytes(answer["Body"].read())
    whole = "ContentRange" not in answer  # a server may pass over `Range` (RFC 9110, 14.2), as locally
    return body[start : start + length] if whole else body


def write_object(
    bucket: str, key: str, body: bytes, *, content_type: str = "application/octet-stream"
) -> None:
    """Write a whole object."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def read_objects(bucket: str, keys: Iterable[str]) -> Iterator[bytes | None]:
    """Read whole objects in this order, several at a time; None for one that is not there."""
    left = iter(keys)
    with ThreadPoolExecutor(_READERS) as pool:
        while some := list(itertools.islice(left, _AT_ONCE)):
            yield from pool.map(_as_here(lambda key: read_object(bucket, key)), some)


def write_objects(bucket: str, bodies: Iterable[tuple[str, bytes]]) -> None:
    """Write whole objects, given as (key, body), several at a time; few are held in memory."""
    left = iter(bodies)
    with ThreadPoolExecutor(_READERS) as pool:
        while some := list(itertools.islice(left, _AT_ONCE)):
            list(pool.map(_as_here(lambda item: write_object(bucket, *item)), some))


def write_locked(
    bucket: str,
    key: str,
    body: bytes,
    *,
    until: datetime,
    content_type: str,
    mode: Literal["COMPLIANCE", "GOVERNANCE"] = "COMPLIANCE",
) -> None:
    """Write an object that nobody can change or remove before a day.

    COMPLIANCE binds everybody, whatever their rights; GOVERNANCE all but those with the right to bypass.

    Raises:
        Unavailable: S3 did not answer, or refused; repeating is safe.

    """
    with asking() as s3:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",  # S3 wants a digest with a lock
            ObjectLockMode=mode,
            ObjectLockRetainUntilDate=until,
        )


def write_next(
    bucket: str, key: str, body: bytes, *, until: datetime, content_type: str, held: bool = False
) -> bool:
    """Write a locked object unless there is one of this name already; False if there is.

    S3 decides between writers that come together: exactly one of them is told True. A writer whose answer
    was lost is told False, and finds its own bytes there.
    """
    try:
        client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
            ObjectLockLegalHoldStatus="ON" if held else "OFF",
            IfNoneMatch="*",
        )
    except ClientError as failure:
        if failure.response["Error"]["Code"] in _TAKEN:
            return False
        raise error("try_again") from failure
    except BotoCoreError as failure:
        raise error("try_again") from failure
    return True


def retain(bucket: str, version: ObjectVersion, *, until: datetime) -> None:
    """Keep a version until a day; only somebody with the right to bypass may end that earlier."""
    with asking() as s3:
        s3.put_object_retention(
            Bucket=bucket,
            Key=version.key,
            VersionId=version.version,
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
        )


def hold(bucket: str, versions: Sequence[ObjectVersion], *, held: bool) -> None:
    """Put versions under legal hold, or release them, several at a time."""
    with asking() as s3, ThreadPoolExecutor(_READERS) as pool:

        def put(version: ObjectVersion) -> None:
            s3.put_object_legal_hold(
                Bucket=bucket,
                Key=version.key,
                VersionId=version.version,
                LegalHold={"Status": "ON" if held else "OFF"},
            )

        list(pool.map(_as_here(put), versions))


def keys_under(bucket: str, prefix: str, *, after: str | None, limit: int) -> tuple[list[str], str | None]:
    """List names under a prefix in their order, some at a time, and after which one to go on.

    Of versions, not of what is in front: what a rule of the bucket has put out of sight, a lock still keeps.
    """
    onwards = {"KeyMarker": after} if after is not None else {}
    with asking() as s3:
        listed = s3.list_object_versions(Bucket=bucket, Prefix=prefix, MaxKeys=limit, **onwards)
    names = list(dict.fromkeys(version["Key"] for version in listed.get("Versions", [])))
    return names, listed["NextKeyMarker"] if listed["IsTruncated"] else None


def last_key(bucket: str, prefix: str) -> str | None:
    """Give the last name, in order of names, under a prefix."""
    with asking() as s3:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return max((item["Key"] for page in pages for item in page.get("Contents", [])), default=None)


def versions_under(bucket: str, prefix: str) -> list[ObjectVersion]:
    """List every version of every object under a prefix; of one object the newest comes first."""
    with asking() as s3:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        listed = (item for page in pages for item in page.get("Versions", []))
        return [ObjectVersion(item["Key"], item["VersionId"]) for item in listed]


def read_versions(bucket: str, prefix: str) -> list[bytes]:
    """Read every version of every object under a prefix, several at a time."""
    versions = versions_under(bucket, prefix)

    def read(version: ObjectVersion) -> bytes:
        answer = client("s3").get_object(**_named(bucket, version.key, version.version))
        return bytes(answer["Body"].read())

    if not versions:
        return []
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(_as_here(read), versions))


def describe_object(bucket: str, key: str, version: str | None = None) -> StoredObject | None:
    """Ask S3 for the size, digest and type of an object, or of one version of it; None if there is none."""
    try:
        head = client("s3").head_object(**_named(bucket, key, version), ChecksumMode="ENABLED")
    except ClientError as failure:
        if failure.response["Error"]["Code"] in _MISSING:
            return None
        raise
    in_parts = "-" in head["ETag"] or head.get("ChecksumType") == "COMPOSITE"
    return StoredObject(
        size_bytes=int(head["ContentLength"]),
        sha256_base64=None if in_parts else head.get("ChecksumSHA256"),
        content_type=str(head.get("ContentType", "")),
        version=str(head.get("VersionId", "null")),
        retained_until=head.get("ObjectLockRetainUntilDate"),
    )


def digest_of(
    bucket: str, key: str, stored: StoredObject, *, read_bytes_most: int = READ_BYTES_MAX
) -> str | None:
    """Give the SHA-256 of an object in hexadecimal: the one that S3 verified when it was uploaded.

    Where S3 knows none of the whole, because it came in parts or the store forgets it on form uploads, its
    bytes are read through, unless they are more than `read_bytes_most`: then nobody knows it.
    """
    if stored.sha256_base64 is not None:
        return base64.b64decode(stored.sha256_base64, validate=True).hex()
    return _read_digest(bucket, key, stored) if stored.size_bytes <= read_bytes_most else None


def _read_digest(bucket: str, key: str, stored: StoredObject) -> str | None:
    """Read an object through, a megabyte at a time."""
    found = hashlib.sha256()
    try:
        body = client("s3").get_object(**_named(bucket, key, stored.version))["Body"]
        for piece in body.iter_chunks(1024**2):
            found.update(piece)
    except ClientError as failure:
        if failure.response["Error"]["Code"] in _MISSING:
            return None
        raise
    except BotoCoreError as failure:  # the stream broke off
        raise error("try_again") from failure
    return found.hexdigest()
