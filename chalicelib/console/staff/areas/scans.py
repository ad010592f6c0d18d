"""Refused scans: where a code was refused, when, and why; narrowed by division, institution or reason."""

from typing import Any

from chalicelib.console import words
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table
from chalicelib.edge.endpoints import Reply
from chalicelib.enrolments.redemption.model import LOOKED_AT_BY


def show(page: Page) -> Reply:
    """Show those of the area, or of one's own institution."""
    asked = page.visit.parameters
    listing = page.get(
        "/v1/scans",
        division=asked.get("division"),
        institution=asked.get("institution"),
        code=asked.get("code"),
        cursor=asked.get("cursor"),
        limit=50,
    )
    page.know([*(item.institution for item in listing.items), asked.get("institution")])

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(page.moment(item.received_at)),
                Cell(
                    page.institution(item.institution),
                    href=f"console/scans?institution={item.institution}",
                    small=words.division(item.division),
                ),
                Cell(_reason(page, item.code), pill=words.tone("refused"), small=item.detail),
                Cell(
                    page.say("看培训券", "The voucher") if item.voucher_id else "",
                    href=f"console/vouchers/{item.voucher_id}" if item.voucher_id else "",
                ),
                Cell(_device(page, item.device_id)),
            ],
        )

    return draw_table(
        page,
        ("拒扫记录", "Refused scans"),
        head=[
            ("收到时间", "Received"),
            ("机构", "Institution"),
            ("原因", "Reason"),
            ("培训券", "Voucher"),
            ("设备", "Device"),
        ],
        listing=listing,
        row=row,
        divided=True,
        filters=[Filter("code", [(code, _reason(page, code)) for code in words.SCAN_REASONS])],
        template="scans",
    )


def _device(page: Page, device_id: str) -> str:
    """Say the device; a preview names none, and is told as such."""
    return page.say("预扫（未报名）", "Preview") if device_id == LOOKED_AT_BY else device_id


def _reason(page: Page, code: str) -> str:
    return words.word(words.SCAN_REASONS, code, english=page.english)
