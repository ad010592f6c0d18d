"""The dashboard: the API, functions, queues and tables on one page, then every figure of the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from chalicelib.aws import metrics
from chalicelib.aws.metrics import JOB_DIMENSION, NAMESPACE, STAGE_DIMENSION, Metric
from infra.deployment.functions import FUNCTIONS, logical_id
from infra.deployment.storage import Json, dead_letters_id, has_dead_letters, prefix
from infra.deployment.watching import API_STAGE, DEAD_LETTERS

_WIDGET_WIDTH: Final = 8
_WIDGET_HEIGHT: Final = 6
_WIDGETS_A_ROW: Final = 3
_OF_DYNAMODB: Final = (
    "ReadThrottleEvents",
    "WriteThrottleEvents",
)


def dashboard_resources(stage: str) -> Json:
    """Make the one page of graphs."""
    titles = [
        *_api_graphs(stage),
        ("Errors of functions", _searched("AWS/Lambda", "FunctionName", "Errors", "Sum")),
        ("Age of streams, ms", _each_consumer("IteratorAge", "Maximum")),
        ("Throttled functions", _searched("AWS/Lambda", "FunctionName", "Throttles", "Sum")),
        ("Dead letters", _dead_letter_lines()),
        *((name, _searched("AWS/DynamoDB", "TableName", name, "Sum")) for name in _OF_DYNAMODB),
        *((f"{one.name}: {one.meaning}", _own_lines(one, stage)) for one in metrics.METRICS),
    ]
    widgets = [
        {
            "type": "metric",
            "x": place % _WIDGETS_A_ROW * _WIDGET_WIDTH,
            "y": place // _WIDGETS_A_ROW * _WIDGET_HEIGHT,
            "width": _WIDGET_WIDTH,
            "height": _WIDGET_HEIGHT,
            "properties": {
                "title": title,
                "region": "${AWS::Region}",
                "period": 300,
                "view": "timeSeries",
                "metrics": lines,
            },
        }
        for place, (title, lines) in enumerate(titles)
    ]
    body = json.dumps({"widgets": widgets}, separators=(",", ":"))
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": prefix(stage), "DashboardBody": {"Fn::Sub": body}},
        }
    }


def _api_graphs(stage: str) -> Iterator[tuple[str, list[Any]]]:
    of = ["ApiName", prefix(stage), "Stage", API_STAGE]
    yield "Requests", [["AWS/ApiGateway", "Count", *of, {"stat": "Sum"}]]
    yield (
        "Refused and failed requests",
        [["AWS/ApiGateway", name, *of, {"stat": "Sum"}] for name in ("4XXError", "5XXError")],
    )
    yield "Latency, ms", [["AWS/ApiGateway", "Latency", *of, {"stat": stat}] for stat in ("p50", "p99")]


def _searched(namespace: str, dimension: str, name: str, statistic: str) -> list[Any]:
    where = f'{{{namespace},{dimension}}} MetricName="{name}"'
    return [[{"expression": f"SEARCH('{where}', '{statistic}', 300)"}]]


def _each_consumer(name: str, statistic: str) -> list[Any]:
    return [
        [
            "AWS/Lambda",
            name,
            "FunctionName",
            f"${{{logical_id(one)}}}",
            {"stat": statistic, "label": one.name},
        ]
        for one in FUNCTIONS
        if one.streams
    ]


def _dead_letter_lines() -> list[Any]:
    return [
        [
            "AWS/SQS",
            str(DEAD_LETTERS.figure),
            "QueueName",
            f"${{{dead_letters_id(one)}.QueueName}}",
            {"stat": "Maximum", "label": one.name},
        ]
        for one in FUNCTIONS
        if has_dead_letters(one)
    ]


def _own_lines(metric: Metric, stage: str) -> list[Any]:
    statistic = "Sum" if metric.unit == "Count" or metric is metrics.HELD_FEN else "Maximum"
    jobs = [one.name for one in FUNCTIONS if one.schedule] if metric.by_job else [""]
    return [
        [
            NAMESPACE,
            metric.name,
            STAGE_DIMENSION,
            stage,
            *((JOB_DIMENSION, job) if job else ()),
            {"stat": statistic},
        ]
        for job in jobs
    ]
