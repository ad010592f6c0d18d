"""Deploy a packaged stage through CloudFormation change sets.

    python -m infra.deployment.package --stage prod
    python -m infra.deployment.deploy --stage prod --bucket my-artifacts --parameters prod.json

`prod.json` maps the template's parameters to values (`infra/deployment/prod.example.json`); on later
deployments those left out keep theirs. What is about to change is shown and asked for before it is done
(`--yes` answers). A first deployment that fails leaves nothing behind and can simply be repeated. An
update that AWS would refuse half way is refused before it begins (a changed key), or done in several (two
index changes of one table). The functions are led to their new code afterwards, and back again when an
alarm rings (`infra.deployment.rolling`); `--lead-back` does that later, by hand.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from infra.deployment.package import ARCHIVE, BUILD, TEMPLATE, WrongPython, require_runtime
from infra.deployment.rolling import Pace, Rolling
from infra.deployment.storage import LOCAL, Json, prefix
from infra.deployment.updates import KEEPS_DATA, DeploymentFailed, expanded, refused_changes, steps_to
from infra.deployment.watching import leading_back

_CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_NEVER_CREATED: Final = frozenset(
    {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED"}
)
_STUCK: Final = frozenset({"UPDATE_ROLLBACK_FAILED"})
_PROTECTION: Final = "DeletionProtection"

STACK_POLICY: Final[Json] = {
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["Update:Replace", "Update:Delete"],
            "Resource": "*",
            "Condition": {"StringEquals": {"ResourceType": sorted(KEEPS_DATA)}},
        },
    ]
}
"""In prod CloudFormation itself refuses to replace or remove what holds data, whoever deploys."""


_ALLOW_ALL: Final[Json] = {"Statement": STACK_POLICY["Statement"][:1]}


@dataclass(frozen=True)
class PlannedChange:
    """One line of a change set: what will happen to a resource."""

    action: str
    logical_id: str
    kind: str
    replacement: bool

    def __str__(self) -> str:
        """Write the line as the operator reads it."""
        note = "  REPLACED" if self.replacement else ""
        return f"{self.action:<8} {self.logical_id:<44} {self.kind}{note}"


Agree = Callable[[Sequence[PlannedChange]], bool]


def agree_to_all(_: Sequence[PlannedChange]) -> bool:
    """Go on without asking: the local stage, tests, `--yes`."""
    return True


# --------------------------------------------------------------------------- one stack


class Deployment:
    """One stack and where its artifacts go."""

    def __init__(
        self,
        session: boto3.Session,
        *,
        stack: str,
        bucket: str,
        poll_seconds: float = 5,
        wait_minutes: float = 180,
        agree: Agree = agree_to_all,
        protect: bool = False,
        import_existing: bool = False,
        rolling: Rolling | None = None,
    ) -> None:
        """Name the stack; building an index over millions of rows takes hours, so the wait is long.

        Without `rolling` the aliases stay where they are: on a new stack they follow the newest code.
        """
        self._formation = session.client("cloudformation")
        self._objects = session.client("s3")
        self._region = session.region_name
        self._stack = stack
        self._bucket = bucket
        self._poll_seconds = poll_seconds
        self._wait_seconds = wait_minutes * 60
        self._agree = agree
        self._protect = protect
        self._import_existing = import_existing
        self._rolling = rolling

    def run(self, package: Path, parameters: dict[str, str]) -> dict[str, str]:
        """Upload a package, create or update the stack from it, wait, and give the outputs.

        Raises:
            DeploymentFailed: with the reasons of the resources that failed, or of what must not be changed.

        """
        template = self._template_of(package)
        status = self.status()
        self._refuse_unready(status)
        if status in _NEVER_CREATED:
            self.delete()
            status = None
        if status is None:
            self._create(template, parameters)
            self._guard()
            if self._rolling is not None:
                self._rolling.lead()
        else:
            self._update(self._deployed_template(), template, parameters)
        return self.outputs()

    def _update(self, before: Json, template: Json, parameters: dict[str, str]) -> None:
        """Update what stands, and lead its functions to the new code while what the old one needs is there.

        A restored stage leaves the old tables, so nothing is shared out then between old code and new.
        """
        faults = refused_changes(before, template, moved=self._import_existing)
        if faults:
            raise DeploymentFailed("This update is not begun:\n" + "\n".join(faults))
        if self._rolling is None or self._import_existing:
            self._change(before, template, parameters)
            self._guard()
            if self._rolling is not None:
                self._rolling.lead(watched=False)
            return
        grown = expanded(before, template)
        self._rolling.hold()
        self._change(before, grown, parameters)
        self._guard()
        self._rolling.lead()
        if grown != template:
            self._change(grown, template, parameters)
            self._rolling.forget_before()

    def _guard(self) -> None:
        """Protect the stack itself, where that is wanted."""
        if self._protect:
            self._formation.update_termination_protection(
                StackName=self._stack, EnableTerminationProtection=True
            )
            self._formation.set_stack_policy(StackName=self._stack, StackPolicyBody=json.dumps(STACK_POLICY))

    def status(self) -> str | None:
        """Give the stack's status, or None if there is none."""
        try:
            return str(self._describe()["StackStatus"])
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def outputs(self) -> dict[str, str]:
        """Give the stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self._describe().get("Outputs", [])}

    def delete(self) -> None:
        """Remove a stack that never came to be."""
        since = self._newest_event()
        self._formation.delete_stack(StackName=self._stack)
        self._settle(since, good=("DELETE_COMPLETE", None))

    def continue_rollback(self) -> None:
        """Take up a rollback that failed, once what stopped it is mended."""
        since = self._newest_event()
        self._formation.continue_update_rollback(StackName=self._stack)
        self._settle(since, good=("UPDATE_ROLLBACK_COMPLETE",))

    # ----------------------------------------------------------------------- steps of a run

    def _refuse_unready(self, status: str | None) -> None:
        if status in _STUCK:
            raise DeploymentFailed(
                f"{self._stack} is {status}: its last rollback failed.\n{self._reasons(None)}\n"
                "Mend that, then run this command with --continue-rollback, then deploy again."
            )
        if status is not None and status.endswith("_IN_PROGRESS") and status not in _NEVER_CREATED:
            raise DeploymentFailed(
                f"{self._stack} is {status}: another deployment is under way. Wait for it, or cancel it in "
                "CloudFormation, then deploy again."
            )

    def _create(self, template: Json, parameters: dict[str, str]) -> None:
        """Create the stack; data is protected only when all of it stands: a failure leaves nothing."""
        self._require_parameters(template, parameters)
        wanted = parameters.get(_PROTECTION) or self._default_of(template, _PROTECTION)
        unprotected = {**parameters, _PROTECTION: "off"} if wanted is not None else parameters
        self._apply("CREATE", template, unprotected, good=("CREATE_COMPLETE",))
        if wanted == "on":
            self._apply("UPDATE", template, parameters | {_PROTECTION: "on"}, good=("UPDATE_COMPLETE",))

    def _change(self, before: Json, template: Json, parameters: dict[str, str]) -> None:
        """Bring the stack from one template to another, in as many steps as it takes."""
        known = {parameter["ParameterKey"] for parameter in self._describe().get("Parameters", [])}
        self._require_parameters(template, parameters, kept=known)
        if self._import_existing:  # tables leave the stack, which its policy refuses; `run` sets it again
            self._formation.set_stack_policy(StackName=self._stack, StackPolicyBody=json.dumps(_ALLOW_ALL))
        for step in [template] if self._import_existing else steps_to(before, template):
            self._apply("UPDATE", step, parameters, good=("UPDATE_COMPLETE",), kept=known)

    @staticmethod
    def _require_parameters(
        template: Json, parameters: dict[str, str], *, kept: Collection[str] = frozenset()
    ) -> None:
        """Refuse values that are missing or unknown, all of them at once.

        Raises:
            DeploymentFailed: what is missing, with the template's own words for it.

        """
        declared = template.get("Parameters", {})
        faults = [
            f"{name} has no value yet: {rule.get('Description', '')}"
            for name, rule in sorted(declared.items())
            if "Default" not in rule and not parameters.get(name) and name not in kept
        ]
        faults += [
            f"{name} is no parameter of the template" for name in sorted(parameters.keys() - declared.keys())
        ]
        if faults:
            raise DeploymentFailed("\n".join(faults))

    @staticmethod
    def _default_of(template: Json, name: str) -> str | None:
        rule = template.get("Parameters", {}).get(name)
        return None if rule is None else rule.get("Default")

    def _apply(
        self,
        kind: str,
        template: Json,
        parameters: dict[str, str],
        *,
        good: Sequence[str],
        kept: Collection[str] = frozenset(),
    ) -> None:
        """Make a change set, show it, execute it and wait."""
        name = f"deploy-{hashlib.sha256(f'{time.time_ns()}'.encode()).hexdigest()[:16]}"
        declared = set(template.get("Parameters", {}))
        given: list[dict[str, Any]] = [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in sorted(parameters.items())
            if key in declared
        ]
        given += [
            {"ParameterKey": key, "UsePreviousValue": True}
            for key in sorted((declared & set(kept)) - parameters.keys())
        ]
        request: dict[str, Any] = {
            "StackName": self._stack,
            "ChangeSetName": name,
            "ChangeSetType": kind,
            "TemplateURL": self._upload_template(template),
            "Capabilities": _CAPABILITIES,
            "Parameters": given,
        }
        if kind == "CREATE":
            request["OnStackFailure"] = "DELETE"
        if self._import_existing:
            request["ImportExistingResources"] = True
        since = self._newest_event()
        self._formation.create_change_set(**request)
        changes = self._planned(name)
        if changes is None:
            return
        replaced = [change for change in changes if change.kind in KEEPS_DATA and change.replacement]
        if replaced or not self._agree(changes):
            self._formation.delete_change_set(StackName=self._stack, ChangeSetName=name)
            told = "\n".join(map(str, replaced)) or "it was not agreed to"
            raise DeploymentFailed(f"This change set is not executed:\n{told}")
        self._formation.execute_change_set(StackName=self._stack, ChangeSetName=name)
        self._settle(since, good=good)

    def _planned(self, name: str) -> list[PlannedChange] | None:
        """Give what a change set would do, all pages of it; None if that is nothing."""
        deadline = time.monotonic() + self._wait_seconds
        while True:
            told = self._formation.describe_change_set(StackName=self._stack, ChangeSetName=name)
            if told["Status"] == "FAILED":
                reason = told.get("StatusReason", "")
                if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                    self._formation.delete_change_set(StackName=self._stack, ChangeSetName=name)
                    return None
                raise DeploymentFailed(f"CloudFormation refuses the template: {reason}")
            if told["Status"] == "CREATE_COMPLETE":
                break
            self._pause(deadline)
        found = []
        while True:
            for change in told.get("Changes", []):
                resource = change["ResourceChange"]
                found.append(
                    PlannedChange(
                        action=resource["Action"],
                        logical_id=resource["LogicalResourceId"],
                        kind=resource["ResourceType"],
                        replacement=resource.get("Replacement") == "True",
                    )
                )
            if "NextToken" not in told:
                return found
            told = self._formation.describe_change_set(
                StackName=self._stack, ChangeSetName=name, NextToken=told["NextToken"]
            )

    # ----------------------------------------------------------------------- waiting and telling

    def _settle(self, since: str | None, *, good: Sequence[str | None]) -> None:
        """Wait until the stack rests.

        Raises:
            DeploymentFailed: it rests in another state than was wanted, or not within the wait.

        """
        deadline = time.monotonic() + self._wait_seconds
        status = self.status()
        while status is not None and status.endswith("_IN_PROGRESS"):
            self._pause(deadline)
            status = self.status()
        if status in good:
            return
        told = status or "gone: what had been created was removed again"
        raise DeploymentFailed(f"{self._stack} is {told}.\n{self._reasons(since)}")

    def _pause(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise DeploymentFailed(
                f"{self._stack} is still at work after {self._wait_seconds / 60:.0f} minutes; it goes on. "
                "An index over many rows takes hours: look at it in CloudFormation, then deploy again."
            )
        time.sleep(self._poll_seconds)

    def _newest_event(self) -> str | None:
        return next((str(event["EventId"]) for event in self._events()), None)

    def _events(self) -> Iterator[dict[str, Any]]:
        """Go through the stack's events, newest first, all pages of them; also of a stack that is gone."""
        identity = self._identity()
        if identity is None:
            return
        token: dict[str, str] = {}
        while True:
            try:
                page = self._formation.describe_stack_events(StackName=identity, **token)
            except ClientError:
                return
            yield from page["StackEvents"]
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    def _identity(self) -> str | None:
        """Give the newest stack of this name by its id: by name alone, a deleted one is not found."""
        found = None
        for page in self._formation.get_paginator("list_stacks").paginate():
            for stack in page["StackSummaries"]:
                if stack["StackName"] == self._stack and (
                    found is None or stack["CreationTime"] > found["CreationTime"]
                ):
                    found = stack
        return None if found is None else str(found["StackId"])

    def _reasons(self, since: str | None) -> str:
        """Tell which resources failed and why, in the order in which they did; cancellations only follow."""
        failed = []
        for event in self._events():
            if event["EventId"] == since:
                break
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason.lower():
                failed.append(f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
        if any("DescribeEvents" in reason for reason in failed):
            failed = [*reversed(list(self._refused_early())), *failed]
        return "\n".join(dict.fromkeys(reversed(failed))) or "CloudFormation gives no reason."

    def _refused_early(self) -> Iterator[str]:
        """Go through what CloudFormation found wrong before it made anything: other events do not tell it."""
        identity = self._identity()
        token: dict[str, str] = {}
        while identity is not None:
            page = self._formation.describe_events(
                StackName=identity, Filters={"FailedEvents": True}, **token
            )
            for event in page["OperationEvents"]:
                if event.get("ValidationStatus") == "FAILED":
                    place = event.get("ValidationPath", "")
                    name, kind = event.get("LogicalResourceId", place), event.get("ResourceType", "")
                    yield f"{name} ({kind}): {event.get('ValidationStatusReason', '')} {place}".rstrip()
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    # ----------------------------------------------------------------------- artifacts

    def _describe(self) -> dict[str, Any]:
        stack: dict[str, Any] = self._formation.describe_stacks(StackName=self._stack)["Stacks"][0]
        return stack

    def _deployed_template(self) -> Json:
        body = self._formation.get_template(StackName=self._stack, TemplateStage="Original")["TemplateBody"]
        template: Json = json.loads(body) if isinstance(body, str) else body
        return template

    def _template_of(self, package: Path) -> Json:
        """Upload the code and give the template that points to it."""
        self._make_bucket()
        archive = (package / ARCHIVE).read_bytes()
        key = f"{self._stack}/{hashlib.sha256(archive).hexdigest()}.zip"
        self._objects.put_object(Bucket=self._bucket, Key=key, Body=archive)
        return point_to_code(json.loads((package / TEMPLATE).read_text()), self._bucket, key)

    def _upload_template(self, template: Json) -> str:
        body = json.dumps(template, ensure_ascii=False, sort_keys=True).encode()
        key = f"{self._stack}/{hashlib.sha256(body).hexdigest()}.json"
        self._objects.put_object(Bucket=self._bucket, Key=key, Body=body)
        # A plain address, whatever the partition: CloudFormation reads it with the caller's rights.
        address: str = self._objects.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}
        )
        return address.partition("?")[0]

    def _make_bucket(self) -> None:
        """Make the bucket of the artifacts where it is missing: nobody but the account reads it."""
        try:
            self._objects.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise DeploymentFailed(f"The bucket {self._bucket} is not ours: {error}") from error
            place = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
            configuration = {"CreateBucketConfiguration": place} if place else {}
            self._objects.create_bucket(Bucket=self._bucket, **configuration)
            self._objects.put_public_access_block(
                Bucket=self._bucket,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
            )


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


def ask_the_operator(changes: Sequence[PlannedChange]) -> bool:
    """Show what is about to change and ask."""
    for change in changes:
        print(change)
    return input(f"Execute these {len(changes)} changes? Type yes: ").strip().lower() == "yes"


def main() -> None:
    """Deploy one stage and print the stack's outputs."""
    parser = argparse.ArgumentParser(description="Deploy a packaged stage through CloudFormation.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--bucket", required=True, help="bucket for template and code; made if missing")
    parser.add_argument("--parameters", type=Path, help="JSON file of template parameters")
    parser.add_argument("--yes", action="store_true", help="execute the change set without asking")
    parser.add_argument("--continue-rollback", action="store_true", help="take up a rollback that failed")
    parser.add_argument(
        "--import-existing",
        action="store_true",
        help="take restored tables into the stack (infra/RESTORE.md)",
    )
    parser.add_argument(
        "--lead-back", action="store_true", help="let the code answer that did before the last deployment"
    )
    parser.add_argument(
        "--at-once", action="store_true", help="lead all requests to the new code at once, still watched"
    )
    parser.add_argument("--wait-minutes", type=float, default=180)
    options = parser.parse_args()
    try:
        for runtime in runtimes_of(json.loads((BUILD / options.stage / TEMPLATE).read_text())):
            require_runtime(options.stage, runtime)
    except WrongPython as reason:
        raise SystemExit(f"Not deployed: {reason}") from None
    parameters = json.loads(options.parameters.read_text()) if options.parameters else {}
    session = boto3.Session()
    rolling = Rolling(
        session=session,
        stack=prefix(options.stage),
        alarms=leading_back(options.stage),
        pace=Pace(first_minutes=0) if options.at_once else Pace(),
    )
    deployment = Deployment(
        session,
        stack=prefix(options.stage),
        bucket=options.bucket,
        wait_minutes=options.wait_minutes,
        agree=agree_to_all if options.yes else ask_the_operator,
        protect=options.stage != LOCAL,
        import_existing=options.import_existing,
        rolling=None if options.stage == LOCAL else rolling,
    )
    try:
        if options.lead_back:
            rolling.lead_back()
            return
        if options.continue_rollback:
            deployment.continue_rollback()
            return
        outputs = deployment.run(BUILD / options.stage, parameters)
    except DeploymentFailed as failure:
        raise SystemExit(str(failure)) from None
    for name, value in sorted(outputs.items()):
        print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
