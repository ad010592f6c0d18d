"""Look for personal data in the clear wherever the service leaves anything: `python -m infra.privacy_scan`.

Walked are all tables and streams, the names of all objects and the text of those that are ours, queues with
their dead letters, and logs. Reported is every valid ID number, mobile number and bank account number that
stands in a text, also inside nested JSON, gzip or one layer of base64. The report names the place, never the
number.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import os
import re
import sys
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.client import BaseClient

_ALONE: Final = (r"(?<![0-9A-Za-z])(?<![0-9]\.)", r"(?![0-9A-Za-z])")
"""Not inside a longer number, a digest or the digits after a point."""
_DIGITS: Final = re.compile(
    _ALONE[0]
    + r"(?:\d{17}[\dXx]|(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
    + r"|62\d{2}(?:[ -]?\d{4}){3}(?:[ -]?\d{1,3})?)"
    + _ALONE[1],
    re.ASCII,
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}", re.ASCII)
_MOBILE: Final = re.compile(r"1[3-9]\d{9}", re.ASCII)
_CARD: Final = re.compile(r"62\d{14,17}", re.ASCII)
_GZIP: Final = b"\x1f\x8b"
_TEXT_BYTES_MAX: Final = 20_000_000
_BASE64_CHARS_MAX: Final = 200_000

SHOWN_TO_PEOPLE: Final = (
    re.compile(r"imports/[^/]+/upload"),
    re.compile(r"imports/[^/]+/errors"),
    re.compile(r"error-sheets/sht_[a-z0-9]+\.(csv|xlsx)"),
    re.compile(r"payments/[^/]+/[^/]+\.(csv|xlsx)"),
)
"""Objects that are made for people who need the numbers, in a bucket that forgets them after thirty days: the
list as it was uploaded, a list with its errors, the bank's payment file. Only their names are read."""
FOOTAGE: Final = re.compile(r"footage/.*")
PUBLIC_PHONES: Final = frozenset({("institutions", "phone")})
"""An institution's own number is published with its address (step 2 of the notice)."""


def is_published(table: str, attribute: str, row: Mapping[str, Any]) -> bool:
    """Tell whether a phone there is an institution's own: in its row, or in what the platform is told."""
    told = table == "deliveries" and attribute == "body"
    of_institution = str(row.get("event", {}).get("S", "")).startswith("institution.")
    return (table, attribute) in PUBLIC_PHONES or (told and of_institution)


@dataclass(frozen=True)
class Found:
    """One number in the clear: what kind, and where."""

    kind: str
    place: str


@dataclass
class Report:
    """What a scan found, and how much it read."""

    found: list[Found] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)

    def look(self, place: str, value: object, *, known: Collection[str] = (), but: str | None = None) -> None:
        """Look into a value; `but` names a kind that may stand here."""
        for kind in kinds_in(value, known=known):
            if kind != but:
                self.found.append(Found(kind, place))

    def count(self, what: str, number: int = 1) -> None:
        """Count what was read."""
        self.read[what] = self.read.get(what, 0) + number


def kinds_in(value: object, *, known: Collection[str] = ()) -> set[str]:
    """Tell which kinds of personal numbers stand in a value: `id_number`, `phone`, `bank_account`.

    `known` are account numbers of organisations: they have no public check digit, so only those that the
    caller knows can be told from other digits.
    """
    found: set[str] = set()
    for text in _texts(value, deep=True):
        for number in _numbers(text):
            found |= _kind_of(number)
        found |= {"bank_account" for number in known if number in text}
    return found


def _numbers(text: str) -> Iterator[str]:
    for match in _DIGITS.finditer(text):
        yield re.sub(r"[ -]", "", match.group()).upper()


def _kind_of(number: str) -> set[str]:
    from stdnum import luhn  # noqa: PLC0415 - only where a number is seen

    from chalicelib.kernel.identity import InvalidIdentity, parse_id_number  # noqa: PLC0415

    bare = re.sub(r"^\+?86(?=1\d{10}$)", "", number)
    if _MOBILE.fullmatch(bare):
        return {"phone"}
    if _CARD.fullmatch(number) and luhn.is_valid(number):
        return {"bank_account"}
    try:
        parse_id_number(number)
    except InvalidIdentity:
        return set()
    return {"id_number"}


def _texts(value: object, *, deep: bool) -> Iterator[str]:
    """Give every text of a value; JSON inside texts is opened, and base64 once."""
    match value:
        case dict():
            for part in [*value.keys(), *value.values()]:
                yield from _texts(part, deep=deep)
        case list() | tuple() | set():
            for part in value:
                yield from _texts(part, deep=deep)
        case bytes():
            yield from _texts(_unpacked(value).decode("utf-8", "replace"), deep=deep)
        case _ if isinstance(getattr(value, "value", None), bytes):  # a store's own kind of bytes
            yield from _texts(value.value, deep=deep)  # type: ignore[attr-defined]
        case str():
            yield from _texts_in(value, deep=deep)
        case _:
            yield str(value)


def _unpacked(value: bytes) -> bytes:
    if not value.startswith(_GZIP):
        return value
    try:
        return gzip.decompress(value)
    except (OSError, EOFError, zlib.error):
        return value


def _texts_in(text: str, *, deep: bool) -> Iterator[str]:
    yield text
    if text[:1] in ("[", "{", '"'):
        try:
            inner = json.loads(text)
        except ValueError:
            inner = text
        if inner != text:
            yield from _texts(inner, deep=deep)
    if deep:
        yield from _decoded(text)


def _decoded(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text[:_BASE64_CHARS_MAX]):
        body = match.group().rstrip("=")
        for alphabet in (None, b"-_"):
            try:
                raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=alphabet, validate=True)
            except (binascii.Error, ValueError):
                continue
            yield from _texts(raw.decode("utf-8", "replace"), deep=False)


# --------------------------------------------------------------------------- the places


def scan_tables(report: Report, client: Callable[[str], BaseClient], *, known: Collection[str] = ()) -> None:
    """Read every item of every table."""
    from boto3.dynamodb.types import TypeDeserializer  # noqa: PLC0415

    dynamodb: Any = client("dynamodb")
    plain = TypeDeserializer().deserialize
    for page in dynamodb.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            short = table.split("-", 2)[-1]
            for items in dynamodb.get_paginator("scan").paginate(TableName=table):
                for item in items["Items"]:
                    report.count("items")
                    for name, value in item.items():
                        public = is_published(short, name, item)
                        place = f"table {table}, attribute {name}"
                        report.look(place, plain(value), known=known, but="phone" if public else None)


def scan_streams(report: Report, client: Callable[[str], BaseClient], *, known: Collection[str] = ()) -> None:
    """Read every record of every stream that is still there."""
    streams: Any = client("dynamodbstreams")
    for stream in streams.list_streams().get("Streams", []):
        table = stream["TableName"].split("-", 2)[-1]
        described = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
        for shard in described.get("Shards", []):
            iterator = streams.get_shard_iterator(
                StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                answer = streams.get_records(ShardIterator=iterator)
                for record in answer["Records"]:
                    report.count("stream records")
                    for image in ("Keys", "OldImage", "NewImage"):
                        row = record["dynamodb"].get(image, {})
                        for name, value in row.items():
                            public = is_published(table, name, row)
                            report.look(
                                f"stream of {stream['TableName']}, attribute {name}",
                                value,
                                known=known,
                                but="phone" if public else None,
                            )
                iterator = answer.get("NextShardIterator") if answer["Records"] else None


def scan_objects(report: Report, client: Callable[[str], BaseClient], *, known: Collection[str] = ()) -> None:
    """Read every object's name, and the text of those not made for people who need the numbers."""
    s3: Any = client("s3")
    for bucket in (one["Name"] for one in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for one in page.get("Contents", []):
                key = one["Key"]
                report.count("objects")
                report.look(f"name of an object in {bucket}", key, known=known)
                exempt = FOOTAGE.fullmatch(key) or any(kind.fullmatch(key) for kind in SHOWN_TO_PEOPLE)
                if exempt or one["Size"] > _TEXT_BYTES_MAX or key.endswith(".zip"):
                    continue
                report.count("objects read")
                for text in _texts_of_object(s3.get_object(Bucket=bucket, Key=key)["Body"].read()):
                    report.look(f"object {bucket}/{key}", text, known=known)


def _texts_of_object(raw: bytes) -> Iterator[str]:
    if raw[:2] != b"PK":
        yield raw.decode("utf-8", "replace")
        return
    with zipfile.ZipFile(io.BytesIO(raw)) as workbook:
        for name in workbook.namelist():
            yield re.sub(r"<[^>]*>", "\n", workbook.read(name).decode("utf-8", "replace"))


def scan_queues(report: Report, client: Callable[[str], BaseClient], *, known: Collection[str] = ()) -> None:
    """Receive what waits in every queue and dead-letter queue, and let it go again at once."""
    sqs: Any = client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        seen: set[str] = set()
        while True:
            taken = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30, MessageAttributeNames=["All"]
            ).get("Messages", [])
            fresh = [one for one in taken if one["MessageId"] not in seen]
            for one in fresh:
                report.count("messages")
                report.look(
                    f"queue {url.rsplit('/', 1)[-1]}",
                    [one["Body"], one.get("MessageAttributes")],
                    known=known,
                )
            if not fresh:
                break
            seen |= {one["MessageId"] for one in fresh}


def scan_emulated_queues(report: Report, endpoint: str, *, known: Collection[str] = ()) -> None:
    """Read the queues of the local cloud without receiving, those in flight too."""
    with urllib.request.urlopen(f"{endpoint}/_ministack/sqs/messages", timeout=10) as answer:  # noqa: S310
        found = json.loads(answer.read())
    report.count("queue listings")
    report.look("queues of the local cloud", found, known=known)


def scan_logs(report: Report, client: Callable[[str], BaseClient], *, known: Collection[str] = ()) -> None:
    """Read every log event."""
    logs: Any = client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for events in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in events["events"]:
                    report.count("log events")
                    report.look(f"log {name}", event["message"], known=known)


def scan_files(report: Report, files: Iterable[Path], *, known: Collection[str] = ()) -> None:
    """Read log files."""
    for path in files:
        for line in path.read_text(errors="replace").splitlines():
            report.count("log lines")
            report.look(f"file {path.name}", line, known=known)


def scan(
    client: Callable[[str], BaseClient],
    *,
    streams: bool = True,
    logs: bool = True,
    endpoint: str | None = None,
    files: Iterable[Path] = (),
    known: Collection[str] = (),
) -> Report:
    """Look everywhere; `client` gives the boto3 client of a service, `known` are account numbers in use."""
    report = Report()
    scan_tables(report, client, known=known)
    scan_objects(report, client, known=known)
    scan_files(report, files, known=known)
    if streams:
        scan_streams(report, client, known=known)
    if logs:
        scan_logs(report, client, known=known)
    if endpoint is not None:
        scan_emulated_queues(report, endpoint, known=known)
    else:
        scan_queues(report, client, known=known)
    return report


def scan_local_stack(folder: Path | None = None) -> Report:
    """Look everywhere in the local stack: its cloud, and the log files in its folder.

    Raises:
        FileNotFoundError: there is no stack in the folder.

    """
    import boto3  # noqa: PLC0415 - `infra.demo` calls the scanner only at its end

    from infra.local import catalogue  # noqa: PLC0415
    from infra.local.layout import FOLDER, REGION  # noqa: PLC0415

    home = folder or FOLDER
    facts = json.loads((home / "stack.json").read_text())
    endpoint = facts["aws_endpoint_url"]

    def client(service: str) -> BaseClient:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=facts.get("region", REGION),
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local cloud's
        )

    known = {entry["bank_account"]["number"] for entry in catalogue.INSTITUTIONS}
    return scan(client, endpoint=endpoint, files=sorted(home.glob("*.log")), known=known)


def main() -> int:
    """Scan the local stack, tell how much was read, and fail if anything was found."""
    report = scan_local_stack(Path(os.environ["LOCAL_FOLDER"]) if "LOCAL_FOLDER" in os.environ else None)
    print("read:", ", ".join(f"{number:,} {what}" for what, number in sorted(report.read.items())))
    for place, number in sorted({one: report.found.count(one) for one in report.found}.items(), key=str):
        print(f"FOUND {place.kind} in {place.place} ({number} times)")
    print("personal data in the clear:", len(report.found))
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(main())
