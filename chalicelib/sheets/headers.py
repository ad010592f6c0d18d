"""Headers of sheets: what people and programs write for one column, in every sheet alike."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

LINE_COLUMN, REASON_COLUMN = "行号", "错误原因"
"""What an error sheet adds."""
IGNORED: Final = frozenset({LINE_COLUMN, REASON_COLUMN, "序号", "No", "No.", "NO", "NO."})
"""Columns that nobody reads: what an error sheet adds, and the number that people give to a row."""
ADDED_BY_US: Final = frozenset({LINE_COLUMN, REASON_COLUMN})
"""Those of which nobody needs to be told that they are not read."""

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "姓名": ("学员姓名", "毕业生姓名", "人员姓名"),
    "身份证号": (
        "身份证号码",
        "身份证",
        "公民身份号码",
        "公民身份证号码",
        "居民身份证号码",
        "证件号码",
        "身份证件号码",
    ),
    "手机号": ("手机号码", "手机", "联系电话", "联系方式", "移动电话"),
    "毕业院校": ("毕业学校", "院校名称", "学校名称", "毕业院校名称"),
    "学历": ("学历层次", "最高学历", "文化程度"),
    "毕业日期": ("毕业时间", "毕业年月日"),
    "离校日期": ("离校时间",),
    "就业状态": ("就业情况", "就业状况"),
    "行政区划": ("行政区划代码", "区划代码", "所属区划"),
    "统一社会信用代码": ("社会信用代码", "信用代码"),
    "机构名称": ("培训机构名称", "单位名称"),
    "银行账号": ("账号", "银行账户", "开户账号"),
    "开户行": ("开户银行",),
    "开户名": ("户名", "账户名称"),
    "起始日期": ("开始日期", "起始时间"),
    "截止日期": ("结束日期", "截止时间", "终止日期"),
    "理论成绩": ("理论", "理论分数"),
    "实操成绩": ("实操", "实操分数", "技能成绩"),
}
"""What else a header is called; a sheet that has a column of that very name keeps it for that."""


_HINT: Final = re.compile(
    r"\((?:必填|选填|可选|非必填|\d+位|文本|格式|如|例|请|yyyy)[^()]*\)$", re.IGNORECASE
)
"""How a column is to be filled in. What tells a unit, such as 金额(元), belongs to the name."""


def plain_header(text: str) -> str:
    """Take from a header what templates add: blanks, a hint in brackets, the star of what is needed."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).strip("*")
    return _HINT.sub("", plain).strip("*")


def known_headers(columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Give the canonical column of every header that a sheet with these columns may have."""
    known = {plain_header(alias): name for name, aliases in columns.items() for alias in (*aliases, name)}
    for name, aliases in columns.items():
        for alias in aliases:
            for synonym in SYNONYMS.get(alias, ()):
                known.setdefault(plain_header(synonym), name)
    return known


def synonyms_of(headers: Sequence[str]) -> tuple[str, ...]:
    """Give what else a column with these headers is called, in every sheet alike."""
    return tuple(synonym for header in headers for synonym in SYNONYMS.get(header, ()))


_PERSON_OR_LINE: Final = re.compile(r"'?(?:[0-9]{15,17}[0-9Xx]?|(?:lin|enr|prj)_[\w-]{4,})", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9][0-9A-Z]{9,}", re.ASCII)
_WIDE = 5
"""So many columns are more than any title has cells."""


def is_row(cells: Sequence[str], headers: int) -> bool:
    """Tell whether a line above so many headers is no title: it names somebody, or is half full with numbers.

    Who sorts a sheet with its headers finds them in the middle: what stands above must not be lost unseen.
    """
    filled = [unicodedata.normalize("NFKC", cell).strip() for cell in cells if cell.strip()]
    if any(_PERSON_OR_LINE.fullmatch(cell) for cell in filled):
        return True
    half = headers >= _WIDE and len(filled) >= headers / 2
    return half and any(_NUMBER.search(cell) for cell in filled)


def is_header(cells: Sequence[str], known: Mapping[str, str], enough: int) -> bool:
    """Tell whether a line names at least so many different columns."""
    return len({known[plain] for cell in cells if (plain := plain_header(cell)) in known}) >= enough
