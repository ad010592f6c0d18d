"""How the story is told: chapters, progress, tables, and the ledger of what was expected and what was found.

On a terminal a bar shows how far the story is; elsewhere each line stands for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

Found = TypeVar("Found")
_POLL_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 120.0
"""Far above what anything takes on an idle machine: a busy one must not make a figure wrong."""
_VALUE_CHARS: Final = 200
_SAID_CHARS: Final = 130


@dataclass(frozen=True)
class Check:
    """One figure: what it should be and what it is."""

    name: str
    expected: Any
    found: Any

    @property
    def right(self) -> bool:
        """Tell whether it is what it should be."""
        return bool(self.expected == self.found)

    def __str__(self) -> str:
        return f"{self.name}: expected {_short(self.expected)}, found {_short(self.found)}"


@dataclass
class Expectations:
    """The ledger of expectations: every figure of the story."""

    checks: list[Check] = field(default_factory=list)

    @property
    def wrong(self) -> list[Check]:
        """Give the figures that are off."""
        return [check for check in self.checks if not check.right]


class Teller:
    """Tells the story on a console and keeps the ledger of expectations."""

    def __init__(self, console: Console, *, chapters: int) -> None:
        self.console = console
        self.expectations = Expectations()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._whole = self._progress.add_task("Story", total=chapters)
        self._began = time.monotonic()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Show the bar while the story is told."""
        with self._progress:
            yield

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Tell one chapter."""
        self._print(f"\n[bold]{title}[/]  [dim]{self.seconds:.0f} s[/]")
        self._progress.update(self._whole, description=title)
        yield
        self._progress.advance(self._whole)

    @property
    def seconds(self) -> float:
        """Tell how long the story has been told."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Tell something that happened."""
        self._print(f"  {escape(text)}")

    def show(self, table: Table) -> None:
        """Show a table."""
        self.console.print(table, highlight=False)

    def check(self, name: str, found: Any, expected: Any, *, note: str = "") -> bool:
        """Note a figure and tell whether it is right."""
        check = Check(name, expected, found)
        self.expectations.checks.append(check)
        if check.right:
            extra = f"  [dim]{escape(note)}[/]" if note else ""
            self._print(f"  [green]✓[/] {escape(name + _said(found))}{extra}")
        else:
            self._print(f"  [bold red]✗ {escape(str(check))}[/]  {escape(note)}")
        return check.right

    def each(self, title: str, items: Sequence[Found]) -> Iterator[Found]:
        """Go through items while a bar counts them."""
        bar = self._progress.add_task(title, total=len(items))
        try:
            for item in items:
                yield item
                self._progress.advance(bar)
        finally:
            self._progress.remove_task(bar)
        self.say(f"{title}: {len(items)}")

    def wait_for(
        self,
        what: str,
        read: Callable[[], Found],
        done: Callable[[Found], bool],
        *,
        seconds: float = WAIT_SECONDS,
        every_seconds: float = _POLL_SECONDS,
    ) -> Found:
        """Read until it is done or the time is up; give what was read last."""
        bar = self._progress.add_task(f"waiting for {what}", total=None)
        deadline = time.monotonic() + seconds
        try:
            while True:
                found = read()
                if done(found) or time.monotonic() > deadline:
                    return found
                time.sleep(every_seconds)
        finally:
            self._progress.remove_task(bar)

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)


def table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    """Begin a table; columns named in `right` hold figures."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def _said(found: Any) -> str:
    """Put a figure behind its name, where it is one that people read."""
    text = _words(found)
    return f": {text}" if text and len(text) <= _SAID_CHARS else ""


def _words(found: Any) -> str:
    """Write a figure as people read it; what only holds or is empty needs no words."""
    if isinstance(found, bool) or found is None:
        return ""
    if isinstance(found, dict):
        return ", ".join(f"{_words(name)} {_words(value)}" for name, value in found.items())
    if isinstance(found, list | tuple | set):
        return " · ".join(words for words in map(_words, found) if words)
    return str(found)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}…"
