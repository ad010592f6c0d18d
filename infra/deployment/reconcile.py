"""Look through restored tables: ledger, audit chains, exchange; write what is missing if asked to.

Runs the program's own code on the tables that `TABLE_PREFIX` names; nothing is deployed for it. Tables come
back to the same second, and the consumers of their streams were some seconds behind in it. So at the edge of
the restored moment

- a change may have no audit record and no delivery yet: both are made here, from the row as it is;
- a voucher may have been told further than its row remembers, because what came after the moment is undone:
  it gets a version above the one that was told, and the platform is told once more what it is now.

One walk over each streamed table: as many reads as there are rows, in a disaster only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

import app  # noqa: F401 - every table is declared when it is imported
from chalicelib.aws.settings import settings
from chalicelib.aws.streams import Image, RowChange
from chalicelib.aws.table import Table, all_tables, connection
from chalicelib.exchange import service as exchange
from chalicelib.exchange import store as deliveries
from chalicelib.exchange.messages.reported import REPORTED
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.principal import Change, Context, Principal, Role, change_of
from chalicelib.settlement.verification.model import Progress
from chalicelib.settlement.verification.service import verify_page
from chalicelib.subsidies.areas import cities_of
from chalicelib.supervision.audit import service as audit
from chalicelib.supervision.audit import store as audit_store

_PAGE: Final = 100
Report = dict[str, Any]


def reconcile(*, mend: bool, in_use: str, moment: datetime | None = None) -> Report:
    """Look through everything and give what was found; `mend` also writes what is missing.

    `in_use` is the prefix of the tables that are restored, `moment` is for the report only. `sound` tells
    whether the tables may be used as they are: nothing is wrong in ledger and chains, and nothing is missing
    (or all of it was written).
    """
    context = Context(
        principal=Principal(actor="system:restore", role=Role.PROVINCE, division=str(PROVINCE)),
        now=datetime.now(UTC),
        request_id="restore",
    )
    report: Report = {"prefix": settings().table_prefix, "moment": moment, "mended": mend}
    report["rows"] = {}
    report["missing audit records"] = 0
    report["missing deliveries"] = 0
    report["told further than they are"] = 0
    report["told with gaps"] = 0
    for table in all_tables():
        if table.streamed:
            _look_through(context, table, report, in_use if mend else None)
    report["ledger differences"] = list(_ledger(context))
    report["broken audit chains"] = list(_chains(context))
    left = sum(report[name] for name in _MISSING)
    wrong = report["ledger differences"] or report["broken audit chains"]
    report["sound"] = not wrong and (mend or not left)
    return report


TOLD: Final = frozenset(name for name, reported in REPORTED.items() if reported.numbered_by_version)
"""Tables of which each version is one message, so that what was told can be held against what stands."""
_MISSING: Final = ("missing audit records", "missing deliveries", "told further than they are")


def read_all() -> tuple[list[str], int]:
    """Read every row of every table as the program does; give the first fault of each table, and a count."""
    faults, count = [], 0
    for table in all_tables():
        for page in _pages(table):
            count += len(page)
            for row in page:
                try:
                    _ = row.record
                except (ValueError, TypeError, KeyError, msgspec.MsgspecError) as fault:
                    faults.append(f"{table.Meta.table_name}: {type(fault).__name__}: {fault}")
                    break
    return faults, count


def _look_through(context: Context, table: type[Table[Any]], report: Report, in_use: str | None) -> None:
    """Look through one table; with the prefix of those in use, write what is missing."""
    name = str(table.Meta.table_name).removeprefix(settings().table_prefix)
    count = 0
    for page in _pages(table):
        count += len(page)
        changes = [_change_of(table, name, row, number) for number, row in enumerate(page)]
        report["missing audit records"] += _record(context, changes, mend=in_use is not None)
        if name in TOLD:
            told = _tell(context, table, changes, in_use)
            report["missing deliveries"] += told["missing"]
            report["told further than they are"] += told["further"]
            report["told with gaps"] += told["gaps"]
    report["rows"][name] = count


def _pages(table: type[Table[Any]]) -> Iterator[list[Any]]:
    after = None
    while True:
        rows = table.scan(limit=_PAGE, page_size=_PAGE, last_evaluated_key=after, consistent_read=True)
        yield list(rows)
        after = rows.last_evaluated_key
        if after is None:
            return


def _change_of(table: type[Table[Any]], name: str, row: Any, number: int) -> RowChange:
    """Give the last change of a row as a stream would, without how the row was before."""
    values = _values(row)
    subject, *parts = [values[key] for key in table.key_names()]
    last = values.get("last_change")
    change = msgspec.convert(last, Change, strict=False) if last is not None else None
    part = (
        parts[0].isoformat() if parts and hasattr(parts[0], "isoformat") else str(parts[0]) if parts else ""
    )
    return RowChange(
        sequence=str(number),
        table=name,
        subject=str(subject),
        part=part,
        before=None,
        after=values,
        change=change,
    )


def _values(row: Any) -> Image:
    return {key: value for key, value in row.attribute_values.items() if value is not None}


def _record(context: Context, changes: list[RowChange], *, mend: bool) -> int:
    """Find the newest changes that have no audit record; give how many."""
    told = [row for row in changes if row.version is not None and not row.told_elsewhere]
    observed = [audit.observe(context, row) for row in told]
    known = audit_store.recorded([one.key for one in observed])
    missing = [one for one in observed if one.key not in known]
    if mend:
        for chain, part in audit.by_chain(missing).items():
            audit.append(context, chain, part)
    return len(missing)


def _tell(
    context: Context, table: type[Table[Any]], changes: list[RowChange], in_use: str | None
) -> Counter[str]:
    """Find vouchers whose newest version has no delivery, that were told a later one, or with gaps."""
    found: Counter[str] = Counter()
    for row in changes:
        version = row.version or 0
        subject = REPORTED[row.table].subject_of(row.after or {})
        told = {delivery.sequence for delivery in deliveries.deliveries_of(subject)}
        newest = max(told, default=0)
        found["gaps"] += bool(set(range(1, max(version, newest))) - told)
        if newest > version:
            found["further"] += 1
            if in_use is not None:
                _tell_again(context, table, row, above=newest, undone=_row_in_use(table, row, in_use))
        elif newest < version:
            found["missing"] += 1
            if in_use is not None:
                exchange.record(context, row)
    return found


def _row_in_use(table: type[Table[Any]], row: RowChange, in_use: str) -> Image | None:
    """Give a row as it is in the table that is restored, i.e. with what is undone."""
    answer = connection().client.get_item(
        TableName=in_use + row.table, Key={table.key_names()[0]: {"S": row.subject}}, ConsistentRead=True
    )
    return _values(table.from_raw_data(answer["Item"])) if "Item" in answer else None


def _tell_again(
    context: Context, table: type[Table[Any]], row: RowChange, *, above: int, undone: Image | None
) -> None:
    """Write a voucher with a version above the one that was told, with its record and its delivery.

    The record says what is undone, so that counts go back with it.
    """
    counted: Any = table
    change = change_of(context, "restore.reconcile", reason=f"restored; version {above} had been told")
    fresh = table(row.subject)
    fresh.update(
        actions=[
            counted.version.set(above + 1),
            counted.op_id.set(new_operation_id()),
            counted.last_change.set(change),
        ],
        condition=counted.version == row.version,
    )
    again = replace(row, before=undone or row.after, after=_values(fresh), change=change)
    observed = audit.observe(context, again)
    audit.append(context, observed.record.chain, [observed])
    exchange.record(context, again)


def _ledger(context: Context) -> Iterator[Report]:
    """Verify the ledger of every city, page by page."""
    cities, _ = cities_of(PROVINCE)
    for city in cities:
        after: Progress | None = None
        while True:
            verified = verify_page(city, after, now=context.now)
            for difference in verified.differences:
                yield {"division": city, **difference._asdict()}
            after = verified.after
            if after is None:
                break


def _chains(context: Context) -> Iterator[Report]:
    """Verify every audit chain from its beginning, with the roots that were sealed of it."""
    verdicts = audit.verify(context, PROVINCE)
    while verdicts:
        for verdict in verdicts:
            if verdict.first_bad is not None:
                yield {"chain": verdict.chain, **msgspec.structs.asdict(verdict.first_bad)}
        going_on = [verdict.after for verdict in verdicts if verdict.after is not None]
        verdicts = [further for after in going_on for further in audit.verify(context, None, after=after)]
