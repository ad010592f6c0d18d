"""The table of first calls under an `Idempotency-Key`, and of what they were answered."""

import contextlib

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.kernel.ids import new_operation_id


class FirstCall(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the first call: its answer too, once there is one.

    `holder` names the run that works on it until `leased_until` (seconds since 1970).
    """

    id: str
    body_digest: str
    leased_until: int
    expires: int
    holder: str | None = None
    status_code: int | None = None
    sealed_body: str | None = None
    content_type: str | None = None


class FirstCallRow(Table[FirstCall]):
    """One row per caller, method, path, query and key."""

    class Meta:
        table_name = table_name("idempotency")

    record_type = FirstCall
    ttl_attribute = "expires"

    id = UnicodeAttribute(hash_key=True)
    body_digest = UnicodeAttribute()
    leased_until = NumberAttribute()
    expires = NumberAttribute()
    holder = UnicodeAttribute(null=True)
    status_code = NumberAttribute(null=True)
    sealed_body = UnicodeAttribute(null=True)
    content_type = UnicodeAttribute(null=True)


def lease(call: FirstCall, *, clock: int) -> FirstCall | None:
    """Take a key for a run; where another has it already, give that one.

    A call with the same body that never came to its answer is taken up once its lease is over. Rows whose
    day is over count as gone: DynamoDB removes them within days, not at once.
    """
    over = FirstCallRow.expires < clock
    unfinished = (
        FirstCallRow.status_code.does_not_exist()
        & (FirstCallRow.leased_until < clock)
        & (FirstCallRow.body_digest == call.body_digest)
    )
    try:
        insert(FirstCallRow.from_record(call), condition=FirstCallRow.id.does_not_exist() | over | unfinished)
    except ConditionFailed as failure:
        first: FirstCall | None = failure.old
        assert first is not None
        return None if first.holder == call.holder else first  # our own write, whose answer was lost
    return None


def is_first(mark: str, *, until: int) -> bool:
    """Note that something was seen, until when it could come again; False if it was seen before.

    A repeat of the SDK's, whose first answer was lost, knows its own success by `holder`.
    """
    own = new_operation_id()
    seen = FirstCall(id=f"seen#{mark}", body_digest="", leased_until=until, expires=until, holder=own)
    try:
        insert(FirstCallRow.from_record(seen))
    except ConditionFailed as failure:
        return failure.old is not None and failure.old.holder == own
    return True


def keep_answer(row_id: str, *, status_code: int, content_type: str, sealed_body: str) -> None:
    """Keep the answer of a call, unless another run of it has kept one."""
    with contextlib.suppress(ConditionFailed):
        update(
            FirstCallRow,
            (row_id,),
            [
                FirstCallRow.status_code.set(status_code),
                FirstCallRow.content_type.set(content_type),
                FirstCallRow.sealed_body.set(sealed_body),
            ],
            condition=FirstCallRow.id.exists() & FirstCallRow.status_code.does_not_exist(),
        )


def end_lease(row_id: str, holder: str) -> None:
    """Let the next repeat take a call up at once: this run of it has ended without an answer."""
    with contextlib.suppress(ConditionFailed):
        update(
            FirstCallRow,
            (row_id,),
            [FirstCallRow.leased_until.set(0)],
            condition=(FirstCallRow.holder == holder) & FirstCallRow.status_code.does_not_exist(),
        )


def forget(row_id: str, holder: str, *, now: int) -> None:
    """Free a key: the run that held it was refused, so another body may follow.

    Its day is over as from now, and DynamoDB takes it away for nothing.
    """
    with contextlib.suppress(ConditionFailed):
        update(
            FirstCallRow,
            (row_id,),
            [FirstCallRow.expires.set(now - 1)],
            condition=(FirstCallRow.holder == holder) & FirstCallRow.status_code.does_not_exist(),
        )
