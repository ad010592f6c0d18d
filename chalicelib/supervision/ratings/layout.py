"""How ratings are laid out as a sheet."""

from collections.abc import Sequence

from chalicelib.programs.model import Card
from chalicelib.supervision.ratings.model import Rating
from chalicelib.supervision.reports.layouts import ReportSheet, percent

_HEADERS = (
    (
        "统一社会信用代码",
        "机构名称",
        "区划",
        "牌",
        "查实案件",
        "在查案件",
        "未解除暂缓",
        "抽查",
        "抽查发现问题",
        "累计核销",
        "空转",
        "空转率",
        "合格",
        "不合格",
        "合格率",
        "签到次数",
        "被拒签到",
        "被拒率",
        "已支付（分）",
        "已追回（分）",
    ),
    Rating.__struct_fields__,
)
_CARDS = {Card.YELLOW: ("黄牌", "yellow"), Card.RED: ("红牌", "red")}


def ratings_sheet(ratings: Sequence[Rating], *, english: bool) -> ReportSheet:
    """Lay out ratings, a row an institution."""
    shown = {"idle_share": percent, "pass_share": percent, "refused_share": percent}
    cells = [
        tuple(
            _CARDS[rating.card][english]
            if name == "card" and rating.card is not None
            else shown[name](getattr(rating, name))
            if name in shown
            else getattr(rating, name)
            for name in Rating.__struct_fields__
        )
        for rating in ratings
    ]
    return ReportSheet("ratings" if english else "机构评级", _HEADERS[english], cells)
