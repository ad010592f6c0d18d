"""`make debug`: run a deployed function in this process, against the running local cloud.

    make debug F=expire_vouchers NOW=2026-12-01T02:00:00+08:00
    make debug R="GET /v1/programs" ACCOUNT=clerk-3401
    make debug R="POST /v1/imports" ACCOUNT=clerk-3401 E='{"kind": "graduates"}'

The settings are those of the deployed function, so tables, queues and keys are the running stack's. The code
is that of the working tree, so a change is seen at once and `breakpoint()` works. What a function logs as a
failure without its text is shown whole here; PDB=1 stops in the debugger where it happened.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import pdb  # noqa: T100 - the purpose of this command
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from chalicelib.aws.settings import Settings
from infra.deployment.functions import API
from infra.local.call import failed_messages
from infra.local.deployed import DeployedFunction, Event, NotThere, deployed, event_for, moment
from infra.local.http import ApiRefused, Client
from infra.local.layout import ENDPOINT, REGION, STACK_FILE

_OWN_AWS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION")


def enter(environment: Mapping[str, str]) -> None:
    """Take over a deployed function's settings; whatever the caller's shell has set of them is forgotten.

    To be called before `app` is imported: the tables' names are fixed then.
    """
    for name in (*(field.upper() for field in Settings.__struct_fields__), *_OWN_AWS):
        os.environ.pop(name, None)
    os.environ.update(environment)
    os.environ.update(
        AWS_ENDPOINT_URL=ENDPOINT,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - the local cloud takes anything
    )


class ShowFailures(logging.Handler):
    """Show a failure whole where the program logs only its type, for no log may hold personal data."""

    def __init__(self, *, stop: bool) -> None:
        super().__init__(logging.ERROR)
        self._stop = stop

    def emit(self, _: logging.LogRecord) -> None:
        """Print the failure that is being handled, and stop in the debugger if that was asked for."""
        failure = sys.exc_info()[1]
        if failure is None:
            return
        traceback.print_exception(failure)
        if self._stop:
            pdb.post_mortem(failure.__traceback__)


def run(target: DeployedFunction, event: Event, *, stop: bool = False) -> Any:
    """Run a function in this process and give its answer; what it raises is raised."""
    handler = getattr(_program(target, stop=stop), target.function.name)
    try:
        return handler(event, None)
    except Exception as failure:
        if stop:
            pdb.post_mortem(failure.__traceback__)
        raise


def request(
    target: DeployedFunction,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    stop: bool = False,
) -> tuple[int, str]:
    """Answer an HTTP request in this process; give status and body.

    Raises:
        NotThere: there is no such endpoint.

    """
    program = _program(target, stop=stop)
    from chalice.config import Config  # noqa: PLC0415 - not before the settings are those of the stack
    from chalice.local import ForbiddenError, LocalGateway  # noqa: PLC0415

    try:
        answer = LocalGateway(program.app, Config()).handle_request(method, path, dict(headers), body)
    except ForbiddenError:
        raise NotThere(f"There is no endpoint {method} {path.partition('?')[0]}.") from None
    text = answer["body"]
    return int(answer["statusCode"]), text if isinstance(text, str) else text.decode(errors="replace")


def _program(target: DeployedFunction, *, stop: bool) -> Any:
    enter(target.environment)
    program = importlib.import_module("app")
    logging.getLogger("training-voucher").addHandler(ShowFailures(stop=stop))
    return program


def _token(account: str) -> str:
    facts = json.loads(STACK_FILE.read_text())
    passwords = {known["account"]: known["password"] for known in facts["accounts"]}
    if account not in passwords:
        raise NotThere(f"There is no account {account!r}. There are: {', '.join(passwords)}")
    return Client(facts["api_url"]).token_of(account, passwords[account])


def _answer_request(options: argparse.Namespace) -> None:
    method, _, path = options.request.partition(" ")
    if not path.startswith("/"):
        raise NotThere(f"R is {options.request!r}. It wants a method and a path, e.g. R='GET /v1/programs'.")
    target = deployed(API)
    headers = {"Accept": "application/json"}
    if options.event:
        headers["Content-Type"] = "application/json"
    if options.account:
        headers["Authorization"] = f"Bearer {_token(options.account)}"
    if options.now:
        headers["X-Local-Now"] = moment(options.now)
    status, text = request(
        target, method.upper(), path, headers=headers, body=options.event.encode(), stop=options.pdb
    )
    print(_readable(text))
    print(f"{method.upper()} {path} → {status}", file=sys.stderr)


def _readable(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    except ValueError:
        return text


def _run_function(options: argparse.Namespace) -> None:
    target = deployed(options.function)
    answer = run(target, event_for(target.function, event=options.event, now=options.now), stop=options.pdb)
    print(json.dumps(answer, ensure_ascii=False, indent=1))
    failure = failed_messages(answer)
    if failure is not None:
        sys.exit(f"✗ {options.function}: {failure}")
    print(f"✓ {options.function} ended", file=sys.stderr)


def main() -> None:
    """Run a function or a request in this process."""
    parser = argparse.ArgumentParser(description="Run a deployed function in this process.")
    parser.add_argument("function", nargs="?", default="")
    parser.add_argument("--event", default="", help="its event, or the body of the request: a JSON object")
    parser.add_argument("--now", default="", help="the time it is to believe in")
    parser.add_argument("--request", default="", help="method and path instead of a function")
    parser.add_argument("--account", default="", help="who sends the request; nobody by default")
    parser.add_argument("--pdb", action="store_true", help="stop in the debugger where it fails")
    options = parser.parse_args()
    try:
        if options.request:
            _answer_request(options)
        else:
            _run_function(options)
    except (NotThere, ApiRefused) as reason:
        raise SystemExit(str(reason)) from reason


if __name__ == "__main__":
    main()
