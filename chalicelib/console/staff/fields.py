"""What is typed into pages, by the name a person sees: the one place that labels and refusals go by.

A field is known by the decision that its form is sent as, by its name there or its path in the API's body.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.console import words
from chalicelib.console.staff.actions import ACTS, MAKES, Act
from chalicelib.console.staff.settings import settings_of
from chalicelib.console.words import Pair, said
from chalicelib.edge.describing.words import meaning
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.money import yuan
from chalicelib.programs.model import Policy


@dataclass(frozen=True)
class Named:
    """One field: its label, how it is typed (`yuan`, `percent` or other), what it has to look like."""

    label: Pair
    kind: str = ""
    hint: Pair = ("", "")
    choices: Mapping[str, Pair] = dataclasses.field(default_factory=dict)


_ID: Final[Pair] = ("身份证号", "ID number")
_REASON: Final[Pair] = ("原因", "Reason")
_DIVISION: Final = Named(("行政区划代码", "Division code"), hint=("4 或 6 位数字", "4 or 6 digits"))
_ACCOUNT: Final = Named(
    ("账号", "Account"),
    hint=("3 至 64 位字母、数字或 . _ @ -", "3 to 64 letters, digits or . _ @ -"),
)
SYSTEMS: Final[Mapping[str, Pair]] = {
    "gcj02": ("高德/腾讯 GCJ-02", "GCJ-02"),
    "bd09": ("百度 BD-09", "BD-09"),
    "wgs84": ("手机 WGS-84", "WGS-84"),
}
_PLACE: Final[Mapping[str, Named]] = {
    "lng": Named(("经度", "Longitude")),
    "lat": Named(("纬度", "Latitude")),
    "coord_system": Named(("坐标系", "Coordinate system"), choices=SYSTEMS),
}
_TIMETABLE: Final[Mapping[str, Named]] = {
    "lessons": Named(("课程表", "Timetable")),
    "day": Named(("日期", "Day")),
    "from": Named(("开始", "From")),
    "starts_at": Named(("开始", "From")),
    "to": Named(("结束", "To")),
    "ends_at": Named(("结束", "To")),
    "hours": Named(("课时", "Hours")),
    "topic": Named(("内容", "Topic")),
    "trainer": Named(("教师序号", "Trainer no.")),
}
_TRAINER: Final[Mapping[str, Named]] = {
    "trainer_name": Named(("姓名", "Name")),
    "trainer_id_number": Named(_ID),
    "trainer_qualification": Named(("资格", "Qualification")),
}
_CLASS: Final[Mapping[str, Named]] = {
    "class_name": Named(("班级名称", "Name of the class")),
    "project_id": Named(("培训项目", "Project")),
    "planned_size": Named(("计划人数", "Planned size")),
    "site": Named(("培训地点", "Site")),
    "site_name": Named(("地点名称", "Name of the site")),
    "site_address": Named(("地址", "Address")),
    "room": Named(("教室", "Room")),
    "trainers": Named(("教师", "Trainers")),
    "weeks": Named(("共几周", "Weeks")),
    **_PLACE,
    **_TIMETABLE,
    **_TRAINER,
}
_CHANGE: Final[Mapping[str, Named]] = {
    "reason": Named(("变更原因", "Why")),
    "new_trainers": Named(("新增教师", "A new trainer")),
    **_TIMETABLE,
    **_TRAINER,
}
_ENTRY: Final[Mapping[str, Named]] = {
    "uscc": Named(("统一社会信用代码", "Unified social credit code")),
    "project_id": Named(("项目编号（prj_ 开头）", "Id (prj_…)")),
    "name": Named(("名称", "Name")),
    "division": _DIVISION,
    "address": Named(("地址", "Address")),
    "phone": Named(("电话", "Phone")),
    "rooms": Named(("教室数（可不填）", "Classrooms (optional)")),
    "programs": Named(("项目计划", "Programs")),
    "projects": Named(("可培训的项目", "Projects")),
    "occupation_code": Named(("职业编码", "Occupation code"), hint=("如 4-01-02-01", "such as 4-01-02-01")),
    "edition": Named(("大典版本", "Edition"), hint=("四位年份", "a year of four digits")),
    "level": Named(("等级", "Level")),
    "hours": Named(("课时", "Lesson hours")),
    "fee": Named(("收费标准（元）", "Fee (yuan)"), "yuan"),
    "fee_fen": Named(("收费标准（元）", "Fee (yuan)"), "yuan"),
    **_PLACE,
}
_FILE: Final[Mapping[str, Named]] = {
    "kind": Named(("种类", "Kind")),
    "file": Named(("文件", "File")),
    "filename": Named(("文件名", "File name")),
    "size_bytes": Named(("文件大小（字节）", "Size of the file (bytes)")),
    "sha256": Named(("文件校验值", "Digest of the file")),
    "content_type": Named(("文件格式", "Type of the file")),
    "partial": Named(("有误的行除外，其余照办", "Leave out wrong rows")),
}
_FOOTAGE: Final[Mapping[str, Named]] = {
    "camera_id": Named(
        ("摄像机", "Camera"), hint=("字母、数字和符号，不含空格", "letters, digits and signs, no blanks")
    ),
    "started_at": Named(("开始", "From")),
    "ended_at": Named(("结束", "To")),
    **_FILE,
}
_BULK: Final[Mapping[str, Named]] = {
    "pick": Named(("勾选的事项", "What is ticked")),
    "decisions": Named(("勾选的事项", "What is ticked")),
    "reason": Named(_REASON),
    "outcome": Named(("结论", "Outcome"), choices=words.STATUSES["objection"]),
}
_SIGN_IN: Final[Mapping[str, Named]] = {
    "account": _ACCOUNT,
    "password": Named(("密码", "Password")),
    "totp": Named(("动态口令", "One-time code"), hint=("6 位数字", "6 digits")),
    "activation_code": Named(("激活码", "Activation code")),
    "assertion": Named(("社保卡登录凭证", "Assertion of the social card")),
}
_SCAN: Final[Mapping[str, Named]] = {
    "project_id": Named(("培训项目", "Project")),
    "token": Named(("券码", "Code")),
}
_FILTERS: Final[Mapping[str, Named]] = {
    "division": _DIVISION,
    "place": _DIVISION,
    "institution": Named(("机构", "Institution")),
    "day": Named(("日期", "Day")),
    "year": Named(("年度", "Year")),
    "period": Named(("月份", "Month")),
    "named": Named(("班级名称", "Name of the class")),
    "opens_from": Named(("开班日自", "Opens from")),
    "opens_until": Named(("开班日至", "Opens until")),
    "cursor": Named(("翻页位置", "Page")),
}
_OWN: Final[Mapping[str, Mapping[str, Named]]] = {
    "desk.save": _CLASS,
    "desk.repeat": _CLASS,
    "desk.change": _CHANGE,
    "entry.save": _ENTRY,
    "list.upload": _FILE,
    "document.announce": _FILE,
    "footage.announce": _FOOTAGE,
    "sign_in": _SIGN_IN,
    "activate": _SIGN_IN,
    "scan.look": _SCAN,
    "scan.redeem": _SCAN,
    "": _FILTERS,
}
"""Forms that pages have of their own, by the decision they are sent as; none is a list's filters."""
_TYPED_AS: Final[Mapping[str, Mapping[str, str]]] = {
    "desk.save": {
        "name": "class_name",
        "site.name": "site_name",
        "site.address": "site_address",
        "site.room": "room",
        "trainers.name": "trainer_name",
        "trainers.id_number": "trainer_id_number",
        "trainers.qualification": "trainer_qualification",
    },
    "desk.change": {
        "new_trainers.name": "trainer_name",
        "new_trainers.id_number": "trainer_id_number",
        "new_trainers.qualification": "trainer_qualification",
    },
}
"""Under which name a page's form has what the API's body calls otherwise."""
_ROWS: Final[Mapping[str, Pair]] = {
    "trainers": ("教师 {n}", "Trainer {n}"),
    "new_trainers": ("新增教师", "The new trainer"),
    "lessons": ("第{n}次课", "Lesson {n}"),
    "rejected_lines": ("剔除的人员 {n}", "Line taken out {n}"),
    "scopes": ("权限 {n}", "Scope {n}"),
}
_PARTS: Final[Mapping[str, Named]] = {
    "rejected_lines.reason": Named(("剔除原因", "Reason for taking out")),
    "subject.id": Named(("对象的编号", "Id of the subject")),
    "subject.kind": Named(("对象", "Subject")),
    "division": _DIVISION,
    "account": _ACCOUNT,
    "scopes": Named(
        ("权限", "Scope"), hint=("接口的 x-action，如 class.read", "an x-action, such as class.read")
    ),
    "seed": Named(
        ("种子", "Seed"), hint=("字母、数字和符号，不含空格", "letters, digits and signs, no blanks")
    ),
    "version": Named(("版本", "Version")),
    "year": Named(("年度", "Year")),
}
_NAMELESS: Final[Pair] = ("此项", "This field")
_INDEX: Final = re.compile(r"\[(\d+)\]")
_ID_PREFIXES: Final = frozenset(
    (
        *("acc", "bat", "chg", "chk", "cli", "clm", "cls", "dcs", "doc", "enr", "ftg", "grp", "hld"),
        *("idk", "imp", "isp", "iss", "led", "les", "lin", "mkp", "msg", "obj", "ovr", "pay", "prg"),
        *("prj", "prs", "ref", "rek", "rem", "req", "rex", "rfs", "rsk", "ses", "vch", "whk"),
    )
)
"""What ids begin with; a test holds it against where they are made."""
_ENDS: Final = re.compile(r"[，。；：,.;:（(].*", re.DOTALL)


def named(do: str, path: str) -> Named:
    """Give a field by its name in the form of a decision, or its path in the body: `lessons[2].hours`."""
    return _known(do, path) or Named(_NAMELESS)


def _known(do: str, path: str) -> Named | None:
    """Give a field that has a name: in its form, on another page, or in the API's document."""
    bare = _INDEX.sub("", path)
    last = bare.rpartition(".")[2]
    if do.startswith("bulk."):
        found = _BULK.get(bare) or _BULK.get(last)
    elif do.startswith("policy."):
        found = _of_policy(bare)
    elif do in _OWN:
        own = _OWN[do]
        found = own.get(_TYPED_AS.get(do, {}).get(bare, bare)) or own.get(bare) or own.get(last)
    else:
        found = _of_act(act_named(do), bare)
    return found or _PARTS.get(bare) or _FILTERS.get(last) or _meaning(last)


def label(do: str, path: str, *, english: bool, rows: Sequence[str] = ()) -> str:
    """Say a field as its form has it, which of several first: `第3次课 课时`; `rows` names those of a list.

    What is nobody's field but an id stays what it is.
    """
    field = _known(do, path)
    if field is None and is_id(path, path.partition("_")[0]) and path.partition("_")[0] in _ID_PREFIXES:
        return path
    list_name, index = path.partition("[")[0], _INDEX.search(path)
    bare = said(field.label if field is not None else _NAMELESS, english=english)
    if index is None:
        return bare
    place = int(index[1])
    if list_name == "decisions" and place < len(rows):
        of = rows[place]
    elif list_name in _ROWS:
        of = said(_ROWS[list_name], english=english).format(n=place + 1)
    else:
        return bare
    return of if "." not in path else f"{of} {bare}"


def act_named(do: str) -> Act | None:
    """Give a decision by its name in a form; None where it is a page's own."""
    kind, _, action = do.partition(".")
    return MAKES.get(action) if kind == "new" else ACTS.get(kind, {}).get(action)


def limit_said(field: Named, limit: Any) -> Any:
    """Say a limit in the unit in which the field is typed."""
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        return limit
    if field.kind == "yuan":
        return yuan(int(limit))
    return f"{limit * 100:g}" if field.kind == "percent" else limit


def _of_act(act: Act | None, path: str) -> Named | None:
    """Give a field of a decision that the API offers; its parts are told apart where they are typed apart."""
    if path in _PARTS and path not in {field.name for field in (act.fields if act else ())}:
        return _PARTS[path]
    first = path.partition(".")[0]
    for field in act.fields if act is not None else ():
        if field.name == first:
            hint = _PARTS[first].hint if first in _PARTS else field.hint
            return Named(field.label, field.kind, hint, dict(field.choices))
    return None


def _of_policy(path: str) -> Named | None:
    name = path.removeprefix("policy.")
    if name == "reason":
        return Named(("依据和原因", "On what ground, and why"))
    if name.partition(".")[0] not in Policy.__struct_fields__:
        return None
    setting = next((one for one in _settings_of(name) if one.name == name), None)
    if setting is None:
        return None
    kind = {"share": "percent"}.get(setting.kind, setting.kind)
    unit = f"（{setting.unit[0]}）" if setting.unit[0] else ""
    unit_en = f" ({setting.unit[1]})" if setting.unit[1] else ""
    return Named((f"{setting.label[0]}{unit}", f"{setting.label[1]}{unit_en}"), kind)


def _settings_of(name: str) -> Iterator[Any]:
    yield from settings_of([name.partition(".")[0]])


def _meaning(name: str) -> Named | None:
    """Say a field as the API's document does, in few words: what no form of ours has."""
    chinese, english = (_ENDS.sub("", told) for told in meaning("", name))
    return Named((chinese or _NAMELESS[0], english or _NAMELESS[1])) if chinese or english else None
