"""A meter on DynamoDB: calls and units, as the local cloud counts them (moto under-counts)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib.edge import http, pages
from tests.support.local_cloud import require_local_cloud

OPERATIONS = ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "BatchGetItem", "BatchWriteItem")
TRANSACTIONS = ("TransactWriteItems", "TransactGetItems")


@dataclass
class Meter:
    """What has been used: calls by operation, write units of tables and of their indexes."""

    calls: Counter[str] = field(default_factory=Counter)
    writes: float = 0.0
    index_writes: float = 0.0
    reads: float = 0.0
    items_read: int = 0

    @property
    def call_count(self) -> int:
        """Count all calls."""
        return sum(self.calls.values())

    def add(self, operation: str, parsed: dict[str, Any]) -> None:
        """Take one answer's consumption."""
        self.calls[operation] += 1
        self.writes += _units_of_refused(operation, parsed)
        self.items_read += _items_read(operation, parsed)
        consumed = parsed.get("ConsumedCapacity", [])
        writing = operation in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
        for one in consumed if isinstance(consumed, list) else [consumed]:
            indexes = one.get("GlobalSecondaryIndexes", {})
            on_indexes = sum(index.get("CapacityUnits", 0.0) for index in indexes.values())
            if writing:
                self.writes += one.get("CapacityUnits", 0.0) - on_indexes
                self.index_writes += on_indexes
            else:
                self.reads += one.get("CapacityUnits", 0.0)


def _items_read(operation: str, parsed: dict[str, Any]) -> int:
    match operation:
        case "Query":
            return int(parsed.get("ScannedCount", 0))
        case "GetItem":
            return int("Item" in parsed)
        case "BatchGetItem":
            return sum(len(items) for items in parsed.get("Responses", {}).values())
    return 0


def _units_of_refused(operation: str, parsed: dict[str, Any]) -> float:
    """Give what AWS charges for a write whose condition failed; an error's answer does not tell it.

    A single write of up to 1 KB is one unit, each of a transaction's two.
    """
    match parsed.get("Error", {}).get("Code"):
        case "ConditionalCheckFailedException":
            return 1.0
        case "TransactionCanceledException" if operation == "TransactWriteItems":
            return 2.0 * len(parsed.get("CancellationReasons", []))
    return 0.0


@dataclass(frozen=True)
class Cost:
    """What one operation used, on average, beside its floor."""

    calls: float
    calls_floor: float
    writes: float
    writes_floor: float
    index_writes: float
    reads: float = 0.0


MEASURED: dict[str, Cost] = {}
RATIOS: dict[str, tuple[float, float]] = {}
"""Items read ÷ items acted on, and the most that may be."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the measured table beside the floors of the design."""
    if not MEASURED and not RATIOS:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line(
        f"{'operation':40}{'calls':>8}{'floor':>8}{'units':>8}{'floor':>8}{'+index':>8}"
    )
    for name, cost in MEASURED.items():
        figures = (cost.calls, cost.calls_floor, cost.writes, cost.writes_floor, cost.index_writes)
        terminalreporter.write_line(f"{name:40}" + "".join(f"{figure:>8.2f}" for figure in figures))
    for name, (ratio, most) in RATIOS.items():
        terminalreporter.write_line(f"{name:40}{ratio:>8.3f}{most:>8.2f}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse to measure where there is no local cloud; the start of a function needs none."""
    require_local_cloud(items, Path(__file__).parent)


@pytest.fixture(autouse=True)
def _at_any_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request take its time: calls are counted here, and one machine has 100,000 rows and all its callers."""
    for edge in (pages, http):
        monkeypatch.setattr(edge, "asking_within", lambda _: nullcontext())


@pytest.fixture
def within() -> Any:
    """Give `within(name, meter, calls=, units=, count=)`: note a cost and hold it against its floor."""

    def check(name: str, meter: Meter, *, calls: float, units: float, count: int = 1) -> None:
        cost = Cost(
            calls=meter.call_count / count,
            calls_floor=calls,
            writes=meter.writes / count,
            writes_floor=units,
            index_writes=meter.index_writes / count,
            reads=meter.reads / count,
        )
        MEASURED[name] = cost
        assert cost.calls <= calls + 1e-9, (name, meter.calls)
        assert cost.writes <= units + 1e-9, (name, meter.writes)

    return check


@pytest.fixture
def measure(cloud: Any) -> Iterator[Any]:
    """Give `with measure() as meter:`, a meter of what the block uses."""
    from chalicelib.aws.table import connection

    events = connection().client.meta.events
    meters: list[Meter] = []

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"

    def take(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        for meter in meters:
            meter.add(model.name, parsed)

    @contextmanager
    def block() -> Iterator[Meter]:
        meter = Meter()
        meters.append(meter)
        try:
            yield meter
        finally:
            meters.remove(meter)

    for operation in (*OPERATIONS, *TRANSACTIONS):
        events.register(f"provide-client-params.dynamodb.{operation}", ask)
        events.register(f"after-call.dynamodb.{operation}", take)
    yield block
    for operation in (*OPERATIONS, *TRANSACTIONS):
        events.unregister(f"provide-client-params.dynamodb.{operation}", ask)
        events.unregister(f"after-call.dynamodb.{operation}", take)
