"""The only ways to write a table: each carries its condition, its `op_id` and who changed what.

Own success. The SDK repeats a request whose answer was lost, so a failed condition may be our own success.
Each write leaves an `op_id` on the row; when its condition fails, the row as it was comes back with it:

    10:00:00  we write status=redeemed, op_id=a1, if status=claimed   written; the answer is lost on its way
    10:00:02  the SDK sends the same again                            fails: the row is redeemed already
              the row that comes back has op_id=a1                    ours: the write has happened, we go on
              or it has op_id=b2                                      somebody else's: `ConditionFailed`

The reason of a refusal is read from that row too, so a refusal costs no second read.
"""

import contextlib
import functools
import operator
import random
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pynamodb.constants import ALL_OLD
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.aws.schema import MODERNISE_TRIES, in_current_form, modernise, raw_row
from chalicelib.aws.table import Raw, Record, Table, VersionedTable, connection, told_of_store
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import Mark, current_call

Result = TypeVar("Result")

TRANSACTION_ITEMS_MAX = 100
_CONFLICT_TRIES = 6
_CONFLICT_PAUSE_SECONDS = 0.02
_TRANSIENT_REASONS = frozenset(
    {"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded"}
)


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
    """Require something of a row without changing it; `any_form`: alike in every schema version."""

    table: type[Table[Any]]
    key: tuple[Any, ...]
    condition: Condition
    any_form: bool = False


Write = Put | Update | Check


def _hash_key_of(table: type[Table[Any]]) -> Any:
    return table._hash_key_attribute()  # type: ignore[no-untyped-call] # noqa: SLF001 - its own way to ask


class _Operation:
    """One write and the mark by which it is known again: a random one, or the call's own under a key."""

    def __init__(self, change: Change | None, rows: Iterable[Table[Any]]) -> None:
        call = current_call()
        self._mark: Mark | None = None
        if call is not None:
            action = "" if change is None else change.action
            self._mark = call.begin_write(action, [row.name_in_all for row in rows])
        self.id = self._mark.id if self._mark is not None else new_operation_id()

    def not_yet(self, row: Table[Any]) -> Condition:
        """Hold a repeat of this very write off, also where its other conditions are still true after it.

        An excused one changes nothing that an earlier run of its call has changed.
        """
        table: Any = type(row)
        condition: Condition = table.op_id.does_not_exist() | (table.op_id != self.id)
        if self._mark is not None and self._mark.is_excused:
            free: Condition = ~table.op_id.startswith(self._mark.begins_with)
            left = self._mark.call.left_on(row.name_in_all)
            condition &= free if left is None else free | (table.op_id == left)
        return condition

    def guarded(self, row: Table[Any], condition: Condition) -> Condition:
        """Add what a repeat of the whole call needs; the SDK's own repeats bear a token."""
        is_marked = self._mark is not None and isinstance(row, VersionedTable)
        return self.not_yet(row) & condition if is_marked else condition

    def condition_of_put(self, row: Table[Any], condition: Condition | None) -> Condition:
        """Give the condition of a whole row: its own, or that there is none with its key yet."""
        if condition is None:
            absent: Condition = _hash_key_of(type(row)).does_not_exist()
            return absent
        return in_current_form(type(row), self.guarded(row, condition), or_absent=True)

    def is_earlier(self, op_id: str | None) -> bool:
        return self._mark is not None and self._mark.is_earlier(op_id)

    def knows(self, op_id: str | None) -> bool:
        return op_id == self.id or self.is_earlier(op_id)

    def done(self, *, found: str | None = None) -> None:
        if self._mark is not None:
            self._mark.call.end_write(self._mark, found=found)


def _old_of(table: type[Table[Any]], raw: Mapping[str, Any] | None) -> tuple[Any | None, str | None]:
    if not raw:
        return None, None
    op_id = raw.get("op_id", {}).get("S")
    return table.record_of(raw), op_id


def _raw_old(failure: PynamoDBException) -> Mapping[str, Any] | None:
    cause = failure.cause.__cause__ if failure.cause is not None else None
    response: Mapping[str, Any] = getattr(cause, "response", {})
    return response.get("Item")


def _raise_if_other(failure: PynamoDBException) -> None:
    """Turn everything but a failed condition into what a caller is told: nothing was decided."""
    answer: Mapping[str, Any] = getattr(failure.cause, "response", None) or {}  # a time-out has none
    if answer.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise told_of_store(failure) from failure


def _stamped(table: type[Table[Any]], actions: Sequence[Action], op_id: str, change: Change) -> list[Action]:
    row: Any = table
    return [
        *actions,
        row.version.set(row.version + 1),
        row.op_id.set(op_id),
        row.last_change.set(change),
    ]


def insert(row: Table[Any], *, change: Change | None = None, condition: Condition | None = None) -> None:
    """Write a row if there is none with its key yet: one call, one condition.

    Raises:
        ConditionFailed: there is one; `old` is its record.
        Unavailable: DynamoDB did not answer; whether it wrote is not known, and repeating is safe.

    """
    operation = _Operation(change, [row])
    if isinstance(row, VersionedTable):
        row.op_id = operation.id
        if change is not None:
            row.last_change = change
    for _ in range(MODERNISE_TRIES):
        try:
            row.save(condition=operation.condition_of_put(row, condition))
        except PutError as failure:
            _raise_if_other(failure)
            raw = _raw_old(failure)
            old, old_op_id = _old_of(type(row), raw)
            if not operation.knows(old_op_id):
                if condition is not None and _is_older(type(row), raw):
                    modernise(type(row), raw)
                    continue
                raise ConditionFailed(old, table=type(row)) from failure
            operation.done(found=old_op_id)
        else:
            operation.done()
        return
    raise error("try_again")


def keep(row: Table[Any]) -> None:
    """Write a row whose key only this very thing can have: one that is there is our own, its answer lost.

    Raises:
        Unavailable: DynamoDB did not answer; whether it wrote is not known, and repeating is safe.

    """
    with contextlib.suppress(ConditionFailed):
        insert(row)


def update(
    table: type[Table[Record]],
    key: tuple[Any, ...],
    actions: Sequence[Action],
    *,
    condition: Condition,
    change: Change | None = None,
) -> Record:
    """Change a row under a condition and give the record as it is now: one call.

    `change` is needed where rows tell who changed them (`VersionedTable`).

    Raises:
        ConditionFailed: the condition did not hold; `old` is the record, or None if there is none.
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    row = table(*key)
    operation = _Operation(change, [row])
    if issubclass(table, VersionedTable):
        assert change is not None, f"{table.__name__} tells who changed a row"
        actions = _stamped(table, actions, operation.id, change)
        condition = operation.not_yet(row) & condition
    condition = in_current_form(table, condition)
    for _ in range(MODERNISE_TRIES):
        try:
            row.update(actions=list(actions), condition=condition)
        except UpdateError as failure:
            _raise_if_other(failure)
            raw = _raw_old(failure)
            old, old_op_id = _old_of(table, raw)
            if not operation.knows(old_op_id):
                if _is_older(table, raw):
                    modernise(table, raw)
                    continue
                raise ConditionFailed(old, table=table) from failure
            assert old is not None
            operation.done(found=old_op_id)
            return old  # type: ignore[no-any-return] # our own write, whose first answer was lost
        operation.done()
        return row.record
    raise error("try_again")


def transact(writes: Sequence[Write], *, change: Change) -> None:
    """Do several writes as one, or none of them.

    Retries conflicts with other transactions, which wrote nothing; a lost answer is known by
    the `op_id` in the old items.

    Raises:
        ConditionFailed: a condition did not hold; `index` tells which write, `old` the record there.
        Unavailable: conflicts did not end, or DynamoDB did not answer; repeating is safe.

    """
    operation = _Operation(change, _marked_rows(writes))
    token = secrets.token_hex(12)
    for attempt in range(_CONFLICT_TRIES):
        try:
            _commit(writes, operation, token=f"{token}{attempt}", change=change)
        except TransactWriteError as failure:
            found = _own_success(writes, failure, operation)
            if found is not None:
                operation.done(found=found)
                return
            reasons = {reason.code for reason in failure.cancellation_reasons if reason is not None}
            if _met_older(writes, failure):
                continue
            if "ConditionalCheckFailed" in reasons:
                raise _condition_failure(writes, failure) from failure
            if not reasons or not reasons <= _TRANSIENT_REASONS:
                raise told_of_store(failure) from failure
            time.sleep(_CONFLICT_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - jitter
        else:
            operation.done()
            return
    raise error("try_again")


def _met_older(writes: Sequence[Write], failure: TransactWriteError) -> bool:
    """Rewrite the rows of an older schema version that a transaction met; tell whether there were any."""
    met = False
    for write, reason in zip(_in_reason_order(writes), failure.cancellation_reasons, strict=False):
        table = _table_of(write)
        if reason is None or reason.code != "ConditionalCheckFailed" or table.schema_version == 1:
            continue
        if (isinstance(write, Put) and write.condition is None) or (
            isinstance(write, Check) and write.any_form
        ):
            continue
        raw = raw_row(table, write.key) if isinstance(write, Check) else reason.raw_item
        if _is_older(table, raw):
            modernise(table, raw)
            met = True
    return met


def _is_older(table: type[Table[Any]], raw: Raw | None) -> bool:
    return table.is_older(raw) if raw else False


def _marked_rows(writes: Sequence[Write]) -> list[Table[Any]]:
    """Give the rows that bear the mark of a transaction."""
    rows = [
        write.row if isinstance(write, Put) else write.table(*write.key)
        for write in writes
        if not isinstance(write, Check)
    ]
    return [row for row in rows if isinstance(row, VersionedTable)]


def _commit(writes: Sequence[Write], operation: _Operation, *, token: str, change: Change) -> None:
    with TransactWrite(connection=connection(), client_request_token=token) as transaction:
        for write in _in_reason_order(writes):
            match write:
                case Check():
                    write.table._get_connection()  # noqa: SLF001 - makes the table known
                    range_key = write.key[1] if len(write.key) > 1 else None
                    condition = (
                        write.condition if write.any_form else in_current_form(write.table, write.condition)
                    )
                    transaction.condition_check(write.table, write.key[0], range_key, condition=condition)
                case Put():
                    if isinstance(write.row, VersionedTable):
                        write.row.op_id = operation.id
                        if write.row.last_change is None:
                            write.row.last_change = change
                    condition = operation.condition_of_put(write.row, write.condition)
                    transaction.save(write.row, condition=condition, return_values=ALL_OLD)
                case Update():
                    actions = list(write.actions)
                    if issubclass(write.table, VersionedTable):
                        actions = _stamped(write.table, actions, operation.id, write.change or change)
                    row = write.table(*write.key)
                    condition = in_current_form(write.table, operation.guarded(row, write.condition))
                    transaction.update(row, actions, condition=condition, return_values=ALL_OLD)


def _in_reason_order(writes: Sequence[Write]) -> list[Write]:
    """Order as PynamoDB sends them: checks, puts, updates. Cancellation reasons come in this order."""
    order = {Check: 0, Put: 1, Update: 2}
    return sorted(writes, key=lambda write: order[type(write)])


def _table_of(write: Write) -> type[Table[Any]]:
    return type(write.row) if isinstance(write, Put) else write.table


def _own_success(writes: Sequence[Write], failure: TransactWriteError, operation: _Operation) -> str | None:
    """Find our mark on what failed; that of an earlier run counts only on what the writes begin with."""
    first = next((write for write in writes if not isinstance(write, Check)), None)
    for write, reason in zip(_in_reason_order(writes), failure.cancellation_reasons, strict=False):
        op_id = None if reason is None else _old_of(_table_of(write), reason.raw_item)[1]
        if op_id == operation.id or (write is first and operation.is_earlier(op_id)):
            return op_id
    return None


def _condition_failure(writes: Sequence[Write], failure: TransactWriteError) -> ConditionFailed:
    """Report the failed write that stands first in the caller's own order."""
    failures: dict[int, ConditionFailed] = {}
    for write, reason in zip(_in_reason_order(writes), failure.cancellation_reasons, strict=False):
        if reason is not None and reason.code == "ConditionalCheckFailed":
            index = next(place for place, candidate in enumerate(writes) if candidate is write)
            failures[index] = ConditionFailed(
                _old_of(_table_of(write), reason.raw_item)[0], index, _table_of(write)
            )
    return failures[min(failures)]


def until_written(attempt: Callable[[], Result], *, tries: int = 5) -> Result:
    """Read, decide and write; where another write came in between, do all three again.

    `attempt` does the three once and gives the answer. It lets the `ConditionFailed` of its own write pass:
    what it had read is no longer so. Whatever else it raises is the decision.

        def attempt() -> Claim:
            claim = store.read_claim(claim_id)
            refuse(why_not("return", claim, actor))
            return store.decide(claim, "return", ...)

        return until_written(attempt)

    Raises:
        Unavailable: `try_again`, others came in between each time; nothing was written, repeating is safe.

    """
    for _ in range(tries):
        with contextlib.suppress(ConditionFailed):
            return attempt()
    raise error("try_again")


# --------------------------------------------------------------------------- state changes


def lawful(table: type[Table[Any]], *, sources: Iterable[StrEnum], version: int | None = None) -> Condition:
    """Write the condition "in one of these states, and at this version": the one way to write it."""
    row: Any = table
    condition = row.status.is_in(*[str(source) for source in sources])
    if version is not None:
        condition &= row.version == version
    return condition  # type: ignore[no-any-return] # PynamoDB's expressions are built from Any here


def none_of(attribute: Any, hands: Hands) -> Condition:
    """Require of an actor's id that it is none of these; also where nobody is named yet."""
    condition: Condition = ~attribute.is_in(*sorted(hands))
    return condition


def names_none_of(listed: Any, hands: Hands) -> Condition:
    """Require of a list of actors that none of these is in it; also where there is no list.

    A list is JSON text, in which an id stands in quotes: looking for one in quotes finds no longer one.
    """
    condition: Condition = functools.reduce(
        operator.and_, [~listed.contains(actor) for actor in sorted(hands)]
    )
    return condition


def why_stale(
    old: Any | None, *, sources: Iterable[StrEnum], version: int | None, code: str = "wrong_state"
) -> DomainError | None:
    """Tell which part of a `lawful` condition a row does not meet: there is none, its version, its state."""
    if old is None:
        return error("not_found")
    if version is not None and old.version != version:
        return error("version_conflict", version=old.version)
    if old.status not in tuple(sources):
        return error(code, status=str(old.status))
    return None


def refuse_stale(
    old: Any | None, *, sources: Iterable[StrEnum], version: int | None, code: str = "wrong_state"
) -> None:
    """Explain a failed `lawful` condition from the old item; return if neither part was at fault.

    Raises:
        NotFound: there is no such row.
        Refused: another version (`version_conflict`), or another state (`code`).

    """
    stale = why_stale(old, sources=sources, version=version, code=code)
    if stale is not None:
        raise stale


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
