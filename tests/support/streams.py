"""Stream events as Lambda hands them to a consumer: made from rows as they were written, or the real ones."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
from pynamodb.models import Model

from chalicelib.kernel.principal import Change, Role
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.store import VoucherRow

_numbers = itertools.count(1)
NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
STAGES = ("issued", "claimed", "redeemed", "settled")


def stream_record(
    table: type[Model], before: Any | None, after: Any | None, *, sequence: int | None = None
) -> dict[str, Any]:
    """Describe one change of a row; `before` and `after` are records of the table."""
    images = {"OldImage": before, "NewImage": after}
    raw = {name: _image(table, record) for name, record in images.items() if record is not None}
    schema = table._get_schema()["key_schema"]  # type: ignore[no-untyped-call]
    item = next(iter(raw.values()))
    return {
        "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
        "eventSourceARN": f"arn:aws:dynamodb:cn-north-1:123456789012:table/{table.Meta.table_name}/stream/2026",
        "dynamodb": {
            "SequenceNumber": str(sequence if sequence is not None else next(_numbers)).zfill(21),
            "Keys": {key["AttributeName"]: item[key["AttributeName"]] for key in schema},
            **raw,
        },
    }


def _image(table: Any, record: Any) -> dict[str, Any]:
    """Give a row as it is stored: each version was made by a write of its own, which left its stamp."""
    stamp = {"op_id": {"S": f"op-{record.version}"}}
    return {**table.from_record(record).serialize(), **stamp}


class Taps:
    """The real streams of the emulated cloud, from now on: what consumers are handed of these tables."""

    def __init__(self, tables: Iterable[type[Model]]) -> None:
        self._streams = boto3.client("dynamodbstreams")
        self._iterators: dict[tuple[str, str], str] = {}
        self._tables = list(tables)
        self._arns = [self._opened(table.Meta.table_name) for table in self._tables]

    def _opened(self, name: str) -> str:
        view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        boto3.client("dynamodb").update_table(TableName=name, StreamSpecification=view)
        return str(self._streams.list_streams(TableName=name)["Streams"][-1]["StreamArn"])

    def begin_again(self) -> None:
        """Read from the beginning: whoever emptied the tables has emptied their streams too."""
        self._iterators.clear()

    def close(self) -> None:
        """Make the tables anew, without streams: moto goes on recording one that is switched off."""
        for table in self._tables:
            table.delete_table()
            table.create_table(billing_mode="PAY_PER_REQUEST")

    def records(self) -> list[dict[str, Any]]:
        """Give every record since the last call, each table's in their order."""
        return [record for arn in self._arns for record in self._read(arn)]

    def _read(self, arn: str) -> Iterator[dict[str, Any]]:
        for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            place = (arn, shard["ShardId"])
            if place not in self._iterators:
                self._iterators[place] = self._streams.get_shard_iterator(
                    StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                )["ShardIterator"]
            while True:
                answer = self._streams.get_records(ShardIterator=self._iterators[place])
                self._iterators[place] = answer.get("NextShardIterator") or self._iterators[place]
                yield from ({**record, "eventSourceARN": arn} for record in answer["Records"])
                if not answer["Records"]:
                    break


def stream_event(*records: dict[str, Any]) -> dict[str, Any]:
    """Make the event of a batch."""
    return {"Records": list(records)}


def a_voucher(name: str = "vch_aaaa", *, version: int = 1, division: str = "340111", **facts: Any) -> Any:
    """Give a voucher as it is after so many changes: issued, claimed, redeemed, settled."""
    at = NOW + timedelta(minutes=version)
    reached = {f"{STAGES[n]}_at": NOW + timedelta(minutes=n + 1) for n in range(min(version, len(STAGES)))}
    spent = {"institution": "91340111MX0000027D", "enrolment_id": "enr_a"} if version >= 3 else {}
    paid = {"paid_fen": 600_000} if version >= 4 else {}
    values: dict[str, Any] = {
        "id": name,
        "program_id": "prg_world",
        "person_key": "prs_a",
        "division": division,
        "batch_id": "iss_a",
        "status": VoucherStatus(STAGES[min(version, len(STAGES)) - 1]),
        "face_value_fen": 600_000,
        "holder_name": "张*",
        "holder_id_number": "340***********1234",
        "expires_at": NOW + timedelta(days=365),
        "valid_through": date(2027, 9, 1),
        "version": version,
        "last_change": Change(
            actor="acc_x",
            role=Role.CLERK,
            action="voucher.step",
            request_id=f"req_{version}",
            at=at,
            reason="r",
        ),
        **reached,
        **spent,
        **paid,
        **facts,
    }
    known = Voucher.__struct_fields__
    return Voucher(**{field: value for field, value in values.items() if field in known})


def voucher_changes(
    name: str = "vch_aaaa", *, versions: int = 1, start: int = 1, division: str = "340111"
) -> list[dict[str, Any]]:
    """Give the stream records of a voucher's changes from version `start` on."""
    records = []
    for version in range(start, start + versions):
        before = a_voucher(name, version=version - 1, division=division) if version > 1 else None
        records.append(stream_record(VoucherRow, before, a_voucher(name, version=version, division=division)))
    return records


def handed_over(name: str, sequence: int, at: datetime = NOW) -> None:
    """Have a message of a voucher be one that was sent, where no platform is named."""
    from chalicelib.exchange import store

    delivery = store.find(name, sequence)
    assert delivery is not None
    made = Change(actor="system:exchange", role=Role.SYSTEM, action="test", request_id="req_test", at=at)
    assert store.hand_over(delivery, now=at, change=made, early=True) is not None
