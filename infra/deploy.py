"""Deploy a packaged stage through CloudFormation.

    python -m infra.package --stage prod
    python -m infra.deploy --stage prod --bucket my-artifacts --parameters prod.json

`prod.json` maps the template's parameters to values; on later deployments those left out keep theirs.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError, WaiterError

from infra.package import ARCHIVE, BUILD, TEMPLATE, WrongPython, require_runtime
from infra.storage import Json, prefix

_CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_NEVER_CREATED: Final = frozenset(
    {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"}
)
_WAIT_SECONDS: Final = 1800


class DeploymentFailed(RuntimeError):
    """CloudFormation could not create or update the stack; the message tells which resources and why."""


class Deployment:
    """One stack and where its artifacts go."""

    def __init__(self, session: boto3.Session, *, stack: str, bucket: str, poll_seconds: int = 5) -> None:
        self._formation = session.client("cloudformation")
        self._objects = session.client("s3")
        self._region = session.region_name
        self._stack = stack
        self._bucket = bucket
        self._poll_seconds = poll_seconds

    def run(self, package: Path, parameters: dict[str, str]) -> dict[str, str]:
        """Upload a package, create or update the stack from it, wait, and give the outputs.

        Raises:
            DeploymentFailed: with the reasons of the resources that failed.

        """
        url = self._upload(package)
        status = self.status()
        if status in _NEVER_CREATED:
            self.delete()
            status = None
        request: dict[str, Any] = {
            "StackName": self._stack,
            "TemplateURL": url,
            "Capabilities": _CAPABILITIES,
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(parameters.items())
            ],
        }
        if status is None:
            self._formation.create_stack(**request)
            self._wait("stack_create_complete")
        elif self._update(request, package):
            self._wait("stack_update_complete")
        return self.outputs()

    def status(self) -> str | None:
        """Give the stack's status, or None if there is none."""
        try:
            found: str = self._formation.describe_stacks(StackName=self._stack)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def outputs(self) -> dict[str, str]:
        """Give the stack's outputs."""
        stack = self._formation.describe_stacks(StackName=self._stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def delete(self) -> None:
        """Remove a stack that never came to be."""
        self._formation.delete_stack(StackName=self._stack)
        self._wait("stack_delete_complete")

    def _update(self, request: dict[str, Any], package: Path) -> bool:
        given = {parameter["ParameterKey"] for parameter in request["Parameters"]}
        declared = set(json.loads((package / TEMPLATE).read_text())["Parameters"])
        stack = self._formation.describe_stacks(StackName=self._stack)["Stacks"][0]
        known = {parameter["ParameterKey"] for parameter in stack.get("Parameters", [])}
        request["Parameters"] += [
            {"ParameterKey": name, "UsePreviousValue": True} for name in sorted(declared & known - given)
        ]
        try:
            self._formation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            raise
        return True

    def _wait(self, name: str) -> None:
        waiter = self._formation.get_waiter(name)
        attempts = _WAIT_SECONDS // self._poll_seconds
        try:
            waiter.wait(
                StackName=self._stack, WaiterConfig={"Delay": self._poll_seconds, "MaxAttempts": attempts}
            )
        except WaiterError as error:
            raise DeploymentFailed(self._reasons() or str(error)) from error

    def _reasons(self) -> str:
        events = self._formation.describe_stack_events(StackName=self._stack)["StackEvents"]
        return "\n".join(
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in event
        )

    def _upload(self, package: Path) -> str:
        self._make_bucket()
        archive = (package / ARCHIVE).read_bytes()
        archive_key = f"{self._stack}/{hashlib.sha256(archive).hexdigest()}.zip"
        self._objects.put_object(Bucket=self._bucket, Key=archive_key, Body=archive)
        template = point_to_code(json.loads((package / TEMPLATE).read_text()), self._bucket, archive_key)
        body = json.dumps(template, ensure_ascii=False, sort_keys=True).encode()
        template_key = f"{self._stack}/{hashlib.sha256(body).hexdigest()}.json"
        self._objects.put_object(Bucket=self._bucket, Key=template_key, Body=body)
        # A plain address, whatever the partition: CloudFormation reads it with the caller's rights.
        address: str = self._objects.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": template_key}
        )
        return address.partition("?")[0]

    def _make_bucket(self) -> None:
        try:
            self._objects.head_bucket(Bucket=self._bucket)
        except ClientError:
            place = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
            configuration = {"CreateBucketConfiguration": place} if place else {}
            self._objects.create_bucket(Bucket=self._bucket, **configuration)


def point_to_code(template: Json, bucket: str, key: str) -> Json:
    """Give the template with every function's code in a bucket instead of beside the template."""
    pointed = copy.deepcopy(template)
    for resource in pointed["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return pointed


def runtimes_of(template: Json) -> set[str]:
    """Give the runtimes of a template's functions."""
    functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Serverless::Function"]
    return {function["Properties"]["Runtime"] for function in functions}


def main() -> None:
    """Deploy one stage and print the stack's outputs."""
    parser = argparse.ArgumentParser(description="Deploy a packaged stage through CloudFormation.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--bucket", required=True, help="bucket for template and code; made if missing")
    parser.add_argument("--parameters", type=Path, help="JSON file of template parameters")
    options = parser.parse_args()
    try:
        for runtime in runtimes_of(json.loads((BUILD / options.stage / TEMPLATE).read_text())):
            require_runtime(options.stage, runtime)
    except WrongPython as reason:
        raise SystemExit(f"Not deployed: {reason}") from None
    parameters = json.loads(options.parameters.read_text()) if options.parameters else {}
    deployment = Deployment(boto3.Session(), stack=prefix(options.stage), bucket=options.bucket)
    for name, value in sorted(deployment.run(BUILD / options.stage, parameters).items()):
        print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
