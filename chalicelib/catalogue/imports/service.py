"""The catalogue from a sheet: institutions or projects, all rows judged, none applied if one is wrong.

Rows are applied one by one after all were judged; a crash in between leaves right rows applied, and the
same sheet sent again finds them unchanged and goes on.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.accounts import rights
from chalicelib.aws import objects
from chalicelib.catalogue.imports.layouts import LAYOUTS
from chalicelib.catalogue.imports.model import (
    KEY_COLUMN,
    PERSONAL,
    column_of,
    in_one_form,
    institution_entry_of,
    project_of,
    with_what_is_kept,
)
from chalicelib.catalogue.institutions.reading import find_institutions
from chalicelib.catalogue.institutions.service import Known, SavedInstitution, save_institution
from chalicelib.catalogue.model import CatalogueKind, SaveOutcome
from chalicelib.catalogue.payees.service import payees_of
from chalicelib.catalogue.projects.reading import find_project
from chalicelib.catalogue.projects.service import SavedProject, save_project
from chalicelib.edge.problems import fault_of
from chalicelib.kernel.errors import DomainError, Fault, Unavailable
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.sheets.content_types import XLSX
from chalicelib.sheets.downloads import link_to, link_to_xlsx
from chalicelib.sheets.forms import write_template
from chalicelib.sheets.headers import LINE_COLUMN, REASON_COLUMN
from chalicelib.sheets.notices import Notices
from chalicelib.sheets.reading import SheetRow, read_lines

ROWS_MAX = 500
"""What is surely applied within the seconds that the gateway waits; more come in several sheets."""

SavedEntry = SavedInstitution | SavedProject


@dataclass(frozen=True)
class CatalogueImport:
    """What an import did, or would do: `warnings` by row and code; a link to the wrong rows, if any."""

    total: int
    created: int
    changed: int
    unchanged: int
    faults: tuple[Fault, ...]
    warnings: tuple[tuple[int, str], ...] = ()
    notices: tuple[Notice, ...] = ()
    error_sheet: str | None = None


def import_catalogue(
    context: Context, kind: CatalogueKind, raw: bytes, content_type: str, *, dry_run: bool, partial: bool
) -> CatalogueImport:
    """List what a sheet holds.

    Raises:
        Impossible: the sheet cannot be read, or `rows_invalid` with every fault of every row.
        Forbidden: the role lists no such things.

    """
    action, save = _LISTING[kind]
    rights.admit(context.principal, action)
    sheet = list(read_lines(raw, content_type, LAYOUTS[kind]))
    if len(sheet) > ROWS_MAX:
        raise error("too_many_rows", limit=ROWS_MAX)
    rows = [dataclasses.replace(row, cells=in_one_form(kind, row.cells)) for row in sheet]
    known = _known_institutions(rows, kind)
    judged = [(row, _judge(context, save, row, known)) for row in rows]
    faults = tuple(fault for _, entry in judged if isinstance(entry, list) for fault in entry)
    faults += _repeats(rows, KEY_COLUMN[kind])
    wrong = {fault.row for fault in faults}
    if faults and not partial and not dry_run:
        raise error("rows_invalid", faults=faults, invalid=len(wrong))
    good = [(row, entry) for row, entry in judged if row.row not in wrong and not isinstance(entry, list)]
    if not dry_run:
        for row, entry in good:
            if entry.outcome is not SaveOutcome.UNCHANGED:
                save(context, row, known, dry_run=False)
    notices = Notices()
    notices.add_sheet(sheet, {row.row: row.cells for row, _ in good}, personal=PERSONAL)
    counts = Counter(entry.outcome for _, entry in good)
    return CatalogueImport(
        total=len(rows),
        created=counts[SaveOutcome.CREATED],
        changed=counts[SaveOutcome.CHANGED],
        unchanged=counts[SaveOutcome.UNCHANGED],
        faults=faults,
        warnings=tuple((row.row, code) for row, entry in good for code in entry.warnings),
        notices=tuple(notices.most()),
        error_sheet=_error_sheet(sheet, faults) if faults else None,
    )


def link_to_template(kind: CatalogueKind) -> str:
    """Give a link to the empty sheet of a list, with its columns in order."""
    return link_to(
        write_template(LAYOUTS[kind]),
        content_type=XLSX,
        key=f"catalogue/template-{kind}.xlsx",
        filename=f"{kind}.xlsx",
    )


# --------------------------------------------------------------------------- rows


class RowSaver(Protocol):
    """Lists what one row says, or only judges it; tells the outcome."""

    def __call__(self, context: Context, row: SheetRow, known: Known, *, dry_run: bool) -> SavedEntry:
        """See the class."""
        ...


def _save_institution(context: Context, row: SheetRow, known: Known, *, dry_run: bool) -> SavedInstitution:
    uscc = row.cells["uscc"]
    old = known.institutions.get(uscc)
    entry = institution_entry_of(row.cells if old is None else with_what_is_kept(row.cells, old))
    version = old.version if old is not None else None
    return save_institution(context, uscc, entry, version=version, dry_run=dry_run, known=known)


def _save_project(context: Context, row: SheetRow, known: Known, *, dry_run: bool) -> SavedProject:
    del known  # of institutions
    project = project_of(row.cells)
    old = find_project(project.id)
    return save_project(context, project, version=old.version if old is not None else None, dry_run=dry_run)


_LISTING: Mapping[CatalogueKind, tuple[str, RowSaver]] = {
    CatalogueKind.INSTITUTIONS: ("institution.write", _save_institution),
    CatalogueKind.PROJECTS: ("project.write", _save_project),
}


def _known_institutions(rows: Sequence[SheetRow], kind: CatalogueKind) -> Known:
    """Read at once what is stored of a sheet's institutions."""
    if kind is CatalogueKind.PROJECTS:
        return Known({}, {})
    institutions = find_institutions(row.cells["uscc"] for row in rows if row.cells["uscc"])
    return Known(institutions, payees_of(institutions))


def _judge(context: Context, save: RowSaver, row: SheetRow, known: Known) -> list[Fault] | SavedEntry:
    if row.faults:  # what could not be read is not empty: no account, say, would be an answer
        return [Fault(code, row=row.row, column=row.headers[name]) for name, code in row.faults.items()]
    try:
        return save(context, row, known, dry_run=True)
    except Unavailable:
        raise  # nothing is wrong with the row
    except DomainError as refusal:
        if not refusal.faults:
            return [Fault(refusal.code, row=row.row, column=next(iter(row.headers.values())))]
        return [
            Fault(
                fault.code,
                row=row.row,
                column=row.headers.get(column_of(fault.field or ""), fault.field),
                form=fault.form,
                facts=fault.facts,
            )
            for fault in refusal.faults
        ]


def _repeats(rows: Sequence[SheetRow], key_column: str) -> tuple[Fault, ...]:
    first_rows: dict[str, int] = {}
    return tuple(
        Fault("repeated_entry", row=row.row, column=row.headers[key_column])
        for row in rows
        if first_rows.setdefault(row.cells[key_column], row.row) != row.row
    )


def _error_sheet(rows: Sequence[SheetRow], faults: Sequence[Fault]) -> str:
    """Write the sheet as sent, with a column of what is wrong in each row."""
    reasons: dict[int | None, list[str]] = {}
    for fault in faults:
        text = fault_of(fault, english=False)["detail"]
        reasons.setdefault(fault.row, []).append(f"{fault.column}：{text}")
    headers = list(rows[0].headers.values())
    return link_to_xlsx(
        "错误明细",
        [LINE_COLUMN, *headers, REASON_COLUMN],
        (
            [row.row, *(row.cells[name] for name in row.headers), " ".join(reasons.get(row.row, []))]
            for row in rows
        ),
        key=f"{objects.ERROR_SHEETS}/{new_id('sht')}.xlsx",
        filename="errors.xlsx",
    )
