"""What a deployment tells of states that the local cloud cannot be brought into: a stubbed CloudFormation."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infra.deployment.deploy import STACK_POLICY, Deployment
from infra.deployment.updates import DeploymentFailed

STACK = "voucher-prod"
STACK_ID = f"arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/{STACK}/1"
AT = datetime(2026, 11, 28, tzinfo=UTC)


class Told:
    """A deployment whose CloudFormation answers what a test says, in that order."""

    def __init__(self, *, wait_minutes: float = 1, protect: bool = False) -> None:
        session = boto3.Session("test", "test", region_name="cn-north-1")
        self.deployment = Deployment(
            session, stack=STACK, bucket="b", poll_seconds=0, wait_minutes=wait_minutes, protect=protect
        )
        self.stub = Stubber(self.deployment._formation)

    def status(self, status: str) -> None:
        stack = {"StackName": STACK, "StackStatus": status, "CreationTime": AT}
        self.stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})

    def known(self) -> None:
        summary = {
            "StackName": STACK,
            "StackId": STACK_ID,
            "CreationTime": AT,
            "StackStatus": "CREATE_COMPLETE",
        }
        self.stub.add_response("list_stacks", {"StackSummaries": [summary]})

    def events(self, *events: dict[str, Any], after: str | None = None, page: str | None = None) -> None:
        answer: dict[str, Any] = {"StackEvents": list(events)}
        if page is not None:
            answer["NextToken"] = page
        asked: dict[str, Any] = {"StackName": STACK_ID}
        if after is not None:
            asked["NextToken"] = after
        self.stub.add_response("describe_stack_events", answer, asked)


def event(number: int, name: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "StackId": STACK_ID,
        "StackName": STACK,
        "EventId": f"e{number}",
        "LogicalResourceId": name,
        "ResourceType": "AWS::DynamoDB::Table",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": AT,
    }


def test_a_rollback_that_failed_is_told_with_its_reason_and_what_to_do() -> None:
    told = Told()
    told.known()
    told.events(event(2, STACK, "UPDATE_ROLLBACK_FAILED", "VouchersTable"), page="p2")
    told.events(event(1, "VouchersTable", "UPDATE_FAILED", "Limit of indexes"), after="p2")
    with told.stub, pytest.raises(DeploymentFailed) as failure:
        told.deployment._refuse_unready("UPDATE_ROLLBACK_FAILED")
    message = str(failure.value)
    assert "VouchersTable (AWS::DynamoDB::Table): Limit of indexes" in message, "on the second page of events"
    assert "--continue-rollback" in message
    told.stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "status",
    [
        "CREATE_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    ],
)
def test_another_deployment_under_way_is_told_and_left_alone(status: str) -> None:
    with pytest.raises(DeploymentFailed, match=f"{STACK} is {status}: another deployment is under way"):
        Told().deployment._refuse_unready(status)


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE", "UPDATE_COMPLETE", None])
def test_a_stack_that_rests_is_ready(status: str | None) -> None:
    Told().deployment._refuse_unready(status)


def test_a_rollback_is_taken_up_again() -> None:
    told = Told()
    told.known()
    told.events(event(5, "VouchersTable", "UPDATE_FAILED", "an old reason"))
    told.stub.add_response("continue_update_rollback", {}, {"StackName": STACK})
    told.status("UPDATE_ROLLBACK_IN_PROGRESS")
    told.status("UPDATE_ROLLBACK_COMPLETE")
    with told.stub:
        told.deployment.continue_rollback()
    told.stub.assert_no_pending_responses()


def test_a_rollback_that_fails_again_tells_the_new_reason_only() -> None:
    told = Told()
    told.known()
    old = event(5, "VouchersTable", "UPDATE_FAILED", "an old reason")
    told.events(old)
    told.stub.add_response("continue_update_rollback", {}, {"StackName": STACK})
    told.status("UPDATE_ROLLBACK_FAILED")
    told.known()
    told.events(event(6, "WorkQueue", "UPDATE_FAILED", "still no right"), old)
    with told.stub, pytest.raises(DeploymentFailed) as failure:
        told.deployment.continue_rollback()
    assert "still no right" in str(failure.value)
    assert "an old reason" not in str(failure.value)


def test_a_long_build_of_an_index_is_told_and_not_broken_off() -> None:
    told = Told(wait_minutes=-1)
    told.status("UPDATE_IN_PROGRESS")
    with told.stub, pytest.raises(DeploymentFailed, match="An index over many rows takes hours"):
        told.deployment._settle(None, good=("UPDATE_COMPLETE",))


def test_cancelled_resources_are_no_reasons() -> None:
    told = Told()
    told.known()
    told.events(
        event(3, "ClaimsTable", "CREATE_FAILED", "Resource creation cancelled"),
        event(2, "VouchersTable", "CREATE_FAILED", "Table already exists: voucher-prod-vouchers"),
    )
    with told.stub:
        reasons = told.deployment._reasons(None)
    assert reasons == "VouchersTable (AWS::DynamoDB::Table): Table already exists: voucher-prod-vouchers"


def test_a_change_set_that_would_replace_data_is_not_executed() -> None:
    told = Told()
    objects = Stubber(told.deployment._objects)
    objects.add_response("put_object", {}, {"Bucket": "b", "Key": ANY, "Body": ANY})
    told.known()
    told.events()
    told.stub.add_response("create_change_set", {}, ANY_REQUEST)
    change = {
        "Action": "Modify",
        "LogicalResourceId": "VouchersTable",
        "ResourceType": "AWS::DynamoDB::Table",
        "Replacement": "True",
    }
    change_set = {"Status": "CREATE_COMPLETE", "Changes": [{"Type": "Resource", "ResourceChange": change}]}
    told.stub.add_response("describe_change_set", change_set, {"StackName": STACK, "ChangeSetName": ANY})
    told.stub.add_response("delete_change_set", {}, {"StackName": STACK, "ChangeSetName": ANY})
    with (
        told.stub,
        objects,
        pytest.raises(DeploymentFailed, match=r"not executed:\nModify +VouchersTable .* REPLACED"),
    ):
        told.deployment._apply("UPDATE", {"Resources": {}}, {}, good=("UPDATE_COMPLETE",))
    told.stub.assert_no_pending_responses()


ANY_REQUEST = {
    "StackName": STACK,
    "ChangeSetName": ANY,
    "ChangeSetType": "UPDATE",
    "TemplateURL": ANY,
    "Capabilities": ANY,
    "Parameters": [],
}


def test_in_prod_the_stack_refuses_to_replace_or_remove_what_holds_data() -> None:
    (_, denial) = STACK_POLICY["Statement"]
    assert denial["Effect"] == "Deny"
    assert "AWS::DynamoDB::Table" in denial["Condition"]["StringEquals"]["ResourceType"]
