"""What leading functions over does in states that the local cloud cannot be brought into: stubbed clients."""

import io
import json
from datetime import UTC, datetime
from typing import Any, Self

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infra.deployment.rolling import LedBack, Pace, Rolling, request_for

STACK = "voucher-prod"
NAME = "voucher-prod-APIHandler-1A2B"
ROLE = "arn:aws-cn:iam::111122223333:role/api"
AT = datetime(2026, 11, 28, tzinfo=UTC)


class Told:
    """Rolling whose clients answer what a test says, in that order."""

    def __init__(self, *, alarms: list[str] | None = None) -> None:
        self.said: list[str] = []
        self.rolling = Rolling(
            session=boto3.Session("test", "test", region_name="cn-north-1"),
            stack=STACK,
            alarms=alarms or [],
            pace=Pace(first_minutes=1e-6, rest_minutes=0, poll_seconds=0),
            probes=["/healthz"],
            tell=self.said.append,
        )
        self.formation = Stubber(self.rolling._formation)
        self.functions = Stubber(self.rolling._functions)
        self.cloudwatch = Stubber(self.rolling._cloudwatch)

    def __enter__(self) -> Self:
        for stub in (self.formation, self.functions, self.cloudwatch):
            stub.activate()
        return self

    def __exit__(self, *_: object) -> None:
        for stub in (self.formation, self.functions, self.cloudwatch):
            stub.deactivate()

    def alias(self, version: str, description: str = "") -> None:
        arn = f"arn:aws-cn:lambda:cn-north-1:111122223333:function:{NAME}:live"
        summary = {
            "LogicalResourceId": "APIHandlerLive",
            "PhysicalResourceId": arn,
            "ResourceType": "AWS::Lambda::Alias",
            "LastUpdatedTimestamp": AT,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        self.formation.add_response("list_stack_resources", {"StackResourceSummaries": [summary]})
        told = {"Name": "live", "FunctionVersion": version, "Description": description}
        self.functions.add_response("get_alias", told, {"FunctionName": NAME, "Name": "live"})

    def published(self, version: str) -> None:
        updated = {"Configuration": {"LastUpdateStatus": "Successful"}}
        self.functions.add_response("get_function", updated, {"FunctionName": NAME})
        self.functions.add_response("publish_version", {"Version": version}, {"FunctionName": NAME})
        self.functions.add_response(
            "get_function_configuration", {"State": "Active"}, {"FunctionName": NAME, "Qualifier": version}
        )

    def answers(self, status: int, *, error: bool = False) -> None:
        body: dict[str, Any] = {"statusCode": status}
        answer: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(body).encode())}
        if error:
            answer["FunctionError"] = "Unhandled"
        self.functions.add_response("invoke", answer)

    def configured(self, version: str, role: str) -> None:
        self.functions.add_response(
            "get_function_configuration", {"Role": role}, {"FunctionName": NAME, "Qualifier": version}
        )

    def pointed(self, version: str) -> None:
        self.functions.add_response(
            "update_alias",
            {},
            {
                "FunctionName": NAME,
                "Name": "live",
                "FunctionVersion": version,
                "Description": ANY,
                "RoutingConfig": {"AdditionalVersionWeights": {}},
            },
        )

    def nothing_to_prune(self, version: str) -> None:
        self.alias(version)
        self.functions.add_response("list_versions_by_function", {"Versions": [{"Version": version}]})


def test_with_another_role_nothing_is_shared_out_and_all_go_at_once() -> None:
    """Lambda refuses an alias to two versions with two roles."""
    with Told() as told:
        told.alias("1")
        told.published("2")
        told.answers(200)
        told.configured("1", ROLE)
        told.configured("2", ROLE + "-anew")
        told.pointed("2")
        told.nothing_to_prune("2")
        told.rolling.lead()
    told.functions.assert_no_pending_responses()
    assert told.said[0].startswith("Role or dead letters of the API have changed")


def test_new_code_that_ends_with_an_error_is_not_led_to() -> None:
    with Told() as told:
        told.alias("1")
        told.published("2")
        told.answers(200, error=True)
        with pytest.raises(LedBack, match="GET /healthz of version 2"):
            told.rolling.lead()
    told.functions.assert_no_pending_responses()


def test_a_restored_stage_is_led_at_once_and_not_watched() -> None:
    with Told(alarms=["voucher-prod-api-failing"]) as told:
        told.alias("1")
        told.published("2")
        told.answers(200)
        told.pointed("2")
        told.nothing_to_prune("2")
        told.rolling.lead(watched=False)
    told.functions.assert_no_pending_responses()


def test_more_alarms_than_one_call_takes_are_all_asked_for() -> None:
    names = [f"voucher-prod-{number}" for number in range(150)]
    with Told(alarms=names) as told:
        for part, state in ((names[:100], "OK"), (names[100:], "ALARM")):
            asked = {"AlarmNames": part, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100}
            found = [{"AlarmName": part[-1], "StateValue": state}]
            told.cloudwatch.add_response("describe_alarms", {"MetricAlarms": found}, asked)
        assert told.rolling._ringing() == {"voucher-prod-149"}
    told.cloudwatch.assert_no_pending_responses()


def test_the_program_answers_what_it_is_asked_before_it_is_led_to(world: Any) -> None:
    """The event is one that the gateway would send, and both paths are open to nobody in particular."""
    import importlib

    from infra.deployment.rolling import PROBES

    program = importlib.import_module("app").app
    for path in PROBES:
        assert program(request_for(path), None)["statusCode"] == 200, path


def test_one_alias_that_cannot_be_led_back_does_not_keep_the_others() -> None:
    with Told(alarms=["voucher-prod-api-failing"]) as told:
        told.alias("1")
        told.published("2")
        told.answers(200)
        told.configured("1", ROLE)
        told.configured("2", ROLE)
        told.functions.add_response("update_alias", {})
        ringing = {"MetricAlarms": [{"AlarmName": "voucher-prod-api-failing", "StateValue": "ALARM"}]}
        told.cloudwatch.add_response("describe_alarms", ringing)
        told.functions.add_client_error("update_alias", "TooManyRequestsException")
        with pytest.raises(LedBack, match="voucher-prod-api-failing rang"):
            told.rolling.lead()
    assert "could not be led back to version 1" in told.said[-1]
