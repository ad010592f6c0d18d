"""Everything that is watched rings at something, tells somebody, and has its page in the run book; and no more than that."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws import metrics
from infra.deployment.access_logs import ACCESS_LOG_FIELDS
from infra.deployment.functions import API, FUNCTIONS, QUEUES, logical_id
from infra.deployment.storage import dead_letters_id, has_dead_letters, queue_id
from infra.deployment.watching import (
    HEARTBEATS,
    RUN_BOOK,
    RUNS_WATCHED_ONLY,
    WATCHES,
    WORK_WATCHED,
    alarms,
    leading_back,
    rings_when,
)

Template = dict[str, Any]

NATIVE = {
    "AWS/ApiGateway": ({"5XXError", "Latency"}, {"ApiName", "Stage"}),
    "AWS/Lambda": ({"Errors", "IteratorAge", "Throttles", "Duration"}, {"FunctionName"}),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}, {"QueueName"}),
}
"""As AWS documents them. API Gateway: docs/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html,
Lambda: docs/lambda/latest/dg/monitoring-metrics-types.html, SQS: docs/AWSSimpleQueueService/latest/SQSDeveloperGuide/
sqs-available-cloudwatch-metrics.html. Dimensions: just these, since no other set of them has such a figure."""


@pytest.fixture(scope="module")
def rung(template: Template) -> dict[str, Any]:
    """Give the alarms of the packaged template."""
    return {
        name: one["Properties"]
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }


def pages() -> dict[str, str]:
    """Give the pages of the run book by their anchor."""
    parts = re.split(r"^## (.+)$", Path(RUN_BOOK).read_text(), flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def figure_of(alarm: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Give namespace, name and dimensions of what an alarm looks at."""
    dimensions = {part["Name"]: part["Value"] for part in alarm["Dimensions"]}
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_the_template_has_the_alarms_of_the_table_and_no_others(rung: dict[str, Any]) -> None:
    assert set(rung) == {alarm.id for alarm in alarms("prod")}
    assert {alarm.watch.name for alarm in alarms("prod")} == {watch.name for watch in WATCHES}
    names = [alarm["AlarmName"] for alarm in rung.values()]
    assert len(set(names)) == len(names)


def test_each_watch_has_its_page_and_each_page_its_watch() -> None:
    found = pages()
    assert list(found) == [watch.name for watch in WATCHES]
    for watch in WATCHES:
        assert found[watch.name].startswith(rings_when(watch)), watch.name
        places = [found[watch.name].index(f"**{part}.**") for part in ("It means", "Look at", "Do", "Do not")]
        assert places == sorted(places), watch.name


def test_links_and_functions_in_the_run_book_exist() -> None:
    text = Path(RUN_BOOK).read_text()
    assert set(re.findall(r"\(#([a-z-]+)\)", text)) <= set(pages())
    named = set(re.findall(r"F=([a-z_]+)", text))
    assert named <= {function.name for function in FUNCTIONS}
    paths = set(json.loads(Path("infra/contract/openapi.json").read_text())["paths"])
    for path in re.findall(r"`(?:GET|POST) (/v1/[^`?]*)", text):
        assert path in paths, path


def test_every_alarm_names_its_page_and_who_acts_and_tells_the_topic(rung: dict[str, Any]) -> None:
    by_id = {alarm.id: alarm for alarm in alarms("prod")}
    for name, alarm in rung.items():
        watch = by_id[name].watch
        assert alarm["AlarmDescription"] == f"{watch.acts} acts: infra/runbook.md#{watch.name}"
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


def test_nobody_deploys_a_stage_that_serves_people_without_a_target(
    template: Template, local_template: Template
) -> None:
    parameter = template["Parameters"]["AlarmTopicArn"]
    assert "Default" not in parameter
    pattern = re.compile(parameter["AllowedPattern"])
    assert pattern.fullmatch("arn:aws-cn:sns:cn-north-1:123456789012:alarms")
    assert not pattern.fullmatch("")
    assert local_template["Parameters"]["AlarmTopicArn"]["Default"] == ""


def test_figures_of_aws_are_named_as_aws_documents_them(rung: dict[str, Any]) -> None:
    for name, alarm in rung.items():
        namespace, figure, dimensions = figure_of(alarm)
        if namespace != metrics.NAMESPACE:
            names, dimension_names = NATIVE[namespace]
            assert figure in names, name
            whole_account = (
                name == "FunctionsThrottled"
            )  # Lambda tells throttles of all functions together too
            assert set(dimensions) == (set() if whole_account else dimension_names), name


def test_figures_of_the_service_are_looked_at_as_they_are_written(rung: dict[str, Any]) -> None:
    known = {metric.name: metric for metric in metrics.METRICS}
    seen = set()
    for alarm in rung.values():
        namespace, figure, dimensions = figure_of(alarm)
        if namespace == metrics.NAMESPACE:
            seen.add(figure)
            assert dimensions["Stage"] == "prod"
            assert set(dimensions) == {"Stage", *(("Job",) if known[figure].by_job else ())}
    amounts = {"Undelivered", "HeldFen", "PlatformDifferences"}
    assert set(known) - seen == amounts, (
        "on the dashboard only: what is stuck or late of them rings by itself"
    )


def test_every_function_queue_stream_and_job_is_watched(rung: dict[str, Any]) -> None:
    seen = {
        (figure, json.dumps(value))
        for alarm in rung.values()
        for _, figure, dimensions in [figure_of(alarm)]
        for value in dimensions.values()
    }
    for function in FUNCTIONS:
        ref = json.dumps({"Ref": logical_id(function)})
        for figure in ("Errors", *(("IteratorAge",) if function.streams else ())):
            assert (figure, ref) in seen, function.name
        if has_dead_letters(function):
            dead = json.dumps({"Fn::GetAtt": [dead_letters_id(function), "QueueName"]})
            assert ("ApproximateNumberOfMessagesVisible", dead) in seen, function.name
        if function.schedule:
            assert ("JobDone", json.dumps(function.name)) in seen, function.name
    api = next(function for function in FUNCTIONS if function.name == API)
    assert ("Throttles", json.dumps({"Ref": logical_id(api)})) in seen
    assert rung["FunctionsThrottled"]["MetricName"] == "Throttles"
    assert rung["FunctionsThrottled"]["Dimensions"] == [], "of all functions together"
    for queue in QUEUES:
        waiting = json.dumps({"Fn::GetAtt": [queue_id(queue.name), "QueueName"]})
        assert ("ApproximateAgeOfOldestMessage", waiting) in seen, queue.name


def test_of_each_function_the_work_is_watched_too_or_it_says_why_not() -> None:
    """A job that runs to its end each night and does nothing rings no alarm of its runs."""
    names = {function.name for function in FUNCTIONS}
    assert WORK_WATCHED.keys() | RUNS_WATCHED_ONLY.keys() == names
    assert not WORK_WATCHED.keys() & RUNS_WATCHED_ONLY.keys()
    known = {watch.name for watch in WATCHES}
    for name, watches in WORK_WATCHED.items():
        assert watches, name
        assert set(watches) <= known, name
    of_work = {one.name for one in WATCHES if one.name not in OF_RUNS}
    assert of_work <= {watch for watches in WORK_WATCHED.values() for watch in watches}


OF_RUNS = {
    "api-throttled",
    "dead-letters",
    "function-errors",
    "function-near-time-out",
    "function-throttled",
    "job-missed",
    "store-throttled",
}
"""Watches of how functions run and of what they stand on, whatever they are for."""


def test_new_code_is_led_back_by_what_fails_at_once_and_not_by_what_waits_for_people() -> None:
    names = leading_back("prod")
    assert "voucher-prod-api-failing" in names
    assert {f"voucher-prod-{function.name}-function-errors" for function in FUNCTIONS} <= set(names)
    watches = {alarm.watch for alarm in alarms("prod") if alarm.watch.leads_back}
    assert {watch.name for watch in watches} == {
        "api-failing",
        "function-errors",
        "store-failing",
        "messages-failing",
        "changes-parked",
    }
    assert all(watch.period_seconds <= 900 for watch in watches), "within the minutes that it is watched"


def test_a_missed_job_is_one_whose_heartbeat_stays_away_and_no_figure_rings() -> None:
    rates = {function.schedule for function in FUNCTIONS if function.schedule}
    assert {rate for rate in rates if rate.startswith("rate")} == set(HEARTBEATS) - {"nightly"}
    for alarm in alarms("prod"):
        if alarm.watch.name == "job-missed":
            assert alarm.properties["TreatMissingData"] == "breaching"
            assert alarm.properties["ComparisonOperator"] == "LessThanThreshold"


def test_a_stream_rings_long_before_its_records_are_lost(rung: dict[str, Any]) -> None:
    day_ms = 24 * 3600 * 1000
    for name in ("RecordAuditBehind", "ReturnChangesBehind"):
        assert rung[name]["Threshold"] <= day_ms / 100


def test_what_cloudwatch_would_refuse_is_not_asked_of_it(rung: dict[str, Any]) -> None:
    """Windows of a day below periods of an hour, of a week from then on."""
    for name, alarm in rung.items():
        period = alarm["Period"]
        window = period * alarm["EvaluationPeriods"]
        assert window <= (7 * 86_400 if period >= 3600 else 86_400), name


def test_the_dashboard_shows_every_figure_of_the_service(template: Template) -> None:
    raw = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    body = json.loads(re.sub(r"\$\{[^}]*\}", "x", raw))
    assert set(re.findall(r"\$\{([A-Za-z]+)", raw)) - {"AWS"} <= set(template["Resources"])
    shown = {
        line[1] for widget in body["widgets"] for line in widget["properties"]["metrics"] if len(line) > 1
    }
    assert {metric.name for metric in metrics.METRICS} <= shown
    places = [(widget["x"], widget["y"]) for widget in body["widgets"]]
    assert len(set(places)) == len(places)


# --------------------------------------------------------------------------- access logs


def test_the_access_log_names_nobody() -> None:
    """No address, no user, no agent, no path with what stands in it, no query string, no header."""
    assert set(ACCESS_LOG_FIELDS.values()) == {
        "$context.requestTime",
        "$context.requestId",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.error.responseType",
    }


def test_access_logs_are_off_unless_asked_for(template: Template) -> None:
    resources = template["Resources"]
    assert template["Parameters"]["AccessLogs"]["Default"] == "off"
    setting = resources["RestAPI"]["Properties"]["AccessLogSetting"]
    assert setting["Fn::If"][0] == "WriteAccessLogs"
    assert json.loads(setting["Fn::If"][1]["Format"])["stage"] == "prod"
    for name in ("AccessLogThrottled", "ApiThrottled"):
        assert resources[name]["Condition"] == "WriteAccessLogs"
    for bucket in ("IntakeBucket", "EvidenceBucket"):
        logging = resources[bucket]["Properties"]["LoggingConfiguration"]
        assert logging["Fn::If"][0] == "WriteBucketLogs"


def test_pages_of_listed_origins_may_read_the_gateways_own_answers(template: Template) -> None:
    for kind, answer in template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"].items():
        header = answer["ResponseParameters"]["Headers"]["Access-Control-Allow-Origin"]
        assert header == {"Fn::If": ["AnswerOrigins", "'*'", {"Ref": "AWS::NoValue"}]}, kind
