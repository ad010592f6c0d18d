"""HTTP of check-ins and attendance."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.attendance import service
from chalicelib.attendance.model import (
    Attempt,
    Kind,
    Mark,
    Outcome,
    Place,
    Punctuality,
)
from chalicelib.aws.forms import Answer, Form
from chalicelib.aws.http import Api, Call, NoQuery
from chalicelib.kernel.geo import CoordSystem

api = Api(__name__)

Visible = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Moment = Annotated[datetime, Meta(tz=True)]


class PlaceForm(Form):
    """Where a device says it is; without its coordinate system it cannot be judged."""

    lng: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    accuracy_m: Annotated[float, Meta(ge=0, le=10_000_000)]
    coord_system: CoordSystem
    mocked: bool = False


class CheckInRequest(Form):
    """A check-in or check-out; `happened_at` is the device's clock."""

    kind: Kind
    location: PlaceForm
    device_id: Visible
    nonce: Visible
    happened_at: Moment


class CheckInAnswer(Answer):
    """A recorded check-in; `status` is how the trainee came."""

    id: str
    lesson_id: str
    kind: Kind
    outcome: Outcome
    status: Punctuality
    distance_m: float
    received_at: datetime


class GapAnswer(Answer):
    """A part of the lesson that no footage shows."""

    started_at: datetime
    ended_at: datetime


class LessonAttendance(Answer):
    """A lesson: `hours` are lesson hours, `coverage` the share of it that footage shows, 0 to 1."""

    id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    coverage: float
    footage_seconds: int
    gaps: list[GapAnswer]


class TraineeAnswer(Answer):
    """A trainee: lesson hours attended and those of the whole timetable, their quotient, the marks."""

    enrolment_id: str
    hours: int
    required_hours: int
    share: float
    marks: dict[str, Mark]
    holds: list[str]


class AttendanceAnswer(Answer):
    """The attendance of a class."""

    lessons: list[LessonAttendance]
    trainees: list[TraineeAnswer]


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/check-ins",
    action="check_in.write",
    body=CheckInRequest,
    answer=CheckInAnswer,
    status_code=201,
    summary="Check in at a lesson, or out",
)
def check_in(call: Call[CheckInRequest, NoQuery], lesson_id: str) -> CheckInAnswer:
    body, place = call.body, call.body.location
    person_key = call.context.principal.person_key
    assert person_key is not None
    attempt = Attempt(
        kind=body.kind,
        place=Place(
            lng=place.lng,
            lat=place.lat,
            accuracy_m=place.accuracy_m,
            coord_system=place.coord_system,
            mocked=place.mocked,
        ),
        device_id=body.device_id,
        nonce=body.nonce,
        happened_at=body.happened_at,
    )
    answered = service.check_in(call.context, lesson_id, attempt, person_key=person_key)
    return CheckInAnswer(
        id=answered.check_in.id,
        lesson_id=answered.check_in.lesson_id,
        kind=answered.kind,
        outcome=answered.proof.outcome,
        status=answered.proof.status,
        distance_m=answered.proof.distance_m,
        received_at=answered.proof.received_at,
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/attendance",
    action="attendance.read",
    answer=AttendanceAnswer,
    summary="Who attended what",
)
def attendance(call: Call[None, NoQuery], class_id: str) -> AttendanceAnswer:
    found = service.show_attendance(call.context, class_id)
    return AttendanceAnswer(
        lessons=[
            LessonAttendance(
                id=lesson.lesson_id,
                starts_at=lesson.starts_at,
                ends_at=lesson.ends_at,
                hours=lesson.hours,
                coverage=float(lesson.coverage),
                footage_seconds=lesson.footage_seconds,
                gaps=[GapAnswer(started_at=start, ended_at=end) for start, end in lesson.gaps],
            )
            for lesson in found.lessons
        ],
        trainees=[
            TraineeAnswer(
                enrolment_id=trainee.enrolment_id,
                hours=trainee.hours,
                required_hours=trainee.required_hours,
                share=float(trainee.share),
                marks=trainee.marks,
                holds=trainee.holds,
            )
            for trainee in found.trainees
        ],
    )
