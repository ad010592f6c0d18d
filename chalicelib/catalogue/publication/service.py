"""The published list (公布目录): what people may read of the catalogue without asking anybody.

A contact's mobile number is somebody's own and is masked; landlines and service numbers are not.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.catalogue import search
from chalicelib.catalogue.imports.service import CatalogueKind
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus
from chalicelib.catalogue.projects.model import Project
from chalicelib.kernel.divisions import name_of
from chalicelib.kernel.identity import InvalidIdentity, mask_phone, parse_phone
from chalicelib.sheets.downloads import link_to_xlsx

Cell = str | int | float
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
    rows: Sequence[Sequence[Cell]]


def published(kind: CatalogueKind, asked: search.Wanted, *, english: bool) -> PublishedSheet:
    """Give a list as published."""
    if kind is CatalogueKind.PROJECTS:
        return PublishedSheet(_PROJECTS[english], [_project(one) for one in search.published_projects(asked)])
    rows = [_institution(one, english=english) for one in search.published_institutions(asked)]
    return PublishedSheet(_INSTITUTIONS[english], rows)


def link_to(kind: CatalogueKind, sheet: PublishedSheet) -> str:
    """Write a list as xlsx and give a link to it; the same content is the same object."""
    content = repr((sheet.headers, sheet.rows)).encode()
    key = f"catalogue/{kind}-{hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS]}.xlsx"
    return link_to_xlsx(_TITLES[kind], sheet.headers, sheet.rows, key=key, filename=f"{kind}.xlsx")


def _institution(one: Institution, *, english: bool) -> list[Cell]:
    place = one.location
    return [
        one.uscc,
        one.name,
        one.division,
        name_of(one.division),
        one.address,
        _public_phone(one.phone),
        place.lng,
        place.lat,
        place.coord_system.value,
        "、".join(one.projects),
        _STATUSES[one.status][english],
    ]


def _public_phone(phone: str) -> str:
    try:
        return mask_phone(parse_phone(phone))
    except InvalidIdentity:
        return phone


def _project(one: Project) -> list[Cell]:
    fee = f"{one.fee_fen // 100}.{one.fee_fen % 100:02d}"
    programs = "、".join(one.programs)
    return [one.id, one.name, one.occupation_code, one.edition, one.level, one.hours, fee, programs]
