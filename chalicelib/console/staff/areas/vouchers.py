"""Vouchers of the area, by state; revoking and restoring."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table, states, status_cell
from chalicelib.console.words import STATUSES
from chalicelib.edge.endpoints import Listing, Reply
from chalicelib.kernel.money import yuan


def show(page: Page) -> Reply:
    """Show the list, or one voucher as a list of one."""
    asked = page.visit.parameters
    one = page.visit.values.get("id")
    if one is None:
        listing = page.get(
            "/v1/vouchers",
            status=asked.get("status"),
            flag=asked.get("flag"),
            division=asked.get("division"),
            cursor=asked.get("cursor"),
            limit=50,
        )
    else:
        listing = Listing(items=[page.get("/v1/vouchers/{voucher_id}", {"voucher_id": one})], next=None)
    page.know(item.institution for item in listing.items)

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(item.holder.name, href=f"console/vouchers/{item.id}", small=item.holder.id_number),
                status_cell(page, "voucher", item.status),
                Cell(yuan(item.face_value_fen), number=True),
                Cell(page.day(item.valid_through)),
                Cell(page.institution(item.institution)),
            ],
            name=item.holder.name,
            kind="voucher",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="voucher",
        )

    return draw_table(
        page,
        ("培训券", "Vouchers"),
        head=[
            ("持券人", "Holder"),
            ("状态", "State"),
            ("面值（元）", "Yuan"),
            ("有效期至", "Valid through"),
            ("机构", "Institution"),
        ],
        listing=listing,
        row=row,
        divided=True,
        filters=[
            Filter("status", states(page, "voucher", list(STATUSES["voucher"]))),
            Filter(
                "flag",
                [
                    ("restore_asked", page.say("申请恢复", "Restoration asked")),
                    ("name_mismatch", page.say("姓名不符", "Name mismatch")),
                ],
            ),
        ],
    )
