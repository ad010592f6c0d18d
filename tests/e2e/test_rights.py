"""The local cloud holds every function to its role, so what a role may not is seen here before it is on AWS.

After each test on the deployed template the fixture `stack` asks what the roles were refused: nothing. What the
cloud does not ask is listed in `infra.local.rights`; `tests/infra/deployment/test_grants.py` asserts it of the policies.
"""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.demo.client import Service
from infra.deployment.functions import FUNCTIONS
from infra.deployment.grants import GRANTS, UNSEEN
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


def test_every_job_does_its_night_with_the_rights_of_its_role(service: Service, stack: Stack) -> None:
    for function in FUNCTIONS:
        if function.schedule:
            service.invoke(function.name, {})
    heard = {call.function for call in stack.asked().allowed}
    assert heard >= {function.name for function in FUNCTIONS if function.schedule and asks(function.name)}


def asks(function: str) -> bool:
    """Tell whether a function asks for anything of its table, as this version is deployed."""
    return any(
        (function, resource, action) not in UNSEEN
        for resource, actions in GRANTS[function].items()
        for action in actions.split()
    )


def test_who_has_no_right_is_refused(facts: dict[str, Any], stack: Stack) -> None:
    def client(service: str, **keys: str) -> Any:
        named = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **keys}
        return boto3.client(
            service, endpoint_url=facts["aws_endpoint_url"], region_name=facts["region"], **named
        )

    roles = client("iam")
    role = roles.create_role(RoleName="nobody", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    try:
        given = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="nobody")["Credentials"]
        keys = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
        with pytest.raises(ClientError, match="AccessDenied"):
            client("dynamodb", **keys).get_item(
                TableName="voucher-local-vouchers", Key={"id": {"S": "vch_a"}}
            )
    finally:
        roles.delete_role(RoleName="nobody")
