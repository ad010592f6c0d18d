"""HTTP of check-ins and attendance."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.attendance import service, sheet_service
from chalicelib.attendance.model import (
    Attempt,
    Kind,
    Outcome,
    Place,
    Punctuality,
)
from chalicelib.attendance.summary_model import AttendanceSummary, Mark
from chalicelib.aws.forms import Answer, Form
from chalicelib.aws.http import AS_SHEETS, COMMA_SEPARATED, Api, Call, LinkAnswer, NoQuery, Reply
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
    """A check-in, a check-out or the answer to a roll-call; `happened_at` is the device's clock.

    `offline`: it was made without a network and is uploaded later; after the window it needs review.
    """

    kind: Kind
    location: PlaceForm
    device_id: Visible
    nonce: Visible
    happened_at: Moment
    offline: bool = False

    def attempt(self) -> Attempt:
        """Give the attempt that was sent."""
        place = self.location
        return Attempt(
            kind=self.kind,
            place=Place(
                lng=place.lng,
                lat=place.lat,
                accuracy_m=place.accuracy_m,
                coord_system=place.coord_system,
                mocked=place.mocked,
            ),
            device_id=self.device_id,
            nonce=self.nonce,
            happened_at=self.happened_at,
            offline=self.offline,
        )


class CheckInAnswer(Answer):
    """A recorded check-in; `status` is how the trainee came."""

    id: str
    lesson_id: str
    kind: Kind
    outcome: Outcome
    status: Punctuality
    distance_m: float
    received_at: datetime
    late_uploaded: bool


class RollCallAnswer(Answer):
    """A roll-call that has begun."""

    number: int
    opens_at: datetime
    closes_at: datetime
    answered: bool


class RollCallsAnswer(Answer):
    """The roll-calls of a lesson so far."""

    items: list[RollCallAnswer]


class SheetFormat(Form):
    """How to answer."""

    format: Literal["json", "csv", "xlsx"] = "json"


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
    counts: dict[Mark, int]


class TraineeAnswer(Answer):
    """A trainee: lesson hours attended and those of the whole timetable, their quotient, the marks."""

    enrolment_id: str
    hours: int
    required_hours: int
    share: float
    marks: dict[str, Mark]
    holds: list[str]
    made_up_hours: int


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
    person_key = call.context.principal.person_key
    assert person_key is not None
    return render(service.check_in(call.context, lesson_id, call.body.attempt(), person_key=person_key))


def render(answered: service.Answered) -> CheckInAnswer:
    """Render a recorded check-in."""
    return CheckInAnswer(
        id=answered.check_in.id,
        lesson_id=answered.check_in.lesson_id,
        kind=answered.kind,
        outcome=answered.proof.outcome,
        status=answered.proof.status,
        distance_m=answered.proof.distance_m,
        received_at=answered.proof.received_at,
        late_uploaded=answered.proof.late_uploaded,
    )


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/roll-calls",
    action="attendance.read_own",
    answer=RollCallsAnswer,
    summary="The roll-calls of a lesson that have begun",
)
def roll_calls(call: Call[None, NoQuery], lesson_id: str) -> RollCallsAnswer:
    return RollCallsAnswer(
        items=[
            RollCallAnswer(
                number=one.call.number,
                opens_at=one.call.opens_at,
                closes_at=one.call.closes_at,
                answered=one.answered,
            )
            for one in service.show_roll_calls(call.context, lesson_id)
        ]
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/attendance",
    action="attendance.read",
    query=SheetFormat,
    answer=AttendanceAnswer,
    also=AS_SHEETS,
    summary="Who attended what (csv: the sheet itself, xlsx: a link to it)",
)
def attendance(call: Call[None, SheetFormat], class_id: str) -> AttendanceAnswer | LinkAnswer | Reply:
    if call.query.format == "json":
        return _attendance(service.show_attendance(call.context, class_id))
    sheet = sheet_service.attendance_sheet(call.context, class_id, english=call.english)
    if call.query.format == "csv":
        disposition = {"Content-Disposition": 'attachment; filename="attendance.csv"'}
        return Reply(sheet_service.csv_of(sheet), content_type=COMMA_SEPARATED, headers=disposition)
    return LinkAnswer(url=sheet_service.link_to_xlsx(sheet))


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/attendance/own",
    action="attendance.read_own",
    answer=AttendanceAnswer,
    summary="What the trainee who asks attended",
)
def own_attendance(call: Call[None, NoQuery], class_id: str) -> AttendanceAnswer:
    return _attendance(service.show_own_attendance(call.context, class_id))


def _attendance(found: AttendanceSummary) -> AttendanceAnswer:
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
                counts=lesson.counts,
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
                made_up_hours=trainee.made_up_hours,
            )
            for trainee in found.trainees
        ],
    )
