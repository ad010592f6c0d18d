"""What the HTTP of rosters and marks shares: rows that name people, sheets given back with faults."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chalicelib.classes.trainee_sheets.links import link_to_error_sheet
from chalicelib.classes.trainee_sheets.rows import notices_of, read_rows
from chalicelib.edge.endpoints import Call, SheetBody, SheetQuery
from chalicelib.edge.forms import Form, line, malformed
from chalicelib.edge.notices import NoticeAnswer, notice_answers
from chalicelib.edge.problems import RowFault, row_fault_of
from chalicelib.enrolments.answers import PersonAnswer
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.sheets.layouts import Layout
from chalicelib.sheets.reading import SheetRow

ROWS_MAX = 1000
Id = Annotated[str, Meta(min_length=1, max_length=80)]
PersonName = Annotated[str, line(64, needed=False)]
IdNumber = Annotated[str, Meta(max_length=40)]


# --------------------------------------------------------------------------- forms


class RosterRowForm(Form):
    """A trainee: by enrolment, or by name and ID number."""

    enrolment_id: Id | None = None
    name: PersonName | None = None
    id_number: IdNumber | None = None

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> list[str]:
        """Ask for name and number of who is not meant by an enrolment."""
        if given.get("enrolment_id") is not None:
            return []
        return [name for name in ("name", "id_number") if given.get(name) is None]


def rows_of(call: Call[Any, SheetQuery], layout: Layout) -> tuple[int, Sequence[SheetRow]]:
    """Read the version and the rows of a JSON body or a sheet, in one shape."""
    body = call.body
    if isinstance(body, SheetBody):
        if call.query.version is None:
            raise malformed([Fault("missing_field", field="version")])
        return call.query.version, read_rows(body.raw, body.content_type, layout)
    faults = [fault for place, row in enumerate(body.rows) for fault in _row_faults(place, row)]
    if faults:
        raise malformed(faults)
    return body.version, [_sheet_row(place, row) for place, row in enumerate(body.rows, start=1)]


def _row_faults(place: int, row: RosterRowForm) -> list[Fault]:
    if row.enrolment_id is None:
        return []
    named = [name for name in ("name", "id_number") if getattr(row, name) is not None]
    return [Fault("unknown_field", field=f"rows[{place}].{name}") for name in named]


def _sheet_row(number: int, row: RosterRowForm) -> SheetRow:
    fields = {name: value for name, value in msgspec.structs.asdict(row).items() if value is not None}
    return SheetRow(
        row=number,
        cells={name: str(value) for name, value in fields.items()},
        headers={name: name for name in fields},
    )


def row_errors(call: Call[Any, Any], faults: Sequence[Fault]) -> list[RowFault]:
    """Word what is wrong with each row, in the caller's language."""
    return [row_fault_of(fault, english=call.english) for fault in _placed(call, faults)]


def _placed(call: Call[Any, Any], faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Name where a fault is in a JSON body as every other of its faults does, beside row and column."""
    if isinstance(call.body, SheetBody):
        return tuple(faults)
    return tuple(_placed_in_rows(fault) if fault.row is not None else fault for fault in faults)


def _placed_in_rows(fault: Fault) -> Fault:
    assert fault.row is not None
    row = f"rows[{fault.row - 1}]"
    return dataclasses.replace(fault, field=f"{row}.{fault.column}" if fault.column else row)


def row_notices(call: Call[Any, Any], rows: Sequence[SheetRow]) -> list[NoticeAnswer]:
    """Word how cells were read, in the caller's language."""
    return notice_answers(notices_of(rows), english=call.english)


def error_sheet_of(call: Call[Any, Any], rows: Sequence[SheetRow], faults: Sequence[Fault]) -> str | None:
    """Give a link to the uploaded sheet with what is wrong in it; JSON gets none."""
    body = call.body
    if not faults or not isinstance(body, SheetBody):
        return None
    return link_to_error_sheet(rows, faults, content_type=body.content_type, english=call.english)


def give_back_sheet(call: Call[Any, Any], rows: Sequence[SheetRow], error: DomainError) -> None:
    """Add to a refusal the link to the uploaded sheet with what is wrong in it; of JSON, where that is."""
    error.faults = _placed(call, error.faults)
    link = error_sheet_of(call, rows, error.faults)
    if link is not None:
        error.facts["error_sheet"] = link


# --------------------------------------------------------------------------- rendering


def person_answer(enrolment: Enrolment) -> PersonAnswer:
    """Show a trainee as the caller may see them: masked."""
    return PersonAnswer(name=enrolment.trainee_name, id_number=enrolment.trainee_id_number)
