"""Sheets sent from pages: the file goes on as it is, and what the API says of it is laid out row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class _Sheet:
    method: str
    path: str
    place: str
    """The placeholder of the path that the page's id fills."""
    kind: str | None = None


_SHEETS: Final[Mapping[str, _Sheet]] = {
    "sheet.roster": _Sheet("PUT", "/v1/classes/{class_id}/roster", "class_id"),
    "sheet.scores": _Sheet("PUT", "/v1/classes/{class_id}/scores", "class_id"),
    "sheet.results": _Sheet("POST", "/v1/settlement-batches/{batch_id}/results", "batch_id"),
    "sheet.institutions": _Sheet("POST", "/v1/catalogue/imports", "", "institutions"),
    "sheet.projects": _Sheet("POST", "/v1/catalogue/imports", "", "projects"),
}


def send(page: Page, do: str) -> Reply:
    """Send a sheet, or only have it checked, and tell what became of it.

    Raises:
        DomainError: the sheet is refused as a whole, and no row tells why.

    """
    sheet = _SHEETS.get(do)
    if sheet is None:
        raise error("not_found")
    asked = page.visit.parameters
    dry_run = asked.get("dry_run") == "true"
    try:
        answer = page.asker.ask(
            sheet.method,
            sheet.path,
            values={sheet.place: page.visit.values.get("id", "")} if sheet.place else {},
            parameters={
                "dry_run": "true" if dry_run else "false",
                "version": asked.get("version"),
                "reason": asked.get("reason"),
                "kind": sheet.kind,
            },
            body=page.visit.sheet,
        )
    except DomainError as failure:
        page.refuse(failure)
        return page.draw(
            "sheet_answer",
            page.say("核对结果", "Result"),
            answer=None,
            rows=_named(page),
            dry_run=dry_run,
        )
    return page.draw(
        "sheet_answer", page.say("核对结果", "Result"), answer=answer, rows=_rows(answer), dry_run=dry_run
    )


def _named(page: Page) -> list[dict[str, Any]]:
    """Give what is wrong with a sheet, and people by their names where only their enrolment is known."""
    assert page.problem is not None
    told = [dict(fault) for fault in page.problem.errors or ()]
    unnamed = [fault for fault in told if str(fault.get("field", "")).startswith("enr_")]
    class_id = page.visit.values.get("id", "")
    if unnamed and class_id.startswith("cls_"):
        roster = page.get("/v1/classes/{class_id}/roster", {"class_id": class_id})
        names = {row.enrolment_id: f"{row.trainee.name} {row.trainee.id_number}" for row in roster.items}
        for fault in unnamed:
            enrolment_id = fault.pop("field")
            fault["column"] = names.get(enrolment_id, enrolment_id)
            fault["detail"] = fault["detail"].replace(enrolment_id, fault["column"])
    page.problem.errors = told
    return told


def _rows(answer: Any) -> list[Any]:
    """Give the rows with something wrong in them, whatever the answer calls them."""
    return [*getattr(answer, "errors", ()), *getattr(answer, "refused", ())]
