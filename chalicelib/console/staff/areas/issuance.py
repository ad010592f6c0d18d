"""One issuance batch: what will be approved, why rows were refused, and the decision."""

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.reasons import error


def show(page: Page) -> Reply:
    """Show a batch."""
    program_id, batch_id = page.visit.values.get("id"), page.visit.values.get("part")
    if program_id is None or batch_id is None:
        raise error("not_found")
    values = {"program_id": program_id, "batch_id": batch_id}
    path = "/v1/programs/{program_id}/issuance-batches/{batch_id}"
    batch = page.get(path, values)
    return page.draw(
        "issuance",
        page.say("发放批次", "Issuance batch"),
        batch=batch,
        program=page.get("/v1/programs/{program_id}", {"program_id": program_id}),
        refusals=page.get(f"{path}/refusals", values, cursor=page.visit.parameters.get("cursor"), limit=50),
    )
