"""The restore drill: what the story left is restored under new names, looked through and mended.

The local cloud restores a table as it is now, whatever moment is asked for. What a moment in the past leaves at its
edge (consumers that were behind, changes that are undone) is therefore planted into the restored tables.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from rich.console import Console

from infra.demo.client import Service
from infra.demo.story import tell
from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.cloud

PREFIX = "voucher-local-r1-"


class Drill:
    """Runs the command and looks into the tables that it made."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._environment = {
            **{name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ},
            "AWS_ENDPOINT_URL": facts["aws_endpoint_url"],
            "AWS_DEFAULT_REGION": facts["region"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self.tables = boto3.client(
            "dynamodb",
            endpoint_url=facts["aws_endpoint_url"],
            region_name=facts["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def switch_recovery_on(self) -> None:
        """Do by hand what the local cloud reads past in a template."""
        for name in self.names("voucher-local-"):
            self.tables.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )

    def restore(self, *options: str) -> tuple[int, dict[str, Any]]:
        command = [
            sys.executable,
            "-m",
            "infra.deployment.restore",
            "--stage",
            "local",
            "--generation",
            "r1",
            *options,
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.stdout, done.stderr
        sys.stdout.write(done.stdout)  # `make restore-drill` shows it
        return done.returncode, json.loads(done.stdout)

    def names(self, start: str = PREFIX) -> list[str]:
        pages = self.tables.get_paginator("list_tables").paginate()
        return [name for page in pages for name in page["TableNames"] if name.startswith(start)]

    def rows(self, name: str) -> list[dict[str, Any]]:
        pages = self.tables.get_paginator("scan").paginate(TableName=PREFIX + name)
        return [item for page in pages for item in page["Items"]]

    def set(self, name: str, row: dict[str, Any], **values: Any) -> None:
        self.tables.put_item(TableName=PREFIX + name, Item={**row, **values})

    def forget(self) -> None:
        for name in self.names():
            self.tables.update_table(TableName=name, DeletionProtectionEnabled=False)
            self.tables.delete_table(TableName=name)


@pytest.fixture
def drill(facts: dict[str, Any]) -> Iterator[Drill]:
    drill = Drill(facts)
    yield drill
    drill.forget()


def test_all_tables_are_restored_looked_through_and_mended(
    drill: Drill, facts: dict[str, Any], quiet: Console, stack: Stack
) -> None:
    with Service(facts) as service:
        settled = service.staff("province-1").every("/v1/vouchers", status="settled")
    if not settled:  # run alone, without the story before it
        tell(facts, quiet)

    drill.switch_recovery_on()
    status, report = drill.restore()
    assert (status, report["differences"], report["sound"]) == (0, [], True)
    assert report["tables"] == len(drill.names()) >= 45
    assert report["rows"]["vouchers"] > 100
    assert report["ledger differences"] == report["broken audit chains"] == []
    behind, ahead, *_ = sorted(
        (row for row in drill.rows("vouchers") if row["status"]["S"] == "settled"),
        key=lambda row: row["id"]["S"],
    )
    version = int(behind["version"]["N"])
    # Its last change happened just before the moment: neither audit chain nor exchange had seen it.
    drill.set("vouchers", behind, version={"N": str(version + 1)}, op_id={"S": "op_unseen"})
    # Its last change happened after the moment: it was told and is undone.
    drill.set("vouchers", ahead, version={"N": str(int(ahead["version"]["N"]) - 1)}, status={"S": "redeemed"})
    posting = next(row for row in drill.rows("ledger-summaries"))
    drill.set("ledger-summaries", posting, debit_fen={"N": "123456789"})

    status, report = drill.restore("--mend")  # what is restored already is left as it is
    assert (status, report["sound"]) == (1, False), "nobody mends a ledger by a command"
    assert report["missing audit records"] == 1
    assert report["missing deliveries"] == 1
    assert report["told further than they are"] == 1
    kinds = {one["kind"] for one in report["ledger differences"]}
    assert "summary_debit" in kinds
    assert {"voucher_settled", "voucher_paid"} & kinds, "what a voucher says is held against its payment"

    drill.set("ledger-summaries", posting)
    status, report = drill.restore("--check")
    assert report["missing audit records"] == report["missing deliveries"] == 0
    assert report["told further than they are"] == 0
    assert report["broken audit chains"] == [], "records are added at the end of their chain"
    assert [one["kind"] for one in report["ledger differences"]] == ["voucher_settled"]
    told = [row for row in drill.rows("deliveries") if row["subject"] == ahead["id"]]
    newest = max(told, key=lambda row: int(row["sequence"]["N"]))
    assert int(newest["sequence"]["N"]) == int(ahead["version"]["N"]) + 1
    assert json.loads(newest["body"]["S"])["status"] == "redeemed", "the platform hears what it is now"
    assert newest["state"]["S"] == "pending"
