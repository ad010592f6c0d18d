"""Classes: lists by state, and one class with its plan, roster, attendance, marks, claim and history."""

import functools
from typing import Any, Final

from chalicelib.attendance.footage.store import want_holds
from chalicelib.classes.model import ClassStatus
from chalicelib.classes.store import heads_by_id, want_class
from chalicelib.console import words
from chalicelib.console.staff import plots
from chalicelib.console.staff.areas import filming
from chalicelib.console.staff.comparing import as_said
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Visit
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import OverridableCheck
from chalicelib.subsidies.claims.model import claim_id_of
from chalicelib.subsidies.claims.store import want_claims

PAGE_ROWS: Final = 50
RADIUS_M: Final = 200
"""Drawn where a site names no radius of its own: the policy's default."""
_CLASS: Final = "/v1/classes/{class_id}"
_LET_PASS: Final = frozenset(str(check) for check in OverridableCheck)
_TEMPLATES: Final = {
    "template.roster": f"{_CLASS}/roster/template",
    "template.scores": f"{_CLASS}/scores/template",
}
_STATES: Final = (
    "submitted",
    "returned",
    "approved",
    "cancel_requested",
    "completion_submitted",
    "completion_approved",
    "scored",
    "claimed",
    "closed",
)


def ahead(visit: Visit) -> None:
    """Have the rows of a class come along, and its claim where that is shown."""
    class_id, part = visit.values.get("id", ""), visit.values.get("part", "plan")
    if is_id(class_id, "cls"):
        want_class(class_id)
        if part == "claim":
            want_claims([claim_id_of(class_id)])
        if part.startswith("les_"):
            want_holds([part])


def show(page: Page) -> Reply:
    """Show the list, one class, or a part of one."""
    class_id = page.visit.values.get("id")
    if class_id is None:
        return _list(page)
    part = page.visit.values.get("part", "plan")
    if part.startswith("les_"):
        return _lesson(page, class_id, part)
    drawn = _PARTS.get(part)
    if drawn is None:
        raise error("not_found")
    room = _read(page, class_id, closely=part == "plan" or (part == "claim" and _is_scored(class_id)))
    return _draw(page, room, part, **drawn(page, room))


def act(page: Page, do: str) -> Reply | None:
    """Make the template of a sheet, or send footage; None for what is something else."""
    if do not in _TEMPLATES:
        return filming.act(page, do)
    page.result = page.get(_TEMPLATES[do], {"class_id": page.visit.values.get("id", "")})
    return show(page)


def _list(page: Page) -> Reply:
    asked = page.visit.parameters
    listing = page.get(
        "/v1/classes",
        status=asked.get("status"),
        division=asked.get("division"),
        institution=asked.get("institution"),
        cursor=asked.get("cursor"),
        limit=PAGE_ROWS,
        named=asked.get("named") or None,
        opens_from=asked.get("opens_from") or None,
        opens_until=asked.get("opens_until") or None,
    )
    page.know([asked.get("institution"), *(item.institution for item in listing.items)])
    return page.draw("classes", page.say("班级", "Classes"), listing=listing, states=_STATES)


def _read(page: Page, class_id: str, *, closely: bool = False) -> Any:
    """Read a class; all that a decision needs is read for the page alone that has the decisions."""
    room = page.get(_CLASS, {"class_id": class_id}, closely=str(closely).lower())
    page.know([room.institution])
    return room


def _is_scored(class_id: str) -> bool:
    """Tell whether a class waits to be claimed for; its head came along with the account."""
    return any(head.status is ClassStatus.SCORED for head in heads_by_id([class_id]))


def _draw(page: Page, room: Any, part: str, **facts: Any) -> Reply:
    return page.draw(
        f"class_{part}",
        room.name,
        room=room,
        part=part,
        compared=functools.partial(as_said, page),
        tabs=_tabs(page),
        undecided=_undecided(room),
        decided_here=part == "plan" or (part == "claim" and str(room.status) == ClassStatus.SCORED),
        echo={"policy_version": room.policy_version, "project_version": room.project.version},
        at={"change_id": room.open_change.id} if room.open_change is not None else {},
        **facts,
    )


def _tabs(page: Page) -> list[tuple[str, str, str]]:
    tabs = [
        ("plan", "计划", "Plan", _CLASS),
        ("roster", "花名册", "Roster", f"{_CLASS}/roster"),
        ("attendance", "考勤", "Attendance", f"{_CLASS}/attendance"),
        ("marks", "成绩", "Marks", f"{_CLASS}/scores"),
        ("claim", "补贴", "Subsidy", f"{_CLASS}/payability"),
        ("history", "历史", "History", f"{_CLASS}/changes"),
    ]
    return [(name, zh, en) for name, zh, en, path in tabs if page.may("GET", path)]


def _undecided(room: Any) -> list[str]:
    """Name what is still open below the class, each kind once."""
    return sorted({str(open_.code) for open_ in room.evidence.undecided}) if room.evidence else []


def _plan(_: Page, room: Any) -> dict[str, Any]:
    site = plots.site_map(room.site.location, room.site.radius_m or RADIUS_M)
    return {"site": site}


def _roster(page: Page, room: Any) -> dict[str, Any]:
    return {"roster": page.get(f"{_CLASS}/roster", {"class_id": room.id})}


def _attendance(page: Page, room: Any) -> dict[str, Any]:
    values = {"class_id": room.id}
    names = _names(page, room)
    make_ups = page.get(f"{_CLASS}/make-ups", values, limit=100)
    return {
        "attendance": page.get(f"{_CLASS}/attendance", values),
        "names": names,
        "make_ups": make_ups,
        "topics": {lesson.id: lesson.topic for lesson in room.lessons},
    }


def _names(page: Page, room: Any) -> dict[str, Any]:
    roster = page.get(f"{_CLASS}/roster", {"class_id": room.id})
    return {row.enrolment_id: row.trainee for row in roster.items}


def _marks(page: Page, room: Any) -> dict[str, Any]:
    names = _names(page, room)
    sheets = page.get(f"{_CLASS}/scores", {"class_id": room.id})
    return {"sheets": sheets.items, "names": names}


def _claim(page: Page, room: Any) -> dict[str, Any]:
    values = {"class_id": room.id}
    payability = page.get(f"{_CLASS}/payability", values, others="approved")
    names = _names(page, room)
    return {
        "payability": payability,
        "overrides": page.get(f"{_CLASS}/overrides", values, limit=100).items,
        "names": names,
        "failed": _failed(page, payability, names),
    }


def _failed(page: Page, payability: Any, names: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Give whom a check fails of those that a second person may let pass, and which; nothing if none does."""
    lines = [
        (line.enrolment_id, {check.name for check in line.checks if not check.passed} & _LET_PASS)
        for line in payability.lines
    ]
    people = [(who, str(names[who].name)) for who, failing in lines if failing and who in names]
    checks = sorted({check for _, failing in lines for check in failing})
    if not people:
        return {}
    said = [(check, words.word(words.CHECKS, check, english=page.english)) for check in checks]
    return {"enrolment_id": people, "check": said}


def _history(page: Page, room: Any) -> dict[str, Any]:
    changes = page.get(f"{_CLASS}/changes", {"class_id": room.id}).items
    return {"changes": changes, "audit": _audit(page, room.id) if page.may("GET", "/v1/audit") else []}


def _audit(page: Page, subject: str) -> list[Any]:
    """Give what the audit chain says of a thing; nothing while its records are still on their way there."""
    try:
        records: list[Any] = page.get("/v1/audit", subject=subject, limit=100).items
    except NotFound:
        return []
    return records


_PARTS: Final = {
    "plan": _plan,
    "roster": _roster,
    "attendance": _attendance,
    "marks": _marks,
    "claim": _claim,
    "history": _history,
}


# --------------------------------------------------------------------------- one lesson


def _lesson(page: Page, class_id: str, lesson_id: str) -> Reply:
    """Show where and when people checked in at one lesson, and what the cameras saw."""
    room = _read(page, class_id)
    lesson = next((lesson for lesson in room.lessons if lesson.id == lesson_id), None)
    if lesson is None:
        raise error("not_found")
    values = {"lesson_id": lesson_id}
    names = _names(page, room)
    asks = page.visit.method == "GET" and page.visit.parameters.get("opened") == "true"
    opened = {"opened": "true"} if asks else {}  # who sends a form of the page does not ask to look again
    check_ins = page.get("/v1/lessons/{lesson_id}/check-ins", values, limit=100, **opened)
    footage = page.get("/v1/lessons/{lesson_id}/footage", values)
    site = lesson.site or room.site
    proofs = [(check_in, proof) for check_in in check_ins.items for proof in check_in.proofs]
    named = {check_in.id: _name_of(check_in, names) for check_in in check_ins.items}
    places = [
        (proof.location, proof.accuracy_m, named[check_in.id])
        for check_in, proof in proofs
        if proof.location is not None
    ]
    moments = [(proof.received_at, str(proof.kind), named[check_in.id]) for check_in, proof in proofs]
    return page.draw(
        "lesson",
        f"{room.name} · {lesson.topic}",
        room=room,
        lesson=lesson,
        check_ins=check_ins,
        footage=footage,
        named=named,
        names=names,
        map=plots.site_map(site.location, site.radius_m or RADIUS_M, places),
        line=plots.timeline(lesson, footage.segments, footage.gaps, moments),
        places=len(places),
        bureau=page.session.principal is not None and page.session.principal.is_bureau,
        people=[(enrolment_id, str(person.name)) for enrolment_id, person in names.items()],
        filming=lesson.starts_at <= page.visit.now and page.may("POST", "/v1/lessons/{lesson_id}/footage"),
        local=lambda moment: f"{moment.astimezone(SHANGHAI):%Y-%m-%dT%H:%M:%S}",
    )


def _name_of(check_in: Any, names: dict[str, Any]) -> str:
    trainee = check_in.trainee or names.get(check_in.enrolment_id)
    return str(trainee.name) if trainee is not None else str(check_in.enrolment_id)
