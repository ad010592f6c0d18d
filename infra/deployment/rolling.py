"""Lead the functions to the code that was just deployed: a few requests first, all if no alarm rings.

Everything that starts a function (the gateway, mappings, rules, operators) names its alias `live`. An update
of the stack changes the functions themselves and not what their aliases point to, so the old code answers
until this leads it on. A version is published of each function and the API's is tried by itself; then the
alias of the API sends a tenth of the requests there. When nothing rings for ten minutes all aliases are led
to their new versions together, and watched for ten minutes more. Should an alarm ring that did not ring
before, or anything else go wrong, all of them point again to where they did.

Lambda and CloudWatch are all that it takes, so that it is the same in every partition and on the local cloud.
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.functions import ALIAS, API, FUNCTIONS, alias_id
from infra.deployment.updates import DeploymentFailed

LATEST: Final = "$LATEST"
VERSIONS_KEPT: Final = 3
"""Of each function: what answers, what answered before it, and one more."""
PROBES: Final = ("/healthz", "/v1/programs")
"""What the API's new version has to answer before anybody is sent to it: it starts, and it reads."""
_ALARMS_A_CALL: Final = 100
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""
_BEFORE: Final = "before: "
_OK: Final = 200


class LedBack(DeploymentFailed):
    """The new code was not kept: the aliases point to where they did before. The message tells why."""


class _Rings(RuntimeError):
    """Alarms ring that did not ring before."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How many requests are led to new code at first, and how long it is watched, then and afterwards."""

    percent: int = 10
    first_minutes: float = 10
    rest_minutes: float = 10
    """Alarms look at five minutes, and figures come with a delay of some."""
    poll_seconds: float = 10


@dataclass(frozen=True, kw_only=True)
class _Alias:
    """A function's alias as it stands. `before` is the version that the last deployment led it away from."""

    logical_id: str
    function: str
    version: str
    before: str
    weighted: bool

    def described(self, version: str) -> str:
        return f"{_BEFORE}{version}" if version.isdigit() else ""


@dataclass(frozen=True)
class _Move:
    """A function that gets another version."""

    alias: _Alias
    version: str


def _led_api() -> str:
    (api,) = [function for function in FUNCTIONS if function.name == API]
    return alias_id(api)


@dataclass(kw_only=True)
class Rolling:
    """The aliases of one stack.

    `alarms` are names of those that lead back; `tell` is told each step. `leads` is the logical id of the
    alias whose requests are led over little by little.
    """

    session: boto3.Session
    stack: str
    alarms: Sequence[str] = ()
    pace: Pace = field(default_factory=Pace)
    probes: Sequence[str] = PROBES
    leads: str = field(default_factory=_led_api)
    tell: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self._formation = self.session.client("cloudformation")
        self._functions = self.session.client("lambda")
        self._cloudwatch = self.session.client("cloudwatch")
        self._rang: set[str] = set()

    # ----------------------------------------------------------------------- around an update

    def hold(self) -> None:
        """Before an update: see to it that no alias follows what the update changes, and what rings already.

        A run that was broken off may have left some requests on its new code; they are taken back.
        """
        self._rang = self._ringing()
        for alias in self._aliases():
            if alias.version == LATEST:
                self._point(alias, self._published(alias.function), description="")
            elif alias.weighted:
                self._point(alias, alias.version, description=alias.described(alias.before))

    def lead(self, *, watched: bool = True) -> None:
        """After an update: lead the aliases to what is deployed now; all at once if it is not to be watched.

        Raises:
            LedBack: an alarm rang, or the new code did not answer; the aliases are as they were.

        """
        moves = [_Move(alias, self._published(alias.function)) for alias in self._aliases()]
        moves = [move for move in moves if move.version != move.alias.version]
        if not moves:
            self.tell("No function has changed.")
            return
        self._probe(moves)
        rolled = [move for move in moves if move.alias.version != LATEST]
        for move in moves:
            if not watched or move not in rolled:  # there is no version before the first one
                self._point(move.alias, move.version, description="")
        if rolled and watched:
            self._lead_over(rolled)
        else:
            self.tell(f"{len(moves)} functions run their new versions")
        self._prune()

    def lead_back(self) -> None:
        """Let the versions answer that did before the last deployment; done twice, it is undone.

        Raises:
            DeploymentFailed: there is no version before, or the stack no longer has what it needs.

        """
        moves = [_Move(alias, alias.before) for alias in self._aliases() if alias.before]
        if not moves:
            raise DeploymentFailed(
                "There is nothing to go back to: the last deployment changed no function, or the stack "
                "no longer has what the code before it needs. Package that commit and deploy it."
            )
        for move in moves:
            self._point(move.alias, move.version, description=move.alias.described(move.alias.version))
            self.tell(f"{move.alias.function}: version {move.version} answers again")

    def forget_before(self) -> None:
        """Say that the versions before cannot answer any more: what they need has left the stack."""
        for alias in self._aliases():
            self._point(alias, alias.version, description="")

    # ----------------------------------------------------------------------- leading

    def _lead_over(self, moves: Sequence[_Move]) -> None:
        try:
            self._lead_some(moves)
            for move in moves:
                self._point(move.alias, move.version, description=move.alias.described(move.alias.version))
            self.tell(
                f"{len(moves)} functions run their new versions; watched for {self.pace.rest_minutes:g} min"
            )
            self._watch(self.pace.rest_minutes)
        except BaseException as reason:
            self._put_back(moves)
            if not isinstance(reason, _Rings):
                raise
            raise LedBack(
                f"The new code is not kept: {reason} rang (infra/runbook.md). The versions before answer "
                "again, with all that they need; rows that the new code wrote stay. The stack has the new "
                "template: deploy a mended commit, or the one before."
            ) from None

    def _put_back(self, moves: Sequence[_Move]) -> None:
        """Point every alias to where it did, and go on when one cannot be: that one is told."""
        for move in moves:
            alias = move.alias
            try:
                self._point(alias, alias.version, description=alias.described(alias.before))
            except (BotoCoreError, ClientError) as failure:
                self.tell(f"{alias.function} could not be led back to version {alias.version}: {failure}")

    def _lead_some(self, moves: Sequence[_Move]) -> None:
        """Send a part of the API's requests to its new version and watch."""
        for move in moves:
            if move.alias.logical_id != self.leads or not self.pace.first_minutes:
                continue
            if not self._may_share(move):
                self.tell("Role or dead letters of the API have changed: Lambda shares no requests out then.")
                continue
            self._functions.update_alias(
                FunctionName=move.alias.function,
                Name=ALIAS,
                RoutingConfig={"AdditionalVersionWeights": {move.version: self.pace.percent / 100}},
            )
            self.tell(
                f"{self.pace.percent} of 100 requests go to version {move.version}, the others to "
                f"{move.alias.version}, for {self.pace.first_minutes:g} min"
            )
            self._watch(self.pace.first_minutes)

    def _may_share(self, move: _Move) -> bool:
        """Tell whether Lambda lets an alias point to both: it wants one role, one place of dead letters."""
        old, new = (
            self._functions.get_function_configuration(FunctionName=move.alias.function, Qualifier=version)
            for version in (move.alias.version, move.version)
        )
        return all(old.get(name) == new.get(name) for name in ("Role", "DeadLetterConfig"))

    def _watch(self, minutes: float) -> None:
        deadline = time.monotonic() + minutes * 60
        while True:
            rings = self._ringing()
            new = rings - self._rang
            if new:
                raise _Rings(", ".join(sorted(new)))
            self._rang &= rings  # one that fell silent counts when it rings again
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, self.pace.poll_seconds))

    def _ringing(self) -> set[str]:
        found = set()
        for start in range(0, len(self.alarms), _ALARMS_A_CALL):
            names = list(self.alarms[start : start + _ALARMS_A_CALL])
            told = self._cloudwatch.describe_alarms(
                AlarmNames=names, AlarmTypes=["MetricAlarm"], MaxRecords=_ALARMS_A_CALL
            )
            found |= {str(one["AlarmName"]) for one in told["MetricAlarms"] if one["StateValue"] == "ALARM"}
        return found

    def _probe(self, moves: Sequence[_Move]) -> None:
        """Ask the API's new version itself, before an alias points to it."""
        for move in moves:
            for path in self.probes if move.alias.logical_id == self.leads else ():
                answer = self._functions.invoke(
                    FunctionName=move.alias.function,
                    Qualifier=move.version,
                    Payload=json.dumps(request_for(path)),
                )
                body = json.load(answer["Payload"])
                status = body.get("statusCode") if isinstance(body, dict) else None
                if "FunctionError" in answer or status != _OK:
                    raise LedBack(
                        f"The new code is not led to: GET {path} of version {move.version} of "
                        f"{move.alias.function} is answered with {status or body}. The version before "
                        "goes on answering; the stack has the new template. Deploy a mended commit."
                    )

    # ----------------------------------------------------------------------- aliases and versions

    def _aliases(self) -> Iterator[_Alias]:
        pages = self._formation.get_paginator("list_stack_resources").paginate(StackName=self.stack)
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::Lambda::Alias":
                    *_, function, name = resource["PhysicalResourceId"].split(":")
                    yield self._alias(resource["LogicalResourceId"], function, name)

    def _alias(self, logical_id: str, function: str, name: str) -> _Alias:
        told = self._functions.get_alias(FunctionName=function, Name=name)
        description = told.get("Description", "")
        return _Alias(
            logical_id=logical_id,
            function=function,
            version=told["FunctionVersion"],
            before=description.removeprefix(_BEFORE) if description.startswith(_BEFORE) else "",
            weighted=bool(told.get("RoutingConfig", {}).get("AdditionalVersionWeights")),
        )

    def _point(self, alias: _Alias, version: str, *, description: str) -> None:
        self._functions.update_alias(
            FunctionName=alias.function,
            Name=ALIAS,
            FunctionVersion=version,
            Description=description,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )

    def _published(self, function: str) -> str:
        """Publish what a function is now; Lambda gives the last version again where nothing has changed."""
        self._functions.get_waiter("function_updated_v2").wait(FunctionName=function)
        version = str(self._functions.publish_version(FunctionName=function)["Version"])
        self._functions.get_waiter("published_version_active").wait(FunctionName=function, Qualifier=version)
        return version

    def _prune(self) -> None:
        """Remove old versions: each keeps its code in the account, which has room for 75 GB in a region."""
        for alias in self._aliases():
            pages = self._functions.get_paginator("list_versions_by_function").paginate(
                FunctionName=alias.function
            )
            found = [str(one["Version"]) for page in pages for one in page["Versions"]]
            numbered = sorted((one for one in found if one.isdigit()), key=int)
            kept = {alias.version, alias.before, *numbered[-VERSIONS_KEPT:]}
            for version in numbered:
                if version not in kept:  # without a qualifier the whole function would go
                    self._functions.delete_function(FunctionName=alias.function, Qualifier=version)


def request_for(path: str) -> dict[str, Any]:
    """Give the event by which the gateway hands a GET without a sender to the function."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {"Accept": "application/json"},
        "multiValueHeaders": {"Accept": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": "GET",
            "path": path,
            "stage": "api",
            "requestId": "probe-of-a-deployment",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }
