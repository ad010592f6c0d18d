"""The base of every DynamoDB table, and the only ways to write one.

Three facts shape this file (see README, "Writes"):

* The SDK repeats a request whose answer was lost, so a failed condition may be our own success. Every
  write leaves an `op_id`; when a condition fails, the old item comes back with the failure, and if it
  carries our own `op_id` the write has happened.
* The reason of a refusal is read from that old item, so a refusal costs no second read.
* PynamoDB has no parameter that asks for the old item on single writes; it is added on the client.
"""

import contextlib
import functools
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import ALL_OLD, STRING
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.aws.clients import CONNECT_TIMEOUT_SECONDS, MAX_ATTEMPTS, READ_TIMEOUT_SECONDS
from chalicelib.aws.settings import settings
from chalicelib.kernel.errors import NotFound, Refused, Unavailable
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change

TRANSACTION_ITEMS_MAX = 100
_CONFLICT_TRIES = 6
_CONFLICT_PAUSE_SECONDS = 0.02
_TRANSIENT_REASONS = frozenset(
    {"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded"}
)

Record = TypeVar("Record", bound=msgspec.Struct)
Row = TypeVar("Row", bound="Table[Any]")


# --------------------------------------------------------------------------- attributes


class MomentAttribute(Attribute[datetime]):
    """An aware moment as fixed-width UTC text, so that comparing texts compares moments."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Write a moment, e.g. `2026-11-23T03:04:33.000000Z`."""
        if value.tzinfo is None:
            raise ValueError("a moment needs an offset")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def deserialize(self, value: str) -> datetime:
        """Read a moment back, in UTC."""
        return datetime.fromisoformat(value)  # a hundredth of what strptime takes


class StructAttribute(Attribute[Any]):
    """A nested value (struct, list, mapping) as JSON text."""

    attr_type = STRING

    def serialize(self, value: Any) -> str:
        """Write the value as JSON."""
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> Any:
        """Read the value back as plain JSON types; `Table.record` gives them their type."""
        return msgspec.json.decode(value)


# --------------------------------------------------------------------------- connection


def _ask_for_old_item(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    if "ConditionExpression" in params:
        params.setdefault("ReturnValuesOnConditionCheckFailure", ALL_OLD)
    return params


@functools.cache
def connection() -> Connection:
    """Give the one connection of this process that all tables share."""
    shared = Connection(
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        max_retry_attempts=MAX_ATTEMPTS - 1,
        max_pool_connections=32,
    )
    events = shared.client.meta.events
    for operation in ("PutItem", "UpdateItem", "DeleteItem"):
        events.register(f"provide-client-params.dynamodb.{operation}", _ask_for_old_item)
    return shared


def forget_connection() -> None:
    """Drop the shared connection (a test that changes the endpoint calls this)."""
    connection.cache_clear()
    for table in all_tables():
        table._connection = None  # noqa: SLF001 - PynamoDB has no public way to drop it


# --------------------------------------------------------------------------- tables


def table_name(name: str) -> str:
    """Give a table's full name in this stage."""
    return settings().table_prefix + name


_tables: list[type["Table[Any]"]] = []


class Table(Model, Generic[Record]):
    """A table whose rows mirror one record type field by field."""

    record_type: ClassVar[type[msgspec.Struct]]
    streamed: ClassVar[bool] = False
    ttl_attribute: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register each concrete table; `infra/template.py` makes the template from the register."""
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "Meta"):
            _tables.append(cls)

    @classmethod
    def _get_connection(cls) -> TableConnection:
        fresh = cls._connection is None
        own = super()._get_connection()
        if fresh:
            shared = connection()
            with contextlib.suppress(ValueError):  # already known: another thread was first
                shared.add_meta_table(own.get_meta_table())
            own.connection = shared
        return own

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make the row that stores a record."""
        values = {name: getattr(record, name) for name in record.__struct_fields__}
        known = cls.get_attributes()
        return cls(**{name: value for name, value in values.items() if name in known and value is not None})

    @property
    def record(self) -> Record:
        """Give the record this row stores."""
        values = self.attribute_values
        names = self.record_type.__struct_fields__
        known = {name: values[name] for name in names if values.get(name) is not None}
        record: Any = msgspec.convert(known, self.record_type, strict=False)
        return record  # type: ignore[no-any-return] # record_type is the type of Record

    @classmethod
    def record_of(cls, raw: Mapping[str, Any]) -> Record:
        """Give the record of a raw DynamoDB item, e.g. one from a stream or a failed condition."""
        return cls.from_raw_data(dict(raw)).record

    @classmethod
    def find(cls, *key: Any, consistent: bool = True) -> Record | None:
        """Read one record by its key."""
        try:
            row = cls.get(key[0], key[1] if len(key) > 1 else None, consistent_read=consistent)
        except cls.DoesNotExist:
            return None
        return row.record

    @classmethod
    def read(cls, *key: Any, consistent: bool = True) -> Record:
        """Read one record by its key.

        Raises:
            NotFound: there is none.

        """
        found = cls.find(*key, consistent=consistent)
        if found is None:
            raise NotFound
        return found

    @classmethod
    def find_many(cls, keys: Sequence[Any]) -> list[Record]:
        """Read many records by key (100 a call), in no particular order; unknown keys are left out."""
        return [row.record for row in cls.batch_get(list(keys), consistent_read=True)] if keys else []


class VersionedTable(Table[Record]):
    """A table whose rows tell their version, the write that made them, and why."""

    version = NumberAttribute(default=1)
    op_id = UnicodeAttribute(null=True)
    last_change = StructAttribute(null=True)


def all_tables() -> tuple[type[Table[Any]], ...]:
    """List every table of the program, in order of definition."""
    return tuple(_tables)


def page_of(rows: Any, _: PageRequest) -> Page[Any]:
    """Take one page of a PynamoDB query made with the request's limit."""
    items = [row.record for row in rows]
    return Page(items=items, after=rows.last_evaluated_key)


# --------------------------------------------------------------------------- writes


class ConditionFailed(Exception):
    """A write's condition did not hold. `old` is the item as it was, `index` the write's place."""

    def __init__(self, old: Any | None, index: int = 0, table: type[Table[Any]] | None = None) -> None:
        super().__init__("condition failed")
        self.old = old
        self.index = index
        self.table = table


@dataclass(frozen=True)
class Put:
    """Write a whole row, if the condition holds (by default: if there is none yet)."""

    row: Table[Any]
    condition: Condition | None = None


@dataclass(frozen=True)
class Update:
    """Change some attributes of one row under a condition.

    `change` where the row's record tells another reason than that of the transaction.
    """

    table: type[Table[Any]]
    key: tuple[Any, ...]
    actions: Sequence[Action]
    condition: Condition
    change: Change | None = None


@dataclass(frozen=True)
class Check:
    """Require something of a row without changing it."""

    table: type[Table[Any]]
    key: tuple[Any, ...]
    condition: Condition


Write = Put | Update | Check


def _hash_key_of(table: type[Table[Any]]) -> Any:
    return table._hash_key_attribute()  # type: ignore[no-untyped-call] # noqa: SLF001 - its own way to ask


def _old_of(table: type[Table[Any]], raw: Mapping[str, Any] | None) -> tuple[Any | None, str | None]:
    if not raw:
        return None, None
    op_id = raw.get("op_id", {}).get("S")
    return table.record_of(raw), op_id


def _raw_old(error: PynamoDBException) -> Mapping[str, Any] | None:
    cause = error.cause.__cause__ if error.cause is not None else None
    response: Mapping[str, Any] = getattr(cause, "response", {})
    return response.get("Item")


def _raise_if_other(error: PynamoDBException) -> None:
    """Turn everything but a failed condition into "try again": nothing was decided."""
    answer: Mapping[str, Any] = getattr(error.cause, "response", None) or {}  # a time-out has none
    if answer.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise Unavailable("try_again") from error


def _stamped(table: type[Table[Any]], actions: Sequence[Action], op_id: str, change: Change) -> list[Action]:
    row: Any = table
    return [
        *actions,
        row.version.set(row.version + 1),
        row.op_id.set(op_id),
        row.last_change.set(change),
    ]


def _not_yet(table: Any, op_id: str) -> Condition:
    """Hold a repeat of this very write off, also where its other conditions are still true after it."""
    condition: Condition = table.op_id.does_not_exist() | (table.op_id != op_id)
    return condition


def insert(row: Table[Any], *, change: Change | None = None, condition: Condition | None = None) -> None:
    """Write a row if there is none with its key yet: one call, one condition.

    Raises:
        ConditionFailed: there is one; `old` is its record.
        Unavailable: DynamoDB did not answer; whether it wrote is not known, and repeating is safe.

    """
    op_id = _stamp_row(row, change)
    try:
        row.save(condition=condition if condition is not None else _hash_key_of(type(row)).does_not_exist())
    except PutError as error:
        _raise_if_other(error)
        old, old_op_id = _old_of(type(row), _raw_old(error))
        if op_id is not None and old_op_id == op_id:
            return
        raise ConditionFailed(old, table=type(row)) from error


def keep(row: Table[Any]) -> None:
    """Write a row whose random key nobody else can have: one that is there is our own, its answer lost.

    Raises:
        Unavailable: DynamoDB did not answer; whether it wrote is not known, and repeating is safe.

    """
    with contextlib.suppress(ConditionFailed):
        insert(row)


def _stamp_row(row: Table[Any], change: Change | None) -> str | None:
    if not isinstance(row, VersionedTable):
        return None
    op_id = new_operation_id()
    row.op_id = op_id
    if change is not None:
        row.last_change = change
    return op_id


def update(
    table: type[Table[Record]],
    key: tuple[Any, ...],
    actions: Sequence[Action],
    *,
    condition: Condition,
    change: Change,
) -> Record:
    """Change a row under a condition and give the record as it is now: one call.

    Raises:
        ConditionFailed: the condition did not hold; `old` is the record, or None if there is none.
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    op_id = new_operation_id()
    row = table(*key)
    if issubclass(table, VersionedTable):
        actions = _stamped(table, actions, op_id, change)
        condition = _not_yet(table, op_id) & condition
    try:
        row.update(actions=list(actions), condition=condition)
    except UpdateError as error:
        _raise_if_other(error)
        old, old_op_id = _old_of(table, _raw_old(error))
        if old_op_id == op_id:
            assert old is not None
            return old  # type: ignore[no-any-return] # our own write, whose first answer was lost
        raise ConditionFailed(old, table=table) from error
    return row.record


def transact(writes: Sequence[Write], *, change: Change) -> None:
    """Do several writes as one, or none of them.

    Retries conflicts with other transactions, which wrote nothing; a lost answer is known by
    the `op_id` in the old items.

    Raises:
        ConditionFailed: a condition did not hold; `index` tells which write, `old` the record there.
        Unavailable: conflicts did not end, or DynamoDB did not answer; repeating is safe.

    """
    op_id = new_operation_id()
    for attempt in range(_CONFLICT_TRIES):
        try:
            _commit(writes, op_id=op_id, token=f"{op_id}{attempt}", change=change)
        except TransactWriteError as error:
            if _is_own_success(writes, error, op_id):
                return
            reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if "ConditionalCheckFailed" in reasons:
                raise _condition_failure(writes, error) from error
            if not reasons or not reasons <= _TRANSIENT_REASONS:
                raise Unavailable("try_again") from error
            time.sleep(_CONFLICT_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - jitter
        else:
            return
    raise Unavailable("try_again")


def _commit(writes: Sequence[Write], *, op_id: str, token: str, change: Change) -> None:
    with TransactWrite(connection=connection(), client_request_token=token) as transaction:
        for write in _in_reason_order(writes):
            match write:
                case Check():
                    write.table._get_connection()  # noqa: SLF001 - makes the table known
                    range_key = write.key[1] if len(write.key) > 1 else None
                    transaction.condition_check(
                        write.table, write.key[0], range_key, condition=write.condition
                    )
                case Put():
                    if isinstance(write.row, VersionedTable):
                        write.row.op_id = op_id
                        if write.row.last_change is None:
                            write.row.last_change = change
                    absent = _hash_key_of(type(write.row)).does_not_exist()
                    condition = write.condition if write.condition is not None else absent
                    transaction.save(write.row, condition=condition, return_values=ALL_OLD)
                case Update():
                    actions = list(write.actions)
                    if issubclass(write.table, VersionedTable):
                        actions = _stamped(write.table, actions, op_id, write.change or change)
                    transaction.update(
                        write.table(*write.key), actions, condition=write.condition, return_values=ALL_OLD
                    )


def _in_reason_order(writes: Sequence[Write]) -> list[Write]:
    """Order as PynamoDB sends them: checks, puts, updates. Cancellation reasons come in this order."""
    order = {Check: 0, Put: 1, Update: 2}
    return sorted(writes, key=lambda write: order[type(write)])


def _table_of(write: Write) -> type[Table[Any]]:
    return type(write.row) if isinstance(write, Put) else write.table


def _is_own_success(writes: Sequence[Write], error: TransactWriteError, op_id: str) -> bool:
    for write, reason in zip(_in_reason_order(writes), error.cancellation_reasons, strict=False):
        if reason is not None and _old_of(_table_of(write), reason.raw_item)[1] == op_id:
            return True
    return False


def _condition_failure(writes: Sequence[Write], error: TransactWriteError) -> ConditionFailed:
    """Report the failed write that stands first in the caller's own order."""
    failures: dict[int, ConditionFailed] = {}
    for write, reason in zip(_in_reason_order(writes), error.cancellation_reasons, strict=False):
        if reason is not None and reason.code == "ConditionalCheckFailed":
            index = next(place for place, other in enumerate(writes) if other is write)
            failures[index] = ConditionFailed(
                _old_of(_table_of(write), reason.raw_item)[0], index, _table_of(write)
            )
    return failures[min(failures)]


# --------------------------------------------------------------------------- state changes


def lawful(table: type[Table[Any]], *, sources: Iterable[StrEnum], version: int | None) -> Condition:
    """Write the condition "in one of these states, and at this version" for a row."""
    row: Any = table
    condition = row.status.is_in(*[str(source) for source in sources])
    if version is not None:
        condition &= row.version == version
    return condition  # type: ignore[no-any-return] # PynamoDB's expressions are built from Any here


def refuse_stale(
    old: Any | None, *, sources: Iterable[StrEnum], version: int | None, code: str = "wrong_state"
) -> None:
    """Explain a failed `lawful` condition from the old item; return if neither part was at fault.

    Raises:
        NotFound: there is no such row.
        Refused: another version (`version_conflict`), or another state (`code`).

    """
    if old is None:
        raise NotFound
    if version is not None and old.version != version:
        raise Refused("version_conflict", version=old.version)
    if old.status not in tuple(sources):
        raise Refused(code, status=str(old.status))


def transition(
    table: type[Table[Record]],
    key: tuple[Any, ...],
    *,
    sources: Sequence[StrEnum],
    target: StrEnum,
    version: int | None,
    change: Change,
    actions: Sequence[Action] = (),
    also: Condition | None = None,
    code: str = "wrong_state",
) -> Record:
    """Move one row to another state in one conditional write, or say why not.

    Raises:
        NotFound, Refused: see `refuse_stale`.
        ConditionFailed: only the extra condition `also` did not hold.

    """
    row: Any = table
    condition = lawful(table, sources=sources, version=version)
    if also is not None:
        condition &= also
    try:
        return update(table, key, [row.status.set(str(target)), *actions], condition=condition, change=change)
    except ConditionFailed as failure:
        refuse_stale(failure.old, sources=sources, version=version, code=code)
        raise
