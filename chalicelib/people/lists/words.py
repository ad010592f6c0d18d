"""Words that lists use for one thing, each kept as the one word that this service has for it.

Degrees as people write them and by the names and codes of GB/T 4658-2006 (结业 and 肄业 are no degree);
employment as graduates' registers write it.
"""

import unicodedata
from collections.abc import Mapping
from typing import Final, TypeVar

from chalicelib.people.eligibility import UNEMPLOYED
from chalicelib.people.standings.model import Situation

Kept = TypeVar("Kept", bound=str)

DEGREES: Final[Mapping[str, tuple[str, ...]]] = {
    "专科": (
        "大专",
        "高职",
        "大学专科",
        "高职高专",
        "专科(高职)",
        "高职(专科)",
        "专科毕业",
        "大专毕业",
        "大学专科毕业",
        "大学专科教育",
        "专科生",
        "大专生",
        "31",
    ),
    "本科": (
        "大学",
        "大学本科",
        "本科毕业",
        "本科生",
        "大学本科毕业",
        "大学本科教育",
        "学士",
        "普通本科",
        "职业本科",
        "21",
    ),
    "硕士": ("研究生", "硕士研究生", "硕士毕业", "硕士生", "硕士研究生毕业", "研究生教育", "14"),
    "博士": ("博士研究生", "博士毕业", "博士生", "博士研究生毕业", "11"),
}
"""A 研究生 without more is kept as 硕士, as most are; the dry run says so."""

EMPLOYMENT_STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    UNEMPLOYED: (
        "失业",
        "待业",
        "登记失业",
        "失业登记",
        "求职中",
        "未落实",
        "未落实毕业去向",
        "待就业",
        "暂未就业",
        "离校未就业",
        "未就业毕业生",
        "无业",
    ),
    "已就业": ("就业", "在职", "灵活就业", "单位就业", "签约就业", "已落实", "签就业协议"),
    "升学": ("考研", "读研", "在读", "继续升学", "升学深造", "专升本", "出国", "出国深造"),
    "参军": ("入伍", "参军入伍", "应征入伍", "服兵役", "现役"),
    "创业": ("自主创业", "个体经营", "个体工商户"),
}

SITUATIONS: Final[Mapping[Situation, tuple[str, ...]]] = {
    Situation.EMPLOYED: ("就业", "已就业", "在职", "单位就业", "灵活就业", "企业参保"),
    Situation.SELF_EMPLOYED: ("创业", "自主创业", "个体经营", "个体工商户"),
    Situation.IN_SCHOOL: ("在读", "在校", "在校生", "升学"),
    Situation.IN_MILITARY: ("参军", "入伍", "参军入伍", "应征入伍", "现役"),
    Situation.RETIRED: ("退休", "已退休", "离退休", "领取养老金"),
    Situation.IMPRISONED: ("服刑", "在押", "监狱服刑"),
    Situation.DECEASED: ("死亡", "去世", "已故", "死亡注销"),
    Situation.SUBSIDISED_ELSEWHERE: ("异地已享受", "外省已享受", "已享受补贴"),
}

OPEN_END: Final = "长期"
OPEN_ENDS: Final = frozenset(
    {OPEN_END, "至今", "永久", "无", "长期有效", "9999-12-31", "99991231", "9999/12/31"}
)
"""What a list writes for a situation that goes on."""


def plain_word(text: str) -> str:
    """Give a word without what nobody means by it: width, blanks, capitals, a full stop."""
    return "".join(unicodedata.normalize("NFKC", text).split()).strip("。.").lower()


def _by_word(words: Mapping[Kept, tuple[str, ...]]) -> dict[str, Kept]:
    return {plain_word(word): kept for kept, others in words.items() for word in (str(kept), *others)}


DEGREE_OF: Final = _by_word(DEGREES)
EMPLOYMENT_STATUS_OF: Final = _by_word(EMPLOYMENT_STATUSES)
SITUATION_OF: Final = _by_word(SITUATIONS)
