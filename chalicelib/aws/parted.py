"""Uploads in parts: what breaks off goes on where it stopped, part by part, until the whole is put together.

S3 itself says what has arrived, so nothing of it is stored beside. Each part's link takes these very bytes
and no others: its length and its SHA-256 are signed. Of a whole that came in parts S3 knows a digest of
digests only (`digest_of`, which reads it instead).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client
from chalicelib.aws.objects import UPLOAD_SECONDS, asking

PART_BYTES: Final = 8 * 1024**2
"""S3 takes no smaller parts than 5 MiB and no more than 10,000; on 1 Mbit/s this one takes a minute."""
_GONE: Final = frozenset({"NoSuchUpload", "404", "NotFound"})


@dataclass(frozen=True)
class PartedUpload:
    """An upload under way: its id, and the bytes of each part that has arrived."""

    id: str
    arrived: Mapping[int, int]


@dataclass(frozen=True)
class PartLink:
    """Where to PUT one part, and the headers it has to be sent with, for 15 minutes."""

    number: int
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


def count_of(size_bytes: int) -> int:
    """Tell in how many parts an object of this size comes."""
    return max(1, -(-size_bytes // PART_BYTES))


def length_of(size_bytes: int, number: int) -> int:
    """Tell how many bytes a part has; the first is number 1, the last one has what is left."""
    return min(PART_BYTES, size_bytes - (number - 1) * PART_BYTES)


def under_way(bucket: str, key: str) -> PartedUpload | None:
    """Give the upload of an object that is under way, the first one begun; None if there is none.

    Raises:
        Unavailable: S3 did not answer; repeating is safe.

    """
    with asking() as s3:
        listed = s3.list_multipart_uploads(Bucket=bucket, Prefix=key)
        begun = [one for one in listed.get("Uploads", ()) if one["Key"] == key]
        if not begun:
            return None
        upload_id = str(min(begun, key=lambda one: (one["Initiated"], one["UploadId"]))["UploadId"])
        pages = s3.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
        parts = [part for page in pages for part in page.get("Parts", ())]
    return PartedUpload(upload_id, {int(part["PartNumber"]): int(part["Size"]) for part in parts})


def begin(bucket: str, key: str, *, content_type: str) -> PartedUpload:
    """Give the upload under way, or begin one. Of two that begin it at once both get the first.

    Raises:
        Unavailable: S3 did not answer; repeating is safe.

    """
    standing = under_way(bucket, key)
    if standing is not None:
        return standing
    with asking() as s3:
        s3.create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=content_type, ChecksumAlgorithm="SHA256"
        )
    return under_way(bucket, key) or begin(bucket, key, content_type=content_type)


def part_link(
    bucket: str, key: str, upload: PartedUpload, *, number: int, size_bytes: int, sha256_base64: str
) -> PartLink:
    """Presign the PUT of exactly this part of an object of so many bytes."""
    told = {
        "Bucket": bucket,
        "Key": key,
        "UploadId": upload.id,
        "PartNumber": number,
        "ContentLength": length_of(size_bytes, number),
        "ChecksumSHA256": sha256_base64,
    }
    url = client("s3").generate_presigned_url("upload_part", Params=told, ExpiresIn=UPLOAD_SECONDS)
    expires_at = datetime.now(UTC) + timedelta(seconds=UPLOAD_SECONDS)
    return PartLink(number, str(url), {"x-amz-checksum-sha256": sha256_base64}, expires_at)


def missing(upload: PartedUpload | None, size_bytes: int) -> Sequence[int]:
    """Name the parts of an object that have not arrived whole."""
    arrived = upload.arrived if upload is not None else {}
    numbers = range(1, count_of(size_bytes) + 1)
    return [number for number in numbers if arrived.get(number) != length_of(size_bytes, number)]


def put_together(bucket: str, key: str, upload: PartedUpload) -> bool:
    """Make the object of its parts; False if the upload is over already, by another's hand or a lost answer.

    Raises:
        Unavailable: S3 did not answer; repeating is safe.

    """
    with asking() as s3:
        pages = s3.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload.id)
        try:
            parts: list[Any] = [part for page in pages for part in page.get("Parts", ())]
            named = [
                {name: part[name] for name in ("ETag", "PartNumber", "ChecksumSHA256") if name in part}
                for part in parts
            ]
            s3.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload.id, MultipartUpload={"Parts": named}
            )
        except ClientError as failure:
            if failure.response["Error"]["Code"] in _GONE:
                return False
            raise
    return True
