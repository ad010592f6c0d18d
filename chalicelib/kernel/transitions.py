"""Transition tables: what may be done in which state, as data.

Each aggregate states its table once; the write conditions, `allowed_actions` and the tests are
derived from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import error

State = TypeVar("State", bound=StrEnum)
State_co = TypeVar("State_co", bound=StrEnum, covariant=True)


class Versioned(Protocol[State_co]):
    """A thing with a state and a version."""

    @property
    def status(self) -> State_co:
        """Tell its state."""

    @property
    def version(self) -> int:
        """Tell its version."""


@dataclass(frozen=True)
class Step(Generic[State]):
    """One action: the states it starts from and the one it ends in."""

    sources: tuple[State, ...]
    target: State


DECLARED: list["Transitions[Any]"] = []
"""Every table that is loaded: outside Lambda that is all of them. Each of their states has its clock."""


class Transitions(Generic[State]):
    """The lawful actions of one kind of thing."""

    def __init__(self, name: str, steps: Mapping[str, Step[State]]) -> None:
        """Name the thing (for messages and tests) and give its actions."""
        self.name = name
        self.steps = dict(steps)
        DECLARED.append(self)

    @property
    def states(self) -> tuple[State, ...]:
        """List every state, in the order of its type."""
        return tuple(type(next(iter(self.steps.values())).target))

    def is_final(self, state: State) -> bool:
        """Tell whether no action leads out of a state."""
        return all(step.target is state for step in self.steps.values() if state in step.sources)

    def sources(self, action: str) -> tuple[State, ...]:
        """List the states from which this action is lawful, in the order of the table."""
        return self.steps[action].sources

    def target(self, action: str) -> State:
        """Tell the state in which this action ends."""
        return self.steps[action].target

    def allows(self, action: str, state: State) -> bool:
        """Tell whether the action is lawful in that state."""
        return state in self.steps[action].sources

    def allowed(self, state: State) -> tuple[str, ...]:
        """List the actions lawful in that state."""
        return tuple(action for action, step in self.steps.items() if state in step.sources)

    def why_not(
        self, action: str, thing: Versioned[State], *, version: int | None = None
    ) -> DomainError | None:
        """Tell what stands against an action: another `version` than it was decided on, or another state.

        This is the reason; the truth is the write's condition (`aws.writes.lawful`).
        """
        if version is not None and thing.version != version:
            return error("version_conflict", version=thing.version)
        if not self.allows(action, thing.status):
            return error("wrong_state", status=thing.status.value)
        return None

    def require(self, action: str, state: State, code: str = "wrong_state") -> State:
        """Return the state in which the action ends, or refuse with the reason code."""
        if not self.allows(action, state):
            raise error(code, status=state.value)
        return self.target(action)
