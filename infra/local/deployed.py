"""A function as it stands on the running local cloud: what `make call`, `logs` and `debug` ask first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from infra.deployment.deploy import Deployment
from infra.deployment.functions import API, FUNCTIONS, Function
from infra.deployment.template import function_output
from infra.local.cloud import CLOUD
from infra.local.layout import ARTIFACTS_BUCKET, ENDPOINT, FOLDER, STACK
from infra.local.process import NotStarted
from infra.local.up import session

_NAMES_A_LINE: Final = 6
_EXAMPLE: Final = "2026-12-01T02:00:00+08:00"

Event = dict[str, Any]


class NotThere(RuntimeError):
    """What was asked for cannot be done; the message says in a sentence why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class DeployedFunction:
    """A function, and what the deployment made of it."""

    function: Function
    full_name: str
    environment: Mapping[str, str]
    log_group: str


def deployed(name: str) -> DeployedFunction:
    """Find a function on the running local cloud by its name in `infra.deployment.functions`.

    Raises:
        NotThere: there is no such function, or the local stack is not up.

    """
    function = _known(name)
    _require_cloud()
    local = session()
    deployment = Deployment(local, stack=STACK, bucket=ARTIFACTS_BUCKET)
    full_name = deployment.outputs().get(function_output(function)) if deployment.status() else None
    if full_name is None:
        raise NotThere(f"The local cloud runs, but {name} is not deployed on it. `make up` deploys it.")
    configuration = local.client("lambda").get_function_configuration(FunctionName=full_name)
    return DeployedFunction(
        function=function,
        full_name=full_name,
        environment=configuration["Environment"]["Variables"],
        log_group=configuration["LoggingConfig"]["LogGroup"],
    )


def _known(name: str) -> Function:
    for function in FUNCTIONS:
        if function.name == name:
            return function
    names = [function.name for function in FUNCTIONS]
    lines = [" ".join(names[start : start + _NAMES_A_LINE]) for start in range(0, len(names), _NAMES_A_LINE)]
    told = f"There is no function {name!r}." if name else "Which function? Say F=<name>."
    raise NotThere("\n  ".join([f"{told} There are:", *lines]))


def _require_cloud() -> None:
    try:
        runs = CLOUD.answers()
    except NotStarted as failure:
        raise NotThere(f"{failure} (the stack of {FOLDER} is asked for)") from failure
    if not runs:
        raise NotThere(
            f"No local stack runs at {ENDPOINT}. `make up` starts one; "
            "if it was started with PORT= or LOCAL_FOLDER=, say the same here."
        )


def event_for(function: Function, *, event: str = "", now: str = "") -> Event:
    """Make the event that starts a function: JSON as it was typed, at the time it is to believe in.

    A function that works through a queue gets the event as the body of one message, unless it is a whole
    queue event with its `Records` already.

        event_for(expire_vouchers, now="2026-12-01T02:00:00+08:00")
            {"now": "2026-12-01T02:00:00+08:00"}
        event_for(expire_shard, event='{"due_shard": "07"}')
            {"Records": [{"messageId": "by-hand", "body": '{"due_shard": "07"}'}]}

    Raises:
        NotThere: the event is no JSON object, the time no moment, or the function is the one for HTTP.

    """
    if function.name == API and not event:
        raise NotThere(f"{API} is started by a request, e.g. `make debug R='GET /v1/programs'`.")
    told = {**_object(event), **({"now": moment(now)} if now else {})}
    if function.queue is None or "Records" in told:
        return told
    return {"Records": [{"messageId": "by-hand", "body": json.dumps(told, ensure_ascii=False)}]}


def _object(text: str) -> Event:
    wanted = """It wants an object, e.g. E='{"due_shard": "07"}'."""
    try:
        value = json.loads(text or "{}")
    except ValueError as failure:
        raise NotThere(f"E is no JSON ({failure}). {wanted}") from None
    if not isinstance(value, dict):
        raise NotThere(f"E is a {type(value).__name__}. {wanted}")
    return value


def moment(text: str) -> str:
    """Give a moment as it was typed.

    Raises:
        NotThere: it is none, or it does not tell its offset.

    """
    try:
        known = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        raise NotThere(f"NOW is {text!r}. It wants a moment with its offset, e.g. NOW={_EXAMPLE}")
    return text
