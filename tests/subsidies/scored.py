"""Scored classes written straight into the tables, so that money can be tested without weeks of lessons."""

import itertools
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.attendance.check_ins.model import (
    CheckIn,
    CheckInOutcome,
    CheckInProof,
    DevicePlace,
    Punctuality,
    slot_of,
)
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.catalogue.institutions.model import Location
from chalicelib.classes.model import (
    ClassHead,
    ClassPlan,
    ClassRoster,
    ClassStatus,
    Lesson,
    Site,
    lesson_id_of,
)
from chalicelib.classes.scores.model import has_passed
from chalicelib.classes.store import ClassRow
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.geo import CoordSystem
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import Policy
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.claims.store import find_line
from chalicelib.subsidies.holds.store import set_holds
from chalicelib.vouchers.model import Voucher, VoucherStatus, voucher_id_of
from chalicelib.vouchers.store import VoucherRow
from tests.support.people import HEFEI_SCHOOL, WUHU_SCHOOL

_numbers = itertools.count(1)
LESSONS = 1
HOURS = 40
_PLACE = Location(lng=117.2, lat=31.8, coord_system=CoordSystem.WGS84)


def scored_class(
    world: Any,
    size: int = 3,
    *,
    failed: Collection[int] = (),
    absent: Collection[int] = (),
    mocked: Collection[int] = (),
    institution: str = HEFEI_SCHOOL,
    division: str = "340111",
    face_value_fen: int = 600_000,
    people: list[str] | None = None,
    policy_version: int = 1,
) -> str:
    """Store a class that was completed and scored at the world's time; trainees are counted from 0."""
    class_id: Any = new_id("cls")
    now: datetime = world.now
    opens_at = now - timedelta(days=20)
    lessons = [
        Lesson(
            id=lesson_id_of(class_id, number + 1),
            starts_at=opens_at + timedelta(days=number),
            ends_at=opens_at + timedelta(days=number, hours=6),
            hours=HOURS,
            topic="",
            trainer=0,
        )
        for number in range(LESSONS)
    ]
    roster: dict[str, str] = {}
    with (
        EnrolmentRow.batch_write() as enrolments,
        VoucherRow.batch_write() as vouchers,
        CheckInRow.batch_write() as check_ins,
    ):
        for place in range(size):
            person: Any = people[place] if people else f"prs_test{next(_numbers):06d}"
            enrolment_id: Any = f"enr_{class_id[4:20]}{place:02d}"
            roster[person] = enrolment_id
            theory, practice = 50 if place in failed else 80, 80
            share = Decimal(place not in absent)
            passed = has_passed(theory=theory, practice=practice, policy=Policy(), share=share)
            voucher_id = voucher_id_of(person, class_id if people else world.program_id)
            vouchers.save(
                VoucherRow.from_record(
                    Voucher(
                        id=voucher_id,
                        program_id=world.program_id,
                        person_key=person,
                        division=division,
                        batch_id="iss_world",
                        status=VoucherStatus.REDEEMED,
                        face_value_fen=face_value_fen,
                        holder_name="张*",
                        holder_id_number="340***********1234",
                        issued_at=opens_at,
                        redeemed_at=opens_at,
                        expires_at=opens_at + timedelta(days=365),
                        valid_through=(opens_at + timedelta(days=364)).date(),
                        enrolment_id=enrolment_id,
                        institution=institution,
                    )
                )
            )
            enrolments.save(
                EnrolmentRow.from_record(
                    Enrolment(
                        id=enrolment_id,
                        voucher_id=voucher_id,
                        program_id=world.program_id,
                        project_id=world.project_id,
                        institution=institution,  # type: ignore[arg-type]
                        division=division,
                        person_key=person,
                        trainee_name="张*",
                        trainee_id_number="340***********1234",
                        status=EnrolmentStatus.PASSED if passed else EnrolmentStatus.FAILED,
                        confirmed_at=opens_at,
                        happened_at=opens_at,
                        device_id="d",
                        class_id=class_id,
                        theory=theory,
                        practice=practice,
                    )
                )
            )
            if place not in absent:
                for lesson in lessons:
                    check_ins.save(_check_in(class_id, lesson, person, enrolment_id, mocked=place in mocked))
    _store_class(
        world,
        class_id,
        lessons,
        roster,
        institution=institution,
        division=division,
        opens_at=opens_at,
        policy_version=policy_version,
    )
    return str(class_id)


def _check_in(class_id: Any, lesson: Lesson, person: str, enrolment_id: str, *, mocked: bool) -> CheckInRow:
    came = CheckInProof(
        place=DevicePlace(lng=117.2, lat=31.8, accuracy_m=10, coord_system=CoordSystem.WGS84, mocked=mocked),
        device_id=person,
        nonce="n",
        happened_at=lesson.starts_at,
        received_at=lesson.starts_at,
        outcome=CheckInOutcome.ACCEPTED,
        status=Punctuality.PRESENT,
        distance_m=1.0,
    )
    slot = slot_of(lesson.id, person)
    return CheckInRow.from_record(
        CheckIn(
            class_id=class_id,
            slot=slot,
            enrolment_id=enrolment_id,
            came=came,
        )
    )


def _store_class(
    world: Any,
    class_id: Any,
    lessons: list[Lesson],
    roster: dict[str, str],
    *,
    institution: Any,
    division: str,
    opens_at: datetime,
    policy_version: int,
) -> None:
    head = ClassHead(
        id=class_id,
        institution=institution,
        division=division,
        city=budget_division(division),
        program_id=world.program_id,
        project_id=world.project_id,
        name="电商一班",
        planned_size=max(len(roster), 10),
        status=ClassStatus.SCORED,
        policy_version=policy_version,
        project_version=1,
        created_at=opens_at,
        opens_at=opens_at,
        ends_at=lessons[-1].ends_at,
        enrolled=len(roster),
        submitted_by="acc_teacher",
        approved_by="acc_clerk",
        approved_at=opens_at,
        completion_approved_at=world.now - timedelta(days=1),
    )
    site = Site(name="教室", address="合肥市", location=_PLACE)
    ClassRow.from_record(head).save()
    ClassRow.from_record(
        ClassPlan(id=class_id, division=division, site=site, trainers=[], lessons=lessons)
    ).save()
    ClassRow.from_record(ClassRoster(id=class_id, division=division, roster=roster)).save()


def wuhu_class(world: Any, size: int = 2) -> str:
    """Store a scored class of the school in 芜湖."""
    return scored_class(world, size, institution=WUHU_SCHOOL, division="340202")


def codes(line: Any) -> list[str]:
    """Name what holds a line, by code."""
    return [hold["code"] for hold in line["holds"]]


class Money:
    """Walks classes through claims, reviews, publicity, batches and results over HTTP."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.api = world.api
        self.now: datetime = world.now

    def budget(self, fen: int = 100_000_000, *, division: str = "3401", who: str = "finance") -> Any:
        body = {"program_id": self.world.program_id, "appropriated_fen": fen}
        return self.ok(self.api(who).put(f"/v1/budgets/{division}/2026", body, at=self.now))

    def ok(self, answer: Any, *statuses: int) -> Any:
        assert answer.status in (statuses or (200, 201)), answer.text
        return answer.json

    def payability(self, class_id: str) -> Any:
        return self.ok(self.api("institution").get(f"/v1/classes/{class_id}/payability", at=self.now))

    def claim(self, class_id: str, *, who: str = "institution") -> Any:
        payability = self.ok(self.api(who).get(f"/v1/classes/{class_id}/payability", at=self.now))
        body = {"declared_count": payability["count"], "declared_amount_fen": payability["amount_fen"]}
        return self.ok(self.api(who).post(f"/v1/classes/{class_id}/subsidy-claims", body, at=self.now))

    def decide(self, who: Any, claim: Any, verb: str, **body: Any) -> Any:
        path = f"/v1/subsidy-claims/{claim['id']}/{verb}"
        return self.api(who).post(path, {"version": claim["version"], **body}, at=self.now)

    def publicised(self, class_id: str, *, town: str = "") -> Any:
        claim = self.claim(class_id, who="institution" + town)
        claim = self.ok(self.decide("clerk" + town, claim, "review"))
        return self.ok(self.decide("reviewer" + town, claim, "approve"))

    def read(self, claim: Any, *, who: Any = "clerk") -> Any:
        return self.ok(self.api(who).get(f"/v1/subsidy-claims/{claim['id']}", at=self.now))

    def wait(self, days: int = 20) -> None:
        self.now += timedelta(days=days)

    def seal(self, *, who: str = "finance") -> Any:
        items = self.ok(self.api(who).post("/v1/settlement-batches", {}, at=self.now))["items"]
        return items[0] if items else None

    def sealed(self, *class_ids: str) -> Any:
        self.budget()
        for class_id in class_ids:
            self.publicised(class_id)
        self.wait()
        return self.seal()

    def export(self, batch: Any) -> Any:
        path = f"/v1/settlement-batches/{batch['id']}/export"
        return self.ok(self.api("finance_two").post(path, {}, at=self.now))

    def batch(self, batch: Any) -> Any:
        return self.ok(self.api("finance").get(f"/v1/settlement-batches/{batch['id']}", at=self.now))

    def result(self, line: Any, status: str = "paid", **facts: Any) -> dict[str, Any]:
        paid = {
            "paid_on": shanghai_date(self.now).isoformat(),
            "bank_reference": "ref-" + line["line_id"][-2:],
        }
        extra = paid if status == "paid" else {"reason": "账号不符"}
        return {
            "line_id": line["line_id"],
            "status": status,
            "amount_fen": line["amount_fen"],
            **extra,
            **facts,
        }

    def send(self, batch: Any, results: list[dict[str, Any]], *, who: str = "finance") -> Any:
        path = f"/v1/settlement-batches/{batch['id']}/results"
        return self.api(who).post(path, {"results": results}, at=self.now)

    def pay(self, batch: Any, *, failing: Collection[int] = ()) -> Any:
        self.export(batch)
        lines = self.batch(batch)["lines"]
        results = [
            self.result(line, "failed" if place in failing else "paid") for place, line in enumerate(lines)
        ]
        return self.ok(self.send(batch, results))

    def act(self, line_id: str, verb: str, *, who: Any = "finance", **body: Any) -> Any:
        """Ask for something of a claim line; `body` is what is sent."""
        return self.api(who).post(f"/v1/claim-lines/{line_id}/{verb}", body, at=self.now)

    def release(self, batch: Any, *, who: Any = "finance_two") -> list[str]:
        """Let every line of a batch that rests after it failed, or came back, into the next one."""
        resting = [
            line["line_id"]
            for line in self.batch(batch)["lines"]
            if line["status"] in ("payment_failed", "returned")
        ]
        for line_id in resting:
            self.ok(self.act(line_id, "release", who=who, reason="已核实收款账户"))
        return resting

    def balance(self, *, who: str = "finance") -> Any:
        return self.ok(self.api(who).get("/v1/ledger/trial-balance", at=self.now))


def let_go(line_id: str, hold: str, change: Change) -> None:
    """Take one hold off a line as whoever placed it does; when it was the last, the line may be paid."""
    line = find_line(line_id)
    if line is not None and hold in line.holds:
        set_holds(line, [other for other in line.holds if other != hold], change)
