"""The published forms are current, break nothing that was handed out, and hold whatever is told."""

import copy
from typing import Any

import jsonschema
import pytest

from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.catalogue.projects.store import ProjectRow
from chalicelib.exchange.messages.model import BODIES, FORMS, schema_of
from chalicelib.exchange.messages.reported import REPORTED, STREAMED, body_of, event_of
from chalicelib.programs.store import ProgramRow
from infra.contract import messages as published
from infra.deployment.functions import FUNCTIONS
from tests.classes.builders import Classroom


@pytest.mark.parametrize("form", FORMS)
def test_the_file_of_a_form_is_current(form: str) -> None:
    assert published.path_of(form).read_text(encoding="utf-8") == published.text_of(form), (
        "python -m infra.contract.messages"
    )


def test_what_was_handed_out_breaks_nobody() -> None:
    released = published.released()
    assert released
    faults = [
        fault
        for form, schema in released.items()
        for fault in published.breaks(form, schema, schema_of(form))
    ]
    assert faults == []
    assert released.keys() <= FORMS.keys(), "a form that was handed out stays"


@pytest.mark.parametrize(
    ("form", "change", "fault"),
    [
        ("voucher.1", lambda p, _: p.pop("status"), "status is gone"),
        ("voucher.1", lambda p, _: p["face_value_fen"].update(type="string"), "face_value_fen is string"),
        ("voucher.1", lambda _, r: r.remove("division"), "division may be left out"),
        ("voucher.1", lambda p, _: p["status"]["enum"].append("lost"), "status may be lost"),
        (
            "figures.1",
            lambda p, r: (p.update(more={"type": "string"}), r.append("more")),
            "more is required now",
        ),
    ],
)
def test_a_change_that_would_break_a_reader_is_named(form: str, change: Any, fault: str) -> None:
    before = schema_of(form)
    now = copy.deepcopy(before)
    change(now["properties"], now["required"])
    [found] = published.breaks(form, before, now)
    assert fault in found
    now["properties"]["a_new_one"] = {"type": "string"}
    assert len(published.breaks(form, before, now)) == 1, "what is new breaks nobody"


def test_anybody_reads_the_forms(api: Any, cloud: Any) -> None:
    answer = api().get("/v1/exchange/schemas")
    assert answer.status == 200
    assert answer.json["schemas"].keys() == FORMS.keys()
    assert answer.json["schemas"]["voucher.1"] == schema_of("voucher.1")
    assert "/v1/exchange/schemas" in api().get("/docs").text


def test_every_reported_table_has_its_form_and_its_stream() -> None:
    assert {reported.form for reported in REPORTED.values()} | {"reminder.1"} == BODIES.keys()
    consumer = next(function for function in FUNCTIONS if function.name == "return_changes")
    assert consumer.streams_of == STREAMED


def test_what_stands_in_the_tables_is_told_in_its_form(world: Any) -> None:
    room = Classroom(world).rostered(2)
    room.attend(0)
    from chalicelib.catalogue.institutions.store import InstitutionRow
    from chalicelib.enrolments.store import EnrolmentRow
    from chalicelib.vouchers.store import VoucherRow

    tables: dict[str, Any] = {
        "vouchers": VoucherRow,
        "institutions": InstitutionRow,
        "projects": ProjectRow,
        "programs": ProgramRow,
        "check-ins": CheckInRow,
        "enrolments": EnrolmentRow,
    }
    assert tables.keys() == REPORTED.keys()
    told: list[str] = []
    for name, table in tables.items():
        reported = REPORTED[name]
        validator = jsonschema.Draft202012Validator(schema_of(reported.form))
        rows = list(table.scan())
        assert rows, name
        for row in rows:
            image = {key: value for key, value in row.attribute_values.items() if value is not None}
            body = body_of(reported, image)
            validator.validate(body)
            told.append(str(body))
            assert event_of(reported, None, image).startswith(f"{reported.kind}.")
    text = " ".join(told)
    for person in (world.person(number) for number in range(1, 4)):
        assert person.id_number not in text
        assert person.name not in text
    # Its name as a field: the three letters stand in an id now and then.
    assert "'lng'" not in " ".join(line for line in told if "lesson_id" in line), "a place is never told"
