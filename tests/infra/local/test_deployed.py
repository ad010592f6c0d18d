"""What `make call`, `make logs` and `make debug` make of their options, without a cloud."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deployment.functions import FUNCTIONS, Function
from infra.local.deployed import Event, NotThere, deployed, event_for

ROOT = Path(__file__).parent.parent.parent.parent
NOBODYS_PORT = "1"
NIGHT = "2026-12-01T02:00:00+08:00"


def function(name: str) -> Function:
    return next(function for function in FUNCTIONS if function.name == name)


def message(event: Event) -> Event:
    (record,) = event["Records"]
    return json.loads(record["body"])


def test_a_job_gets_the_time_it_is_to_believe_in() -> None:
    assert event_for(function("expire_vouchers"), now=NIGHT) == {"now": NIGHT}
    assert event_for(function("expire_vouchers")) == {}


def test_what_a_queues_worker_is_given_is_one_message() -> None:
    event = event_for(function("expire_shard"), event='{"due_shard": "07"}', now=NIGHT)

    assert message(event) == {"due_shard": "07", "now": NIGHT}


def test_a_whole_queue_event_stays_as_it_is() -> None:
    typed = {"Records": [{"messageId": "1", "body": "{}"}]}

    assert event_for(function("expire_shard"), event=json.dumps(typed)) == typed


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"event": "{"}, "E is no JSON"),
        ({"event": "[1]"}, "E is a list"),
        ({"now": "2026-12-01T02:00:00"}, "a moment with its offset"),
        ({"now": "tonight"}, "a moment with its offset"),
    ],
)
def test_what_cannot_be_an_event_is_refused_in_a_sentence(typed: dict[str, str], told: str) -> None:
    with pytest.raises(NotThere, match=told):
        event_for(function("expire_vouchers"), **typed)


def test_the_function_for_http_is_started_by_a_request() -> None:
    with pytest.raises(NotThere, match="make debug R="):
        event_for(function("api_handler"))


@pytest.mark.parametrize("name", ["", "expire"])
def test_who_names_no_function_is_told_the_names(name: str) -> None:
    with pytest.raises(NotThere) as told:
        deployed(name)

    assert all(function.name in str(told.value) for function in FUNCTIONS)


@pytest.mark.parametrize("command", ["call", "logs", "debug"])
def test_without_a_stack_each_command_says_how_to_start_one(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"infra.local.{command}", "expire_vouchers"],
        cwd=ROOT,
        env={**os.environ, "PORT": NOBODYS_PORT, "LOCAL_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert "`make up` starts one" in done.stderr
    assert "Traceback" not in done.stderr
