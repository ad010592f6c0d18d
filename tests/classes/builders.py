"""Classes brought to a state through the API."""

import io
import uuid
from datetime import date, datetime, timedelta
from typing import Any

from openpyxl import Workbook

from infra.local.people import make_person

SITE = {
    "name": "一号教室",
    "address": "合肥市包河区",
    "location": {"lng": 117.2825, "lat": 31.7384, "coord_system": "gcj02"},
}
DAY = timedelta(days=1)


def trainer(index: int = 900) -> dict[str, str]:
    person = make_person(index, today=date(2026, 9, 1))
    return {"name": person.name, "id_number": person.id_number, "qualification": "高级讲师"}


def application(world: Any, **changes: Any) -> dict[str, Any]:
    """Five lessons of eight hours from ten days on, 9:00 to 17:00 in Shanghai."""
    first = world.now + 10 * DAY
    lessons = [
        {
            "starts_at": (first + n * DAY).isoformat(),
            "ends_at": (first + n * DAY + timedelta(hours=8)).isoformat(),
            "hours": 8,
            "topic": f"第{n + 1}讲",
            "trainer": 0,
        }
        for n in range(5)
    ]
    body = {
        "project_id": world.project_id,
        "name": "互联网营销一班",
        "planned_size": 12,
        "site": SITE,
        "trainers": [trainer()],
        "lessons": lessons,
    }
    return body | changes


def xlsx(*rows: Any) -> bytes:
    """Give rows as a workbook."""
    book: Any = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv(*rows: Any) -> bytes:
    """Give rows as a sheet of text, as spreadsheets write it in China."""
    return "\n".join(",".join(str(cell) for cell in row) for row in rows).encode("gb18030")


def identity(person: Any) -> dict[str, str]:
    """Give the cells that name a person."""
    return {"name": person.name, "id_number": person.id_number}


def statuses(api: Any) -> dict[str, str]:
    """Give the status of each enrolment of the first institution."""
    return {item["id"]: item["status"] for item in api("institution").get("/v1/enrolments").json["items"]}


def changed_class(class_id: str) -> str:
    """Store a change that waits for a decision, straight into the table; gives its id."""
    from chalicelib.classes.changes.model import part_of
    from chalicelib.classes.model import ChangeStatus, ClassChange
    from chalicelib.classes.store import ClassRow, find_parts

    parts = find_parts(class_id)
    assert parts is not None
    plan = parts.plan
    change = ClassChange(
        id=plan.id,
        part=part_of(1),
        division=plan.division,
        status=ChangeStatus.SUBMITTED,
        reason="调课",
        site=plan.site,
        trainers=plan.trainers,
        lessons=plan.lessons,
        lesson_numbers=len(plan.lessons),
        changes=[],
        submitted_by="acc_teacher",
        submitted_at=parts.head.created_at,
    )
    ClassRow.from_record(change).save()
    return change.change_id


class Classroom:
    """One class of the first institution, moved on step by step."""

    def __init__(self, world: Any, **changes: Any) -> None:
        self.world, self.api = world, world.api
        answer = self.api("institution").post("/v1/classes", application(world, **changes), at=world.now)
        assert answer.status == 201, answer.text
        self.json = answer.json
        self.people: list[Any] = []
        self.enrolments: list[dict[str, Any]] = []

    @property
    def id(self) -> str:
        return self.json["id"]

    @property
    def version(self) -> int:
        return self.json["version"]

    def lesson(self, number: int = 0) -> dict[str, Any]:
        return self.json["lessons"][number]

    def starts(self, number: int = 0) -> datetime:
        return datetime.fromisoformat(self.lesson(number)["starts_at"])

    def ended(self) -> datetime:
        return datetime.fromisoformat(self.json["ends_at"]) + timedelta(minutes=1)

    def try_(
        self, who: Any, action: str, body: dict[str, Any] | None = None, at: datetime | None = None
    ) -> Any:
        sent = {"version": self.version} | (body or {})
        return self.api(who).post(f"/v1/classes/{self.id}/{action}", sent, at=at or self.world.now)

    def do(
        self, who: Any, action: str, body: dict[str, Any] | None = None, at: datetime | None = None
    ) -> Any:
        answer = self.try_(who, action, body, at)
        assert answer.status == 200, answer.text
        self.json = answer.json
        return self

    def read(self, who: Any = "institution", at: datetime | None = None) -> dict[str, Any]:
        answer = self.api(who).get(f"/v1/classes/{self.id}", at=at or self.world.now)
        assert answer.status == 200, answer.text
        return answer.json

    def refresh(self) -> "Classroom":
        self.json = self.read()
        return self

    def approved(self) -> "Classroom":
        return self.do("institution", "submit").do("clerk", "approve")

    def enrol(self, count: int, first: int = 1) -> list[dict[str, Any]]:
        people = [self.world.person(first + n) for n in range(count)]
        enrolments = [self.world.enrolment(person) for person in people]
        self.people += people
        self.enrolments += enrolments
        return enrolments

    def put_roster(self, rows: list[dict[str, Any]], query: str = "", version: int | None = None) -> Any:
        body = {"version": version or self.version, "rows": rows}
        path = f"/v1/classes/{self.id}/roster{query}"
        return self.api("institution").put(path, body, at=self.world.now)

    def rostered(self, count: int = 2) -> "Classroom":
        self.approved()
        enrolments = self.enrol(count)
        answer = self.put_roster([{"enrolment_id": enrolment["id"]} for enrolment in enrolments])
        assert answer.status == 200, answer.text
        return self.refresh()

    def attend(self, place: int, lessons: int | None = None) -> "Classroom":
        """Let a rostered trainee have come to the first so many lessons, on time."""
        from chalicelib.accounts.persons.service import person_key_of
        from chalicelib.attendance.check_ins.model import (
            CheckIn,
            CheckInOutcome,
            CheckInProof,
            DevicePlace,
            Punctuality,
            slot_of,
        )
        from chalicelib.attendance.check_ins.store import CheckInRow
        from chalicelib.kernel.geo import CoordSystem

        here = SITE["location"]
        for number in range(len(self.json["lessons"]) if lessons is None else lessons):
            at = self.starts(number)
            proof = CheckInProof(
                place=DevicePlace(
                    lng=here["lng"], lat=here["lat"], accuracy_m=10, coord_system=CoordSystem.GCJ02
                ),
                device_id=f"phone-{place}",
                nonce=uuid.uuid4().hex,
                happened_at=at,
                received_at=at,
                outcome=CheckInOutcome.ACCEPTED,
                status=Punctuality.PRESENT,
                distance_m=1.0,
            )
            key = person_key_of(self.people[place].id_number)
            record = CheckIn(
                class_id=self.id,  # type: ignore[arg-type]
                slot=slot_of(self.lesson(number)["id"], key),
                enrolment_id=self.enrolments[place]["id"],
                came=proof,
            )
            CheckInRow.from_record(record).save()
        return self

    def completed(self, count: int = 2) -> "Classroom":
        """End the class with its completion approved; everybody came to every lesson."""
        self.rostered(count)
        for place in range(count):
            self.attend(place)
        self.do("institution", "completion/submit", at=self.ended())
        return self.do("clerk", "completion/approve", at=self.ended())

    def put_scores(
        self,
        rows: list[dict[str, Any]],
        query: str = "",
        version: int | None = None,
        reason: str | None = None,
    ) -> Any:
        body = {"version": version or self.version, "rows": rows} | ({"reason": reason} if reason else {})
        path = f"/v1/classes/{self.id}/scores{query}"
        return self.api("institution").put(path, body, at=self.ended())

    def check_in(self, person: Any, number: int = 0, **changes: Any) -> Any:
        at = changes.pop("at", self.starts(number) - timedelta(minutes=10))
        place = {"accuracy_m": 20, "mocked": False, **SITE["location"], **changes.pop("location", {})}
        body = {
            "kind": "in",
            "location": {name: value for name, value in place.items() if value is not None},
            "device_id": "phone-1",
            "nonce": uuid.uuid4().hex,
            "happened_at": at.isoformat(),
        } | changes
        return self.api(person).post(f"/v1/lessons/{self.lesson(number)['id']}/check-ins", body, at=at)
