"""Applying for a change of a running class: the lessons that are still to come, and one more trainer."""

from typing import Any, Final

from chalicelib.console.staff import numbers
from chalicelib.console.staff.areas.timetables import BLANK_ROWS, COLUMNS, lesson_of, stored_row, typed_rows
from chalicelib.console.staff.deciding import FORM_KEY
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.forms import malformed
from chalicelib.kernel.errors import Fault

CHANGES: Final = "/v1/classes/{class_id}/changes"
_COLUMNS: Final = (*COLUMNS, "id")


def show(page: Page, class_id: str) -> Reply:
    """Draw the form: what has begun is not in it, an emptied row is a lesson that shall not be held."""
    room = page.get("/v1/classes/{class_id}", {"class_id": class_id}, closely="false")
    if page.visit.fields:
        rows = typed_rows(page, _COLUMNS)
    else:
        to_come = [lesson for lesson in room.lessons if lesson.starts_at > page.visit.now]
        rows = [{**stored_row(lesson), "id": lesson.id} for lesson in to_come]
    return page.draw(
        "change",
        page.say("申请变更", "Apply for a change"),
        room=room,
        rows=[*rows, *[dict.fromkeys(_COLUMNS, "") for _ in range(BLANK_ROWS)]],
        value=page.visit.typed,
        may_change="change" in room.allowed_actions,
    )


def send(page: Page, class_id: str) -> Reply:
    """Apply for the change, and go to the class."""
    visit = page.visit
    faults: list[Fault] = []
    lessons = []
    for place, row in enumerate(typed_rows(page, _COLUMNS)):
        lessons.append(lesson_of(row, place, faults) | ({"id": row["id"]} if row["id"] else {}))
    if faults:
        raise malformed(faults)
    body: dict[str, Any] = {
        "version": numbers.as_sent(visit.typed("version")),
        "reason": visit.typed("reason").strip(),
        "lessons": lessons,
    }
    names = ("name", "id_number", "qualification")
    trainer = {name: visit.typed(f"trainer_{name}").strip() for name in names}
    if trainer["name"]:
        body["new_trainers"] = [trainer]
    page.asker.ask("POST", CHANGES, values={"class_id": class_id}, body=body, key=visit.typed(FORM_KEY))
    return page.go(f"{visit.root}console/classes/{class_id}?done=class.change")
