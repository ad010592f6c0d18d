"""Payee accounts that wait for a second person."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Row, draw_table, status_cell
from chalicelib.edge.endpoints import Reply


def show(page: Page) -> Reply:
    """Show what waits."""
    asked = page.visit.parameters
    listing = page.get("/v1/payees", division=asked.get("division"), cursor=asked.get("cursor"), limit=50)
    page.know(uscc for item in listing.items for uscc in (item.institution, *item.shared_with))

    def row(item: Any) -> Row:
        told = [warning.detail for warning in item.warnings]
        return Row(
            cells=[
                Cell(page.institution(item.institution), href=f"console/institutions/{item.institution}"),
                Cell(item.holder, small=f"{item.bank} {item.number}"),
                Cell(item.reason, small=" ".join(told)),
                Cell(page.day(item.counts_from)),
                status_cell(page, "payee_account", item.status),
            ],
            name=page.institution(item.institution),
            kind="payee",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="payee_account",
            at={"uscc": item.institution},
        )

    return draw_table(
        page,
        ("待确认的收款账户", "Payee accounts to confirm"),
        head=[
            ("机构", "Institution"),
            ("户名与账户", "Holder and account"),
            ("变更原因与提示", "Reason and warnings"),
            ("最早生效", "Counts from"),
            ("状态", "State"),
        ],
        listing=listing,
        row=row,
        divided=True,
    )
