"""The life of one class on the stack: its events, each noted for the day it happens."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from chalicelib.kernel.calendar import add_working_days
from infra.demo.client import Caller
from infra.local.films import film_of
from infra.local.people import PEOPLE_MAX, make_person
from infra.province.phones import Phone, fix, make_phone
from infra.province.stack.agenda import Agenda, Event
from infra.province.stack.plans import BURST, SHARED_PHONE, ClassPlan, Stage
from infra.province.stack.town import PROJECT, Body, Graduate, Town, told

CLASS_SIZE: Final = 10
LESSONS: Final = 5
_LESSON_HOURS: Final = 8
_LESSON_MINUTES: Final = 370
_SHARING: Final = 6
"""So many of a class check in with one phone, where they cheat like that."""


class Life:
    """One class from its enrolments to its payment."""

    def __init__(
        self, town: Town, agenda: Agenda, plan: ClassPlan, *, number: int, graduates: Sequence[Graduate]
    ) -> None:
        self.town = town
        self.agenda = agenda
        self.plan = plan
        self.number = number
        self.graduates = list(graduates)
        self.institution = town.institution_of(plan.school)
        self.air = town.air(self.institution)
        self.city = self.institution["division"][:4]
        self.school = town.service.staff(plan.school)
        self.found: Body = {}
        self.claim: Body = {}
        self._note()

    @property
    def path(self) -> str:
        """Give where the class is."""
        return f"/v1/classes/{self.found['id']}"

    @property
    def clerk(self) -> Caller:
        """Speak as the bureau's clerk."""
        return self.town.staff("clerk", self.city)

    def _note(self) -> None:
        """Note the events up to the stage that is planned."""
        plan, agenda, at = self.plan, self.agenda, self.town.at
        filed = min(plan.first_day - 12, -1)
        for place, graduate in enumerate(self.graduates):
            agenda.at(at(filed - 6 + place % 3, 9 + place // 3, 7 * (place % 3)), self._enrolling(graduate))
        agenda.at(at(filed, 9), self._draft)
        if plan.stage is Stage.DRAFT:
            return
        agenda.at(at(filed, 10), self._submit)
        if plan.is_cancelled:
            agenda.at(at(filed, 15), self._cancel)
        if plan.stage is Stage.RETURNED:
            agenda.at(at(filed, 16), self._return)
        if plan.stage < Stage.APPROVED:
            return
        agenda.at(at(filed + 1, 9), self._approve)
        agenda.at(at(filed + 1, 15), self._roster)
        for nth in range(LESSONS):
            self._note_lesson(nth)
        last = plan.first_day + LESSONS - 1
        ends = (
            (Stage.COMPLETION_SUBMITTED, at(last, 16, 30), self._look_at_check_ins),
            (Stage.COMPLETION_SUBMITTED, at(last, 17), self._apply_for_completion),
            (Stage.SCORED, at(last + 1, 9), self._approve_completion),
            (Stage.SCORED, at(last + 1, 10), self._enter_marks),
            (Stage.CLAIMED, at(last + 1, 11), self._claim),
            (Stage.REVIEWED, at(last + 2, 9), self._review),
            (Stage.PUBLICISED, at(last + 2, 10), self._approve_claim),
        )
        for stage, moment, event in ends:
            if plan.stage >= stage:
                agenda.at(moment, event)

    # ------------------------------------------------------------------ enrolment

    def _enrolling(self, graduate: Graduate) -> Event:
        def enrol() -> None:
            voucher = graduate.card.get("/v1/vouchers").wanted["items"][0]
            graduate.voucher_id = voucher["id"]
            told(graduate.card.post(f"/v1/vouchers/{graduate.voucher_id}/claim"))
            qr = told(graduate.card.get(f"/v1/vouchers/{graduate.voucher_id}/qr"))
            scan = {
                "token": qr["token"],
                "project_id": PROJECT,
                "nonce": f"scan-{graduate.voucher_id}",
                "device_id": f"counter-{self.plan.school}",
                "happened_at": self.town.clock.isoformat(),
            }
            graduate.enrolment_id = told(self.school.post("/v1/enrolments", scan))["id"]

        return enrol

    # ------------------------------------------------------------------ the class

    def _draft(self) -> None:
        trainer = make_person(PEOPLE_MAX - 1 - self.town.first_person - self.number)
        lessons = []
        for nth in range(LESSONS):
            starts_at = self._starts_at(nth)
            lessons.append(
                {
                    "starts_at": starts_at.isoformat(),
                    "ends_at": (starts_at + timedelta(minutes=_LESSON_MINUTES)).isoformat(),
                    "hours": _LESSON_HOURS,
                    "topic": f"第{nth + 1}讲",
                    "trainer": 0,
                }
            )
        body = {
            "project_id": PROJECT,
            "name": f"互联网营销师（五级）第{self.number + 1}期",
            "planned_size": CLASS_SIZE,
            "site": {
                "name": f"{self.number + 1}号教室",
                "address": self.institution["address"],
                "location": self.institution["location"],
            },
            "trainers": [
                {"name": trainer.name, "id_number": trainer.id_number, "qualification": "互联网营销师二级"}
            ],
            "lessons": lessons,
        }
        self.found = told(self.school.post("/v1/classes", body))

    def _starts_at(self, nth: int) -> datetime:
        return self.town.at(self.plan.first_day + nth, 9)

    def _decide(self, caller: Caller, action: str, **more: object) -> None:
        version = told(caller.get(self.path))["version"]
        told(caller.post(f"{self.path}/{action}", {"version": version, **more}))

    def _submit(self) -> None:
        self._decide(self.school, "submit")

    def _cancel(self) -> None:
        self._decide(self.school, "cancel", reason="报名人数不足，取消开班")

    def _return(self) -> None:
        self._decide(self.clerk, "return", reason="授课教师资质材料不清晰，请重新上传")

    def _approve(self) -> None:
        self._decide(self.clerk, "approve")
        self.found = told(self.school.get(self.path))

    def _roster(self) -> None:
        rows = [{"enrolment_id": graduate.enrolment_id} for graduate in self.graduates]
        told(self.school.put(f"{self.path}/roster", {"version": self.found["version"], "rows": rows}))

    # ------------------------------------------------------------------ lessons

    def _note_lesson(self, nth: int) -> None:
        town, starts_at = self.town, self._starts_at(nth)
        shared = make_phone(town.rng, town.gateways)
        at = starts_at - timedelta(minutes=25)
        for place, graduate in enumerate(self.graduates):
            if self.plan.cheat == BURST:
                moment = starts_at - timedelta(minutes=12) + timedelta(seconds=0.8 * place)
            elif self.plan.cheat == SHARED_PHONE and place < _SHARING:
                at += timedelta(seconds=town.rng.uniform(9, 20))
                moment = at
            else:
                moment = starts_at - timedelta(minutes=max(-20.0, town.rng.gauss(11, 8)))
            phone = shared if self.plan.cheat == SHARED_PHONE and place < _SHARING else graduate.phone
            if self.plan.cheat is None and town.rng.random() < 0.04:
                continue  # stayed away
            self.agenda.at(moment, self._checking_in(graduate, nth, phone))
        self.agenda.at(starts_at + timedelta(minutes=_LESSON_MINUTES + 20), self._filming(nth))

    def _checking_in(self, graduate: Graduate, nth: int, phone: Phone) -> Event:
        def check_in() -> None:
            now = self.town.clock
            place = fix(self.town.rng, phone, self.air, now)
            lesson = self.found["lessons"][nth]
            body = {
                "kind": "in",
                "location": {
                    "lng": place.lng,
                    "lat": place.lat,
                    "accuracy_m": place.accuracy_m,
                    "coord_system": place.coord_system,
                    "mocked": False,
                },
                "device_id": phone.key,
                "nonce": f"in-{lesson['id']}",
                "happened_at": now.isoformat(),
            }
            graduate.card.post(f"/v1/lessons/{lesson['id']}/check-ins", body)  # a refusal is kept, and shown

        return check_in

    def _filming(self, nth: int) -> Event:
        def film() -> None:
            lesson = self.found["lessons"][nth]
            content = film_of(_LESSON_MINUTES * 60, lesson["id"])
            announced = {
                "camera_id": f"camera-{self.number + 1}",
                "started_at": lesson["starts_at"],
                "ended_at": lesson["ends_at"],
                "size_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "content_type": "video/mp4",
            }
            asked = told(self.school.post(f"/v1/lessons/{lesson['id']}/footage", announced))
            self.town.service.post_form(asked["upload"], content)

        return film

    # ------------------------------------------------------------------ completion and claim

    def _look_at_check_ins(self) -> None:
        """Decide on those that need review; of classes that still run they wait, and are seen waiting."""
        for waiting in self.clerk.every("/v1/check-ins"):
            if waiting["class_id"] == self.found["id"]:
                path = f"/v1/lessons/{waiting['lesson_id']}/check-ins/{waiting['id']}/accept"
                told(self.clerk.post(path, {"version": waiting["version"], "reason": "已电话核实到课"}))

    def _apply_for_completion(self) -> None:
        self._decide(self.school, "completion/submit")

    def _approve_completion(self) -> None:
        self._decide(self.clerk, "completion/approve")

    def _enter_marks(self) -> None:
        rng = self.town.rng
        rows = [
            {
                "enrolment_id": graduate.enrolment_id,
                "theory": round(min(100, max(50, rng.gauss(80, 7)))),
                "practice": round(min(100, max(50, rng.gauss(82, 7)))),
            }
            for graduate in self.graduates
        ]
        version = told(self.school.get(self.path))["version"]
        told(self.school.put(f"{self.path}/scores", {"version": version, "rows": rows}))

    def _claim(self) -> None:
        payable = told(self.school.get(f"{self.path}/payability"))
        declared = {"declared_count": payable["count"], "declared_amount_fen": payable["amount_fen"]}
        self.claim = told(self.school.post(f"{self.path}/subsidy-claims", declared))

    @property
    def claim_path(self) -> str:
        """Give where the claim is."""
        return f"/v1/subsidy-claims/{self.claim['id']}"

    def _review(self) -> None:
        told(self.clerk.post(f"{self.claim_path}/review", {"version": self.claim["version"]}))

    def _approve_claim(self) -> None:
        reviewer = self.town.staff("reviewer", self.city)
        version = told(reviewer.get(self.claim_path))["version"]
        told(reviewer.post(f"{self.claim_path}/approve", {"version": version}))

    def publicity_is_over(self) -> datetime:
        """Tell when the claim may be paid: the night after the last working day of publicity."""
        days = self.town.program["policy"]["publicity_working_days"]
        approved_on = self.town.at(self.plan.first_day + LESSONS + 1, 10).date()
        over = (add_working_days(approved_on, days) - self.town.now.date()).days
        return self.town.at(over + 1, 0, 35)
