"""Every deployed function, as one table: its size and what starts it; `grants.py` says what it may touch.

The template, the policies, the alarms, the outputs and the tests are all derived from the two, so a
function cannot be deployed without a role of its own, a log retention, an alarm and, where it consumes
messages, a dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

API: Final = "api_handler"
"""Chalice's own function for all HTTP routes; its logical id is fixed by Chalice."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A work queue and how its consumer reads it; each has a dead-letter queue of its own."""

    name: str
    batch_size: int
    maximum_concurrency: int
    attempts: int = 5


@dataclass(frozen=True, kw_only=True)
class Function:
    """One deployed function. At most one of `schedule`, `queue`, `bucket` and `streams` starts it."""

    name: str
    memory_mb: int
    timeout_seconds: int
    log_retention_days: int
    schedule: str | None = None
    queue: Queue | None = None
    bucket: str | None = None
    object_prefix: str = ""
    object_suffix: str = ""
    """Of the objects in `bucket`, only those whose names begin, or end, so start it (one of the two)."""
    streams: bool = False
    streams_of: frozenset[str] | None = None
    """Of which tables it reads the changes; None: of all that the audit is told of."""
    stream_events: tuple[str, ...] = ()
    """The kinds of change it is handed (`INSERT`, `MODIFY`, `REMOVE`); all by default."""
    stream_lanes: Mapping[str, int] = field(default_factory=dict)
    """Of tables that change much: how many batches of a shard it works on at once, else one.

    The changes of one row stay in their order.
    """

    stream_window_seconds: int = 0
    """So long a batch is gathered before it is handed over: fewer and fuller ones."""

    def follows(self, table: str, *, audited: bool = True) -> bool:
        """Tell whether it reads the changes of a table that has a stream."""
        return self.streams and (audited if self.streams_of is None else table in self.streams_of)


BUCKETS: Final = ("intake", "evidence")
SEEDS: Final = ("signing", "index")
"""Secrets that are born in the account: the seeds of the service's own keys."""
PARTNERS: Final = "partners"
"""The public keys of the two platforms, kept beside them: they do not fit into an environment."""
SECRETS: Final = (*SEEDS, PARTNERS)

IMPORTS: Final = Queue(name="imports", batch_size=1, maximum_concurrency=5)
ISSUANCE: Final = Queue(name="issuance", batch_size=5, maximum_concurrency=5)
STANDINGS: Final = Queue(name="standings", batch_size=1, maximum_concurrency=2)
EXPIRY: Final = Queue(name="expiry", batch_size=5, maximum_concurrency=5)
REMINDERS: Final = Queue(name="reminders", batch_size=5, maximum_concurrency=2)
SETTLEMENT: Final = Queue(name="settlement", batch_size=1, maximum_concurrency=2)
SUPERVISION: Final = Queue(name="supervision", batch_size=5, maximum_concurrency=5)
EXPORTS: Final = Queue(name="exports", batch_size=1, maximum_concurrency=2, attempts=3)
QUEUES: Final = (
    IMPORTS,
    ISSUANCE,
    STANDINGS,
    EXPIRY,
    REMINDERS,
    SETTLEMENT,
    SUPERVISION,
    EXPORTS,
)

_JOB_RETENTION_DAYS: Final = 400
"""Logs of jobs that move money or vouchers outlive a yearly audit."""


FUNCTIONS: Final = (
    Function(
        name=API,
        memory_mb=1024,
        timeout_seconds=28,
        log_retention_days=180,
    ),
    Function(
        name="bootstrap_accounts",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
    ),
    Function(
        name="resume_issuance",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="rate(15 minutes)",
    ),
    Function(
        name="resume_imports",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="rate(15 minutes)",
    ),
    Function(
        name="follow_standings",
        memory_mb=512,
        timeout_seconds=120,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=STANDINGS,
    ),
    Function(
        name="expire_vouchers",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(5 16 * * ? *)",
    ),
    Function(
        name="lapse_accounts",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(5 16 * * ? *)",
    ),
    Function(
        name="settle_subsidies",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(35 16 * * ? *)",
    ),
    Function(
        name="verify_ledger",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(20 18 * * ? *)",
    ),
    Function(
        name="reconcile_exchange",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="rate(10 minutes)",
    ),
    Function(
        name="seal_audit",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(50 16 * * ? *)",
    ),
    Function(
        name="compare_audit",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="rate(1 hour)",
    ),
    Function(
        name="reencrypt_people",
        memory_mb=1024,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="rate(10 minutes)",
    ),
    Function(
        name="migrate_rows",
        memory_mb=512,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="rate(10 minutes)",
    ),
    Function(
        name="record_audit",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        streams=True,
    ),
    Function(
        name="return_changes",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        streams=True,
        streams_of=frozenset({"check-ins", "institutions", "programs", "projects", "vouchers"}),
        stream_events=("INSERT", "MODIFY"),
        # Two calls and a POST a change, some 40 ms: two lanes tell 4 million changes a day on one shard, and
        # the busiest month has 6 million. A row is a subject, so each one's messages stay in their order.
        stream_lanes={"check-ins": 2, "vouchers": 2},
    ),
    Function(
        name="watch_changes",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        streams=True,
        streams_of=frozenset({"check-ins", "classes", "enrolments", "footage", "make-ups", "subsidy-claims"}),
        stream_events=("INSERT", "MODIFY"),
        stream_window_seconds=30,
    ),
    Function(
        name="evaluate_classes",
        memory_mb=1024,
        timeout_seconds=120,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=SUPERVISION,
    ),
    Function(
        name="evaluate_day",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(40 15 * * ? *)",
    ),
    Function(
        name="make_exports",
        memory_mb=1769,
        timeout_seconds=900,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=EXPORTS,
    ),
    Function(
        name="process_import",
        memory_mb=1769,
        timeout_seconds=300,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=IMPORTS,
    ),
    Function(
        name="issue_vouchers",
        memory_mb=1024,
        timeout_seconds=120,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=ISSUANCE,
    ),
    Function(
        name="expire_shard",
        memory_mb=512,
        timeout_seconds=120,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=EXPIRY,
    ),
    Function(
        name="remind_shard",
        memory_mb=512,
        timeout_seconds=120,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=REMINDERS,
    ),
    Function(
        name="seal_settlement",
        memory_mb=1024,
        timeout_seconds=120,
        log_retention_days=_JOB_RETENTION_DAYS,
        queue=SETTLEMENT,
    ),
    Function(
        name="receive_upload",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        bucket="intake",
        object_suffix="/upload",
    ),
    Function(
        name="register_footage",
        memory_mb=1769,  # one whole processor: what came in parts is read through for its digest
        timeout_seconds=900,
        log_retention_days=_JOB_RETENTION_DAYS,
        bucket="evidence",
        object_prefix="footage/",
    ),
    Function(
        name="register_document",
        memory_mb=512,
        timeout_seconds=60,
        log_retention_days=_JOB_RETENTION_DAYS,
        bucket="evidence",
        object_prefix="claim-documents/",
    ),
    Function(
        name="reconcile_footage",
        memory_mb=1769,
        timeout_seconds=900,  # it begins the last recording within 240 s, and reads that through as well
        log_retention_days=_JOB_RETENTION_DAYS,
        schedule="cron(20 18 * * ? *)",
    ),
)


def logical_id(function: Function) -> str:
    """Give the id Chalice gives the function in its template."""
    if function.name == API:
        return "APIHandler"
    return "".join(word.title() for word in function.name.split("_"))


ALIAS: Final = "live"
"""Of each function: what starts it asks for this, and `infra.deployment.rolling` leads it to the version
that runs."""


def alias_id(function: Function) -> str:
    """Give the id of a function's alias in the template."""
    return logical_id(function) + ALIAS.title()


def handler(function: Function) -> str:
    """Give the `module.attribute` the runtime resolves."""
    return "app.app" if function.name == API else f"app.{function.name}"
