"""One line of a claim: what was paid, failed or came back, and what may be done about it."""

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.reasons import error


def show(page: Page) -> Reply:
    """Show one line."""
    line_id = page.visit.values.get("id")
    if line_id is None:
        raise error("not_found")
    line = page.get("/v1/claim-lines/{line_id}", {"line_id": line_id})
    page.know([line.institution])
    enrolment = page.get("/v1/enrolments/{enrolment_id}", {"enrolment_id": line.enrolment_id})
    return page.draw("line", page.say("补贴明细", "Claim line"), line=line, enrolment=enrolment)
