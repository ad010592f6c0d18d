"""Stream events as Lambda hands them to a consumer, made from rows as they were written."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

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
    raw = {name: table.from_record(one).serialize() for name, one in images.items() if one is not None}  # type: ignore[attr-defined]
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
    found = []
    for version in range(start, start + versions):
        before = a_voucher(name, version=version - 1, division=division) if version > 1 else None
        found.append(stream_record(VoucherRow, before, a_voucher(name, version=version, division=division)))
    return found
