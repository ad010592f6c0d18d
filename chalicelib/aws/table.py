"""The base of every DynamoDB table: rows that mirror records, one connection, reading by key.

Writing is in `aws/writes.py`, which tells its own success from somebody else's by the item as it was before.
PynamoDB has no parameter that asks for that item on single writes, so it is added on the client here.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import ALL_OLD, NUMBER, STRING
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from chalicelib.aws.clients import (
    CONNECT_TIMEOUT_SECONDS,
    MAX_ATTEMPTS,
    READ_TIMEOUT_SECONDS,
    ServiceFailure,
    refuse_late,
)
from chalicelib.aws.index import index
from chalicelib.aws.logs import log_failure, measure
from chalicelib.aws.metrics import STORE_FAULTS, STORE_THROTTLED
from chalicelib.aws.reading import ReadingConnection, answered
from chalicelib.aws.settings import settings
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import current_call

Record = TypeVar("Record", bound=msgspec.Struct)
Row = TypeVar("Row", bound="Table[Any]")


StoreFailure = (PynamoDBException, *ServiceFailure)
"""What a read or write, or another service, raises that was not answered, or was refused as a value."""
_NOT_TAKEN: Final = ("ValidationException", "ValidationError")
"""Of a call, and of a part of a cancelled transaction."""


def told_of_store(failure: Exception) -> DomainError:
    """Give the error that a caller is told for what went wrong in the store.

    A value that DynamoDB does not take (an empty key, a text beyond its bounds) is never taken, so it is
    `malformed`; all else may be asked again. Forms name the field; this is for what no form has seen.
    """
    answer: Mapping[str, Any] = getattr(getattr(failure, "cause", failure), "response", None) or {}
    codes = [answer.get("Error", {}).get("Code")]
    codes += [reason.get("Code") for reason in answer.get("CancellationReasons", [])]
    if any(code in _NOT_TAKEN for code in codes):
        log_failure("store_took_no_value", failure)
        return error("malformed")
    return error("try_again")


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


class SecondAttribute(Attribute[datetime]):
    """An aware moment as a number of whole seconds: a fourth of the room, where no index is ordered by it."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        """Write a moment, e.g. `1795401873`."""
        if value.tzinfo is None:
            raise ValueError("a moment needs an offset")
        return str(int(value.timestamp()))

    def deserialize(self, value: str) -> datetime:
        """Read a moment back, in UTC."""
        return datetime.fromtimestamp(int(value), UTC)


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
    shared = ReadingConnection(
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        max_retry_attempts=MAX_ATTEMPTS - 1,
        max_pool_connections=32,
    )
    events = shared.client.meta.events
    for operation in ("PutItem", "UpdateItem", "DeleteItem"):
        events.register(f"provide-client-params.dynamodb.{operation}", _ask_for_old_item)
    events.register("response-received.dynamodb", _measure_trouble)
    events.register("before-send", refuse_late)
    return shared


_THROTTLED = (
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "Throttling",
)
"""How codes of throttled calls begin, and of throttled parts of a cancelled transaction."""
_SERVER_ERROR = 500


def _measure_trouble(
    event_name: str, parsed_response: Mapping[str, Any] | None, exception: Exception | None, **_: Any
) -> None:
    """Count each try that DynamoDB throttled, failed or did not answer, also those that a repeat mends.

    Here, because DynamoDB's own figures are of one table, index and operation each: hundreds of alarms.
    """
    told = parsed_response or {}
    codes = [told.get("Error", {}).get("Code", "")]
    codes += [reason.get("Code", "") for reason in told.get("CancellationReasons", [])]
    operation = event_name.rpartition(".")[2]
    if any(code.startswith(_THROTTLED) for code in codes):
        measure(STORE_THROTTLED, operation=operation)
    elif exception is not None or told["ResponseMetadata"]["HTTPStatusCode"] >= _SERVER_ERROR:
        measure(STORE_FAULTS, operation=operation)


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

Raw = Mapping[str, Any]
"""A row as DynamoDB hands it out: attribute → type → value."""
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Rewrites a raw row of one schema version in the next; see `Table.upgrades`."""
SCHEMA: Final = "sv"
"""The attribute that tells a row's schema version; absent, it is the first."""


@functools.cache
def _defaults_of(record_type: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Give the default of each field that has one."""
    return {
        field.name: field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        for field in msgspec.structs.fields(record_type)
        if not field.required
    }


class Table(Model, Generic[Record]):
    """A table whose rows mirror one record type field by field."""

    record_type: ClassVar[type[msgspec.Struct]]
    streamed: ClassVar[bool] = False
    """Its changes go into the audit chain, so each tells who made it and why."""
    watched: ClassVar[bool] = False
    """It has a stream for supervision alone: its rows are evidence that is only added to, and no change of it
    is told to the audit."""
    ttl_attribute: ClassVar[str | None] = None
    schema_version: ClassVar[int] = 1
    """In which form rows are written. Only a change that today's readers would misread counts it up."""
    upgrades: ClassVar[Mapping[int, Upgrade]] = {}
    """Schema version → what makes the next of a raw row. They run on each read of an older row.

    An upgrade keeps the key, and leaves alone what is not there: an index may hand out a part of a row. It
    works on raw values, because today's attributes are not those that wrote them.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register each concrete table: `infra/deployment/template.py` reads the register."""
        super().__init_subclass__(**kwargs)
        known = sorted(cls.upgrades)
        if known != list(range(cls.schema_version - len(known), cls.schema_version)):
            raise TypeError(f"{cls.__name__}: upgrades {known} do not lead to version {cls.schema_version}")
        if hasattr(cls, "Meta"):
            _tables.append(cls)

    @classmethod
    def is_older(cls, raw: Raw) -> bool:
        """Tell whether a raw row is of an earlier schema version."""
        return _schema_version_of(raw) < cls.schema_version

    @classmethod
    def in_current_form(cls, raw: Raw) -> dict[str, Any]:
        """Give a raw row in the schema version that is written today.

        Raises:
            Unavailable: a later program wrote it; while a deployment shifts, asking again meets that one.
            LookupError: its version is so old that no upgrade is left; it should have been migrated.

        """
        current = dict(raw)
        version = _schema_version_of(raw)
        if version == cls.schema_version:
            return current
        if version > cls.schema_version:
            raise error("try_again")
        while version < cls.schema_version:
            current = cls.upgrades[version](current)
            version += 1
        return {**current, SCHEMA: {"N": str(version)}}

    @classmethod
    def _instantiate(cls, attribute_values: dict[str, Any]) -> Self:
        return super()._instantiate(cls.in_current_form(attribute_values))

    def deserialize(self, attribute_values: dict[str, Any]) -> None:
        """Take over the values of a raw row."""
        super().deserialize(self.in_current_form(attribute_values))

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:  # noqa: FBT001, FBT002 - theirs
        """Give the raw row, with its schema version unless that is the first."""
        raw: dict[str, dict[str, Any]] = super().serialize(null_check)
        if self.schema_version > 1:
            raw[SCHEMA] = {"N": str(self.schema_version)}
        return raw

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
    def key_names(cls) -> tuple[str, ...]:
        """Name the attributes of the key: the hash key, then the range key if there is one."""
        parts = sorted(cls._get_schema()["key_schema"], key=lambda part: part["KeyType"])
        return tuple(part["AttributeName"] for part in parts)

    @classmethod
    def name_of(cls, key: Sequence[Any]) -> str:
        """Name one row among all of all tables."""
        return "/".join([cls.Meta.table_name, *map(str, key)])

    @property
    def name_in_all(self) -> str:
        """Name this row among all of all tables."""
        return self.name_of([getattr(self, part) for part in self.key_names()])

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make the row that stores a record; what may be absent is, while it has its default."""
        values = {name: getattr(record, name) for name in record.__struct_fields__}
        known, usual = cls.get_attributes(), _defaults_of(type(record))
        return cls(
            **{
                name: value
                for name, value in values.items()
                if name in known
                and value is not None
                and not (known[name].null and name in usual and value == usual[name])
            }
        )

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
        record = cls.find(*key, consistent=consistent)
        if record is None:
            raise error("not_found")
        return record

    @classmethod
    def find_many(cls, keys: Sequence[Any]) -> list[Record]:
        """Read many records by key (100 a call), in no particular order; unknown keys are left out."""
        return [row.record for row in cls.batch_get(list(keys), consistent_read=True)] if keys else []


def _schema_version_of(raw: Raw) -> int:
    return int(raw.get(SCHEMA, {}).get("N", 1))


class VersionedTable(Table[Record]):
    """A table whose rows tell their version, the write that made them, and why."""

    version = NumberAttribute(default=1)
    op_id = UnicodeAttribute(null=True)
    last_change = StructAttribute(null=True)

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Make the row of a raw item; a call under a key looks whether it is its own work."""
        call = current_call()
        if call is not None and (mark := data.get("op_id")) is not None:
            call.meet(cls.name_of([next(iter(data[name].values())) for name in cls.key_names()]), mark["S"])
        return super().from_raw_data(data)

    @classmethod
    def changed_before(cls, *key: str) -> bool:
        """Tell whether this call under a key has read a row that an earlier run of it has changed."""
        call = current_call()
        return call is not None and cls.name_of(key) in call.met


def all_tables() -> tuple[type[Table[Any]], ...]:
    """List every table that is loaded, in order of definition: outside Lambda that is all of them."""
    return tuple(_tables)


def table_named(name: str) -> type[Table[Any]]:
    """Give a table by its name without the stage's prefix, loading it if this function has not yet.

    Raises:
        LookupError: there is none.

    """
    module = index().tables.get(name)
    if module is not None:
        importlib.import_module(module)
    for table in _tables:
        if table.Meta.table_name == table_name(name):
            return table
    raise LookupError(name)


def page_of(rows: Any, _: PageRequest) -> Page[Any]:
    """Take one page of a PynamoDB query made with the request's limit."""
    items = [row.record for row in rows]
    return Page(items=items, after=rows.last_evaluated_key)


def scan_segment(
    table: type[Table[Any]],
    *,
    segment: int,
    segments: int,
    limit: int,
    after: Mapping[str, Any] | None,
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Read the next rows of a segment of a table, as they are stored, and where to go on.

    Rows come raw, since a walk over everything also meets what cannot be read. It is for the comparison of
    the audit alone: everything else finds its rows by key or index.

    Raises:
        Unavailable: DynamoDB did not answer.

    """
    start = {"ExclusiveStartKey": dict(after)} if after is not None else {}
    try:
        answer = connection().client.scan(
            TableName=table.Meta.table_name,
            Segment=segment,
            TotalSegments=segments,
            Limit=limit,
            ConsistentRead=True,
            **start,
        )
    except (BotoCoreError, ClientError) as failure:
        raise told_of_store(failure) from failure
    return answer["Items"], answer.get("LastEvaluatedKey")


def read_together(
    keys: Mapping[type[Table[Any]], Sequence[dict[str, str]]],
) -> dict[type[Table[Any]], list[Any]]:
    """Read rows of several tables in one call, as they are now; `keys` are attributes by name, all texts.

    PynamoDB reads of one table at a time only.

    Raises:
        Unavailable: DynamoDB did not answer, or not in full.

    """
    names = {table: table.Meta.table_name for table in keys}
    wanted = {
        names[table]: {
            "Keys": [{name: {"S": text} for name, text in key.items()} for key in parts],
            "ConsistentRead": True,
        }
        for table, parts in keys.items()
    }
    try:
        answer = answered(
            lambda _, asked: connection().client.batch_get_item(**asked),
            "BatchGetItem",
            {"RequestItems": wanted},
        )
    except (BotoCoreError, ClientError) as failure:
        raise told_of_store(failure) from failure
    if answer.get("UnprocessedKeys"):
        raise error("try_again")
    rows = answer["Responses"]
    return {table: [table.record_of(raw) for raw in rows.get(name, [])] for table, name in names.items()}
