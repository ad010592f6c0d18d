"""What is read of the tables to make records: a class whole, in a few calls whatever its size on the page."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeVar

from chalicelib.attendance.check_ins.model import CheckIn, RefusedCheckIn
from chalicelib.attendance.check_ins.store import check_ins_of, refused_in
from chalicelib.attendance.footage.store import segments_of
from chalicelib.attendance.make_ups.store import make_ups_of
from chalicelib.aws.table import Table, read_together
from chalicelib.catalogue.institutions.store import InstitutionRow
from chalicelib.catalogue.projects.store import ProjectRow
from chalicelib.classes.model import ClassStatus
from chalicelib.classes.store import find_with_marks
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.people.standings.store import StandingsRow
from chalicelib.people.vault.store import PersonRow
from chalicelib.subsidies.claims.model import claim_id_of, line_id_of
from chalicelib.subsidies.claims.store import ClaimRow, LineRow
from chalicelib.supervision.records.translation import StoredClass
from chalicelib.vouchers.model import voucher_id_of
from chalicelib.vouchers.store import VoucherRow

_TOGETHER: Final = 100
"""What DynamoDB reads in one call, whatever the tables."""

Key = tuple[type[Table[Any]], dict[str, str]]
Item = TypeVar("Item")
Rows = Mapping[type[Table[Any]], list[Any]]
_CLAIMED: Final = (ClassStatus.CLAIMED, ClassStatus.CLOSED)
"""States of a class that may have a claim with lines: a returned one keeps its class claimed."""


def find_class(class_id: str) -> StoredClass | None:
    """Read a class with everything that happened in it and all of its people; None if there is none.

    Five queries, and one call for each hundred rows of its people: for a class of 30 that is seven calls.
    """
    stored = find_events(class_id)
    return with_people(stored, {})[0] if stored is not None else None


def find_events(class_id: str) -> StoredClass | None:
    """Read a class with its attendance, footage and marks, without its people: five queries."""
    found = find_with_marks(class_id)
    if found is None:
        return None
    parts, sheets = found
    return StoredClass(
        head=parts.head,
        plan=parts.plan,
        roster=parts.roster,
        sheets=sheets,
        check_ins=list(check_ins_of(class_id)),
        refused=list(refused_in(class_id)),
        footage=segments_of(class_id),
        make_ups=list(make_ups_of(class_id)),
    )


def with_people(
    stored: StoredClass, also: Mapping[Any, Iterable[dict[str, str]]]
) -> tuple[StoredClass, Rows]:
    """Read the people of a class and its claim, and other rows in the same calls; gives these beside.

    Every key follows from the class and its check-ins: a voucher's from person and program, a line's from
    its place.
    """
    program, claim_id = stored.head.program_id, claim_id_of(stored.head.id)
    people = _people(stored.roster, stored.check_ins, stored.refused)
    enrolments = dict.fromkeys(
        [*stored.roster.values(), *(check_in.enrolment_id for check_in in stored.check_ins)]
        + [one.enrolment_id for one in stored.refused if one.enrolment_id is not None]
    )
    lines = len(stored.roster) if stored.head.status in _CLAIMED else 0
    keys: list[Any] = [
        (InstitutionRow, {"uscc": stored.head.institution}),
        (ProjectRow, {"id": stored.head.project_id}),
        (ClaimRow, {"id": claim_id}),
        *((LineRow, {"id": line_id_of(claim_id, place + 1)}) for place in range(lines)),
        *((EnrolmentRow, {"id": enrolment_id}) for enrolment_id in enrolments),
        *((VoucherRow, {"id": voucher_id_of(person, program)}) for person in people),
        *((PersonRow, {"person_key": person}) for person in people),
        *((StandingsRow, {"person_key": person}) for person in people),
        *((table, key) for table, wanted in also.items() for key in wanted),
    ]
    rows = read_rows(keys)
    claim = next(iter(rows.get(ClaimRow, [])), None)
    named = set(claim.line_ids) if claim is not None else set()
    whole = replace(
        stored,
        enrolments=rows.get(EnrolmentRow, []),
        vouchers=_sorted(rows, VoucherRow, "id"),
        people=_sorted(rows, PersonRow, "person_key"),
        standings=_sorted(rows, StandingsRow, "person_key"),
        claim=claim,
        lines=[line for line in _sorted(rows, LineRow, "id") if line.id in named],
        institution=next(iter(rows.get(InstitutionRow, [])), None),
        project=next(iter(rows.get(ProjectRow, [])), None),
    )
    return whole, rows


def _people(
    roster: Iterable[str], check_ins: Iterable[CheckIn], refused: Iterable[RefusedCheckIn]
) -> list[str]:
    """List the persons of a class: who is on its roster, and who was, or tried to be, at a lesson."""
    seen = [*roster, *(check_in.person_key for check_in in check_ins), *(one.person_key for one in refused)]
    return sorted(set(seen))


def in_parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a stream into lists of so many, without reading further than the next of them."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def read_rows(keys: Iterable[Key]) -> Rows:
    """Read rows of several tables, a hundred a call; there may be no row under a key."""
    rows: dict[type[Table[Any]], list[Any]] = {}
    for part in in_parts(keys, _TOGETHER):
        by_table: dict[type[Table[Any]], list[dict[str, str]]] = {}
        for table, key in part:
            by_table.setdefault(table, []).append(key)
        for table, records in read_together(by_table).items():
            rows.setdefault(table, []).extend(records)
    return rows


def read_people(person_keys: Iterable[str]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Read people, and what lists say of them, fifty a call."""
    for part in in_parts(person_keys, _TOGETHER // 2):
        keys = [{"person_key": key} for key in part]
        rows = read_together({PersonRow: keys, StandingsRow: keys})
        yield rows[PersonRow], rows[StandingsRow]


def _sorted(rows: Rows, table: type[Table[Any]], name: str) -> list[Any]:
    return sorted(rows.get(table, []), key=lambda record: getattr(record, name))
