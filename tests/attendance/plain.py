"""A class, what came of its lessons and what was asked for, without any table: for the rules alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.attendance.check_ins.model import (
    CheckIn,
    CheckInAttempt,
    CheckInKind,
    CheckInOutcome,
    CheckInProof,
    DevicePlace,
    Punctuality,
    slot_of,
)
from chalicelib.attendance.make_ups.model import MakeUp, MakeUpKind, MakeUpStatus
from chalicelib.catalogue.institutions.model import Location
from chalicelib.classes.model import ClassStatus, Lesson, Site, TrainingClass, lesson_id_of
from chalicelib.kernel.geo import CoordSystem
from chalicelib.programs.model import Policy

CLASS: Any = "cls_plain"
WANG, LI = "prs_wang", "prs_li"
START = datetime(2026, 9, 11, 1, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
HERE = DevicePlace(lng=117.2, lat=31.8, accuracy_m=10, coord_system=CoordSystem.WGS84)


def lesson(number: int, hours: int = 4) -> Lesson:
    """Give the lesson of a day: three hours by the clock, however many lesson hours."""
    starts_at = START + timedelta(days=number - 1)
    return Lesson(
        id=lesson_id_of(CLASS, number),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=3),
        hours=hours,
        topic="第一讲",
        trainer=0,
    )


def class_of(*lessons: Lesson, status: ClassStatus = ClassStatus.APPROVED, **policy: Any) -> TrainingClass:
    """Give a class of two people with these lessons."""
    return TrainingClass(
        id=CLASS,
        institution="91340111MX0000027D",  # type: ignore[arg-type]
        division="340111",
        program_id="prg_x",  # type: ignore[arg-type]
        project_id="prj_x",  # type: ignore[arg-type]
        name="班",
        planned_size=20,
        site=Site(
            name="一号教室",
            address="安徽省",
            location=Location(lng=117.2, lat=31.8, coord_system=CoordSystem.WGS84),
        ),
        trainers=[],
        lessons=list(lessons),
        status=status,
        policy=Policy(**policy),
        policy_version=1,
        created_at=START,
        opens_at=lessons[0].starts_at,
        ends_at=lessons[-1].ends_at,
        roster={WANG: "enr_wang", LI: "enr_li"},
        approved_by="acc_clerk",
    )


def proof(at: datetime, **facts: Any) -> CheckInProof:
    """Give what was sent at a moment and accepted."""
    good = CheckInProof(
        place=HERE,
        device_id="d",
        nonce="n",
        happened_at=at,
        received_at=at,
        outcome=CheckInOutcome.ACCEPTED,
        status=Punctuality.PRESENT,
        distance_m=1.0,
    )
    return msgspec.structs.replace(good, **facts)


def came(at_lesson: Lesson, person: str, *, call: int | None = None, **facts: Any) -> CheckIn:
    """Give somebody's coming to a lesson, a little before it starts; `went` and `verdicts` are the check-in's own."""
    own = {name: facts.pop(name) for name in ("went", "verdicts") if name in facts}
    return CheckIn(
        class_id=CLASS,
        slot=slot_of(at_lesson.id, person, call=call),
        enrolment_id=f"enr_{person[4:]}",
        came=proof(at_lesson.starts_at - 5 * MINUTES, **facts),
        **own,
    )


def asked(
    at_lesson: Lesson,
    person: str,
    kind: MakeUpKind = MakeUpKind.MAKE_UP,
    status: MakeUpStatus = MakeUpStatus.APPROVED,
) -> MakeUp:
    """Give what was asked for a person's lesson, and what became of it."""
    return MakeUp(
        class_id=CLASS,
        slot=slot_of(at_lesson.id, person),
        enrolment_id=f"enr_{person[4:]}",
        division="340111",
        institution="91340111MX0000027D",
        kind=kind,
        status=status,
        hours=at_lesson.hours,
        reason="病假",
        evidence="签到簿第3页",
        requested_by="acc_school",
        requested_at=at_lesson.ends_at,
    )


def attempt(kind: CheckInKind = CheckInKind.IN, at: datetime = START, **facts: Any) -> CheckInAttempt:
    """Give a tap on the button at the class's own place."""
    good = CheckInAttempt(kind=kind, place=HERE, device_id="d", nonce="n", happened_at=at)
    return msgspec.structs.replace(good, **facts)
