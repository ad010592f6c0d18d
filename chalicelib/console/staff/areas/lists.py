"""Lists of people: uploading with progress, errors row by row, and proposing the vouchers of a list."""

from typing import Any, Final

from chalicelib.console import words
from chalicelib.console.staff import numbers
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply

_WORKING: Final = frozenset({"awaiting_upload", "uploaded", "validating", "applying"})
_IMPORT: Final = "/v1/imports/{import_id}"


def show(page: Page) -> Reply:
    """Show all lists and batches, or one list."""
    import_id = page.visit.values.get("id")
    if import_id is None:
        return _all(page)
    values = {"import_id": import_id}
    found = page.get(_IMPORT, values)
    errors = page.get(f"{_IMPORT}/errors", values, cursor=page.visit.parameters.get("cursor"), limit=50)
    renames = page.get(f"{_IMPORT}/renames", values, limit=50).items if str(found.kind) == "graduates" else []
    return page.draw(
        "list",
        page.say("名单", "List"),
        found=found,
        errors=errors,
        renames=renames,
        programs=page.get("/v1/programs", limit=20).items,
        working=str(found.status) in _WORKING,
    )


def _all(page: Page) -> Reply:
    programs = page.get("/v1/programs", limit=4).items
    batches = [
        (program, batch)
        for program in programs[:3]
        for batch in page.get(
            "/v1/programs/{program_id}/issuance-batches", {"program_id": program.id}, limit=20
        ).items
    ]
    return page.draw(
        "lists",
        page.say("名单与发放", "Lists and issuance"),
        listing=page.get("/v1/imports", cursor=page.visit.parameters.get("cursor"), limit=50),
        batches=batches,
        kinds=words.IMPORT_KINDS,
        upload=None,
    )


def act(page: Page, do: str) -> Reply | None:
    """Announce a file, and give the page's script where to send it; None for what is something else."""
    if do != "list.upload":
        return None
    visit = page.visit
    parameters = {"partial": "true" if visit.typed("partial") else "false"}
    body: dict[str, Any] = {
        "kind": visit.typed("kind"),
        "filename": visit.typed("filename"),
        "size_bytes": numbers.as_sent(visit.typed("size_bytes")),
        "sha256": visit.typed("sha256"),
    }
    announced = page.asker.ask("POST", "/v1/imports", parameters=parameters, body=body)
    return page.draw(
        "upload", page.say("上传", "Upload"), upload=announced.upload, then=f"lists/{announced.id}"
    )
