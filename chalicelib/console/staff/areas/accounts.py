"""Accounts of staff: who has one, asking for one, confirming, resetting and disabling."""

from typing import Any, Final

from chalicelib.console import words
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Row, draw_table, status_cell
from chalicelib.edge.endpoints import Reply

SHOWN_ONCE: Final = frozenset({"new.account", "account.reset"})
"""An activation code is shown once, and stands in no address."""


def show(page: Page) -> Reply:
    """Show the accounts of the area."""
    asked = page.visit.parameters
    listing = page.get("/v1/accounts", division=asked.get("division"), cursor=asked.get("cursor"), limit=50)
    page.know(item.institution for item in listing.items)

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(item.name, small=item.account),
                Cell(words.word(words.ROLES, str(item.role), english=page.english)),
                Cell(words.division(item.division), small=page.institution(item.institution)),
                status_cell(page, "account", item.status),
            ],
            name=item.name,
            kind="account",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="account",
        )

    may_make = page.may("POST", "/v1/accounts")
    form = page.form_for("account")
    return draw_table(
        page,
        ("账号", "Accounts"),
        head=[
            ("姓名与账号", "Name and account"),
            ("角色", "Role"),
            ("区划与机构", "Area"),
            ("状态", "State"),
        ],
        listing=listing,
        row=row,
        divided=True,
        forms=[(("新增账号", "A new account"), form, "")] if may_make else [],
        template="accounts",
        invitation=page.result,
    )
