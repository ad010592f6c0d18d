"""Restore all tables of a stage to one moment, under new names, and prove that they can be used.

    python -m infra.deployment.restore --stage prod --moment 2026-11-28T09:00:00+08:00 --generation r1
    python -m infra.deployment.restore --stage prod --generation r1 --check

The tables in use are not touched: `voucher-prod-vouchers` is restored as `voucher-prod-r1-vouchers`. What a
restore by DynamoDB leaves out (streams, TTL, recovery, protection, tags) is made anew. Then the ledger, the
audit chains and the exchange are looked through (`infra.deployment.reconcile`) and a report is printed.
When to do this, and how the service is moved to the restored tables, is in `infra/RESTORE.md`.

Evidence is not set back (`EVIDENCE`): what was recorded, told or looked at stays so, whatever is undone.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from infra.deployment.functions import API, FUNCTIONS
from infra.deployment.storage import Json, prefix
from infra.deployment.template import function_output

EVIDENCE: Final = frozenset(
    {"audit-heads", "audit-records", "deliveries", "personal-data-accesses", "voucher-counts"}
)
"""Restored to the newest moment: a chain with a root sealed behind its end would never verify again, and the
platform was told what it was told. Counts move with the chain's records."""
_TABLE_OUTPUT: Final = re.compile(r"Table[A-Z0-9]?[A-Za-z0-9]*Name")
"""The output that names a table, of whatever generation."""
_AT_ONCE: Final = 40
"""AWS restores 50 tables of an account at the same time."""
_POLL_SECONDS: Final = 10.0
_WAIT_SECONDS: Final = 24 * 3600
"""A restore of a large table takes hours."""


class NotRestored(RuntimeError):
    """The tables cannot be restored so; the message says which and why, and nothing was changed."""


@dataclass(frozen=True)
class Source:
    """A table in use and the name under which it is restored."""

    name: str
    full_name: str
    target: str


class Restore:
    """One restore of the tables of one stage."""

    def __init__(
        self,
        session: boto3.Session,
        *,
        stage: str,
        generation: str,
        moment: datetime | None,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """Name the stage; `moment` None is the newest that can be restored; `generation` names the copies."""
        self._tables = session.client("dynamodb")
        self._formation = session.client("cloudformation")
        self._functions = session.client("lambda")
        self.stage = stage
        self.generation = generation
        self.moment = moment
        self._poll_seconds = poll_seconds

    @property
    def target_prefix(self) -> str:
        """Give what the names of the restored tables start with: the `TABLE_PREFIX` that reads them."""
        return f"{prefix(self.stage)}-{self.generation}-"

    def outputs(self) -> dict[str, str]:
        """Give the outputs of the stage's stack."""
        stack = self._formation.describe_stacks(StackName=prefix(self.stage))["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    @functools.cached_property
    def deployed_environment(self) -> dict[str, str]:
        """Give the settings of the deployed API."""
        api = next(function for function in FUNCTIONS if function.name == API)
        name = self.outputs()[function_output(api)]
        found = self._functions.get_function_configuration(FunctionName=name)
        environment: dict[str, str] = found["Environment"]["Variables"]
        return environment

    @property
    def prefix_in_use(self) -> str:
        """Give the `TABLE_PREFIX` of the tables in use."""
        return self.deployed_environment["TABLE_PREFIX"]

    def environment(self) -> dict[str, str]:
        """Give the settings of the deployed API, reading the restored tables."""
        return {**self.deployed_environment, "TABLE_PREFIX": self.target_prefix}

    def sources(self) -> list[Source]:
        """List the stage's tables in use, as its stack names them."""
        full_names = [value for key, value in self.outputs().items() if _TABLE_OUTPUT.search(key)]
        names = [(name.removeprefix(self.prefix_in_use), name) for name in sorted(full_names)]
        return [Source(name, full_name, self.target_prefix + name) for name, full_name in names]

    def run(self) -> list[Source]:
        """Restore every table that is not restored yet; give them all.

        A run that was broken off is simply repeated: what stands is left as it is and finished.

        Raises:
            NotRestored: the moment is outside the window of some tables.

        """
        sources = self.sources()
        self._require_window(sources)
        waiting = [source for source in sources if self._description(source.target) is None]
        while waiting:
            part, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            for source in part:
                self._begin(source)
            for source in part:
                self._wait(source.target)
        for source in sources:
            self._wait(source.target)
            self._finish(source)
        return sources

    def _require_window(self, sources: Sequence[Source]) -> None:
        faults = []
        for source in sources:
            found = self._tables.describe_continuous_backups(TableName=source.full_name)
            recovery = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
            if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
                faults.append(f"{source.full_name}: point-in-time recovery is off")
            elif self.moment is not None and source.name not in EVIDENCE:
                first = recovery.get("EarliestRestorableDateTime", self.moment)
                last = recovery.get("LatestRestorableDateTime", self.moment)
                if not first <= self.moment <= last:
                    faults.append(f"{source.full_name}: can be restored from {first} to {last}")
        if faults:
            raise NotRestored("\n".join(faults))

    def _begin(self, source: Source) -> None:
        table = self._description(source.full_name)
        assert table is not None
        key = table.get("SSEDescription", {}).get("KMSMasterKeyArn")
        request: Json = {
            "SourceTableName": source.full_name,
            "TargetTableName": source.target,
            "BillingModeOverride": "PAY_PER_REQUEST",
        }
        if self.moment is None or source.name in EVIDENCE:
            request["UseLatestRestorableTime"] = True
        else:
            request["RestoreDateTime"] = self.moment
        if key is not None:
            request["SSESpecificationOverride"] = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
        self._tables.restore_table_to_point_in_time(**request)

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            table = self._description(name)
            if table is not None and table["TableStatus"] == "ACTIVE":
                return
            if time.monotonic() > deadline:
                raise NotRestored(f"{name} is not restored yet; it goes on: repeat this command")
            time.sleep(self._poll_seconds)

    def _finish(self, source: Source) -> None:
        """Give a restored table what a restore leaves out; what it has already is left as it is.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery.html
        """
        old, new = self._description(source.full_name), self._description(source.target)
        assert old is not None
        assert new is not None
        stream = old.get("StreamSpecification") or {}
        if stream.get("StreamEnabled") and not (new.get("StreamSpecification") or {}).get("StreamEnabled"):
            self._tables.update_table(TableName=source.target, StreamSpecification=stream)
            self._wait(source.target)
        expiry = self._time_to_live(source.full_name)
        if expiry is not None and self._time_to_live(source.target) is None:
            self._tables.update_time_to_live(
                TableName=source.target,
                TimeToLiveSpecification={"AttributeName": expiry, "Enabled": True},
            )
        self._tables.update_continuous_backups(
            TableName=source.target, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        tags = [tag for tag in self._tags(old["TableArn"]) if not tag["Key"].startswith("aws:")]
        if tags:
            self._tables.tag_resource(ResourceArn=new["TableArn"], Tags=tags)
        if old.get("DeletionProtectionEnabled") and not new.get("DeletionProtectionEnabled"):
            self._tables.update_table(TableName=source.target, DeletionProtectionEnabled=True)
            self._wait(source.target)

    def differences(self) -> Iterator[str]:
        """Tell what a restored table has otherwise than the one in use."""
        for source in self.sources():
            old, new = self._traits(source.full_name), self._traits(source.target)
            for trait, value in old.items():
                if new.get(trait) != value:
                    yield f"{source.target}: {trait} is {new.get(trait)} and not {value}"

    def _traits(self, name: str) -> dict[str, Any]:
        table = self._description(name)
        if table is None:
            return {}
        recovery = self._tables.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return {
            "key": table["KeySchema"],
            "indexes": sorted(index["IndexName"] for index in table.get("GlobalSecondaryIndexes") or []),
            "stream": (table.get("StreamSpecification") or {}).get("StreamViewType"),
            "encryption": table.get("SSEDescription", {}).get("KMSMasterKeyArn"),
            "protection": bool(table.get("DeletionProtectionEnabled")),
            "recovery": recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
            "time to live": self._time_to_live(name),
            "tags": sorted(
                (tag["Key"], tag["Value"])
                for tag in self._tags(table["TableArn"])
                if not tag["Key"].startswith("aws:")
            ),
        }

    def _description(self, name: str) -> Json | None:
        try:
            found: Json = self._tables.describe_table(TableName=name)["Table"]
        except ClientError as failure:
            if failure.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return found

    def _time_to_live(self, name: str) -> str | None:
        found = self._tables.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        on = found["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}
        return str(found["AttributeName"]) if on else None

    def _tags(self, arn: str) -> list[dict[str, str]]:
        tags: list[dict[str, str]] = []
        token: dict[str, str] = {}
        while True:
            page = self._tables.list_tags_of_resource(ResourceArn=arn, **token)
            tags += page.get("Tags", [])
            if not page.get("NextToken"):
                return tags
            token = {"NextToken": page["NextToken"]}


def enter(environment: Mapping[str, str]) -> None:
    """Let this process read the restored tables; to be called before anything of the program is imported."""
    os.environ.update(environment)


def moment_of(text: str) -> datetime:
    """Read a moment with its offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("a moment needs its offset, e.g. 2026-11-28T09:00:00+08:00")
    return moment


def main() -> None:
    """Restore, look through what was restored, print the report; exit with 1 if anything is off."""
    parser = argparse.ArgumentParser(description="Restore all tables of a stage under new names.")
    parser.add_argument("--stage", required=True)
    parser.add_argument(
        "--generation", required=True, help="names the copies: voucher-<stage>-<generation>-…"
    )
    parser.add_argument("--moment", type=moment_of, help="with its offset; left out: the newest there is")
    parser.add_argument("--check", action="store_true", help="only look through what was restored before")
    parser.add_argument("--mend", action="store_true", help="write what the look through finds missing")
    options = parser.parse_args()
    restore = Restore(
        boto3.Session(), stage=options.stage, generation=options.generation, moment=options.moment
    )
    try:
        sources = restore.sources() if options.check else restore.run()
    except NotRestored as reason:
        raise SystemExit(f"Not restored:\n{reason}") from None
    enter(restore.environment())
    from infra.deployment.reconcile import reconcile  # noqa: PLC0415 - the tables' names are fixed when it is imported

    report = reconcile(mend=options.mend, in_use=restore.prefix_in_use, moment=options.moment)
    report["tables"] = len(sources)
    report["differences"] = list(restore.differences())
    print(json.dumps(report, ensure_ascii=False, indent=1, default=str))
    if not report["sound"] or report["differences"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
