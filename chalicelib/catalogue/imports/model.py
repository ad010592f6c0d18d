"""What a row of a catalogue sheet says: its columns, and the entry that it becomes."""

import contextlib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping

from chalicelib.catalogue.institutions.model import (
    ROOMS_MAX,
    BankAccount,
    Institution,
    InstitutionEntry,
    Location,
    public_phone,
)
from chalicelib.catalogue.model import CatalogueKind
from chalicelib.catalogue.projects.model import PROJECT_PATTERNS, Project
from chalicelib.kernel.divisions import read_division
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.geo import CoordSystem
from chalicelib.kernel.identity import (
    InvalidIdentity,
    parse_account_number,
    parse_contact_phone,
    parse_uscc,
)
from chalicelib.kernel.ids import ProgramId, ProjectId, is_id
from chalicelib.kernel.reasons import error

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
    "rooms": ("教室数", "教室数量"),
    "division_name": ("区划名称",),
    "status": ("状态",),
}
"""The last two stand in the published list, which is taken back as it is: nobody changes them by a sheet."""
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
KEY_COLUMN = {CatalogueKind.INSTITUTIONS: "uscc", CatalogueKind.PROJECTS: "id"}
"""What may stand in a sheet only once."""
_ACCOUNT = ("bank_holder", "bank", "bank_account")
PUBLISHED_ONLY = frozenset({"division_name", "status"})
OPTIONAL = frozenset({"programs", "rooms", *PUBLISHED_ONLY, *_ACCOUNT})
"""What may stay empty; an account is told whole or not at all."""
_TEXT_CHARS_MAX = 200
_FEE_YUAN_MAX = 1_000_000
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u2500\u30fc\ufe58\ufe63]+")
_LNG_MAX, _LAT_MAX = 180, 90
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
_FIELD_COLUMNS = {
    "location": "lng",
    "bank_account.number": "bank_account",
    "bank_account.holder": "bank_holder",
    "bank_account.bank": "bank",
}


def column_of(field: str) -> str:
    """Tell in which column of a sheet a field of an entry stands: `programs[2]` in `programs`."""
    return _FIELD_COLUMNS.get(field, field.partition("[")[0])


def in_one_form(kind: CatalogueKind, cells: Mapping[str, str]) -> dict[str, str]:
    """Give the cells of a row in the form that is kept, where they can be read at all."""
    tidy = dict(cells)
    for column, parse in _PARSERS[kind].items():
        with contextlib.suppress(InvalidIdentity):
            if cells.get(column):
                tidy[column] = parse(cells[column])
    return tidy


def _coord_system(text: str) -> str:
    plain = "".join(unicodedata.normalize("NFKC", text).split()).lower().replace("-", "")
    return plain if plain in set(CoordSystem) else text


def _narrow(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _level(text: str) -> str:
    level = _LEVEL_NAMES.get(_narrow(text))
    return str(level) if level is not None else _narrow(text)


def _fee(text: str) -> str:
    """Give a fee in yuan as it is published; what is no such number stays as it is."""
    yuan = _number(_narrow(text).replace(",", "").removesuffix("元"))
    return f"{yuan:.2f}" if yuan is not None else text


_PARSERS: Mapping[CatalogueKind, Mapping[str, Callable[[str], str]]] = {
    CatalogueKind.INSTITUTIONS: {
        "uscc": parse_uscc,
        "division": lambda text: read_division(text) or text,
        "phone": parse_contact_phone,
        "lng": _narrow,
        "lat": _narrow,
        "coord_system": _coord_system,
        "programs": lambda text: "、".join(_ids(text)),
        "projects": lambda text: "、".join(_ids(text)),
        "bank_account": parse_account_number,
    },
    CatalogueKind.PROJECTS: {
        "id": _narrow,
        "occupation_code": lambda text: _DASHES.sub("-", _narrow(text)),
        "edition": _narrow,
        "level": _level,
        "hours": _narrow,
        "fee_yuan": _fee,
        "programs": lambda text: "、".join(_ids(text)),
    },
}
"""What is kept of a cell. Numbers of accounts are told by their place only, see `PERSONAL`."""
PERSONAL = frozenset({"phone", "bank_account"})


def with_what_is_kept(cells: Mapping[str, str], old: Institution) -> dict[str, str]:
    """Fill up a row about a listed institution with what the published list does not say of it.

    A mobile is published masked, and its programs are not: sent back so, both stay as they are.
    """
    kept = dict(cells)
    if "programs" not in cells:
        kept["programs"] = "、".join(old.programs)
    if cells["phone"] == public_phone(old.phone):
        kept["phone"] = old.phone
    return kept


def institution_entry_of(cells: Mapping[str, str]) -> InstitutionEntry:
    """Read the entry of an institution.

    Raises:
        Malformed: with every cell that cannot be read.

    """
    faults = _text_faults(cells, INSTITUTION_COLUMNS)
    account = [cells.get(name, "") for name in _ACCOUNT]
    if any(account):
        faults += [
            Fault("empty_cell", field=name) for name, text in zip(_ACCOUNT, account, strict=True) if not text
        ]
    lng, lat = _number(cells["lng"]), _number(cells["lat"])
    if lng is None or not -_LNG_MAX <= lng <= _LNG_MAX:
        faults.append(Fault("invalid_coordinate", field="lng"))
    if lat is None or not -_LAT_MAX <= lat <= _LAT_MAX:
        faults.append(Fault("invalid_coordinate", field="lat"))
    if cells["coord_system"] not in set(CoordSystem):
        faults.append(Fault("coord_system_missing", field="coord_system"))
    rooms = _whole(cells["rooms"], 1, ROOMS_MAX) if cells.get("rooms") else None
    if rooms is None and cells.get("rooms"):
        faults.append(Fault("wrong_type", field="rooms"))
    if faults or lng is None or lat is None:
        raise error("malformed", faults=tuple(faults))
    return InstitutionEntry(
        name=cells["name"],
        division=cells["division"],
        address=cells["address"],
        phone=cells["phone"],
        location=Location(lng=lng, lat=lat, coord_system=CoordSystem(cells["coord_system"])),
        programs=_ids(cells.get("programs", "")),
        projects=_ids(cells["projects"]),
        bank_account=BankAccount(*account) if any(account) else None,
        rooms=rooms,
    )


def project_of(cells: Mapping[str, str]) -> Project:
    """Read a project.

    Raises:
        Malformed: with every cell that cannot be read.

    """
    faults = _text_faults(cells, PROJECT_COLUMNS)
    if not is_id(cells["id"], "prj"):
        faults.append(Fault("wrong_type", field="id"))
    level = _whole(cells["level"], 1, 5)
    hours = _whole(cells["hours"], 1, 2000)
    fee_yuan = _number(cells["fee_yuan"])
    fee_fen = round(fee_yuan * 100) if fee_yuan is not None and 0 <= fee_yuan <= _FEE_YUAN_MAX else None
    numbers = {"level": level, "hours": hours, "fee_yuan": fee_fen}
    faults += [Fault("wrong_type", field=name) for name, number in numbers.items() if number is None]
    faults += [
        Fault("wrong_type", field=name)
        for name, pattern in PROJECT_PATTERNS.items()
        if re.fullmatch(pattern, cells[name]) is None
    ]
    if faults or level is None or hours is None or fee_fen is None:
        raise error("malformed", faults=tuple(faults))
    return Project(
        id=ProjectId(cells["id"]),
        name=cells["name"],
        occupation_code=cells["occupation_code"],
        edition=cells["edition"],
        level=level,
        hours=hours,
        fee_fen=fee_fen,
        programs=[ProgramId(program_id) for program_id in _ids(cells.get("programs", ""))],
    )


def _text_faults(cells: Mapping[str, str], columns: Mapping[str, tuple[str, ...]]) -> list[Fault]:
    faults = []
    for name in columns:
        text = cells.get(name, "")
        if not text and name not in OPTIONAL:
            faults.append(Fault("empty_cell", field=name))
        elif len(text) > _TEXT_CHARS_MAX and name != "projects":
            faults.append(Fault("wrong_type", field=name))
    return faults


def _ids(text: str) -> list[str]:
    return [part for part in re.split(r"[,、;；]", _narrow(text)) if part]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: str, lowest: int, highest: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and lowest <= int(text) <= highest else None
