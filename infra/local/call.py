"""`make call`: start a deployed function on the running local stack; tell its answer and how it ended.

    make call F=expire_vouchers NOW=2026-12-01T02:00:00+08:00
    make call F=expire_shard E='{"due_shard": "07"}'

The answer is JSON on standard output, all else goes to standard error; the exit code is 1 if it failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, Final

from botocore.config import Config

from infra.local.deployed import DeployedFunction, Event, NotThere, deployed, event_for
from infra.local.up import session

_ANSWER_SECONDS: Final = 20
"""What a function may take to start, besides its own time."""


def call(target: DeployedFunction, event: Event) -> tuple[Any, str | None]:
    """Invoke a function once and wait; give its answer, and how it failed (None: it did not)."""
    config = Config(
        read_timeout=target.function.timeout_seconds + _ANSWER_SECONDS,
        retries={"total_max_attempts": 1},  # a second try would run the function twice, beside the first
    )
    answer = (
        session()
        .client("lambda", config=config)
        .invoke(FunctionName=target.full_name, Payload=json.dumps(event))
    )
    body = json.load(answer["Payload"])
    if "FunctionError" in answer:
        return body, f"it raised {body.get('errorType', 'an error')}"
    return body, failed_messages(body)


def failed_messages(answer: Any) -> str | None:
    """Tell of the messages that go back to the queue, if the answer of a queue's worker names any."""
    failed = answer.get("batchItemFailures", []) if isinstance(answer, dict) else []
    return f"{len(failed)} of its messages failed" if failed else None


def main() -> None:
    """Call a function by its name."""
    parser = argparse.ArgumentParser(description="Start a deployed function on the running local stack.")
    parser.add_argument("function")
    parser.add_argument("--event", default="", help="its event, a JSON object")
    parser.add_argument("--now", default="", help="the time it is to believe in")
    options = parser.parse_args()
    try:
        target = deployed(options.function)
        event = event_for(target.function, event=options.event, now=options.now)
    except NotThere as reason:
        raise SystemExit(str(reason)) from reason
    started = time.monotonic()
    answer, failure = call(target, event)
    seconds = time.monotonic() - started
    print(json.dumps(answer, ensure_ascii=False, indent=1))
    if failure is not None:
        sys.exit(
            f"✗ {options.function} failed after {seconds:.1f} s: {failure}. `make logs F={options.function}`"
        )
    print(f"✓ {options.function} ended after {seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
