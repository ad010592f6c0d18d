"""The desk of a school: today's lessons, classes, money; applying for a class with its timetable."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from chalicelib.catalogue.institutions.store import want_with_payees
from chalicelib.classes.store import want_class
from chalicelib.console.staff import numbers
from chalicelib.console.staff.areas import changing
from chalicelib.console.staff.areas.timetables import (
    BLANK_ROWS,
    COLUMNS,
    ROWS_MOST,
    lesson_of,
    stored_row,
    typed_rows,
)
from chalicelib.console.staff.deciding import FORM_KEY
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.forms import malformed
from chalicelib.edge.pages import Visit
from chalicelib.kernel.calendar import calendar_known, is_working_day, shanghai_date
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id

_CLASSES_SHOWN: Final = 50
_AT: Final = ("lng", "lat")


def ahead(visit: Visit) -> None:
    """Have a class come along."""
    if is_id(visit.values.get("id", ""), "cls"):
        want_class(visit.values["id"])


def show(page: Page) -> Reply:
    """Show the desk, or the application for a class."""
    match page.visit.values.get("id"):
        case None:
            return _desk(page)
        case "class":
            return _application(page, None)
        case class_id if page.visit.values.get("part") == "change":
            return changing.show(page, class_id)
        case class_id:
            return _application(page, class_id)


def _desk(page: Page) -> Reply:
    assert page.session.principal is not None
    uscc = page.session.principal.institution
    page.know([uscc])
    if uscc is not None:
        want_with_payees([uscc])
    classes = page.get("/v1/classes", limit=_CLASSES_SHOWN)
    today = shanghai_date(page.visit.now)
    running = [
        room
        for room in classes.items
        if str(room.status) == "approved"
        and shanghai_date(room.opens_at) <= today <= shanghai_date(room.ends_at)
    ][:2]
    lessons = []
    for room in running:
        whole = page.get("/v1/classes/{class_id}", {"class_id": room.id}, closely="false")
        lessons += [
            (whole, lesson, _checked_in(page, lesson))
            for lesson in whole.lessons
            if shanghai_date(lesson.starts_at) == today
        ]
    return page.draw(
        "desk",
        page.say("窗口", "Desk"),
        classes=classes,
        lessons=lessons,
        claims=page.get("/v1/subsidy-claims", limit=20).items if uscc else [],
        payees=getattr(_own_institution(page), "payees", []),
        uscc=uscc,
    )


def _checked_in(page: Page, lesson: Any) -> list[str]:
    """Name who has checked in at a lesson, as the school may see them."""
    path = "/v1/lessons/{lesson_id}/check-ins"
    found = page.get(path, {"lesson_id": lesson.id}, limit=100).items
    return [check_in.trainee.name for check_in in found if check_in.trainee is not None]


# --------------------------------------------------------------------------- applying for a class


def _application(page: Page, class_id: str | None) -> Reply:
    values = {"class_id": class_id or ""}
    room = page.get("/v1/classes/{class_id}", values, closely="false") if class_id else None
    own = _own_institution(page)
    projects = page.get("/v1/projects", limit=100).items
    return page.draw(
        "application",
        page.say("开班申请", "Application for a class"),
        room=room,
        own=own,
        projects=[project for project in projects if own is None or project.id in own.projects],
        rows=_rows(page, room),
        trainers=_trainers(page, room),
        value=lambda name, default="": page.visit.typed(name) if page.visit.fields else default,
    )


def _own_institution(page: Page) -> Any:
    assert page.session.principal is not None
    uscc = page.session.principal.institution
    return page.get("/v1/institutions/{uscc}", {"uscc": uscc}) if uscc else None


def _rows(page: Page, room: Any) -> list[dict[str, str]]:
    """Give the rows of the timetable: as typed, else as stored, and some blank ones."""
    if page.visit.fields:
        rows = typed_rows(page)
    else:
        rows = [stored_row(lesson) for lesson in (room.lessons if room else ())]
    return [*rows, *[dict.fromkeys(COLUMNS, "") for _ in range(BLANK_ROWS)]]


def _trainers(page: Page, room: Any) -> list[dict[str, str]]:
    if page.visit.fields:
        return _typed_trainers(page)
    return [
        {"name": trainer.name, "id_number": "", "qualification": trainer.qualification}
        for trainer in (room.trainers if room else ())
    ]


def _typed_trainers(page: Page) -> list[dict[str, str]]:
    names = ("name", "id_number", "qualification")
    columns = {name: page.visit.fields.get(f"trainer_{name}", ()) for name in names}
    return [
        {name: values[place].strip() if place < len(values) else "" for name, values in columns.items()}
        for place in range(len(columns["name"]))
        if place < len(columns["name"]) and columns["name"][place].strip()
    ]


def act(page: Page, do: str) -> Reply | None:
    """Repeat a timetable by the week, save the application, apply for a change; None for all others."""
    if do == "desk.repeat":
        return _repeated(page)
    class_id = page.visit.values.get("id", "class")
    if do == "desk.change":
        return changing.send(page, class_id)
    if do != "desk.save":
        return None
    body = _body(page)
    if class_id == "class":
        made = page.asker.ask("POST", "/v1/classes", body=body, key=page.visit.typed(FORM_KEY))
        new_id = made["id"] if isinstance(made, dict) else made.id
        return page.go(f"{page.visit.root}console/classes/{new_id}?done=class.save")
    body["version"] = numbers.as_sent(page.visit.typed("version"))
    page.asker.ask("PUT", "/v1/classes/{class_id}", values={"class_id": class_id}, body=body)
    return page.go(f"{page.visit.root}console/classes/{class_id}?done=class.save")


def _repeated(page: Page) -> Reply:
    """Fill the timetable with the first week again and again, leaving out days that are free by law."""
    rows = typed_rows(page)
    try:
        weeks = min(26, max(1, numbers.whole(page.visit.typed("weeks") or "1")))
        first_week = [(date.fromisoformat(row["day"]), row) for row in rows if row["day"]]
    except ValueError:
        raise malformed([Fault("wrong_type", field="weeks", form="whole_number")]) from None
    skipping = page.visit.typed("skip_holidays") == "yes"
    wanted = [
        {**row, "day": (day + timedelta(weeks=week)).isoformat()}
        for week in range(weeks)
        for day, row in first_week
        if week == 0 or not (skipping and _is_holiday(day + timedelta(weeks=week)))
    ]
    for name in COLUMNS:
        fields = page.visit.fields
        assert isinstance(fields, dict)
        fields[f"lesson_{name}"] = [row[name] for row in wanted[:ROWS_MOST]]
    return show(page)


def _is_holiday(day: date) -> bool:
    """Tell whether a day from Monday to Friday is free by law; who teaches at weekends means to."""
    return calendar_known(day.year) and day.weekday() < 5 and not is_working_day(day)  # noqa: PLR2004


def _body(page: Page) -> dict[str, Any]:
    visit = page.visit
    rows = typed_rows(page)
    faults: list[Fault] = []
    lessons = [lesson_of(row, place, faults) for place, row in enumerate(rows)]
    elsewhere = visit.typed("source") != "catalogue"
    size = _number(page, "planned_size", numbers.whole, "whole_number", faults)
    at = {name: _number(page, name, numbers.decimal, "number", faults) if elsewhere else None for name in _AT}
    if faults:
        raise malformed(faults)
    site: dict[str, Any] = {"name": visit.typed("site_name"), "address": visit.typed("site_address")}
    if visit.typed("room"):
        site["room"] = visit.typed("room")
    if not elsewhere:
        site = {"source": "catalogue", **({"room": visit.typed("room")} if visit.typed("room") else {})}
    else:
        site["location"] = {**at, "coord_system": visit.typed("coord_system")}
    return {
        "project_id": visit.typed("project_id"),
        "name": visit.typed("class_name"),
        "planned_size": size,
        "site": site,
        "trainers": _typed_trainers(page),
        "lessons": lessons,
    }


def _number(page: Page, name: str, how: Callable[[str], Any], form: str, faults: list[Fault]) -> Any:
    """Read a number of the form; what cannot be read is a fault by the field's own name."""
    typed = page.visit.typed(name).strip()
    if not typed:
        faults.append(Fault("missing_field", field=name))
        return None
    try:
        return how(typed)
    except ValueError:
        faults.append(Fault("wrong_type", field=name, form=form))
        return None
