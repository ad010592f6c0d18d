"""Ports: what a step asks of a later one.

Imports run one way, so a step cannot call the steps after it. It declares a port instead and calls that.
`app.py` installs the answer by its name: it is imported when it is first asked for, so a deployed function
that never asks does not pay for it.

    evidence_of: Port[[TrainingClass, datetime], ClassEvidence] = Port("evidence_of_class")      # in classes/
    install("evidence_of_class", "chalicelib.attendance.summary.evidence:evidence_of")           # in app.py
"""

import importlib
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

DECLARED: set[str] = set()
INSTALLED: dict[str, str] = {}


class NotInstalled(RuntimeError):
    """A port was called, or installed, that the other side does not know: the composition is not whole."""


class Port(Generic[Arguments, Answer]):
    """A function that a later step gives. Its name is unique in the program."""

    def __init__(self, name: str) -> None:
        """Declare the port."""
        DECLARED.add(name)
        self.name = name
        self._answer: Callable[Arguments, Answer] | None = None

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        """Ask what is installed.

        Raises:
            NotInstalled: nothing is.

        """
        if self._answer is None:
            self._answer = answer_to(self.name)
        return self._answer(*args, **kwargs)


def install(name: str, answer: str) -> None:
    """Name what answers a port, as `module:function`."""
    INSTALLED[name] = answer


def answer_to(name: str) -> Callable[..., Any]:
    """Import what answers a port.

    Raises:
        NotInstalled: nothing is installed, or there is no such function.

    """
    module, _, function = INSTALLED.get(name, "").partition(":")
    try:
        answer: Callable[..., Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as failure:
        raise NotInstalled(f"{name}: {INSTALLED.get(name)}") from failure
    return answer
