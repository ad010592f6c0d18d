"""Reports: how far vouchers got, money, idle vouchers, holds and ratings, as charts with tables beside."""

from typing import Any, Final

from chalicelib.console import words
from chalicelib.console.findings import rule_name
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.money import yuan
from chalicelib.kernel.reasons import error

_ROWS_MOST: Final = 100
_CHART_ROWS: Final = 12
TABS: Final = (
    ("", "总览", "Overview"),
    ("idle", "空转", "Idle"),
    ("holds", "暂缓", "Holds"),
    ("ratings", "机构评价", "Ratings"),
)
AGES: Final = (
    ("up_to_30", ("30 天内", "up to 30 days")),
    ("up_to_60", ("31–60 天", "up to 60")),
    ("up_to_90", ("61–90 天", "up to 90")),
    ("longer", ("90 天以上", "longer")),
)


def show(page: Page) -> Reply:
    """Show a report of a division and program."""
    asked = page.visit.parameters
    filters: dict[str, Any] = {"program": asked.get("program"), "division": asked.get("division")}
    name = page.visit.values.get("id", "")
    drawn = {"": _overview, "idle": _idle, "holds": _holds, "ratings": _ratings}.get(name)
    if drawn is None:
        raise error("not_found")
    report = f"/v1/reports/{name or 'institutions'}"
    if name == "holds":
        filters["year"] = asked.get("year")
    if name:
        filters["kept"] = "true"  # what a night keeps: computed now, they read hundreds of lists
    sheet = page.get(report, **filters, format="xlsx") if asked.get("sheet") else None
    programs = page.get("/v1/programs", limit=20).items
    return drawn(page, filters, {"tabs": TABS, "tab": name, "sheet": sheet, "programs": programs})


def _overview(page: Page, filters: dict[str, Any], shared: dict[str, Any]) -> Reply:
    funnel = page.get("/v1/reports/funnel", **filters)
    spending = page.get("/v1/reports/spending", **filters)
    institutions = page.get("/v1/reports/institutions", **filters)
    ever = [
        (page.say("发放", "Issued"), funnel.ever.issued),
        (page.say("领用", "Claimed"), funnel.ever.claimed),
        (page.say("报名核销", "Used"), funnel.ever.redeemed),
        (page.say("结算", "Settled"), funnel.ever.settled),
    ]
    money = [
        (page.say("发放面值", "Face value"), spending.face_value_fen),
        (page.say("已支付", "Paid"), spending.paid_fen),
        (page.say("已追回", "Reversed"), spending.reversed_fen),
        (page.say("净支付", "Net"), spending.net_fen),
    ]
    return page.draw(
        "reports",
        page.say("统计", "Reports"),
        funnel=[(name, value, str(value)) for name, value in ever],
        money=[(name, value, yuan(value)) for name, value in money],
        stages=funnel.stages,
        division=funnel.division,
        institutions=institutions.items[:_ROWS_MOST],
        **shared,
    )


def _idle(page: Page, filters: dict[str, Any], shared: dict[str, Any]) -> Reply:
    """Show how long used vouchers wait for a class, by city and by institution."""
    report = page.get("/v1/reports/idle", **filters)
    ages = [(page.say(*label), getattr(report.total.idle, name)) for name, label in AGES]
    most = sorted(report.institutions, key=lambda row: -row.idle_total)[:_CHART_ROWS]
    return page.draw(
        "report_idle",
        page.say("空转统计", "Idle vouchers"),
        computed_at=report.computed_at,
        report=report,
        division=report.division,
        ages=[(name, value, str(value)) for name, value in ages],
        age_names=AGES,
        worst=[(row.name, row.idle_total, str(row.idle_total)) for row in most if row.idle_total],
        institutions=report.institutions[:_ROWS_MOST],
        **shared,
    )


def _holds(page: Page, filters: dict[str, Any], shared: dict[str, Any]) -> Reply:
    """Show what was stopped in a year, and what became of the money behind it."""
    report = page.get("/v1/reports/holds", **filters)

    def said(row: Any) -> str:
        why = words.word(words.HOLDS, row.code.partition(":")[0], english=page.english)
        return rule_name(row.rule, english=page.english) if row.rule else why

    total = report.total
    money = [
        (page.say("仍暂缓", "Held"), total.held_fen),
        (page.say("已剔除", "Refused"), total.refused_fen),
        (page.say("已放行", "Let go"), total.let_go_fen),
        (page.say("已追回", "Taken back"), total.taken_back_fen),
        (page.say("已退到账", "Recovered"), total.recovered_fen),
    ]
    rows = [(said(row), row) for row in report.items]
    stopped = [(name, row.money.stopped_fen, yuan(row.money.stopped_fen)) for name, row in rows]
    return page.draw(
        "report_holds",
        page.say("暂缓统计", "Holds"),
        computed_at=report.computed_at,
        report=report,
        division=report.division,
        rows=rows,
        money=[(name, value, yuan(value)) for name, value in money],
        stopped=[row for row in stopped if row[1]][:_CHART_ROWS],
        **shared,
    )


def _ratings(page: Page, filters: dict[str, Any], shared: dict[str, Any]) -> Reply:
    """Show institutions with their figures and cards, the worst first."""
    report = page.get("/v1/reports/ratings", **filters)
    counts = {card: sum(str(row.card) == card for row in report.items) for card in words.CARDS}
    cards = [(words.word(words.CARDS, card, english=page.english), count) for card, count in counts.items()]
    cards.append((page.say("无牌", "None"), len(report.items) - sum(counts.values())))
    confirmed = [(row.name, row.confirmed_cases, str(row.confirmed_cases)) for row in report.items]
    return page.draw(
        "report_ratings",
        page.say("机构评价", "Ratings"),
        computed_at=report.computed_at,
        division=report.division,
        rows=report.items[:_ROWS_MOST],
        cards=[(name, value, str(value)) for name, value in cards],
        confirmed=[row for row in confirmed if row[1]][:_CHART_ROWS],
        **shared,
    )
