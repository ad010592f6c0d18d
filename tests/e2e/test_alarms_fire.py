"""Each alarm is made to fire once, on the local cloud, and tells its topic.

The local cloud holds a figure against threshold and statistic as CloudWatch does, and takes little account of dimensions
and of silence; those are asserted of the template in `tests/infra/deployment/test_watching.py`, and that the service writes its
figures in `tests/infra/test_figures.py`. AWS's own figures are put here by hand, as AWS names them.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from infra.deployment.watching import Alarm, alarm_name, alarms
from tests.e2e.bare_cloud import bare_cloud

pytestmark = pytest.mark.cloud

STAGE = "prod"
WAIT_SECONDS = 20


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[boto3.Session]:
    with bare_cloud(tmp_path_factory.mktemp("cloud")) as session:
        yield session


def plain(value: Any) -> str:
    """Write a dimension out: what it refers to is not there."""
    return value if isinstance(value, str) else json.dumps(value)


def request_of(alarm: Alarm, topic: str) -> dict[str, Any]:
    dimensions = [
        {"Name": one["Name"], "Value": plain(one["Value"])} for one in alarm.properties["Dimensions"]
    ]
    return {
        **alarm.properties,
        "AlarmName": alarm_name(alarm, STAGE),
        "Dimensions": dimensions,
        "AlarmActions": [topic],
    }


def breaching(properties: dict[str, Any]) -> float:
    """Give a value at which an alarm has to ring."""
    below = properties["ComparisonOperator"] == "LessThanThreshold"
    return float(properties["Threshold"]) - (1 if below else 0)


def told_of(queues: Any, url: str) -> Iterator[str]:
    while messages := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            yield json.loads(json.loads(message["Body"])["Message"])["AlarmName"]
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_each_alarm_rings_at_its_threshold_and_tells_the_topic(cloud: boto3.Session) -> None:
    topics, queues, watch = cloud.client("sns"), cloud.client("sqs"), cloud.client("cloudwatch")
    topic = topics.create_topic(Name="operators")["TopicArn"]
    url = queues.create_queue(QueueName="told")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    every = list(alarms(STAGE))
    told: set[str] = set()
    for alarm in every:
        asked = request_of(alarm, topic)
        watch.put_metric_alarm(**asked)
        data = {"MetricName": asked["MetricName"], "Dimensions": asked["Dimensions"]}
        watch.put_metric_data(Namespace=asked["Namespace"], MetricData=[{**data, "Value": breaching(asked)}])
        (found,) = watch.describe_alarms(AlarmNames=[asked["AlarmName"]])["MetricAlarms"]
        assert found["StateValue"] == "ALARM", asked["AlarmName"]
        assert found["AlarmActions"] == [topic]
    names = {alarm_name(alarm, STAGE) for alarm in every}
    deadline = time.monotonic() + WAIT_SECONDS
    while told < names and time.monotonic() < deadline:
        told |= set(told_of(queues, url))
    assert told == names
