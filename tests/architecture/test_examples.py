"""The examples of the document are what the service takes and answers: they are executed, and none is missing.

`make examples` (RECORD_EXAMPLES=1) writes `examples.json` anew from the same stories.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.edge.describing import examples
from chalicelib.edge.endpoints import ENDPOINTS
from tests.architecture.examples_story import tell
from tests.architecture.test_offered import quiet  # noqa: F401 - a fixture
from tests.support import http
from tests.support.examples import NOT_RECORDED, REFUSALS_SHOWN, Recorder, kept_where_alike, leaves, shape
from tests.support.published import fault_of_example

Json = dict[str, Any]
SHEETS = ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream")
"""Bytes, which no example shows; the same sheet is shown as csv."""


@pytest.fixture(scope="module")
def stored() -> Json:
    return dict(json.loads(examples.FILE.read_text(encoding="utf-8")))


def test_each_example_is_what_the_service_takes_and_answers(world: Any, emulator: Any, quiet: None) -> None:  # noqa: F811
    if emulator is None:
        pytest.skip("tables are put back in memory only")
    recorder = Recorder()
    http.HEARERS.append(recorder.hear)
    try:
        tell(world, emulator, recorder)
    finally:
        http.HEARERS.remove(recorder.hear)
    if "RECORD_EXAMPLES" in os.environ:
        before = json.loads(examples.FILE.read_text(encoding="utf-8")) if examples.FILE.exists() else {}
        told = kept_where_alike(before, recorder.examples)
        text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        examples.FILE.write_text(text, encoding="utf-8")
    told = leaves(json.loads(examples.FILE.read_text(encoding="utf-8")))
    fresh = leaves(recorder.examples)
    assert told.keys() == fresh.keys(), "make examples records them anew"
    differing = [place for place, value in told.items() if shape(value) != shape(fresh[place])]
    assert differing == [], "make examples records them anew"


def test_each_example_is_sound_under_its_own_schema(stored: Json) -> None:
    faults = {place: fault_of_example(*place[:3], value) for place, value in leaves(stored).items()}
    assert {place: fault for place, fault in faults.items() if fault} == {}


def test_every_operation_has_an_example_of_its_request_and_of_its_answer(stored: Json) -> None:
    assert {endpoint.name for endpoint in ENDPOINTS} == set(stored) | set(NOT_RECORDED)
    lacking = [
        (endpoint.name, "request", kind)
        for endpoint in ENDPOINTS
        if endpoint.name not in NOT_RECORDED
        for kind in endpoint.reads[:1]
        if kind not in stored[endpoint.name].get("requests", {}) and kind not in SHEETS
    ]
    lacking += [
        (endpoint.name, "answer", str(endpoint.status_code))
        for endpoint in ENDPOINTS
        if endpoint.name not in NOT_RECORDED
        and str(endpoint.status_code) not in stored[endpoint.name]["answers"]
    ]
    assert lacking == []


def test_an_example_shows_no_secret(stored: Json) -> None:
    text = json.dumps(stored)
    assert "eyJ" not in text, "a token"
    assert "Signature=" not in text, "a link that opens something"


def _parts(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(part)


TOTALS: dict[str, Callable[[Json], tuple[int, int] | None]] = {
    "hours of lessons": lambda one: (
        (one["lesson_hours"], sum(lesson["hours"] for lesson in one["lessons"]))
        if {"lesson_hours", "lessons"} <= one.keys()
        else None
    ),
    "payable lines": lambda one: (
        (one["count"], sum(line.get("payable", True) for line in one["lines"]))
        if {"count", "lines"} <= one.keys()
        else None
    ),
    "decisions": lambda one: (
        (one["applied"] + one["refused"], len(one["results"]))
        if {"applied", "refused", "results"} <= one.keys()
        else None
    ),
    "rows taken": lambda one: (
        (one["failed"] + one["passed"], len(one["rows"]))
        if {"failed", "passed", "rows"} <= one.keys()
        else None
    ),
}
"""What an example says of how much there is, and how much of it stands there."""


@pytest.mark.parametrize("what", TOTALS)
def test_an_example_does_not_contradict_itself(stored: Json, what: str) -> None:
    found = [
        (place, totals)
        for place, value in leaves(stored).items()
        for part in _parts(value)
        if (totals := TOTALS[what](part)) is not None
    ]
    assert found
    assert [(place, totals) for place, totals in found if totals[0] != totals[1]] == []


def test_parts_of_a_recording_are_shown_with_their_links(stored: Json) -> None:
    shown = stored["send_footage_parts"]
    assert shown["requests"]["application/json"]["usual"]["parts"]
    assert shown["answers"]["200"]["application/json"]["usual"]["links"]


def test_a_refusal_for_a_form_and_one_for_a_sheet_stand_whole_in_the_document(stored: Json) -> None:
    for name, status in REFUSALS_SHOWN:
        shown = stored[name]["answers"][str(status)]["application/problem+json"]["usual"]
        assert {"type", "title", "status", "code", "detail", "request_id", "errors"} <= shown.keys()
        assert shown["status"] == status
        for fault in shown["errors"]:
            assert {"code", "detail"} <= fault.keys()
            assert "field" in fault or {"row", "column"} <= fault.keys()
    form = stored["create_class"]["answers"]["400"]["application/problem+json"]["usual"]
    sheet = stored["replace_roster"]["answers"]["422"]["application/problem+json"]["usual"]
    assert (form["code"], sheet["code"]) == ("malformed", "roster_row_unmatched")
