"""The table of first calls under an `Idempotency-Key`, and of what they were answered."""

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert


class FirstCall(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the first call: its answer too, once there is one."""

    id: str
    body_digest: str
    leased_until: int
    expires: int
    status_code: int | None = None
    sealed_body: str | None = None
    content_type: str | None = None


class FirstCallRow(Table[FirstCall]):
    """One row per caller, method, path and key."""

    class Meta:
        table_name = table_name("idempotency")

    record_type = FirstCall
    ttl_attribute = "expires"

    id = UnicodeAttribute(hash_key=True)
    body_digest = UnicodeAttribute()
    leased_until = NumberAttribute()
    expires = NumberAttribute()
    status_code = NumberAttribute(null=True)
    sealed_body = UnicodeAttribute(null=True)
    content_type = UnicodeAttribute(null=True)


def lease(call: FirstCall, *, clock: int) -> FirstCall | None:
    """Take a key for a call; where another has it already, give that one.

    A call with the same body that never came to its answer may be tried again once its lease is over.
    """
    free = FirstCallRow.id.does_not_exist() | (
        FirstCallRow.status_code.does_not_exist()
        & (FirstCallRow.leased_until < clock)
        & (FirstCallRow.body_digest == call.body_digest)
    )
    try:
        insert(FirstCallRow.from_record(call), condition=free)
    except ConditionFailed as failure:
        first: FirstCall | None = failure.old
        assert first is not None
        return first
    return None


def keep_answer(row_id: str, *, status_code: int, content_type: str, sealed_body: str) -> None:
    """Keep the answer of a call that has its key."""
    FirstCallRow(row_id).update(
        actions=[
            FirstCallRow.status_code.set(status_code),
            FirstCallRow.content_type.set(content_type),
            FirstCallRow.sealed_body.set(sealed_body),
        ],
        condition=FirstCallRow.id.exists(),
    )


def forget(row_id: str) -> None:
    """Free a key."""
    FirstCallRow(row_id).delete()
