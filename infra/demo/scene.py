"""What the story knows while it is told: who takes part, what they hold, and what day it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from chalicelib.kernel.calendar import SHANGHAI
from infra.demo.client import Answer, Caller, Service
from infra.demo.telling import Teller
from infra.local.people import Expected, Person

Body = dict[str, Any]

CITY: Final = "3401"
LIST_ROWS: Final = 300
CLAIMANTS: Final = 60
REDEEMED: Final = 14
CLASS_SIZE: Final = 12
LESSONS: Final = 8
LESSON_HOURS: Final = 5
PROJECT: Final = "prj_internetmarketing-5"
OTHER_PROJECT: Final = "prj_ecommerce-4"


@dataclass
class Graduate:
    """One of the list, with the card and what it holds."""

    person: Person
    card: Caller
    voucher_id: str = ""
    enrolment_id: str = ""


@dataclass
class Scene:
    """Everything the chapters hand on to each other.

    `first_person` is the index of the first person of the list: each run on the same state takes others.
    """

    service: Service
    teller: Teller
    day: date
    first_person: int = 0
    program: Body = field(default_factory=dict)
    project: Body = field(default_factory=dict)
    institution: Body = field(default_factory=dict)
    expected: Expected | None = None
    graduates: list[Graduate] = field(default_factory=list)
    claimants: list[Graduate] = field(default_factory=list)
    redeemed: list[Graduate] = field(default_factory=list)
    training_class: Body = field(default_factory=dict)
    claim: Body = field(default_factory=dict)
    before: Body = field(default_factory=dict)
    budget_year: int = 0
    paid_in: int = 0
    """The year in which the bank paid."""
    messages: Counter[str] = field(default_factory=Counter)
    """What the national platform must have been told, by event."""

    @property
    def trainees(self) -> list[Graduate]:
        """Give those of the class."""
        return self.redeemed[:CLASS_SIZE]

    @property
    def class_path(self) -> str:
        """Give where the class is."""
        return f"/v1/classes/{self.training_class['id']}"

    @property
    def line_fen(self) -> int:
        """Give what one passed trainee is worth: the fee, at most the face value."""
        return min(int(self.program["policy"]["face_value_fen"]), int(self.project["fee_fen"]))

    # ----------------------------------------------------------------- who

    def staff(self, role: str, division: str = CITY, *, nth: int = 0) -> Caller:
        """Speak as the nth account of a role in a division or below it."""
        fitting = [
            one["account"]
            for one in self.service.stack["accounts"]
            if one["role"] == role and one["division"].startswith(division)
        ]
        return self.service.staff(fitting[nth])

    @property
    def school(self) -> Caller:
        """Speak as the staff of the institution of the story."""
        return self.staff("institution")

    @property
    def other_institution(self) -> str:
        """Give another institution of the city, whose staff the stack has too."""
        uscc = self.institution["uscc"]
        return next(
            str(one["institution"])
            for one in self.service.stack["accounts"]
            if one["role"] == "institution"
            and one["division"].startswith(CITY)
            and one["institution"] != uscc
        )

    # ----------------------------------------------------------------- when

    def at(self, days: int, hour: int = 9, minute: int = 0) -> datetime:
        """Give a moment of the story, counted in days from its first."""
        return datetime.combine(self.day + timedelta(days=days), time(hour, minute), tzinfo=SHANGHAI)

    def go_to(self, moment: datetime) -> None:
        """Travel to a moment."""
        self.service.clock = moment

    def later(self, *, seconds: int = 0, minutes: int = 0) -> None:
        """Let time pass."""
        assert self.service.clock is not None
        self.service.clock += timedelta(seconds=seconds, minutes=minutes)

    @property
    def now(self) -> datetime:
        """Tell what time it is in the story."""
        assert self.service.clock is not None
        return self.service.clock

    # ----------------------------------------------------------------- what

    def check(self, name: str, found: Any, expected: Any, *, note: str = "") -> bool:
        """Note a figure."""
        return self.teller.check(name, found, expected, note=note)

    def holds(self, name: str, fact: bool, *, note: str = "") -> bool:  # noqa: FBT001 - the fact itself
        """Note something that has to be so."""
        return self.teller.check(name, fact, expected=True, note=note)

    def refused(self, name: str, answer: Answer, status: int, code: str) -> None:
        """Note a refusal that has to happen, with its status and code."""
        found = f"{answer.status} {answer.code or ''}".strip()
        self.teller.check(name, found, f"{status} {code}", note=answer.detail)

    def decide(self, caller: Caller, path: str, version: int, **more: Any) -> Body:
        """Make a decision on a version."""
        return dict(caller.post(path, {"version": version, **more}).wanted)
