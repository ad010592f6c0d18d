"""A function of the running stack is started, read and debugged by hand: `make call`, `make logs`, `make debug`."""

import json
import os
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.demo.client import Service
from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.cloud

NIGHT = "2026-12-01T02:00:00+08:00"
WAIT_SECONDS = 90


@pytest.fixture
def by_hand(stack: Stack, facts: dict[str, Any]) -> Any:
    def run(command: str, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        port = urlsplit(facts["aws_endpoint_url"]).port
        # What a developer's own shell has set must not lead away from the stack.
        own = {"TABLE_PREFIX": "voucher-elsewhere-", "AWS_PROFILE": "elsewhere"} if command == "debug" else {}
        return subprocess.run(
            [sys.executable, "-m", f"infra.local.{command}", *arguments],
            cwd=ROOT,
            env={**os.environ, **own, "PORT": str(port), "LOCAL_FOLDER": str(stack.folder / "local")},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )

    return run


def test_a_called_function_answers_and_its_failure_is_read_in_its_log(by_hand: Any) -> None:
    called = by_hand("call", "expire_vouchers", "--now", NIGHT)
    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout)["shards"] > 0
    assert "✓ expire_vouchers ended" in called.stderr

    failed = by_hand("call", "expire_shard", "--event", '{"wrong": 1}')
    assert failed.returncode == 1
    assert "1 of its messages failed" in failed.stderr

    logged = by_hand("logs", "expire_shard", "--last", "1000")
    assert logged.returncode == 0, logged.stderr
    assert "message_failed" in logged.stdout


def test_a_function_runs_here_on_the_tables_of_the_stack(by_hand: Any) -> None:
    ran = by_hand("debug", "expire_shard", "--event", '{"due_shard": "07"}', "--now", NIGHT)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"batchItemFailures": []}

    failed = by_hand("debug", "expire_shard", "--event", '{"wrong": 1}')
    assert failed.returncode == 1
    assert "missing required field `due_shard`" in failed.stderr

    stopped = by_hand("debug", "expire_shard", "--event", '{"wrong": 1}', "--pdb", typed="p message.id\nq\n")
    assert "'by-hand'" in stopped.stdout


def test_a_request_is_answered_here_as_by_the_deployed_function(
    by_hand: Any, facts: dict[str, Any], service: Service
) -> None:
    deployed = service.staff("clerk-3401").get("/v1/programs").wanted
    here = by_hand("debug", "--request", "GET /v1/programs", "--account", "clerk-3401", "--now", NIGHT)
    assert here.returncode == 0, here.stderr
    assert json.loads(here.stdout) == deployed
    assert "→ 200" in here.stderr

    nobody = by_hand("debug", "--request", "GET /v1/vouchers")
    assert "→ 401" in nobody.stderr
    for wrong, told in (
        (("--request", "GET /v1/nowhere"), "There is no endpoint"),
        (("--request", "v1/programs"), "It wants a method and a path"),
        (("--request", "GET /v1/programs", "--account", "nobody"), "There are: province-1"),
    ):
        refused = by_hand("debug", *wrong)
        assert refused.returncode == 1
        assert told in refused.stderr
