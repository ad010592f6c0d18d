"""Which changes of which tables are told, as which event, and in what words.

A table whose stream is read is told change by change: the number of a message is the version that the change
made. What no stream is left for (two readers a stream) and what changes rarely is told by the daily walk, as
it stands then; its messages are counted by themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from chalicelib.attendance.check_ins.model import CheckIn
from chalicelib.exchange.messages.model import (
    Body,
    CheckInBody,
    EnrolmentBody,
    InstitutionBody,
    ProgramBody,
    ProjectBody,
    VoucherBody,
)
from chalicelib.kernel.calendar import format_moment

Image = Mapping[str, Any]


class SubjectKind(StrEnum):
    """Of what a message tells, as its event begins; a reminder's begins with `voucher` too."""

    VOUCHER = "voucher"
    INSTITUTION = "institution"
    PROJECT = "project"
    PROGRAM = "program"
    CHECK_IN = "check_in"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, kw_only=True)
class ReportedTable:
    """How the changes of one table are told: `kind` names the subject, `body` is all that is said of it.

    The event is the first that applies: what `notes` says of a figure that moved, the pair of states in
    `steps`, the new state if it is another, else `changed`; of what has no state, `added` and `changed`.
    """

    kind: SubjectKind
    form: str
    body: type[Body]
    subject_of: Callable[[Image], str]
    numbered_by_version: bool = True
    """Each change is told as it happens, by the stream; else the daily walk tells how things stand."""
    steps: Mapping[tuple[str, str], str] = field(default_factory=dict)
    notes: Callable[[Image, Image], str | None] = lambda _then, _now: None


def _id(image: Image) -> str:
    return str(image["id"])


def _money(then: Image, now: Image) -> str | None:
    """Tell what moved of a voucher that is settled already."""
    if now.get("reversed_fen", 0) != then.get("reversed_fen", 0):
        return "reversed"
    if then.get("status") != "settled":
        return None
    moved = now.get("paid_fen", 0) - then.get("paid_fen", 0)
    return None if moved == 0 else "paid_again" if moved > 0 else "returned"


def _presence(then: Image, now: Image) -> str | None:
    if not then:
        return "answered" if "#c" in str(now["slot"]) else "came"
    if now.get("went") != then.get("went"):
        return "went"
    return "reviewed" if now.get("verdicts") != then.get("verdicts") else None


def _check_in(image: Image) -> CheckIn:
    return msgspec.convert(dict(image), CheckIn, strict=False)


REPORTED: Final[Mapping[str, ReportedTable]] = {
    "vouchers": ReportedTable(
        kind=SubjectKind.VOUCHER,
        form="voucher.1",
        body=VoucherBody,
        subject_of=_id,
        steps={
            ("redeemed", "claimed"): "released",
            ("expired", "issued"): "restored",
            ("expired", "claimed"): "restored",
            ("revoked", "issued"): "restored",
            ("revoked", "claimed"): "restored",
            ("revoked", "redeemed"): "restored",
        },
        notes=_money,
    ),
    "institutions": ReportedTable(
        kind=SubjectKind.INSTITUTION,
        form="institution.1",
        body=InstitutionBody,
        subject_of=lambda image: f"ins_{str(image['uscc']).lower()}",
        steps={("suspended", "listed"): "reinstated"},
    ),
    "projects": ReportedTable(kind=SubjectKind.PROJECT, form="project.1", body=ProjectBody, subject_of=_id),
    "programs": ReportedTable(kind=SubjectKind.PROGRAM, form="program.1", body=ProgramBody, subject_of=_id),
    "check-ins": ReportedTable(
        kind=SubjectKind.CHECK_IN,
        form="check_in.1",
        body=CheckInBody,
        subject_of=lambda image: _check_in(image).id,
        notes=_presence,
    ),
    "enrolments": ReportedTable(
        kind=SubjectKind.ENROLMENT,
        form="enrolment.1",
        body=EnrolmentBody,
        subject_of=_id,
        numbered_by_version=False,
    ),
}
"""By table."""

STREAMED: Final = frozenset(name for name, reported in REPORTED.items() if reported.numbered_by_version)
"""Tables whose changes are told as they happen."""


def event_of(reported: ReportedTable, before: Image | None, after: Image) -> str:
    """Name the event of a change, e.g. `voucher.redeemed`.

    redeemed → claimed is `voucher.released`, a lost one given back `voucher.restored`; settled with more
    `reversed_fen` is `voucher.reversed`, with less `paid_fen` (退票) `voucher.returned`.
    """
    then = before or {}
    status, old_status = after.get("status"), then.get("status")
    name = reported.notes(then, after)
    if name is None and status is None:
        name = "changed" if then else "added"
    elif name is None and status == old_status:
        name = "changed"
    elif name is None:
        name = reported.steps.get((str(old_status), str(status)), str(status))
    return f"{reported.kind}.{name}"


def body_of(reported: ReportedTable, after: Image) -> dict[str, Any]:
    """Write what is said of the subject.

    Raises:
        msgspec.ValidationError: the row lacks what the form has to say.

    """
    known: dict[str, Any] = dict(after)
    if reported.body is CheckInBody:
        check_in = _check_in(after)
        named = {"id": check_in.id, "lesson_id": check_in.lesson_id, "roll_call": check_in.roll_call}
        known = {**known, **{name: value for name, value in named.items() if value is not None}}
    body = msgspec.convert(known, reported.body, strict=False)
    return body_told(body)


def body_told(body: Body) -> dict[str, Any]:
    """Write a body with plain values only: moments in Shanghai's time, what is absent left out."""
    told: dict[str, Any] = _plain(body)
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        given = {name: getattr(value, name) for name in value.__struct_fields__}
        usual = {entry.name: entry.default for entry in msgspec.structs.fields(value)}
        return {
            name: _plain(part) for name, part in given.items() if part is not None and part != usual[name]
        }
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return format_moment(value)
    return value.isoformat() if isinstance(value, date) else value
