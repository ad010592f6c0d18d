"""The running local stack as a place for races: a state is put there, raced on, and read back.

While it is lent, no queue and no stream is worked on it: what an operation left for them is what it left. What stood
there is put back at the end, and no consumer hears of either.
"""

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import urllib3

from infra.demo.client import Service
from tests.proof.soak.__main__ import workers_of_the_stack

Items = dict[str, dict[str, dict[str, Any]]]
"""Table, hash key, range key: the item as DynamoDB writes it in JSON."""
NO_RANGE_KEY = "__no_sort__"
WRITTEN_AT_ONCE = 25
NOTHING_FITS = {"Filters": [{"Pattern": '{"eventName": ["NONE"]}'}]}
PASSED_BY_SECONDS = 4
"""Far above what a poller takes to let all pass that it is not asked for."""
NOT_IN_MEMORY = ("KMS", "S3", "SECRETS_MANAGER")
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=x"
)


class RunningStack:
    """The stack of `stack.json`."""

    def __init__(self, facts: Mapping[str, Any], clients: int) -> None:
        self.facts, self.clients = facts, clients
        self._http = urllib3.PoolManager(
            maxsize=clients, timeout=urllib3.Timeout(connect=5, read=60), retries=False
        )
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        aws = boto3.Session(region_name=facts["region"], **keys)
        where = {"endpoint_url": facts["aws_endpoint_url"]}
        self._functions, self._queues = aws.client("lambda", **where), aws.client("sqs", **where)
        self._objects = aws.client("s3", **where)
        self._streams, self._tables = aws.client("dynamodbstreams", **where), aws.client("dynamodb", **where)
        self._standing: Items = {}
        self._heard: dict[str, str] = {}
        self._streams_of: dict[str, str] = {}
        self.service = Service(facts)

    # ------------------------------------------------------------------------- being one of its functions

    def become_its_function(self) -> None:
        """Read this process's settings from the deployed API; its keys and objects are the stack's, its rows its own.

        Call it before anything of the program is imported.
        """
        pages = self._functions.get_paginator("list_functions").paginate()
        every = [function for page in pages for function in page["Functions"]]
        (api,) = [function for function in every if function["Handler"] == "app.app"]
        os.environ.update(api["Environment"]["Variables"], PLATFORM_URL="")
        os.environ.update(AWS_DEFAULT_REGION=self.facts["region"], AWS_REGION=self.facts["region"])
        os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
        for service in NOT_IN_MEMORY:
            os.environ[f"AWS_ENDPOINT_URL_{service}"] = self.facts["aws_endpoint_url"]
        self._buckets = [os.environ[f"{name}_BUCKET"] for name in ("INTAKE", "EVIDENCE")]

    def share_keys(self, keys: Any) -> None:
        """Sign in this process what the stack's card and platform sign, by the keys of `stack.json`."""
        from joserfc.jwk import ECKey

        for name, issuer in (("CARD", self.facts["card_issuer"]), ("PLATFORM", self.facts["platform"])):
            facts = {"kid": issuer["kid"], "alg": issuer["alg"], "use": "sig"}
            setattr(keys, f"{name}_KEY", ECKey.import_key(issuer["private_key_pem"], facts))
        keys.CARD_ISSUER = self.facts["card_issuer"]["issuer"]
        keys.CARD_AUDIENCE = self.facts["card_issuer"]["audience"]

    def _url_of(self, queue: str) -> str:
        return str(self._queues.get_queue_url(QueueName=queue)["QueueUrl"])

    def queues(self) -> list[str]:
        """Name every queue."""
        return [url.rpartition("/")[2] for url in self._queues.list_queues(MaxResults=1000)["QueueUrls"]]

    def streamed(self) -> set[str]:
        """Name the tables of which a stream tells."""
        pages = self._tables.get_paginator("list_tables").paginate()
        names = [name for page in pages for name in page["TableNames"]]
        told = {name: self._tables.describe_table(TableName=name)["Table"] for name in names}
        return {name for name, table in told.items() if table.get("LatestStreamArn")}

    # ------------------------------------------------------------------------- lending

    @contextlib.contextmanager
    def lent(self, names: list[str]) -> Iterator[None]:
        """Empty the tables and let nobody hear of what happens; put all of it back afterwards."""
        self._names = names
        with self._nobody_listening():
            theirs = self._standing = self.read()
            messages = self.take_messages()
            for name in self.queues():
                self._queues.purge_queue(QueueUrl=self._url_of(name))  # also what somebody took and left
            try:
                self.put({name: {} for name in names})
                yield
            finally:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(
                        number, signal.SIG_IGN
                    )  # who is asked twice to end puts it back all the same
                self.take_messages()
                self._standing = self.read()
                self.put(theirs)
                self.forget()
                for name, bodies in messages.items():
                    for body in bodies:
                        self._queues.send_message(QueueUrl=self._url_of(name), MessageBody=body)

    @contextlib.contextmanager
    def _nobody_listening(self) -> Iterator[None]:
        pages = self._functions.get_paginator("list_event_source_mappings").paginate()
        mappings = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        streams = [one for one in mappings if ":dynamodb:" in one["EventSourceArn"]]
        queues = [one for one in mappings if one not in streams]
        time.sleep(2)  # what was under way is done
        for one in queues:
            self._functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
        for one in streams:
            self._functions.update_event_source_mapping(UUID=one["UUID"], FilterCriteria=NOTHING_FITS)
        told = {
            name: self._objects.get_bucket_notification_configuration(Bucket=name) for name in self._buckets
        }
        for name in told:
            self._objects.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
        try:
            yield
        finally:
            time.sleep(PASSED_BY_SECONDS)  # the pollers tell nobody how far they are
            for name, configuration in told.items():
                configuration.pop("ResponseMetadata", None)
                self._objects.put_bucket_notification_configuration(
                    Bucket=name, NotificationConfiguration=configuration
                )
            for one in streams:
                kept = one.get("FilterCriteria") or {"Filters": []}
                self._functions.update_event_source_mapping(UUID=one["UUID"], FilterCriteria=kept)
            for one in queues:
                self._functions.update_event_source_mapping(UUID=one["UUID"], Enabled=True)

    # ------------------------------------------------------------------------- rows

    def _ask(self, target: str, body: Mapping[str, Any]) -> Any:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        headers["Authorization"] = _SIGNED.format("dynamodb")
        sent = json.dumps(body).encode()
        got = self._http.request("POST", self.facts["aws_endpoint_url"] + "/", body=sent, headers=headers)
        if got.status != 200:
            raise RuntimeError(f"{target}: {got.status} {got.data[:300]!r}")
        return got.json()

    def read(self) -> Items:
        """Give every item of every table."""
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(self._names, pool.map(self._read, self._names), strict=True))

    def _read(self, name: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        asked: dict[str, Any] = {"TableName": name, "ConsistentRead": True}
        while True:
            page = self._ask("DynamoDB_20120810.Scan", asked)
            for item in page["Items"]:
                keys = [next(iter(item[key].values())) for key in self.keys_of(name)]
                found.setdefault(keys[0], {})[keys[1] if len(keys) > 1 else NO_RANGE_KEY] = item
            if "LastEvaluatedKey" not in page:
                return found
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def keys_of(self, name: str) -> list[str]:
        """Name the key of a table: hash, then range if there is one."""
        if name not in self._key_names:
            schema = self._tables.describe_table(TableName=name)["Table"]["KeySchema"]
            ordered = sorted(schema, key=lambda key: key["KeyType"] != "HASH")
            self._key_names[name] = [key["AttributeName"] for key in ordered]
        return self._key_names[name]

    _key_names: dict[str, list[str]] = {}  # noqa: RUF012 - one stack a process

    def put(self, wanted: Items) -> None:
        """Have these items stand there, and no others; only what differs is written."""
        for name in self._names:
            here, there = _flat(self._standing.get(name, {})), _flat(wanted.get(name, {}))
            writes = [{"PutRequest": {"Item": item}} for key, item in there.items() if here.get(key) != item]
            for key in here.keys() - there.keys():
                parts = {part: here[key][part] for part in self.keys_of(name)}
                writes.append({"DeleteRequest": {"Key": parts}})
            for start in range(0, len(writes), WRITTEN_AT_ONCE):
                some = {name: writes[start : start + WRITTEN_AT_ONCE]}
                told = self._ask("DynamoDB_20120810.BatchWriteItem", {"RequestItems": some})
                assert not told.get("UnprocessedItems"), told
            if writes:
                self.changes_of(name)  # of these nobody asks
        self._standing = {
            name: {key: dict(part) for key, part in wanted.get(name, {}).items()} for name in self._names
        }

    def stands(self) -> tuple[Items, list[dict[str, Any]]]:
        """Give what stands there now, and the streams' records of what changed since it was put there."""
        now, before = self.read(), self._standing
        changed = [name for name in self._names if now[name] != before.get(name, {})]
        self._standing = now
        put = {name: list(_flat(before.get(name, {})).values()) for name in changed}
        return now, [
            record
            for name in changed
            for record in self.changes_of(name)
            if record["dynamodb"].get("NewImage") not in put[name]
        ]

    # ------------------------------------------------------------------------- streams and queues

    def changes_of(self, name: str) -> list[dict[str, Any]]:
        """Give the records of a table's stream since the last call, in their order."""
        if name not in self._streams_of:
            told = self._tables.describe_table(TableName=name)["Table"]
            self._streams_of[name] = told.get("LatestStreamArn", "")
        arn = self._streams_of[name]
        if not arn:
            return []
        (shard,) = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][-1:]
        heard = self._heard.get(name)
        begins = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        if heard:  # an iterator grows old
            begins |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": heard}
        place = self._streams.get_shard_iterator(**begins)["ShardIterator"]
        found: list[dict[str, Any]] = []
        while True:
            answer = self._streams.get_records(ShardIterator=place)
            place = answer.get("NextShardIterator") or place
            found += [{**record, "eventSourceARN": arn} for record in answer["Records"]]
            if not answer["Records"]:
                break
        if found:
            self._heard[name] = found[-1]["dynamodb"]["SequenceNumber"]
        return found

    def take_messages(self) -> dict[str, list[str]]:
        """Take every waiting message; gives the bodies by the queue's name."""
        found: dict[str, list[str]] = {}
        for url in self._queues.list_queues().get("QueueUrls", []):
            name = url.rpartition("/")[2]
            while got := self._queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                found.setdefault(name, []).extend(message["Body"] for message in got)
                for message in got:
                    self._queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    # ------------------------------------------------------------------------- requests

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        """Make one request to the deployed API."""
        return self._http.request(method, self.facts["api_url"] + path, body=body, headers=dict(headers))

    def forget(self) -> None:
        """End every worker: those that come know nothing of what stood there before."""
        for pid in workers_of_the_stack():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def warm(self) -> None:
        """Have as many workers as clients, awake."""
        with ThreadPoolExecutor(self.clients) as pool:
            for _ in itertools.repeat(None, 10):
                got = list(
                    pool.map(
                        lambda _: self.request("GET", "/v1/programs", None, {}).status, range(self.clients)
                    )
                )
                if all(status < 500 for status in got):
                    return
        raise RuntimeError("the workers do not come up")


def _flat(parts: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(first, second): item for first, part in parts.items() for second, item in part.items()}
