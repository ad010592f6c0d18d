"""The sheets of the catalogue."""

from collections.abc import Mapping
from typing import Final

from chalicelib.catalogue.imports.model import INSTITUTION_COLUMNS, OPTIONAL, PROJECT_COLUMNS, PUBLISHED_ONLY
from chalicelib.catalogue.model import CatalogueKind
from chalicelib.sheets.layouts import Layout

LAYOUTS: Final[Mapping[CatalogueKind, Layout]] = {
    CatalogueKind.INSTITUTIONS: Layout(
        name=CatalogueKind.INSTITUTIONS,
        title="培训机构",
        columns=INSTITUTION_COLUMNS,
        optional=OPTIONAL,
        untold=PUBLISHED_ONLY,
        rule="开户名、开户行、银行账号须同时填写或同时留空；培训计划、培训项目填编号，以顿号分隔。",
        english="开户名, 开户行 and 银行账号 are filled in or left empty together; 培训计划 and "
        "培训项目 are ids, parted by 、.",
    ),
    CatalogueKind.PROJECTS: Layout(
        name=CatalogueKind.PROJECTS,
        title="培训项目",
        columns=PROJECT_COLUMNS,
        optional=frozenset({"programs"}),
        rule="收费标准以元为单位；技能等级为 5（初级工）到 1（高级技师）。",
        english="收费标准 is in yuan; 技能等级 is from 5 (初级工) to 1 (高级技师).",
    ),
}
