"""The town behind the small province: the service, its staff, graduates with vouchers, what day it is."""

import hashlib
import time as real_time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.geo import CoordSystem, Point, convert
from infra.demo.client import Answer, Caller, Service, UnexpectedAnswer
from infra.local.catalogue import PROGRAM
from infra.local.people import Person, graduate_row, graduate_workbook, make_person
from infra.province.ground import Site
from infra.province.phones import Air, Phone, make_phone

Body = dict[str, Any]
PROJECT: Final = "prj_internetmarketing-5"
BEGINS_DAYS_AGO: Final = 75
_STEP: Final = 300
_FROM: Final = 100_000
"""People apart from those of the story (`make demo`), which begins at the first."""
_WAIT_SECONDS: Final = 120
_POLL_SECONDS: Final = 0.3


@dataclass
class Graduate:
    """Somebody with a voucher and a phone."""

    person: Person
    card: Caller
    phone: Phone
    voucher_id: str = ""
    enrolment_id: str = ""


class Town:
    """The running stack as this command uses it."""

    def __init__(self, service: Service, *, seed: int = 1) -> None:
        self.service = service
        self.rng = Random(seed)
        self.now = datetime.now(SHANGHAI)
        self.gateways = [f"gateway-{number}" for number in range(40)]
        self.first_person = 0
        programs = service.anyone().every("/v1/programs")
        self.program: Body = next(one for one in programs if one["name"] == PROGRAM["name"])
        self.project: Body = service.anyone().get(f"/v1/projects/{PROJECT}").wanted

    # ------------------------------------------------------------------ when and who

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Give a moment, counted in days from today."""
        return datetime.combine(self.now.date() + timedelta(days=days), time(hour, minute), tzinfo=SHANGHAI)

    def travel(self, moment: datetime) -> None:
        """Go to a moment."""
        self.service.clock = moment

    @property
    def clock(self) -> datetime:
        """Tell when it is for the service."""
        assert self.service.clock is not None
        return self.service.clock

    def staff(self, role: str, division: str, *, nth: int = 0) -> Caller:
        """Speak as the nth account of a role in a division."""
        fitting = [
            one["account"]
            for one in self.service.stack["accounts"]
            if one["role"] == role and one["division"].startswith(division)
        ]
        return self.service.staff(fitting[nth])

    def institution_of(self, account: str) -> Body:
        """Give the institution whose staff an account is."""
        uscc = next(one["institution"] for one in self.service.stack["accounts"] if one["account"] == account)
        return dict(self.service.anyone().get(f"/v1/institutions/{uscc}").wanted)

    def wait_for(self, read: Callable[[], Any], done: Callable[[Any], bool], what: str) -> Any:
        """Read until it is done.

        Raises:
            UnexpectedAnswer: it was not within two minutes.

        """
        deadline = real_time.monotonic() + _WAIT_SECONDS
        while True:
            found = read()
            if done(found):
                return found
            if real_time.monotonic() > deadline:
                raise UnexpectedAnswer(f"{what} took more than {_WAIT_SECONDS} s; last read: {found}")
            real_time.sleep(_POLL_SECONDS)

    # ------------------------------------------------------------------ graduates

    def graduates(self, count: int) -> list[Graduate]:
        """Import a list of graduates and issue their vouchers, as two people of the province do."""
        day = self.clock.date()
        self.first_person = self._first_unknown(day)
        people = [make_person(self.first_person + number, today=day) for number in range(count)]
        workbook = graduate_workbook(graduate_row(person) for person in people)
        province, second = self.staff("province", "34"), self.staff("province", "34", nth=1)
        announced = {
            "kind": "graduates",
            "filename": "离校未就业毕业生名单.xlsx",
            "size_bytes": len(workbook),
            "sha256": hashlib.sha256(workbook).hexdigest(),
        }
        begun = province.post("/v1/imports", announced).wanted
        self.service.post_form(begun["upload"], workbook)
        path = f"/v1/imports/{begun['id']}"
        read = self.wait_for(
            lambda: province.get(path).wanted,
            lambda read: read["status"] in ("ready", "failed"),
            "the import",
        )
        batches = f"/v1/programs/{self.program['id']}/issuance-batches"
        asked = {"import_id": read["id"], "declared_count": read["valid"]}
        batch = province.post(batches, asked).wanted
        told(second.post(f"{batches}/{batch['id']}/approve", {"version": batch["version"]}))
        self.wait_for(
            lambda: province.get(f"{batches}/{batch['id']}").wanted,
            lambda read: read["status"] == "issued",
            "issuing",
        )
        return [
            Graduate(
                person=person,
                card=self.service.trainee(name=person.name, id_number=person.id_number),
                phone=make_phone(self.rng, self.gateways),
            )
            for person in people
        ]

    def _first_unknown(self, day: date) -> int:
        """Find people of whom nobody has a voucher yet: another run takes others."""
        first = _FROM
        while True:
            person = make_person(first, today=day)
            card = self.service.trainee(name=person.name, id_number=person.id_number)
            if not card.get("/v1/vouchers").wanted["items"]:
                return first
            first += _STEP

    def site(self, institution: Body) -> Site:
        """Give an institution's place as phones see it."""
        where = institution["location"]
        point = Point(where["lng"], where["lat"], CoordSystem(where["coord_system"]))
        map_point, phone_point = convert(point, CoordSystem.GCJ02), convert(point, CoordSystem.WGS84)
        return Site(
            name=institution["name"],
            gcj02=(map_point.lng, map_point.lat),
            wgs84=(phone_point.lng, phone_point.lat),
            building_m=(12.0, -9.0),
            campus_network=None,
        )

    def air(self, institution: Body) -> Air:
        """Give the air around an institution."""
        return Air(self.rng, self.site(institution))


def told(answer: Answer) -> Body:
    """Give the body of a success."""
    return dict(answer.wanted)
