"""`make logs`: what a function logged on the running local stack, an invocation at a time, the newest last.

    make logs F=expire_vouchers
    make logs F=api_handler LAST=3

A line that a function writes as it ends may be shown with its next invocation: the local cloud does not wait
for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.local.deployed import DeployedFunction, NotThere, deployed
from infra.local.up import session

_LAST: Final = 20
_FRAME: Final = ("START RequestId", "END RequestId", "REPORT RequestId")


@dataclass
class Invocation:
    """What one invocation logged, by when and how long it took."""

    at: datetime
    took: str = ""
    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Show it under a line of its own."""
        return "\n".join([f"── {self.at.astimezone():%Y-%m-%d %H:%M:%S}  {self.took}".rstrip(), *self.lines])


def invocations(target: DeployedFunction) -> list[Invocation]:
    """Read everything a function has logged; the local cloud writes a stream for each invocation."""
    by_stream: dict[str, Invocation] = {}
    for event in _events(target.log_group):
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        invocation = by_stream.setdefault(event["logStreamName"], Invocation(at))
        message = event["message"].rstrip("\n")
        if message.startswith("REPORT RequestId"):
            invocation.took = next(
                (part for part in message.split("\t") if part.startswith("Duration: ")), ""
            ).removeprefix("Duration: ")
        elif not message.startswith(_FRAME):
            invocation.lines.append(message)
    return sorted(by_stream.values(), key=lambda invocation: invocation.at)


def _events(group: str) -> Iterator[dict[str, Any]]:
    pages = session().client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    try:
        for page in pages:
            yield from page["events"]
    except ClientError as failure:
        if failure.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def main() -> None:
    """Show what a function logged."""
    parser = argparse.ArgumentParser(description="Show what a function logged on the running local stack.")
    parser.add_argument("function")
    parser.add_argument("--last", type=int, default=_LAST, help="invocations to show")
    options = parser.parse_args()
    try:
        target = deployed(options.function)
    except NotThere as reason:
        raise SystemExit(str(reason)) from reason
    logged = invocations(target)
    for invocation in logged[-options.last :]:
        print(invocation)
    if not logged:
        print(f"{options.function} has not run yet")


if __name__ == "__main__":
    main()
