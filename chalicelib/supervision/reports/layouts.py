"""How the reports are laid out as sheets."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.catalogue.institutions.model import Institution
from chalicelib.kernel.divisions import name_of
from chalicelib.kernel.ids import new_id
from chalicelib.sheets.downloads import link_to_xlsx
from chalicelib.sheets.writing import write_csv
from chalicelib.supervision.reports.model import REACHED, STATUSES, VoucherCount
from chalicelib.supervision.reports.service import ReportScope

_Cell = str | int | None
_STAGES: dict[str, tuple[str, str]] = {
    "issued": ("已发放", "issued"),
    "claimed": ("已领用", "claimed"),
    "redeemed": ("已核销报名", "redeemed"),
    "settled": ("已结算", "settled"),
    "closed": ("已关闭", "closed"),
    "expired": ("已过期", "expired"),
    "revoked": ("已收回", "revoked"),
}
_RESTORED = ("曾恢复", "restored")
_FUNNEL = (("阶段", "现有（张）", "累计达到（张）"), ("stage", "now", "ever"))
_SPENDING = (("项目", "金额（分）"), ("item", "amount_fen"))
_MONEY = (("面值合计", "face_value"), ("已支付", "paid"), ("已追回", "reversed"), ("净支出", "net"))
_INSTITUTIONS = (
    (
        "统一社会信用代码",
        "机构名称",
        "区划",
        "状态",
        "累计核销",
        "在培",
        "已结算",
        "已关闭",
        "已支付（分）",
        "已追回（分）",
    ),
    (
        "institution",
        "name",
        "division",
        "status",
        "ever_redeemed",
        "redeemed",
        "settled",
        "closed",
        "paid_fen",
        "reversed_fen",
    ),
)


@dataclass(frozen=True)
class ReportSheet:
    """A table with its title."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[_Cell]]


def net_fen(count: VoucherCount) -> int:
    """Give what was paid and not taken back."""
    return count.paid_fen - count.reversed_fen


def _title(scope: ReportScope, zh: str, en: str, *, english: bool) -> str:
    return f"{scope.division} {en}" if english else f"{name_of(scope.division)}{zh}"


def funnel_sheet(scope: ReportScope, count: VoucherCount, *, english: bool) -> ReportSheet:
    """Lay out the funnel."""
    rows = [
        (
            _STAGES[name][english],
            getattr(count, name),
            getattr(count, f"ever_{name}") if f"ever_{name}" in REACHED else None,
        )
        for name in STATUSES
    ]
    rows.append((_RESTORED[english], None, count.ever_restored))
    return ReportSheet(_title(scope, "培训券漏斗", "funnel", english=english), _FUNNEL[english], rows)


def spending_sheet(scope: ReportScope, count: VoucherCount, *, english: bool) -> ReportSheet:
    """Lay out the spending."""
    amounts = (count.face_value_fen, count.paid_fen, count.reversed_fen, net_fen(count))
    rows = [(names[english], amount) for names, amount in zip(_MONEY, amounts, strict=True)]
    return ReportSheet(_title(scope, "培训券支出", "spending", english=english), _SPENDING[english], rows)


def institutions_sheet(rows: Sequence[tuple[Institution, VoucherCount]], *, english: bool) -> ReportSheet:
    """Lay out the institutions."""
    cells = [
        (
            institution.uscc,
            institution.name,
            institution.division,
            institution.status.value,
            count.ever_redeemed,
            count.redeemed,
            count.settled,
            count.closed,
            count.paid_fen,
            count.reversed_fen,
        )
        for institution, count in rows
    ]
    return ReportSheet("institutions" if english else "承训机构", _INSTITUTIONS[english], cells)


def csv_of(sheet: ReportSheet) -> bytes:
    """Write a sheet as csv."""
    return write_csv(sheet.headers, sheet.rows)


def download(sheet: ReportSheet, *, filename: str) -> str:
    """Write a sheet as xlsx and give a link that reads it for ten minutes."""
    key = f"reports/{new_id('rpt')}.xlsx"
    return link_to_xlsx(sheet.title, sheet.headers, sheet.rows, key=key, filename=filename)
