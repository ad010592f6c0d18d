"""Bad requests and what has to come back: the promised status and the whole problem, never a 5xx."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.demo.client import Answer

PROBLEM_FIELDS = {"type", "title", "status", "code", "detail", "request_id"}
CODE = re.compile(r"[a-z][a-z0-9_]*")
LEAKS = ("Traceback", 'File "', "botocore", "msgspec.", "pynamodb")


@dataclass
class Trials:
    """Counts the cases and keeps those that went wrong."""

    tried: int = 0
    wrong: list[str] = field(default_factory=list)

    def refused(
        self, what: str, answer: Answer, *statuses: int, code: str | None = None, faulty: str | None = None
    ) -> None:
        """Expect a refusal with one of these statuses, perhaps a code, and the field named in `errors`."""
        self.tried += 1
        objections = [] if answer.status in statuses else [f"status {answer.status}, not {statuses}"]
        if answer.status < 400:
            objections.append("not refused")
        else:
            objections += _objections_to(answer)
            if code is not None and answer.code != code:
                objections.append(f"code {answer.code}, not {code}")
            if faulty is not None and not _names(answer.body, faulty):
                objections.append(f"errors do not name {faulty}")
        self._note(what, answer, objections)

    def harmless(self, what: str, answer: Answer) -> None:
        """Expect anything but a failure: what is refused is refused properly."""
        self.tried += 1
        self._note(what, answer, _objections_to(answer) if answer.status >= 400 else [])

    def report(self, request: pytest.FixtureRequest) -> None:
        """Tell how many cases were tried, where somebody looks."""
        request.node.user_properties.append(("cases", self.tried))
        plugins = request.config.pluginmanager
        terminal, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        if terminal is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                terminal.write_line(f"\n{self.tried:5} cases, {len(self.wrong)} wrong: {request.node.name}")

    def _note(self, what: str, answer: Answer, objections: list[str]) -> None:
        if objections:
            excerpt = answer.raw[:300].decode(errors="replace")
            self.wrong.append(f"{what} [{answer.request[:160]}]: {'; '.join(objections)} — {excerpt}")


def _names(body: Any, faulty: str) -> bool:
    if not isinstance(body, dict):
        return False
    return any(str(one.get("field", "")).startswith(faulty) for one in body.get("errors", []))


def _objections_to(answer: Answer) -> list[str]:
    found = [f"a failure: {answer.status}"] if answer.status >= 500 else []
    kind = {name.lower(): value for name, value in answer.headers.items()}.get("content-type", "")
    if not kind.startswith("application/problem+json"):
        found.append(f"content type {kind}")
    body = answer.body
    if not isinstance(body, dict):
        return [*found, "no problem in the body"]
    missing = PROBLEM_FIELDS - set(body)
    if missing:
        found.append(f"without {sorted(missing)}")
    if body.get("status") != answer.status:
        found.append(f"status in the body: {body.get('status')}")
    if not CODE.fullmatch(str(body.get("code"))):
        found.append(f"code: {body.get('code')}")
    if not (str(body.get("title", "")).strip() and str(body.get("detail", "")).strip()):
        found.append("no title or detail")
    text = answer.raw.decode(errors="replace")
    return found + [f"leaks {one!r}" for one in LEAKS if one in text]
