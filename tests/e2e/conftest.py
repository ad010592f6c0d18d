"""Fixtures of the tests on the deployed template: `stack` is the local stack, one for the whole run."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from infra.demo.client import Service
from tests.e2e.stack import Stack, run_folder, stop_left_behind
from tests.support import calls

_STACK = Stack(run_folder())


def pytest_collection_finish(session: pytest.Session) -> None:
    if (
        any(item.get_closest_marker("cloud") for item in session.items)
        and not session.config.option.collectonly
    ):
        _STACK.join()


def pytest_sessionfinish() -> None:
    if _STACK.folder.exists():
        _STACK.leave()


@contextlib.contextmanager
def _held_to_rights() -> Iterator[None]:
    """Fail if a function asks for what its role may not, and note what it may."""
    before = _STACK.asked()
    yield
    asked = _STACK.asked()
    calls.note(asked.allowed)
    assert asked.refused - before.refused == set()


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Give the running stack, for this test alone."""
    with _STACK.mine():
        _STACK.require_one_worker()
        if not _STACK.is_up():
            stop_left_behind()
            _STACK.up()
        with _held_to_rights():
            yield _STACK


@pytest.fixture
def saving_stack() -> Iterator[Stack]:
    """Give the stack, for this test alone, with its state saved while it runs."""
    with _STACK.mine():
        _STACK.require_one_worker()
        if not _STACK.is_up():
            stop_left_behind()
        _STACK.up(saving=True)
        with _held_to_rights():
            yield _STACK


@pytest.fixture
def facts(stack: Stack) -> dict[str, Any]:
    """Give what is in `stack.json`."""
    return stack.facts()


@pytest.fixture
def service(facts: dict[str, Any]) -> Iterator[Service]:
    with Service(facts) as service:
        yield service


@pytest.fixture
def quiet() -> Console:
    """Give a console that is shown only if the test fails."""
    return Console(width=120)
