"""Exports in memory: an honest class to spoil, and what the rules find of it, as `infra.supervise` would."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import FILES, ExportNote, Finding
from infra.exported import Records
from infra.supervise import evaluations

MONDAY = datetime(2026, 9, 7, tzinfo=SHANGHAI)
AS_OF = datetime(2026, 12, 31, 12, tzinfo=SHANGHAI)
HEFEI, WUHU, HUANGSHAN = (117.2272, 31.8206), (118.4329, 31.3525), (118.3376, 29.7147)
SCHOOL = "91340100MA2ABCDE0X"
METRE = 9e-6
"""About a metre, in degrees."""

Row = dict[str, Any]


def text(moment: datetime) -> str:
    return moment.isoformat()


class Course:
    """A class of an export: its rows, which a test changes as it likes."""

    def __init__(self, export: "Export", number: int, **told: Any) -> None:
        self.export, self.id = export, f"cls_{number}"
        self.number = number
        self.place = told.get("place", HEFEI)
        self.begins: datetime = told.get("begins", MONDAY)
        self.days = told.get("days", 5)
        self.from_hour, self.hours = told.get("from_hour", 9), told.get("hours", 3)
        self.random = random.Random(number)
        self.enrolments: list[str] = []
        self.head = self._head(told)
        export.rows["classes"].append(self.head)

    def _head(self, told: Row) -> Row:
        filed = self.begins - timedelta(days=20)
        over = self.ends(self.days - 1)
        return {
            "id": self.id,
            "institution": told.get("institution", SCHOOL),
            "project": told.get("project", "prj_1"),
            "division": "340111",
            "program": "prg_1",
            "status": "claimed",
            "site": {"lng": self.place[0], "lat": self.place[1], "coord_system": "wgs84", "radius_m": 200},
            "room": told.get("room", f"room {self.number}"),
            "created_at": text(filed),
            "submitted_at": text(filed),
            "approved_at": text(filed + timedelta(days=5)),
            "completion_submitted_at": text(over + timedelta(days=1)),
            "scored_at": text(over + timedelta(days=3)),
            "planned_size": 30,
            "lessons": [
                {
                    "id": self.lesson(day),
                    "starts_at": text(self.starts(day)),
                    "ends_at": text(self.ends(day)),
                    "hours": 4,
                    "trainer": told.get("trainer", f"trainer {self.number}"),
                    "room": None,
                }
                for day in range(self.days)
            ],
        }

    def lesson(self, day: int) -> str:
        return f"les_{self.number}-{day:02}"

    def starts(self, day: int) -> datetime:
        return self.begins + timedelta(days=day, hours=self.from_hour)

    def ends(self, day: int) -> datetime:
        return self.starts(day) + timedelta(hours=self.hours)

    def enrol(self, persons: list[str]) -> list[str]:
        """Put people on the roster, with a voucher, marks and a line each; give their enrolments."""
        rows, fresh = self.export.rows, []
        for person in persons:
            place = len(self.enrolments)
            enrolment, voucher = f"enr_{self.number}-{place:02}", f"vch_{self.number}-{place:02}"
            redeemed = text(self.begins - timedelta(days=16))
            if all(row["person"] != person for row in rows["people"]):
                rows["people"].append({"person": person, "phone_key": f"phone {person}", "account_key": None})
            rows["vouchers"].append(
                {
                    "id": voucher,
                    "person": person,
                    "status": "redeemed",
                    "redeemed_at": redeemed,
                    "institution": self.head["institution"],
                    "enrolment": enrolment,
                }
            )
            rows["enrolments"].append(
                {
                    "id": enrolment,
                    "voucher": voucher,
                    "person": person,
                    "institution": self.head["institution"],
                    "status": "rostered",
                    "confirmed_at": redeemed,
                    "class": self.id,
                }
            )
            rows["rosters"].append(
                {"class": self.id, "enrolment": enrolment, "person": person, "added_at": redeemed}
            )
            rows["scores"].append(
                {
                    "class": self.id,
                    "enrolment": enrolment,
                    "theory": round(self.random.gauss(80, 7)),
                    "practice": round(self.random.gauss(82, 7)),
                    "passed": True,
                    "entered_at": text(self.ends(self.days - 1) + timedelta(days=2)),
                }
            )
            self.enrolments.append(enrolment)
            fresh.append(enrolment)
        return fresh

    def person_of(self, enrolment: str) -> str:
        return next(row["person"] for row in self.export.rows["rosters"] if row["enrolment"] == enrolment)

    def attend(self) -> None:
        """Let everybody come to each lesson as honest people do: one by one, each with a phone of their own."""
        for day in range(self.days):
            for enrolment in self.enrolments:
                early = max(30.0, self.random.gauss(900, 400))
                self.check_in(day, enrolment, self.starts(day) - timedelta(seconds=early))

    def check_in(self, day: int, enrolment: str, at: datetime, **told: Any) -> Row:
        """Add one attempt; what is told replaces what an honest phone says."""
        accuracy = self.random.uniform(6, 30)
        spot = self.place
        row = {
            "id": f"chk_{len(self.export.rows['check_ins']):06}",
            "lesson": self.lesson(day),
            "enrolment": enrolment,
            "kind": "in",
            "outcome": "accepted",
            "reason": None,
            "location": {
                "lng": round(spot[0] + self.random.gauss(0, accuracy / 2) * METRE * 1.17, 7),
                "lat": round(spot[1] + self.random.gauss(0, accuracy / 2) * METRE, 7),
                "accuracy_m": round(accuracy, 1),
                "coord_system": "wgs84",
                "mocked": False,
            },
            "device": f"device {self.person_of(enrolment)}",
            "network": "campus",
            "happened_at": text(at),
            "received_at": text(at),
            "offline": False,
            "made_up": False,
        } | told
        self.export.rows["check_ins"].append(row)
        return row

    def check_ins(self, day: int | None = None) -> list[Row]:
        lessons = {self.lesson(one) for one in range(self.days)} if day is None else {self.lesson(day)}
        return [row for row in self.export.rows["check_ins"] if row["lesson"] in lessons]

    def film(self, **told: Any) -> None:
        for day in range(self.days):
            self.export.rows["footage"].append(
                {
                    "id": f"ftg_{self.number}-{day:02}",
                    "lesson": self.lesson(day),
                    "camera": f"camera {self.number}",
                    "started_at": text(self.starts(day) - timedelta(minutes=5)),
                    "ended_at": text(self.ends(day) + timedelta(minutes=5)),
                    "status": "stored",
                    "bytes": self.random.randint(10**8, 10**9),
                    "sha256": f"{self.number:032x}{day:032x}",
                }
                | told
            )

    def footage(self) -> list[Row]:
        lessons = {self.lesson(day) for day in range(self.days)}
        return [row for row in self.export.rows["footage"] if row["lesson"] in lessons]

    def scores(self) -> list[Row]:
        return [row for row in self.export.rows["scores"] if row["class"] == self.id]

    def claim(self, **told: Any) -> Row:
        row = {
            "id": f"clm_{self.number}",
            "class": self.id,
            "institution": self.head["institution"],
            "program": "prg_1",
            "status": "submitted",
            "submitted_at": text(self.ends(self.days - 1) + timedelta(days=10)),
            "lines": [
                {
                    "id": f"lin_{self.number}-{place:02}",
                    "enrolment": enrolment,
                    "person": self.person_of(enrolment),
                    "amount_fen": 180_000,
                    "status": "pending",
                }
                for place, enrolment in enumerate(self.enrolments)
            ],
        } | told
        self.export.rows["claims"].append(row)
        return row

    def found(self, rule: str) -> list[Finding]:
        """Give what a rule finds of this class."""
        return [one for one in self.export.findings(rule) if one.class_id == self.id]

    def severity(self, rule: str) -> str | None:
        """Give the worst that a rule finds of this class: hold, warn or nothing."""
        severities = {finding.severity.value for finding in self.found(rule)}
        return next((severity for severity in ("hold", "warn") if severity in severities), None)


class Export:
    """The rows of an export, by file."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {name: [] for name in FILES}
        self.as_of = AS_OF
        self.policy = Policy()
        self.institution(SCHOOL, rooms=10)
        self.rows["projects"].append({"id": "prj_1", "occupation": "4-07-05-01", "level": 4})
        self.persons = 0

    def institution(self, uscc: str, rooms: int | None, **told: Any) -> None:
        row = {"uscc": uscc, "name": "学校", "division": "340111", "rooms": rooms}
        self.rows["institutions"].append(row | told)

    def people(self, count: int) -> list[str]:
        self.persons += count
        return [f"prs_{number:04}" for number in range(self.persons - count, self.persons)]

    def course(self, people: int = 12, *, attended: bool = True, **told: Any) -> Course:
        """Add a class of so many new people, honest in all: attended, filmed, marked and claimed for."""
        course = Course(self, len(self.rows["classes"]) + 1, **told)
        course.enrol(self.people(people))
        if attended:
            course.attend()
            course.film()
            course.claim()
        return course

    def records(self) -> Records:
        return Records(
            by_file={
                name: [msgspec.convert(row, kind) for row in self.rows[name]] for name, kind in FILES.items()
            },
            note=ExportNote(as_of=self.as_of),
        )

    def findings(self, rule: str | None = None) -> list[Finding]:
        """Give what all rules, or one, find; no rule may fail."""
        found = []
        for evaluation in evaluations(self.records(), self.policy):
            assert evaluation.failures == []
            found += evaluation.findings
        return [finding for finding in found if rule in {None, finding.rule}]

    def write(self, folder: Any) -> None:
        """Write it as the page of records says."""
        for name, rows in self.rows.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "export.json").write_text(json.dumps({"as_of": text(self.as_of)}))
