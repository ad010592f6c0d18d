"""The published list (公布目录): what people may read of the catalogue without asking anybody.

A contact's mobile number is somebody's own and is masked; landlines and service numbers are not.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, public_phone
from chalicelib.catalogue.institutions.search import published_institutions, search_query
from chalicelib.catalogue.model import CatalogueKind
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import all_projects
from chalicelib.kernel.divisions import name_of
from chalicelib.sheets.downloads import link_to_xlsx

PublishedCell = str | int | float
_INSTITUTION_COLUMNS = {
    "uscc": "统一社会信用代码",
    "name": "机构名称",
    "division": "行政区划",
    "division_name": "区划名称",
    "address": "地址",
    "phone": "联系电话",
    "lng": "经度",
    "lat": "纬度",
    "coord_system": "坐标系",
    "projects": "培训项目",
    "status": "状态",
}
_INSTITUTIONS = (list(_INSTITUTION_COLUMNS.values()), list(_INSTITUTION_COLUMNS))
_PROJECTS = (
    ("项目编号", "项目名称", "职业编码", "职业大典版本", "技能等级", "课时", "收费标准（元）", "培训计划"),
    ("id", "name", "occupation_code", "edition", "level", "hours", "fee_yuan", "programs"),
)
_STATUSES = {
    InstitutionStatus.LISTED: ("正常", "listed"),
    InstitutionStatus.SUSPENDED: ("暂停", "suspended"),
}
_TITLES = {CatalogueKind.INSTITUTIONS: "承训机构目录", CatalogueKind.PROJECTS: "培训项目目录"}
_DIGEST_CHARS = 32


@dataclass(frozen=True)
class PublishedSheet:
    """A list with its columns."""

    headers: Sequence[str]
    rows: Sequence[Sequence[PublishedCell]]


def published(
    kind: CatalogueKind, *, division: str | None, program: str | None, english: bool
) -> PublishedSheet:
    """Give a list as published.

    Raises:
        Malformed: there is no such program.

    """
    if kind is CatalogueKind.PROJECTS:
        projects = all_projects(program_id=program)
        return PublishedSheet(_PROJECTS[english], [_project_row(project) for project in projects])
    query = search_query(division=division, program=program, project=None)
    rows = [_institution_row(institution, english=english) for institution in published_institutions(query)]
    return PublishedSheet(_INSTITUTIONS[english], rows)


def link_to(kind: CatalogueKind, sheet: PublishedSheet) -> str:
    """Write a list as xlsx and give a link to it; the same content is the same object."""
    content = repr((sheet.headers, sheet.rows)).encode()
    key = f"catalogue/{kind}-{hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS]}.xlsx"
    return link_to_xlsx(_TITLES[kind], sheet.headers, sheet.rows, key=key, filename=f"{kind}.xlsx")


def _institution_row(institution: Institution, *, english: bool) -> list[PublishedCell]:
    location = institution.location
    return [
        institution.uscc,
        institution.name,
        institution.division,
        name_of(institution.division),
        institution.address,
        public_phone(institution.phone),
        location.lng,
        location.lat,
        location.coord_system.value,
        "、".join(institution.projects),
        _STATUSES[institution.status][english],
    ]


def _project_row(project: Project) -> list[PublishedCell]:
    return [
        project.id,
        project.name,
        project.occupation_code,
        project.edition,
        project.level,
        project.hours,
        f"{project.fee_fen // 100}.{project.fee_fen % 100:02d}",
        "、".join(project.programs),
    ]
