"""Enrolments: who spent a voucher where, and giving back or taking out."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Row, draw_table, status_cell
from chalicelib.edge.endpoints import Listing, Reply


def show(page: Page) -> Reply:
    """Show the list, or one enrolment as a list of one."""
    asked = page.visit.parameters
    one = page.visit.values.get("id")
    if one is None:
        listing = page.get(
            "/v1/enrolments", division=asked.get("division"), cursor=asked.get("cursor"), limit=50
        )
    else:
        found = page.get("/v1/enrolments/{enrolment_id}", {"enrolment_id": one})
        listing = Listing(items=[found], next=None)
    page.know(item.institution for item in listing.items)

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(item.trainee.name, href=f"console/enrolments/{item.id}", small=item.trainee.id_number),
                Cell(page.institution(item.institution)),
                status_cell(page, "enrolment", item.status),
                Cell(
                    page.say("看班级", "Its class") if item.class_id else "",
                    href=f"console/classes/{item.class_id}" if item.class_id else "",
                ),
                Cell(page.day(item.confirmed_at)),
                Cell(f"{item.theory} / {item.practice}" if item.theory is not None else ""),
            ],
            name=item.trainee.name,
            kind="enrolment",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="enrolment",
        )

    return draw_table(
        page,
        ("报名学员", "Enrolments"),
        head=[
            ("学员", "Trainee"),
            ("机构", "Institution"),
            ("状态", "State"),
            ("班级", "Class"),
            ("报名日", "Enrolled on"),
            ("理论/实操", "Theory/practice"),
        ],
        listing=listing,
        row=row,
        divided=True,
    )
