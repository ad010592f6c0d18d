"""Steps 6 to 8: apply for a class, upload its roster, attend its lessons."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.kernel.geo import CoordSystem, Point, convert
from infra.demo.client import Answer
from infra.demo.scene import (
    CLASS_SIZE,
    LESSON_HOURS,
    LESSONS,
    LIST_ROWS,
    PROJECT,
    REDEEMED,
    Body,
    Graduate,
    Scene,
)
from infra.local.films import film_of
from infra.local.people import PEOPLE_MAX, make_person, roster_workbook

_OTHER_CITY: Final = "3402"
_FIRST_LESSON_DAYS: Final = 10
_TOO_SOON_DAYS: Final = 4
_LESSON_MINUTES: Final = 240
_METRES_A_DEGREE: Final = 111_320.0
_ARRIVES_MINUTES_BEFORE: Final = 20
_LATE_MINUTES: Final = 10
_SHIFT_M: Final = range(490, 620)
"""How far wgs84 and gcj02 lie apart in Anhui, for a phone some metres from the middle of the site."""


# --------------------------------------------------------------------------- 6 open a class


def open_class(scene: Scene) -> None:
    """Apply for a class: the bureau returns it once with a reason, then approves it."""
    scene.go_to(scene.at(1, 15))
    clerk = scene.staff("clerk")
    too_soon = scene.school.post("/v1/classes", _plan(scene, _TOO_SOON_DAYS)).wanted
    warned = [one["code"] for one in too_soon["warnings"]]
    scene.check("draft for next week, warnings", warned, ["filed_too_late"])
    path = f"/v1/classes/{too_soon['id']}"
    answer = scene.school.post(f"{path}/submit", {"version": too_soon["version"]})
    scene.refused("filed all the same", answer, 409, "filed_too_late")
    plan = _plan(scene, _FIRST_LESSON_DAYS)
    draft = scene.school.put(path, {**plan, "version": too_soon["version"]}).wanted
    scene.check("moved: warnings", draft["warnings"], [])
    filed = scene.decide(scene.school, f"{path}/submit", draft["version"])
    own = scene.school.post(f"{path}/approve", {"version": filed["version"]})
    scene.refused("approved by the institution itself", own, 403, "forbidden")
    stranger = scene.staff("clerk", _OTHER_CITY).get(path)
    scene.refused("read by another city's clerk", stranger, 404, "not_found")
    reason = "授课教师资质未填写，请补充后重新提交"
    returned = scene.decide(clerk, f"{path}/return", filed["version"], reason=reason)
    seen = scene.school.get(path).wanted
    scene.check("returned with a reason", (returned["status"], seen["return_reason"]), ("returned", reason))
    plan["trainers"][0]["qualification"] = "互联网营销师二级，高级技师"
    better = scene.school.put(path, {**plan, "version": seen["version"]}).wanted
    again = scene.decide(scene.school, f"{path}/submit", better["version"], comment="已补充教师资质")
    stale = clerk.post(f"{path}/approve", {"version": filed["version"]})
    scene.refused("approved as it was before", stale, 409, "version_conflict")
    roster = scene.school.put(f"{path}/roster", {"version": again["version"], "rows": _rows(scene.trainees)})
    scene.refused("a roster before the approval", roster, 409, "class_not_approved")
    scene.training_class = scene.decide(clerk, f"{path}/approve", again["version"])
    hours = sum(one["hours"] for one in scene.training_class["lessons"])
    found = (scene.training_class["status"], len(scene.training_class["lessons"]), hours)
    scene.check("approved: lessons, hours", found, ("approved", LESSONS, LESSONS * LESSON_HOURS))


def _plan(scene: Scene, first_days: int) -> Body:
    """Plan a class; its room and trainer are free whatever else has been told on this stack."""
    trainer = make_person(PEOPLE_MAX - 1 - scene.first_person)
    lessons = []
    for nth in range(LESSONS):
        starts_at = scene.at(first_days + nth, 8, 30)
        lessons.append(
            {
                "starts_at": starts_at.isoformat(),
                "ends_at": (starts_at + timedelta(minutes=_LESSON_MINUTES)).isoformat(),
                "hours": LESSON_HOURS,
                "topic": f"第{nth + 1}讲",
                "trainer": 0,
            }
        )
    return {
        "project_id": PROJECT,
        "name": f"互联网营销师（五级）{scene.day:%Y}年第{scene.first_person // LIST_ROWS + 1}期",
        "planned_size": CLASS_SIZE,
        "site": {
            "name": f"{scene.first_person // LIST_ROWS + 1}号教室",
            "address": scene.institution["address"],
            "location": scene.institution["location"],
        },
        "trainers": [{"name": trainer.name, "id_number": trainer.id_number, "qualification": ""}],
        "lessons": lessons,
    }


def _rows(graduates: list[Graduate]) -> list[Body]:
    return [{"enrolment_id": one.enrolment_id} for one in graduates]


# --------------------------------------------------------------------------- 7 roster


def roster(scene: Scene) -> None:
    """Upload the roster as a sheet: one wrong row, and nothing of it is applied."""
    scene.go_to(scene.at(3))
    path = f"{scene.class_path}/roster"
    version = scene.training_class["version"]
    stranger = scene.redeemed[REDEEMED - 1]
    with_stranger = roster_workbook([one.person for one in [*scene.trainees, stranger]])
    answer = scene.school.put_sheet(path, with_stranger, version=version)
    scene.refused("a roster with one who is enrolled elsewhere", answer, 422, "roster_row_unmatched")
    rows = [(one.get("row"), one["code"]) for one in answer.body["errors"]]
    scene.check("row named", rows, [(CLASS_SIZE + 2, "roster_row_unmatched")])
    seen = scene.school.get(path).wanted
    scene.check("nothing applied", (len(seen["items"]), seen["version"]), (0, version))
    right = roster_workbook([one.person for one in scene.trainees])
    accepted = scene.school.put_sheet(path, right, version=version).wanted
    scene.check("roster accepted", (accepted["accepted"], accepted["errors"]), (CLASS_SIZE, []))
    seen = scene.school.get(path).wanted
    enrolled = {one["enrolment_id"] for one in seen["items"] if one["status"] == "rostered"}
    scene.holds("on the roster", enrolled == {one.enrolment_id for one in scene.trainees})
    scene.training_class = scene.school.get(scene.class_path).wanted


# --------------------------------------------------------------------------- 8 attend


def attend(scene: Scene) -> None:
    """Let trainees check in at every lesson, where it is held; film each lesson."""
    lessons = scene.training_class["lessons"]
    status: Counter[str] = Counter()
    for nth, lesson in enumerate(scene.teller.each("lessons attended and filmed", lessons)):
        starts_at = datetime.fromisoformat(lesson["starts_at"])
        if nth == 0:
            _refuse_strange_check_ins(scene, lesson, starts_at)
        late = scene.trainees[-1] if nth == 1 else None
        for place, one in enumerate(scene.trainees):
            minutes = _LATE_MINUTES if one is late else -_ARRIVES_MINUTES_BEFORE
            chance = _chance(f"{nth} {place}")
            scene.go_to(starts_at + timedelta(minutes=minutes, seconds=37 * place + chance.randrange(30)))
            came = _check_in(scene, one, lesson, _phone(scene, chance), nonce=f"in-{nth}").wanted
            status[f"{came['outcome']} {came['status']}"] += 1
        if nth == 0:
            _refuse_second_check_ins(scene, lesson, starts_at)
        scene.go_to(datetime.fromisoformat(lesson["ends_at"]) + timedelta(minutes=10))
        _film(scene, lesson, try_another_file=nth == 0)
    expected = {"accepted present": CLASS_SIZE * LESSONS - 1, "accepted late": 1}
    scene.check("check-ins", dict(status), expected)
    _check_footage(scene)
    _check_attendance(scene)


def _chance(what: str) -> random.Random:
    """Give chance that is the same every time the story is told."""
    return random.Random(what)  # noqa: S311 - no secret


def _phone(scene: Scene, chance: random.Random) -> Body:
    """Say where a phone is: some metres from the middle of the site, in the phone's own system.

    It is never twice at the same point, as no phone is: supervision looks for those that are.
    """
    where = scene.institution["location"]
    site = Point(where["lng"], where["lat"], CoordSystem(where["coord_system"]))
    middle = convert(site, CoordSystem.WGS84)
    here = _moved(middle, north_m=chance.gauss(0, 9), east_m=chance.gauss(0, 9))
    return _location(here) | {"accuracy_m": chance.randrange(8, 25)}


def _moved(point: Point, *, north_m: float = 0, east_m: float = 0) -> Point:
    return Point(
        point.lng + east_m / (_METRES_A_DEGREE * math.cos(math.radians(point.lat))),
        point.lat + north_m / _METRES_A_DEGREE,
        point.coord_system,
    )


def _location(point: Point) -> Body:
    return {
        "lng": round(point.lng, 7),
        "lat": round(point.lat, 7),
        "accuracy_m": 12,
        "coord_system": str(point.coord_system),
        "mocked": False,
    }


def _check_in(scene: Scene, one: Graduate, lesson: Body, location: Body, *, nonce: str) -> Answer:
    body: dict[str, Any] = {
        "kind": "in",
        "location": location,
        "device_id": f"phone-{one.enrolment_id[-12:]}",
        "nonce": nonce,
        "happened_at": scene.now.isoformat(),
    }
    return one.card.post(f"/v1/lessons/{lesson['id']}/check-ins", body)


def _refuse_strange_check_ins(scene: Scene, lesson: Body, starts_at: datetime) -> None:
    first, second, third = scene.trainees[:3]
    here = _phone(scene, _chance("strange"))
    scene.go_to(starts_at - timedelta(hours=3))
    scene.refused(
        "three hours early", _check_in(scene, first, lesson, here, nonce="early"), 409, "lesson_not_open"
    )
    scene.go_to(starts_at - timedelta(minutes=_ARRIVES_MINUTES_BEFORE + 5))
    stranger = _check_in(scene, scene.redeemed[REDEEMED - 1], lesson, here, nonce="stranger")
    scene.refused("one who is not on the roster", stranger, 409, "not_on_roster")
    away = _location(_moved(_point(here), north_m=2000))
    scene.refused("from 2 km away", _check_in(scene, first, lesson, away, nonce="far"), 409, "outside_site")
    as_map = convert(_point(here), CoordSystem.GCJ02)
    mislabelled = {**_location(as_map), "coord_system": "wgs84"}
    answer = _check_in(scene, second, lesson, mislabelled, nonce="shifted")
    scene.refused("map coordinates labelled as the phone's", answer, 409, "outside_site")
    shift_m = next((int(word) for word in answer.detail.split() if word.isdigit()), 0)
    scene.holds("… which lie half a kilometre off", shift_m in _SHIFT_M)
    unlabelled = {name: value for name, value in here.items() if name != "coord_system"}
    answer = _check_in(scene, third, lesson, unlabelled, nonce="bare")
    scene.refused("coordinates without their system", answer, 400, "coord_system_missing")
    vague = {**here, "accuracy_m": 3000}
    answer = _check_in(scene, third, lesson, vague, nonce="vague")
    scene.refused("a position good to 3 km", answer, 409, "accuracy_too_low")


def _point(location: Body) -> Point:
    return Point(location["lng"], location["lat"], CoordSystem(location["coord_system"]))


def _refuse_second_check_ins(scene: Scene, lesson: Body, starts_at: datetime) -> None:
    one = scene.trainees[0]
    here = _phone(scene, _chance("strange"))
    answer = _check_in(scene, one, lesson, here, nonce="in-0")
    scene.holds("the same check-in sent again: status", answer.status in (200, 201))
    answer = _check_in(scene, one, lesson, here, nonce="again")
    scene.refused("another check-in at the same lesson", answer, 409, "already_checked_in")
    scene.go_to(starts_at + timedelta(minutes=31))
    answer = _check_in(scene, one, lesson, here, nonce="too-late")
    scene.refused("half an hour after the start", answer, 409, "lesson_closed")


# --------------------------------------------------------------------------- footage


def _film(scene: Scene, lesson: Body, *, try_another_file: bool) -> None:
    starts_at, ends_at = (datetime.fromisoformat(lesson[name]) for name in ("starts_at", "ends_at"))
    film = film_of(round((ends_at - starts_at).total_seconds()), lesson["id"])
    announced = scene.school.post(
        f"/v1/lessons/{lesson['id']}/footage",
        {
            "camera_id": "camera-1",
            "started_at": lesson["starts_at"],
            "ended_at": lesson["ends_at"],
            "size_bytes": len(film),
            "sha256": hashlib.sha256(film).hexdigest(),
            "content_type": "video/mp4",
        },
    ).wanted
    if try_another_file:
        scene.check("footage announced", announced["status"], "awaiting_upload")
        status = scene.service.post_form(announced["upload"], film + b"another")
        scene.holds("another file refused by the presigned form", status in (400, 403), note=str(status))
    status = scene.service.post_form(announced["upload"], film)
    if status != 204:  # noqa: PLR2004 - what S3 answers to a form
        scene.check(f"footage of {lesson['topic']} uploaded", status, 204)


def _check_footage(scene: Scene) -> None:
    clerk = scene.staff("clerk")
    lessons = scene.training_class["lessons"]

    def read() -> list[Body]:
        return [clerk.get(f"/v1/lessons/{one['id']}/footage").wanted for one in lessons]

    def stored(found: list[Body]) -> int:
        return sum(segment["status"] == "stored" for one in found for segment in one["segments"])

    found = scene.teller.wait_for("the footage", read, lambda found: stored(found) == LESSONS)
    scene.check("footage stored", stored(found), LESSONS)
    scene.check("lessons shown from beginning to end", sum(one["coverage"] == 1 for one in found), LESSONS)
    watched = scene.service.download(found[0]["segments"][0]["url"])
    digest = hashlib.sha256(watched).hexdigest()
    scene.check("footage as the clerk watches it", digest, found[0]["segments"][0]["sha256"])


def _check_attendance(scene: Scene) -> None:
    seen = scene.school.get(f"{scene.class_path}/attendance").wanted
    hours = Counter((one["hours"], one["required_hours"]) for one in seen["trainees"])
    scene.check("hours attended", dict(hours), {(LESSONS * LESSON_HOURS, LESSONS * LESSON_HOURS): CLASS_SIZE})
    marks = Counter(mark for one in seen["trainees"] for mark in one["marks"].values())
    scene.check("marks", dict(marks), {"present": CLASS_SIZE * LESSONS - 1, "late": 1})
