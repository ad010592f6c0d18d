"""How the reports are laid out as sheets."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.catalogue.institutions.model import Institution
from chalicelib.kernel.divisions import name_of
from chalicelib.kernel.ids import new_id
from chalicelib.sheets.downloads import link_to_xlsx
from chalicelib.sheets.writing import write_csv
from chalicelib.supervision.reports.holds.model import HeldMoney, HoldsReport
from chalicelib.supervision.reports.idle.model import IdleReport
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
_IDLE = (
    (
        "区划或机构",
        "名称",
        "累计发放",
        "累计领用",
        "累计核销",
        "已结算",
        "领用率",
        "使用率",
        "结算率",
        "空转30天内",
        "空转60天内",
        "空转90天内",
        "空转更久",
        "空转率",
    ),
    (
        "place",
        "name",
        "ever_issued",
        "ever_claimed",
        "ever_redeemed",
        "settled",
        "claimed_share",
        "redeemed_share",
        "settled_share",
        "idle_up_to_30",
        "idle_up_to_60",
        "idle_up_to_90",
        "idle_longer",
        "idle_share",
    ),
)
_HOLDS = (
    (
        "暂缓类型",
        "监管规则",
        "作出",
        "未解除",
        "已解除",
        "核查中",
        "误报",
        "属实",
        "容忍",
        "涉及明细",
        "暂缓中（分）",
        "不予支付（分）",
        "已放行（分）",
        "已追回（分）",
        "已退回（分）",
    ),
    (
        "code",
        "rule",
        "placed",
        "open",
        "released",
        "under_review",
        "false_alarms",
        "confirmed",
        "tolerated",
        "lines",
        "held_fen",
        "refused_fen",
        "let_go_fen",
        "taken_back_fen",
        "recovered_fen",
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


def idle_sheet(report: IdleReport, *, english: bool) -> ReportSheet:
    """Lay out claim, use and idling: the area, its cities, its institutions."""
    cells = [
        (
            row.place,
            row.name,
            row.count.ever_issued,
            row.count.ever_claimed,
            row.count.ever_redeemed,
            row.count.settled,
            *(percent(part) for part in (row.claimed_share, row.redeemed_share, row.settled_share)),
            row.idle.up_to_30,
            row.idle.up_to_60,
            row.idle.up_to_90,
            row.idle.longer,
            percent(row.idle_share),
        )
        for row in (report.total, *report.cities, *report.institutions)
    ]
    return ReportSheet("idle vouchers" if english else "培训券空转", _IDLE[english], cells)


def holds_sheet(report: HoldsReport, *, english: bool) -> ReportSheet:
    """Lay out the holds of a year; the last row counts each line once."""
    cells: list[Sequence[_Cell]] = [
        (
            row.code,
            row.rule,
            row.placed,
            row.open,
            row.released,
            row.under_review,
            row.false_alarms,
            row.confirmed,
            row.tolerated,
            *_held_cells(row.money),
        )
        for row in report.rows
    ]
    total = "total" if english else "合计（明细不重复）"
    cells.append((total, *[None] * 8, *_held_cells(report.total)))
    title = f"holds {report.year}" if english else f"{report.year}年暂缓支付"
    return ReportSheet(title, _HOLDS[english], cells)


def _held_cells(money: HeldMoney) -> tuple[int, ...]:
    return (
        money.lines,
        money.held_fen,
        money.refused_fen,
        money.let_go_fen,
        money.taken_back_fen,
        money.recovered_fen,
    )


def percent(part: float | None) -> str | None:
    """Write a share as people read it."""
    return None if part is None else f"{part:.1%}"


def csv_of(sheet: ReportSheet) -> bytes:
    """Write a sheet as csv."""
    return write_csv(sheet.headers, sheet.rows)


def download(sheet: ReportSheet, *, filename: str) -> str:
    """Write a sheet as xlsx and give a link that reads it for ten minutes."""
    key = f"reports/{new_id('rpt')}.xlsx"
    return link_to_xlsx(sheet.title, sheet.headers, sheet.rows, key=key, filename=filename)
