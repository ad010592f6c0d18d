"""How new code comes to answer, and how it does not: versions, an alias, alarms, on the local cloud.

A small program behind a small gateway: what is tried is `infra.deployment.rolling` through `infra.deployment.deploy`. The local cloud keeps
versions and aliases as AWS does, and `infra.local.cloud` has it share requests out by weight. It counts no errors of
functions by itself, so that the alarm is set by hand, as an operator tries one: `set-alarm-state`.
"""

import io
import json
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.deployment.deploy import Deployment
from infra.deployment.functions import ALIAS
from infra.deployment.package import ARCHIVE, TEMPLATE, THIS_RUNTIME
from infra.deployment.rolling import LedBack, Pace, Rolling
from infra.deployment.updates import DeploymentFailed
from tests.e2e.bare_cloud import bare_cloud

pytestmark = pytest.mark.cloud

STACK = "voucher-roll"
ALARM = f"{STACK}-api-failing"
ROLE = "arn:aws:iam::000000000000:role/any"

PROGRAM = """
def app(event, context):
    if event["path"] == "/healthz":
        return {{"statusCode": {health}, "body": "{name}"}}
    return {{"statusCode": 200, "body": "{name}"}}

def job(event, context):
    return "{name}"
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[boto3.Session]:
    with bare_cloud(tmp_path_factory.mktemp("cloud")) as session:
        yield session


def template(*, queue: bool = False) -> dict[str, Any]:
    def function(handler: str) -> dict[str, Any]:
        properties = {"Handler": handler, "Runtime": THIS_RUNTIME, "Role": ROLE, "Timeout": 10}
        return {"Type": "AWS::Serverless::Function", "Properties": properties}

    def alias(of: str) -> dict[str, Any]:
        properties = {"FunctionName": {"Ref": of}, "FunctionVersion": "$LATEST", "Name": ALIAS}
        return {"Type": "AWS::Lambda::Alias", "Properties": properties}

    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${APIHandlerLive}/invocations"
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": uri}}
    method = {"x-amazon-apigateway-integration": integration, "responses": {}}
    resources: dict[str, Any] = {
        "APIHandler": function("program.app"),
        "APIHandlerLive": alias("APIHandler"),
        "Job": function("program.job"),
        "JobLive": alias("Job"),
        "RestAPI": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "StageName": "api",
                "DefinitionBody": {
                    "swagger": "2.0",
                    "info": {"title": STACK, "version": "1"},
                    "paths": {"/name": {"get": method}},
                },
            },
        },
        "Failing": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": ALARM,
                "Namespace": "AWS/ApiGateway",
                "MetricName": "5XXError",
                "Statistic": "Sum",
                "Period": 300,
                "EvaluationPeriods": 1,
                "Threshold": 5,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "ignore",
            },
        },
    }
    if queue:
        resources["OldQueue"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{STACK}-old"}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": resources,
        "Outputs": {
            "Api": {"Value": {"Ref": "RestAPI"}},
            "Job": {"Value": {"Fn::Sub": f"${{Job}}:{ALIAS}"}},
        },
    }


class Deployer:
    """Deploys programs by name, and asks who answers."""

    def __init__(self, cloud: boto3.Session, folder: Path) -> None:
        self._folder = folder
        self.alarms = cloud.client("cloudwatch")
        self.functions = cloud.client("lambda")
        self.queues = cloud.client("sqs")
        self._cloud = cloud
        self.told: list[str] = []
        self.on_told: Callable[[str], None] = lambda _: None
        self.rolling = Rolling(
            session=cloud,
            stack=STACK,
            alarms=[ALARM],
            pace=Pace(percent=50, first_minutes=0.005, rest_minutes=0.005, poll_seconds=0.05),
            probes=["/healthz"],
            tell=self._tell,
        )
        self.deployment = Deployment(
            cloud, stack=STACK, bucket=f"{STACK}-code", poll_seconds=0.1, rolling=self.rolling
        )

    def _tell(self, text: str) -> None:
        self.told.append(text)
        self.on_told(text)

    def deploy(self, name: str, *, health: int = 200, queue: bool = False) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("program.py"), PROGRAM.format(name=name, health=health))
        (self._folder / ARCHIVE).write_bytes(packed.getvalue())
        (self._folder / TEMPLATE).write_text(json.dumps(template(queue=queue)))
        self.told.clear()
        self.deployment.run(self._folder, {})

    def answers(self, requests: int = 1) -> Counter[str]:
        """Ask through the gateway."""
        api = self.deployment.outputs()["Api"]
        address = f"{self._cloud.address}/restapis/{api}/api/_user_request_/name"
        found: Counter[str] = Counter()
        for _ in range(requests):
            with urllib.request.urlopen(address, timeout=30) as answer:
                found[answer.read().decode()] += 1
        return found

    def job(self) -> str:
        """Start the job as an operator does, by what the outputs call it."""
        answer = self.functions.invoke(FunctionName=self.deployment.outputs()["Job"], Payload=b"{}")
        return json.load(answer["Payload"])

    def versions(self) -> list[str]:
        (name, _) = self.deployment.outputs()["Job"].split(":")
        told = self.functions.list_versions_by_function(FunctionName=name)["Versions"]
        return [one["Version"] for one in told if one["Version"] != "$LATEST"]

    def set_alarm(self, state: str) -> None:
        self.alarms.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="tried")

    def has_queue(self) -> bool:
        return any(url.endswith("-old") for url in self.queues.list_queues().get("QueueUrls", []))


@pytest.fixture
def deployer(cloud: boto3.Session, tmp_path: Path) -> Iterator[Deployer]:
    deployer = Deployer(cloud, tmp_path)
    yield deployer
    if deployer.deployment.status() is not None:
        deployer.deployment.delete()


def test_new_code_gets_some_requests_first_and_all_when_nothing_rings(deployer: Deployer) -> None:
    deployer.deploy("one")
    assert (deployer.answers(), deployer.job()) == (Counter(one=1), "one")
    seen: list[Counter[str]] = []
    jobs: list[str] = []

    def look(_: str) -> None:
        seen.append(deployer.answers(30))
        jobs.append(deployer.job())

    deployer.on_told = look
    deployer.deploy("two")
    shared, led = seen
    assert set(shared) == {"one", "two"}, "half of the requests go to each"
    assert jobs == ["one", "two"], "jobs follow when the API has stood its trial"
    assert set(led) == {"two"}
    assert "50 of 100 requests go to version 2, the others to 1" in deployer.told[0]


def test_code_whose_health_check_fails_is_never_led_to(deployer: Deployer) -> None:
    deployer.deploy("good")
    with pytest.raises(LedBack, match=r"GET /healthz of version 2 of .* is answered with 503"):
        deployer.deploy("ill", health=503)
    assert deployer.answers(20) == Counter(good=20)
    assert deployer.job() == "good"

    deployer.deploy("mended")
    assert (deployer.answers(), deployer.job()) == (Counter(mended=1), "mended")


def test_an_alarm_during_the_trial_leads_all_requests_back(deployer: Deployer) -> None:
    deployer.deploy("old")
    deployer.on_told = lambda _: deployer.set_alarm("ALARM")
    with pytest.raises(LedBack, match=f"{ALARM} rang"):
        deployer.deploy("new")
    assert deployer.answers(20) == Counter(old=20)
    assert deployer.job() == "old"


def test_an_alarm_after_all_were_led_over_leads_jobs_back_too(deployer: Deployer) -> None:
    deployer.deploy("old")
    deployer.on_told = lambda text: deployer.set_alarm("ALARM") if "new versions" in text else None
    with pytest.raises(LedBack, match=f"{ALARM} rang"):
        deployer.deploy("new")
    assert (deployer.answers(20), deployer.job()) == (Counter(old=20), "old")


def test_what_rang_before_does_not_stop_the_repair(deployer: Deployer) -> None:
    deployer.deploy("broken")
    deployer.set_alarm("ALARM")
    deployer.deploy("repaired")
    assert deployer.answers(10) == Counter(repaired=10)


def test_a_run_that_is_broken_off_leaves_nobody_on_new_code(deployer: Deployer) -> None:
    deployer.deploy("old")

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    deployer.on_told = interrupt
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy("new")
    assert deployer.answers(20) == Counter(old=20)


def test_what_a_killed_run_left_shared_is_taken_back_by_the_next(deployer: Deployer) -> None:
    deployer.deploy("old")
    deployer.deploy("new")
    name = deployer.deployment.outputs()["Job"].partition(":")[0]
    deployer.functions.update_alias(
        FunctionName=name,
        Name=ALIAS,
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )
    deployer.rolling.hold()
    assert "RoutingConfig" not in deployer.functions.get_alias(FunctionName=name, Name=ALIAS)


def test_by_hand_the_code_before_answers_again_and_once_more_the_newer(deployer: Deployer) -> None:
    deployer.deploy("one")
    with pytest.raises(DeploymentFailed, match="nothing to go back to"):
        deployer.rolling.lead_back()
    deployer.deploy("two")
    deployer.rolling.lead_back()
    assert (deployer.answers(), deployer.job()) == (Counter(one=1), "one")
    deployer.rolling.lead_back()
    assert (deployer.answers(), deployer.job()) == (Counter(two=1), "two")


def test_what_old_code_needs_goes_only_when_new_code_answers(deployer: Deployer) -> None:
    deployer.deploy("one", queue=True)
    with pytest.raises(LedBack):
        deployer.deploy("ill", health=500)
    assert deployer.has_queue(), "the code before may still send to it"
    deployer.deploy("two")
    assert not deployer.has_queue()
    with pytest.raises(DeploymentFailed, match="nothing to go back to"):
        deployer.rolling.lead_back()


def test_old_versions_are_removed(deployer: Deployer) -> None:
    for name in ("one", "two", "three", "four", "five"):
        deployer.deploy(name)
    assert deployer.versions() == ["3", "4", "5"]
    deployer.deploy("five")
    assert deployer.told == ["No function has changed."]
