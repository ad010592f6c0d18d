"""`make up`: package, start, deploy, seed; then tell where everything is.

Nothing is done twice: a running cloud is used as it is, a package or a deployment whose sources have not
changed is left alone, and so is what the seed finds in place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Final

import boto3
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from infra.deployment.deploy import Deployment
from infra.deployment.functions import API, FUNCTIONS
from infra.deployment.package import BUILD, sources_digest
from infra.deployment.rolling import Pace, Rolling
from infra.deployment.storage import bucket_id
from infra.deployment.template import function_output
from infra.deployment.updates import DeploymentFailed
from infra.deployment.watching import leading_back
from infra.local.cloud import API_PATH, CLOUD
from infra.local.http import ApiRefused, Client
from infra.local.keys import ALGORITHM, CARD_AUDIENCE, CARD_ISSUER, KeyPair, key_pairs, key_set
from infra.local.layout import (
    ARTIFACTS_BUCKET,
    CONTROL_URL,
    DEPLOYED_FILE,
    ENDPOINT,
    PLATFORM_URL,
    REGION,
    ROOT,
    SERVICE_KEYS_FILE,
    STACK,
    STACK_FILE,
    STAGE,
    WEBHOOK_RECEIVER,
    write_private,
)
from infra.local.platform import PLATFORM
from infra.local.process import NotStarted
from infra.local.seed import accounts, seed

_PACKAGE: Final = BUILD / STAGE
_WIDTH: Final = 100
_DEPLOYED: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


class NotUp(RuntimeError):
    """The local stack did not come up; the message says where it stopped."""


@contextlib.contextmanager
def _step(console: Console, title: str) -> Iterator[list[str]]:
    """Show a step while it runs and how long it took; what is put in the list is shown too."""
    notes: list[str] = []
    started = time.monotonic()
    with console.status(f"{title} …"):
        yield notes
    seconds = time.monotonic() - started
    console.print(f"[green]✓[/] {title:12} [dim]{seconds:5.1f} s  {' '.join(notes)}[/]", highlight=False)


def session() -> boto3.Session:
    """Give a session of the local cloud, whatever the developer's own AWS settings are."""
    os.environ.pop("AWS_PROFILE", None)  # boto3 refuses one it does not know, though nothing is asked of it
    os.environ["AWS_ENDPOINT_URL"] = ENDPOINT
    return boto3.Session("test", "test", region_name=REGION)


def up(console: Console) -> dict[str, Any]:
    """Bring the local stack up and give what is in `.local/stack.json`.

    Raises:
        NotUp, NotStarted, DeploymentFailed, ApiRefused: the step that failed says why.

    """
    keys = key_pairs()
    local = session()
    with ThreadPoolExecutor() as pool:
        starting = pool.submit(_start)
        with _step(console, "Package") as notes:
            notes.append(_make_package())
        with _step(console, "Local cloud") as notes:
            notes.append(starting.result())
    with _step(console, "Deployment") as notes:
        outputs = _deploy(local, keys, notes)
    stack = _describe(outputs, keys)
    client = Client(stack["api_url"])
    with _step(console, "Seed") as notes:
        write_private(SERVICE_KEYS_FILE, json.dumps(client.call("GET", "/v1/exchange/keys")))
        made = seed(client, lambda name, event: _invoke(local, stack["functions"][name], event), keys["card"])
        notes.extend([f"{count} {kind}" for kind, count in made.items() if count] or ["in place"])
    write_private(STACK_FILE, json.dumps(stack, ensure_ascii=False, indent=1))
    return stack


def _start() -> str:
    started = CLOUD.start()
    PLATFORM.start()
    return "started" if started else "runs already"


def _make_package() -> str:
    command = [sys.executable, "-m", "infra.deployment.package", "--stage", STAGE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotUp(f"packaging failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip().rpartition("deployment.zip ")[2]


def _deploy(local: boto3.Session, keys: dict[str, KeyPair], notes: list[str]) -> dict[str, str]:
    parameters = {
        "DeletionProtection": "off",
        "CardIssuer": CARD_ISSUER,
        "CardAudience": CARD_AUDIENCE,
        "CardJwks": key_set(keys["card"].key),
        "PlatformUrl": PLATFORM_URL,
        "PlatformJwks": key_set(keys["platform"].key, keys["platform_sealing"].sealing_key),
        "CorsOrigins": os.environ.get("CORS_ORIGINS", ""),
        "WebhookReceiver": WEBHOOK_RECEIVER,
    }
    deployment = Deployment(
        local, stack=STACK, bucket=ARTIFACTS_BUCKET, poll_seconds=1, rolling=_rolling(local, notes)
    )
    wanted = hashlib.sha256(json.dumps([sources_digest(STAGE), ENDPOINT, parameters]).encode()).hexdigest()
    deployed = DEPLOYED_FILE.read_text() if DEPLOYED_FILE.exists() else ""
    if deployed == wanted and deployment.status() in _DEPLOYED:
        notes.append("unchanged")
        return deployment.outputs()
    outputs = deployment.run(_PACKAGE, parameters)
    _lock_evidence(local, outputs)
    DEPLOYED_FILE.write_text(wanted)
    return outputs


def _rolling(local: boto3.Session, notes: list[str]) -> Rolling | None:
    """Lead functions to new code as in an account, in seconds, if the upgrade drill asks.

    Else aliases follow what is deployed, which is what a developer wants.
    """
    if not os.environ.get("ROLLING"):
        return None
    pace = Pace(percent=50, first_minutes=0.1, rest_minutes=0.05, poll_seconds=1)
    return Rolling(session=local, stack=STACK, pace=pace, alarms=leading_back(STAGE), tell=notes.append)


def _lock_evidence(local: boto3.Session, outputs: dict[str, str]) -> None:
    """Switch Object Lock on by hand: the local cloud reads past it in a template."""
    local.client("s3").put_object_lock_configuration(
        Bucket=outputs[bucket_id("evidence") + "Name"],
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
    )


def _invoke(local: boto3.Session, function: str, event: dict[str, Any]) -> Any:
    # A second try would run the function twice, beside the first.
    config = Config(read_timeout=120, retries={"max_attempts": 0})
    answer = local.client("lambda", config=config).invoke(FunctionName=function, Payload=json.dumps(event))
    body = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise NotUp(f"{function} failed: {body}")
    return body


def _describe(outputs: dict[str, str], keys: dict[str, KeyPair]) -> dict[str, Any]:
    api_url = ENDPOINT + API_PATH
    return {
        "api_url": api_url,
        "console_url": f"{api_url}/console",
        "card_url": f"{api_url}/card",
        "aws_endpoint_url": ENDPOINT,
        "region": REGION,
        "functions": {
            function.name: outputs[function_output(function)]
            for function in FUNCTIONS
            if function.name != API
        },
        "accounts": [
            {name: value for name, value in asdict(account).items() if name not in ("name", "id_number")}
            for account in accounts()
        ],
        "card_issuer": {
            "issuer": CARD_ISSUER,
            "audience": CARD_AUDIENCE,
            "kid": keys["card"].kid,
            "alg": ALGORITHM,
            "private_key_pem": keys["card"].private_key_pem,
        },
        "platform": {
            "url": PLATFORM_URL,
            "control_url": CONTROL_URL,
            "kid": keys["platform"].kid,
            "alg": ALGORITHM,
            "private_key_pem": keys["platform"].private_key_pem,
        },
        "webhook_receiver": WEBHOOK_RECEIVER,
    }


def show(console: Console, stack: dict[str, Any]) -> None:
    """Print addresses and accounts."""
    places = Table.grid(padding=(0, 2))
    for title, address in (
        ("API", stack["api_url"]),
        ("Console", stack["console_url"]),
        ("Card", stack["card_url"]),
        ("Platform", stack["platform"]["control_url"]),
        ("Webhooks to", stack["webhook_receiver"]),
        ("AWS endpoint", stack["aws_endpoint_url"]),
    ):
        places.add_row(title, address)
    people = Table(box=None, header_style="dim")
    for title in ("account", "password", "role", "division", "institution"):
        people.add_column(title, no_wrap=True)
    for one in stack["accounts"]:
        people.add_row(
            one["account"], one["password"], one["role"], one["division"], one["institution"] or ""
        )
    console.print()
    console.print(places, highlight=False, soft_wrap=True)
    console.print()
    console.print(people, highlight=False)
    console.print(f"\nAll of it is in {STACK_FILE}; `make down` stops it, state is kept.")


def main() -> None:
    """Bring the stack up, or say in one paragraph why not."""
    console = Console(width=max(Console().width, _WIDTH))
    try:
        stack = up(console)
    except (NotUp, NotStarted, DeploymentFailed, ApiRefused) as reason:
        console.print(f"[red]✗[/] {type(reason).__name__}: {reason}", markup=True, highlight=False)
        raise SystemExit(1) from reason
    show(console, stack)


if __name__ == "__main__":
    main()
