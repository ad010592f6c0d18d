"""Reports: the voucher funnel, spending, and institutions, as charts with the table beside."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.money import yuan


def show(page: Page) -> Reply:
    """Show the reports of a division and program."""
    asked = page.visit.parameters
    filters: dict[str, Any] = {"program": asked.get("program"), "division": asked.get("division")}
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
        institutions=institutions.items[:100],
        programs=page.get("/v1/programs", limit=20).items,
        sheet=page.get("/v1/reports/institutions", **filters, format="xlsx") if asked.get("sheet") else None,
    )
