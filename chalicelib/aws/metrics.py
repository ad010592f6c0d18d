"""What the service measures of itself: every figure's name, unit and meaning, in one table.

Alarms, the dashboard and the run book (`infra/deployment/watching.py`, `infra/runbook.md`) are derived
from this table, and `aws/logs.py` writes the figures. A figure is about the service, never about a person,
an institution or a division: its only dimensions are the stage and, where it says so, the job.
"""

from typing import Final, Literal, NamedTuple

NAMESPACE: Final = "TrainingVouchers"
STAGE_DIMENSION: Final = "Stage"
JOB_DIMENSION: Final = "Job"


class Metric(NamedTuple):
    """One figure; `by_job`: one for each job, told apart by the dimension `Job`.

    `unit` is a unit of CloudWatch, which knows neither fen nor days: those are "None" and stand in the name.
    """

    name: str
    unit: Literal["Count", "Seconds", "None"]
    meaning: str
    by_job: bool = False


JOB_DONE: Final = Metric("JobDone", "Count", "a job came to its end: its heartbeat", by_job=True)
MESSAGES_FAILED: Final = Metric("MessagesFailed", "Count", "messages that a worker could not do, each try")
CHANGES_PARKED: Final = Metric("ChangesParked", "Count", "changes of rows that a consumer parked, unread")
RUNS_NEAR_TIME_OUT: Final = Metric(
    "RunsNearTimeOut", "Count", "runs of functions that ended with less than a tenth of their time-out left"
)
STORE_THROTTLED: Final = Metric("StoreThrottled", "Count", "calls that DynamoDB throttled, each try")
STORE_FAULTS: Final = Metric("StoreFaults", "Count", "calls that DynamoDB failed or did not answer, each try")
REQUESTS_PACED: Final = Metric("RequestsPaced", "Count", "requests refused because somebody asks too often")
REQUESTS_THROTTLED: Final = Metric("RequestsThrottled", "Count", "answers 429 in the API's access log")
"""Counted by the gateway's log, not by the program: the gateway's own refusals never reach it."""
SIGN_INS_FAILED: Final = Metric("SignInsFailed", "Count", "sign-ins that failed, whoever tried")
UNDELIVERED: Final = Metric("Undelivered", "Count", "changes that wait to be told to the national platform")
UNDELIVERED_AGE: Final = Metric("UndeliveredAge", "Seconds", "age of the oldest change that waits to be told")
PLATFORM_DIFFERENCES: Final = Metric(
    "PlatformDifferences", "Count", "vouchers that the platform has otherwise, of the last walk"
)
PLATFORM_UNEXPLAINED: Final = Metric(
    "PlatformUnexplained",
    "Count",
    "changes no stream told of, and what the platform has otherwise, why unknown",
)
DELIVERIES_STUCK: Final = Metric(
    "DeliveriesStuck", "Count", "deliveries refused by the platform, or given up: the province decides"
)
BATCH_UNSEALED_DAYS: Final = Metric(
    "BatchUnsealedDays", "None", "working days since a batch was opened that has lines and is not sealed"
)
BATCH_UNEXPORTED_DAYS: Final = Metric(
    "BatchUnexportedDays", "None", "working days since a batch was sealed whose file nobody fetched"
)
BATCH_UNANSWERED_DAYS: Final = Metric(
    "BatchUnansweredDays",
    "None",
    "working days since anything happened to an exported batch without all results",
)
LEDGER_DIFFERENCES: Final = Metric(
    "LedgerDifferences", "Count", "figures of a page of a ledger that are not what they stand for"
)
RULES_FAILED: Final = Metric(
    "RulesFailed",
    "Count",
    "rules of supervision that could not be carried out, and classes that are not paid since none was",
)
CHAINS_BROKEN: Final = Metric(
    "AuditChainsBroken", "Count", "audit chains that no longer hold what was sealed of them"
)
AUDIT_GAPS: Final = Metric(
    "AuditGaps", "Count", "versions of rows that the audit chain does not have, of the last walk"
)
HELD_FEN: Final = Metric("HeldFen", "None", "money of held lines in fen, a page of claims at a time")
HELD_DAYS: Final = Metric("HeldDays", "None", "days since anything happened to the oldest held line")
FOOTAGE_REFUSED: Final = Metric(
    "FootageRefused", "Count", "recordings that never came, or are not what was announced"
)
FOOTAGE_UNRECONCILED: Final = Metric(
    "FootageUnreconciled", "Count", "recordings that could not be asked for, or were left to the next night"
)
MIGRATION_OPEN: Final = Metric(
    "MigrationOpen", "Count", "parts of tables whose older rows a migration has still to rewrite"
)
REENCRYPTION_OPEN: Final = Metric(
    "ReencryptionOpen", "Count", "1 while a re-encryption that was started is not finished"
)

METRICS: Final = (
    JOB_DONE,
    MESSAGES_FAILED,
    CHANGES_PARKED,
    RUNS_NEAR_TIME_OUT,
    STORE_THROTTLED,
    STORE_FAULTS,
    REQUESTS_PACED,
    REQUESTS_THROTTLED,
    SIGN_INS_FAILED,
    UNDELIVERED,
    UNDELIVERED_AGE,
    DELIVERIES_STUCK,
    PLATFORM_DIFFERENCES,
    PLATFORM_UNEXPLAINED,
    BATCH_UNSEALED_DAYS,
    BATCH_UNEXPORTED_DAYS,
    BATCH_UNANSWERED_DAYS,
    LEDGER_DIFFERENCES,
    CHAINS_BROKEN,
    AUDIT_GAPS,
    HELD_FEN,
    HELD_DAYS,
    FOOTAGE_REFUSED,
    FOOTAGE_UNRECONCILED,
    RULES_FAILED,
    MIGRATION_OPEN,
    REENCRYPTION_OPEN,
)
