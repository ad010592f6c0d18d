"""`make demo`: bring the stack up, tell the story, stop the stack unless KEEP=1 or it ran before."""

from __future__ import annotations

import os
import time

from rich.console import Console

from infra.demo.client import UnexpectedAnswer
from infra.demo.story import tell
from infra.demo.telling import Expectations
from infra.deployment.updates import DeploymentFailed
from infra.local.cloud import CLOUD
from infra.local.http import ApiRefused
from infra.local.layout import STACK_FILE
from infra.local.platform import PLATFORM
from infra.local.process import NotStarted
from infra.local.up import NotUp, up

_WIDTH = 110


def main() -> None:
    """Tell the story; exit with 1 if any figure is off."""
    console = Console(width=max(Console().width, _WIDTH))
    began = time.monotonic()
    ran_before = False
    try:
        ran_before = CLOUD.answers()
        expectations = tell(up(console), console).teller.expectations
    except (NotUp, NotStarted, DeploymentFailed, ApiRefused, UnexpectedAnswer) as reason:
        console.print(
            f"\n[bold red]✗ The story stops here.[/] {type(reason).__name__}: {reason}", highlight=False
        )
        raise SystemExit(1) from reason
    finally:
        _leave(console, ran_before=ran_before)
    _judge(console, expectations, seconds=time.monotonic() - began)


def _leave(console: Console, *, ran_before: bool) -> None:
    if ran_before or os.environ.get("KEEP") == "1":
        console.print(f"\nThe stack is still up: {STACK_FILE}", highlight=False)
        return
    for service in (PLATFORM, CLOUD):
        service.stop()
    console.print(
        "\nThe stack is stopped, its state is kept (`KEEP=1 make demo` leaves it up).", highlight=False
    )


def _judge(console: Console, expectations: Expectations, *, seconds: float) -> None:
    wrong = expectations.wrong
    total = len(expectations.checks)
    if not wrong:
        console.print(f"[bold green]✓ All {total} figures are right[/] ({seconds:.0f} s).", highlight=False)
        return
    console.print(f"[bold red]✗ {len(wrong)} of {total} figures are off:[/]", highlight=False)
    for check in wrong:
        console.print(f"  {check}", highlight=False, markup=False)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
