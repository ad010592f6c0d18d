"""What is watched, as one table: each watch is a page of the run book and one alarm or several.

A watch says which figure it looks at, from which value on and for how long, who acts, and by its name which
page of `infra/runbook.md` tells them what to do. The figures of the service itself are in
`chalicelib/aws/metrics.py`; those of AWS are named as AWS documents them (API Gateway: "Dimensions and
metrics", Lambda: "Types of metrics", SQS: "Available CloudWatch metrics").

DynamoDB's own figures are of one table, index and operation each, and an alarm cannot search: hundreds of
alarms. So the program counts what DynamoDB throttles and fails (`StoreThrottled`, `StoreFaults`), and the
dashboard, which can search, shows DynamoDB's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.aws import metrics
from chalicelib.aws.metrics import JOB_DIMENSION, NAMESPACE, STAGE_DIMENSION, Metric
from chalicelib.kernel.clocks import BATCH_WORKING_DAYS
from infra.deployment.functions import API, FUNCTIONS, QUEUES, Function, logical_id
from infra.deployment.storage import LOCAL, Json, dead_letters_id, has_dead_letters, prefix, queue_id

RUN_BOOK: Final = "infra/runbook.md"
API_STAGE: Final = "api"
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
OPERATOR: Final = "the operator"
PROVINCE: Final = "the provincial bureau"
FINANCE: Final = "finance of the division that the log line names"
SUPERVISOR: Final = "the supervisor of the division that the log line names"


@dataclass(frozen=True, kw_only=True)
class Watch:
    """One thing that is watched.

    `name` is the anchor of its page. It rings when `statistic` of the figure is `threshold` or more in
    `periods` periods one after the other. `quiet` says what no figure means: nothing happened, the last state
    stands, or (`breaching`) that what should have happened did not; only then a figure below 1 rings.
    """

    name: str
    acts: str
    figure: Metric | str
    threshold: float
    statistic: str = "Sum"
    period_seconds: int = 5 * _MINUTE
    periods: int = 1
    quiet: str = "notBreaching"
    leads_back: bool = False
    """Whether new code is not kept when it rings during a deployment (`infra.deployment.rolling`)."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm of a watch: its id in the template, whom it is about, and what it looks at."""

    watch: Watch
    id: str
    of: str = ""
    properties: Json


API_FAILING: Final = Watch(name="api-failing", acts=OPERATOR, figure="5XXError", threshold=5, leads_back=True)
API_SLOW: Final = Watch(
    name="api-slow", acts=OPERATOR, figure="Latency", threshold=3_000, statistic="p99", periods=3
)
API_THROTTLED: Final = Watch(
    name="api-throttled", acts=OPERATOR, figure=metrics.REQUESTS_THROTTLED, threshold=100
)
FUNCTION_ERRORS: Final = Watch(
    name="function-errors", acts=OPERATOR, figure="Errors", threshold=1, leads_back=True
)
FUNCTION_THROTTLED: Final = Watch(name="function-throttled", acts=OPERATOR, figure="Throttles", threshold=1)
STREAM_BEHIND: Final = Watch(
    name="stream-behind",
    acts=OPERATOR,
    figure="IteratorAge",
    threshold=10 * _MINUTE * 1000,
    statistic="Maximum",
)
"""In milliseconds. Records live 24 hours and are tried until then: ten minutes leave a day to act."""
DEAD_LETTERS: Final = Watch(
    name="dead-letters",
    acts=OPERATOR,
    figure="ApproximateNumberOfMessagesVisible",
    threshold=1,
    statistic="Maximum",
)
QUEUE_WAITING: Final = Watch(
    name="queue-waiting",
    acts=OPERATOR,
    figure="ApproximateAgeOfOldestMessage",
    threshold=_HOUR,
    statistic="Maximum",
)
JOB_MISSED: Final = Watch(
    name="job-missed", acts=OPERATOR, figure=metrics.JOB_DONE, threshold=1, quiet="breaching"
)


def _hourly(name: str, acts: str, figure: Metric, threshold: float) -> Watch:
    """Watch what an hourly job measures; between two runs the last state stands."""
    return Watch(
        name=name,
        acts=acts,
        figure=figure,
        threshold=threshold,
        statistic="Maximum",
        period_seconds=_HOUR,
        quiet="ignore",
    )


def _nightly(name: str, acts: str, figure: Metric, threshold: float) -> Watch:
    """Watch what a nightly job measures; it rings for a day."""
    return Watch(
        name=name,
        acts=acts,
        figure=figure,
        threshold=threshold,
        statistic="Maximum",
        period_seconds=_DAY,
    )


def _lasting(name: str, acts: str, figure: Metric, threshold: float) -> Watch:
    """Watch what a job begun by hand has still to do; it rings when that is so for three days on end."""
    return Watch(
        name=name,
        acts=acts,
        figure=figure,
        threshold=threshold,
        statistic="Maximum",
        period_seconds=_HOUR,
        periods=72,
    )


def _each_night(name: str, acts: str, figure: Metric, threshold: float) -> Watch:
    """Watch what a nightly job measures; it is over by noon, so that the next night it rings anew.

    An alarm tells its people when it begins to ring, once: a thing that rests has to be told every day.
    """
    return Watch(
        name=name,
        acts=acts,
        figure=figure,
        threshold=threshold,
        statistic="Maximum",
        period_seconds=_DAY // 2,
    )


OF_THE_SERVICE: Final = (
    API_THROTTLED,
    Watch(name="function-near-time-out", acts=OPERATOR, figure=metrics.RUNS_NEAR_TIME_OUT, threshold=1),
    Watch(name="requests-paced", acts=OPERATOR, figure=metrics.REQUESTS_PACED, threshold=100),
    Watch(name="sign-ins-failing", acts=OPERATOR, figure=metrics.SIGN_INS_FAILED, threshold=100),
    Watch(name="store-throttled", acts=OPERATOR, figure=metrics.STORE_THROTTLED, threshold=10),
    Watch(name="store-failing", acts=OPERATOR, figure=metrics.STORE_FAULTS, threshold=10, leads_back=True),
    Watch(
        name="messages-failing",
        acts=OPERATOR,
        figure=metrics.MESSAGES_FAILED,
        threshold=1,
        period_seconds=15 * _MINUTE,
        leads_back=True,
    ),
    Watch(name="changes-parked", acts=OPERATOR, figure=metrics.CHANGES_PARKED, threshold=1, leads_back=True),
    _hourly("changes-undelivered", OPERATOR, metrics.UNDELIVERED_AGE, 4 * _HOUR),
    _hourly("deliveries-stuck", PROVINCE, metrics.DELIVERIES_STUCK, 1),
    _nightly("platform-differs", PROVINCE, metrics.PLATFORM_UNEXPLAINED, 1),
    _nightly("batch-unsealed", FINANCE, metrics.BATCH_UNSEALED_DAYS, 1),
    _each_night("batch-unexported", FINANCE, metrics.BATCH_UNEXPORTED_DAYS, BATCH_WORKING_DAYS),
    _each_night("batch-unanswered", FINANCE, metrics.BATCH_UNANSWERED_DAYS, BATCH_WORKING_DAYS),
    _nightly("ledger-differs", FINANCE, metrics.LEDGER_DIFFERENCES, 1),
    _nightly("audit-broken", PROVINCE, metrics.CHAINS_BROKEN, 1),
    _nightly("audit-gaps", PROVINCE, metrics.AUDIT_GAPS, 1),
    Watch(name="rule-failing", acts=OPERATOR, figure=metrics.RULES_FAILED, threshold=1),
    _nightly("money-held", SUPERVISOR, metrics.HELD_DAYS, 30),
    _nightly("footage-refused", SUPERVISOR, metrics.FOOTAGE_REFUSED, 20),
    _nightly("footage-unreconciled", OPERATOR, metrics.FOOTAGE_UNRECONCILED, 1),
    _lasting("migration-open", OPERATOR, metrics.MIGRATION_OPEN, 1),
    _lasting("reencryption-open", OPERATOR, metrics.REENCRYPTION_OPEN, 1),
)
"""Watches of figures that the service writes of itself, one alarm each."""

WATCHES: Final = (
    API_FAILING,
    API_SLOW,
    FUNCTION_ERRORS,
    FUNCTION_THROTTLED,
    STREAM_BEHIND,
    DEAD_LETTERS,
    QUEUE_WAITING,
    JOB_MISSED,
    *OF_THE_SERVICE,
)

WORK_WATCHED: Final[Mapping[str, Sequence[str]]] = {
    API: ("api-failing", "api-slow", "requests-paced", "sign-ins-failing", "store-failing"),
    "resume_issuance": ("queue-waiting", "messages-failing"),
    "resume_imports": ("queue-waiting", "messages-failing"),
    "follow_standings": ("queue-waiting", "messages-failing"),
    "expire_vouchers": ("queue-waiting", "messages-failing"),
    "settle_subsidies": ("batch-unsealed", "queue-waiting", "messages-failing"),
    "verify_ledger": ("ledger-differs", "queue-waiting", "messages-failing"),
    "reconcile_exchange": ("changes-undelivered", "deliveries-stuck", "platform-differs"),
    "seal_audit": ("audit-broken",),
    "compare_audit": ("audit-gaps",),
    "reencrypt_people": ("reencryption-open",),
    "migrate_rows": ("migration-open",),
    "record_audit": ("stream-behind", "changes-parked", "audit-gaps"),
    "return_changes": ("stream-behind", "changes-parked", "changes-undelivered"),
    "process_import": ("messages-failing", "queue-waiting"),
    "issue_vouchers": ("messages-failing", "queue-waiting"),
    "expire_shard": ("messages-failing", "queue-waiting"),
    "remind_shard": ("messages-failing", "queue-waiting"),
    "seal_settlement": (
        "batch-unsealed",
        "batch-unexported",
        "batch-unanswered",
        "ledger-differs",
        "money-held",
        "messages-failing",
        "queue-waiting",
    ),
    "reconcile_footage": ("footage-refused", "footage-unreconciled"),
    "watch_changes": ("stream-behind", "queue-waiting"),
    "evaluate_day": ("rule-failing", "queue-waiting", "messages-failing"),
    "evaluate_classes": ("rule-failing", "queue-waiting", "messages-failing"),
    "make_exports": ("messages-failing", "queue-waiting"),
}
"""Which watches ring when a function runs well and what it is for is not done all the same.

What a job asks of a queue is watched where the queue is worked through."""

RUNS_WATCHED_ONLY: Final[Mapping[str, str]] = {
    "bootstrap_accounts": "started by hand, and whoever starts it reads its answer",
    "lapse_accounts": "does by itself all that it finds, or fails: its errors and its heartbeat tell",
    "receive_upload": "one upload each time: it does it, or fails and the upload lies in its dead letters",
    "register_footage": "one recording each time; what it did not get the night misses (footage-refused)",
    "register_document": "one document each time: it does it, or fails and lies in its dead letters",
}
"""Functions of which only errors, throttles, time, dead letters and heartbeat are watched; and why."""

ONLY_WITH_ACCESS_LOGS: Final = frozenset({API_THROTTLED.name})

HEARTBEATS: Final = {
    "rate(10 minutes)": (10 * _MINUTE, 6),
    "rate(15 minutes)": (15 * _MINUTE, 4),
    "rate(1 hour)": (_HOUR, 3),
    "nightly": (_HOUR, 26),
}
"""By schedule: the period in seconds, and how many in a row without a heartbeat ring."""


def rings_when(watch: Watch) -> str:
    """Say in a sentence when a watch rings and who acts, as its page of the run book has to begin."""
    figure = watch.figure if isinstance(watch.figure, str) else watch.figure.name
    if watch is JOB_MISSED:
        times = ", ".join(
            f"{name}: {seconds * periods // _MINUTE} minutes"
            for name, (seconds, periods) in HEARTBEATS.items()
        )
        return f"Rings when no `{figure}` came for too long ({times}). {_acts(watch)}"
    minutes = watch.period_seconds * watch.periods // _MINUTE
    reached = f"{watch.threshold:g} or more in {minutes} minutes"
    return f"Rings at `{figure}` ({watch.statistic}) of {reached}. {_acts(watch)}"


def _acts(watch: Watch) -> str:
    return f"{watch.acts[:1].upper()}{watch.acts[1:]} acts."


# --------------------------------------------------------------------------- alarms


def alarms(stage: str) -> Iterator[Alarm]:
    """Give every alarm of a stage."""
    api: Json = {"ApiName": prefix(stage), "Stage": API_STAGE}
    yield _alarm(API_FAILING, "ApiFailing", "AWS/ApiGateway", api)
    yield _alarm(API_SLOW, "ApiSlow", "AWS/ApiGateway", api)
    for function in FUNCTIONS:
        name = logical_id(function)
        of = {"FunctionName": {"Ref": name}}
        yield _alarm(FUNCTION_ERRORS, name + "Errors", "AWS/Lambda", of, of=function.name)
        if function.name == API:
            yield _alarm(FUNCTION_THROTTLED, name + "Throttled", "AWS/Lambda", of, of=function.name)
        if function.streams:
            yield _alarm(STREAM_BEHIND, name + "Behind", "AWS/Lambda", of, of=function.name)
        if has_dead_letters(function):
            dead = {"QueueName": {"Fn::GetAtt": [dead_letters_id(function), "QueueName"]}}
            yield _alarm(DEAD_LETTERS, dead_letters_id(function) + "Depth", "AWS/SQS", dead, of=function.name)
        if function.schedule:
            yield _missed(function, function.schedule, stage)
    # Of all functions of the account and region together: an alarm for each would be 27 of a stack's 500.
    yield _alarm(FUNCTION_THROTTLED, "FunctionsThrottled", "AWS/Lambda", {}, of="all")
    for queue in QUEUES:
        waiting = {"QueueName": {"Fn::GetAtt": [queue_id(queue.name), "QueueName"]}}
        yield _alarm(QUEUE_WAITING, queue_id(queue.name) + "Waiting", "AWS/SQS", waiting, of=queue.name)
    for watch in OF_THE_SERVICE:
        yield _alarm(
            watch, "".join(map(str.title, watch.name.split("-"))), NAMESPACE, {STAGE_DIMENSION: stage}
        )


def _missed(function: Function, schedule: str, stage: str) -> Alarm:
    period_seconds, periods = HEARTBEATS[schedule if schedule.startswith("rate") else "nightly"]
    dimensions: Json = {STAGE_DIMENSION: stage, JOB_DIMENSION: function.name}
    alarm = _alarm(JOB_MISSED, logical_id(function) + "Missed", NAMESPACE, dimensions, of=function.name)
    alarm.properties.update(
        Period=period_seconds, EvaluationPeriods=periods, ComparisonOperator="LessThanThreshold"
    )
    return alarm


def _alarm(watch: Watch, alarm_id: str, namespace: str, dimensions: Json, *, of: str = "") -> Alarm:
    name = watch.figure if isinstance(watch.figure, str) else watch.figure.name
    statistic = "ExtendedStatistic" if watch.statistic.startswith("p") else "Statistic"
    properties = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        statistic: watch.statistic,
        "Period": watch.period_seconds,
        "EvaluationPeriods": watch.periods,
        **_rings(watch),
    }
    return Alarm(watch=watch, id=alarm_id, of=of, properties=properties)


def _rings(watch: Watch) -> Json:
    return {
        "Threshold": watch.threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": watch.quiet,
    }


def alarm_resources(stage: str) -> Json:
    """Make the alarms; each tells the topic, and says who acts and which page of the run book to read."""
    return {alarm.id: _resource(alarm, stage) for alarm in alarms(stage)}


def alarm_name(alarm: Alarm, stage: str) -> str:
    """Give an alarm's name in CloudWatch."""
    return "-".join(part for part in (prefix(stage), alarm.of, alarm.watch.name) if part)


def leading_back(stage: str) -> list[str]:
    """Name the alarms on which a deployment leads its functions back to the code before."""
    return [alarm_name(alarm, stage) for alarm in alarms(stage) if alarm.watch.leads_back]


def _resource(alarm: Alarm, stage: str) -> Json:
    topic: Json | list[Json] = [{"Ref": "AlarmTopicArn"}]
    if stage == LOCAL:
        topic = {"Fn::If": ["TellSomebody", topic, {"Ref": "AWS::NoValue"}]}
    resource: Json = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": alarm_name(alarm, stage),
            "AlarmDescription": f"{alarm.watch.acts} acts: {RUN_BOOK}#{alarm.watch.name}",
            **alarm.properties,
            "AlarmActions": topic,
        },
    }
    if alarm.watch.name in ONLY_WITH_ACCESS_LOGS:
        resource["Condition"] = "WriteAccessLogs"
    return resource


def topic_parameter(stage: str) -> Json:
    """Declare the alarms' target: without a default, so that no stage that serves people goes unwatched."""
    if stage == LOCAL:
        return {"Type": "String", "Default": "", "Description": "SNS topic told of alarms; may be empty"}
    return {
        "Type": "String",
        "AllowedPattern": "arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+",
        "ConstraintDescription": "the ARN of an SNS topic: somebody has to be told",
        "Description": "SNS topic told of alarms",
    }
