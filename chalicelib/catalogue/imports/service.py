"""The catalogue from a sheet: institutions or projects, all rows judged, none applied if one is wrong.

Rows are applied one by one after all were judged; a crash in between leaves right rows applied, and the
same sheet sent again finds them unchanged and goes on.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from chalicelib.accounts import rights
from chalicelib.aws import objects
from chalicelib.catalogue import reading as catalogue_reading
from chalicelib.catalogue import saving as catalogue_saving
from chalicelib.catalogue.institutions import service
from chalicelib.catalogue.institutions.model import Institution, Location
from chalicelib.catalogue.projects import service as projects_service
from chalicelib.catalogue.projects.model import PROJECT_PATTERNS, Project
from chalicelib.edge.problems import fault_of
from chalicelib.kernel.errors import DomainError, Fault, NotFound
from chalicelib.kernel.geo import CoordSystem
from chalicelib.kernel.ids import ProgramId, ProjectId, is_id, new_id
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.sheets.downloads import link_to_xlsx
from chalicelib.sheets.reading import LINE_COLUMN, REASON_COLUMN, SheetRow, read_table

ROWS_MAX = 500
"""What is surely applied within the seconds that the gateway waits; more come in several sheets."""
INSTITUTION_COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("机构名称",),
    "uscc": ("统一社会信用代码",),
    "division": ("行政区划",),
    "address": ("地址",),
    "phone": ("联系电话",),
    "lng": ("经度",),
    "lat": ("纬度",),
    "coord_system": ("坐标系",),
    "programs": ("培训计划",),
    "projects": ("培训项目",),
    "bank_holder": ("开户名",),
    "bank": ("开户行",),
    "bank_account": ("银行账号",),
}
PROJECT_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("项目编号",),
    "name": ("项目名称",),
    "occupation_code": ("职业编码",),
    "edition": ("职业大典版本",),
    "level": ("技能等级",),
    "hours": ("课时",),
    "fee_yuan": ("收费标准（元）", "收费标准(元)", "收费标准"),
    "programs": ("培训计划",),
}
_OPTIONAL = frozenset({"programs"})
_TEXT_CHARS_MAX = 200
_LEVEL_NAMES = {
    name: level
    for level, names in {
        5: ("五级", "初级工", "五级初级工"),
        4: ("四级", "中级工", "四级中级工"),
        3: ("三级", "高级工", "三级高级工"),
        2: ("二级", "技师", "二级技师"),
        1: ("一级", "高级技师", "一级高级技师"),
    }.items()
    for name in names
}


class CatalogueKind(StrEnum):
    """What a sheet lists."""

    INSTITUTIONS = "institutions"
    PROJECTS = "projects"


_COLUMNS = {
    CatalogueKind.INSTITUTIONS: INSTITUTION_COLUMNS,
    CatalogueKind.PROJECTS: PROJECT_COLUMNS,
}
_TITLES = {CatalogueKind.INSTITUTIONS: "培训机构", CatalogueKind.PROJECTS: "培训项目"}


@dataclass(frozen=True)
class Outcome:
    """What an import did, or would do: `warnings` by row and code; a link to the wrong rows, if any."""

    total: int
    created: int
    changed: int
    unchanged: int
    faults: tuple[Fault, ...]
    warnings: tuple[tuple[int, str], ...] = ()
    error_sheet: str | None = None


def import_catalogue(
    context: Context, kind: CatalogueKind, raw: bytes, content_type: str, *, dry_run: bool, partial: bool
) -> Outcome:
    """List what a sheet holds.

    Raises:
        Impossible: the sheet cannot be read, or `rows_invalid` with every fault of every row.
        Forbidden: the role lists no such things.

    """
    listing = {
        CatalogueKind.INSTITUTIONS: ("institution.write", _save_institution),
        CatalogueKind.PROJECTS: ("project.write", _save_project),
    }
    (action, save), columns = listing[kind], _COLUMNS[kind]
    rights.admit(context.principal, action)
    rows = read_table(raw, content_type, columns, frozenset(columns) - _OPTIONAL)
    if len(rows) > ROWS_MAX:
        raise error("too_many_rows", limit=ROWS_MAX)
    known = _known(rows, kind)
    judged = [_judge(context, save, row, known) for row in rows]
    faults = tuple(fault for found in judged if isinstance(found, list) for fault in found)
    faults += _repeats(rows, kind)
    wrong = {fault.row for fault in faults}
    if faults and not partial and not dry_run:
        raise error("rows_invalid", faults=faults, invalid=len(wrong))
    good = [
        (row, found)
        for row, found in zip(rows, judged, strict=True)
        if row.row not in wrong and not isinstance(found, list)
    ]
    done = [found for _, found in good]
    for row, found in good:
        if not dry_run and found.outcome is not catalogue_saving.Outcome.UNCHANGED:
            save(context, row, known, dry_run=False)
    counts = Counter(one.outcome for one in done)
    return Outcome(
        total=len(rows),
        created=counts[catalogue_saving.Outcome.CREATED],
        changed=counts[catalogue_saving.Outcome.CHANGED],
        unchanged=counts[catalogue_saving.Outcome.UNCHANGED],
        faults=faults,
        warnings=tuple((row.row, code) for row, one in good for code in one.warnings),
        error_sheet=_error_sheet(rows, faults) if faults else None,
    )


def link_to_template(kind: CatalogueKind) -> str:
    """Give a link to the empty sheet of a list, with its columns in order."""
    columns = _COLUMNS[kind]
    headers = [aliases[0] for aliases in columns.values()]
    return link_to_xlsx(
        _TITLES[kind], headers, [], key=f"catalogue/template-{kind}.xlsx", filename=f"{kind}.xlsx"
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


Known = Mapping[str, Institution]


def _known(rows: Sequence[SheetRow], kind: CatalogueKind) -> Known:
    if kind is CatalogueKind.PROJECTS:
        return {}
    return catalogue_reading.find_institutions(row.cells["uscc"] for row in rows if row.cells["uscc"])


Listed = service.Saved | projects_service.SavedProject


class Save(Protocol):
    """Lists one row, or only judges it; tells the outcome."""

    def __call__(self, context: Context, row: SheetRow, known: Known, *, dry_run: bool) -> Listed:
        """See the class."""
        ...


def _judge(context: Context, save: Save, row: SheetRow, known: Known) -> list[Fault] | Listed:
    try:
        return save(context, row, known, dry_run=True)
    except DomainError as refusal:
        if not refusal.faults:
            column = next(iter(row.headers.values()))
            return [Fault(refusal.code, row=row.row, column=column)]
        return [
            Fault(
                fault.code,
                row=row.row,
                column=row.headers.get(_column_of(fault.field or ""), fault.field),
                form=fault.form,
                facts=fault.facts,
            )
            for fault in refusal.faults
        ]


_FIELD_COLUMNS = {
    "location": "lng",
    "bank_account.number": "bank_account",
    "bank_account.holder": "bank_holder",
    "bank_account.bank": "bank",
}


def _column_of(field: str) -> str:
    return _FIELD_COLUMNS.get(field, field.partition("[")[0])


def _repeats(rows: list[SheetRow], kind: CatalogueKind) -> tuple[Fault, ...]:
    name = "uscc" if kind is CatalogueKind.INSTITUTIONS else "id"
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        first = seen.setdefault(row.cells[name], row.row)
        if first != row.row:
            found.append(Fault("repeated_entry", row=row.row, column=row.headers[name]))
    return tuple(found)


def _save_institution(context: Context, row: SheetRow, known: Known, *, dry_run: bool) -> Listed:
    cells = row.cells
    faults = _text_faults(cells, INSTITUTION_COLUMNS)
    lng, lat = _number(cells["lng"]), _number(cells["lat"])
    if lng is None or not -180 <= lng <= 180:  # noqa: PLR2004 - degrees
        faults.append(Fault("invalid_coordinate", field="lng"))
    if lat is None or not -90 <= lat <= 90:  # noqa: PLR2004
        faults.append(Fault("invalid_coordinate", field="lat"))
    if cells["coord_system"].lower() not in set(CoordSystem):
        faults.append(Fault("coord_system_missing", field="coord_system"))
    if faults or lng is None or lat is None:
        raise error("malformed", faults=tuple(faults))
    old = known.get(cells["uscc"])
    system = CoordSystem(cells["coord_system"].lower())
    return service.save_institution(
        context,
        cells["uscc"],
        name=cells["name"],
        division=cells["division"],
        address=cells["address"],
        phone=cells["phone"],
        location=Location(lng=lng, lat=lat, coord_system=system),
        programs=_ids(cells.get("programs", "")),
        projects=_ids(cells["projects"]),
        bank_account=service.BankAccount(cells["bank_holder"], cells["bank"], cells["bank_account"]),
        version=old.version if old is not None else None,
        dry_run=dry_run,
        known=known,
    )


def _save_project(context: Context, row: SheetRow, known: Known, *, dry_run: bool) -> Listed:
    del known  # of institutions
    cells = row.cells
    faults = _text_faults(cells, PROJECT_COLUMNS)
    if not is_id(cells["id"], "prj"):
        faults.append(Fault("wrong_type", field="id"))
    level = _LEVEL_NAMES.get(cells["level"]) or _whole(cells["level"], 1, 5)
    hours = _whole(cells["hours"], 1, 2000)
    fee = _number(cells["fee_yuan"])
    fee_fen = round(fee * 100) if fee is not None and 0 <= fee <= 1_000_000 else None  # noqa: PLR2004
    numbers = {"level": level, "hours": hours, "fee_yuan": fee_fen}
    faults += [Fault("wrong_type", field=name) for name, number in numbers.items() if number is None]
    faults += [
        Fault("wrong_type", field=name)
        for name, pattern in PROJECT_PATTERNS.items()
        if re.fullmatch(pattern, cells[name]) is None
    ]
    if faults or level is None or hours is None or fee_fen is None:
        raise error("malformed", faults=tuple(faults))
    project = Project(
        id=ProjectId(cells["id"]),
        name=cells["name"],
        occupation_code=cells["occupation_code"],
        edition=cells["edition"],
        level=level,
        hours=hours,
        fee_fen=fee_fen,
        programs=[ProgramId(one) for one in _ids(cells.get("programs", ""))],
    )
    try:
        version = catalogue_reading.read_project(project.id).version
    except NotFound:
        version = None
    return projects_service.save_project(context, project, version=version, dry_run=dry_run)


def _text_faults(cells: dict[str, str], columns: dict[str, tuple[str, ...]]) -> list[Fault]:
    found = []
    for name in columns:
        text = cells.get(name, "")
        if not text and name not in _OPTIONAL:
            found.append(Fault("empty_cell", field=name))
        elif len(text) > _TEXT_CHARS_MAX and name != "projects":
            found.append(Fault("wrong_type", field=name))
    return found


def _ids(text: str) -> list[str]:
    return [part for part in text.replace("、", ",").replace("，", ",").replace(" ", "").split(",") if part]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _whole(text: str, lowest: int, highest: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and lowest <= int(text) <= highest else None
