"""HTTP of check-ins, attendance and footage."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.attendance import service
from chalicelib.attendance.model import (
    FOOTAGE_BYTES_MAX,
    Attempt,
    FootageStatus,
    Kind,
    Mark,
    Outcome,
    Place,
    Punctuality,
    Segment,
)
from chalicelib.aws.forms import Answer, Form, malformed
from chalicelib.aws.http import Api, Call, NoQuery
from chalicelib.kernel.errors import Fault
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


class LessonAttendance(Answer):
    """A lesson: `hours` are lesson hours, `coverage` the share of it that footage shows, 0 to 1."""

    id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    coverage: float
    footage_seconds: int


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


class FootageRequest(Form):
    """A recording to upload; `sha256` in hexadecimal."""

    camera_id: Visible
    started_at: Moment
    ended_at: Moment
    size_bytes: Annotated[int, Meta(ge=1, le=FOOTAGE_BYTES_MAX)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$")]
    content_type: Literal["video/mp4", "video/x-matroska", "video/matroska"]


class UploadAnswer(Answer):
    """A form to post the file with: every field, then the file as `file`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class AnnouncedAnswer(Answer):
    """An announced recording; `upload` is null once it is stored."""

    id: str
    status: FootageStatus
    upload: UploadAnswer | None


class SegmentAnswer(Answer):
    """A recording; `url` is signed, for bureaus, once it is stored."""

    id: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    sha256: str
    content_type: str
    status: FootageStatus
    url: str | None


class GapAnswer(Answer):
    """A part of the lesson that no stored footage shows."""

    started_at: datetime
    ended_at: datetime


class FootageAnswer(Answer):
    """The recordings of a lesson."""

    segments: list[SegmentAnswer]
    coverage: float
    gaps: list[GapAnswer]


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


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage",
    action="footage.write",
    body=FootageRequest,
    answer=AnnouncedAnswer,
    status_code=201,
    summary="Announce a recording and get the form to upload it",
)
def announce_footage(call: Call[FootageRequest, NoQuery], lesson_id: str) -> AnnouncedAnswer:
    body = call.body
    if body.ended_at <= body.started_at:
        raise malformed([Fault("wrong_type", field="ended_at")])
    announced = service.announce_footage(
        call.context,
        lesson_id,
        service.Recording(
            camera_id=body.camera_id,
            started_at=body.started_at,
            ended_at=body.ended_at,
            size_bytes=body.size_bytes,
            sha256=body.sha256.lower(),
            content_type=body.content_type,
        ),
    )
    form = announced.upload
    return AnnouncedAnswer(
        id=announced.segment.id,
        status=announced.segment.status,
        upload=None
        if form is None
        else UploadAnswer(url=form.url, fields=form.fields, expires_at=form.expires_at),
    )


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/footage",
    action="footage.read",
    answer=FootageAnswer,
    summary="Recordings of a lesson, what they show of it, and the gaps",
)
def footage(call: Call[None, NoQuery], lesson_id: str) -> FootageAnswer:
    found = service.show_footage(call.context, lesson_id)
    return FootageAnswer(
        segments=[_segment(segment, found.urls.get(segment.id)) for segment in found.segments],
        coverage=float(found.coverage),
        gaps=[GapAnswer(started_at=start, ended_at=end) for start, end in found.gaps],
    )


def _segment(segment: Segment, url: str | None) -> SegmentAnswer:
    return SegmentAnswer(
        id=segment.id,
        camera_id=segment.camera_id,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
        size_bytes=segment.size_bytes,
        sha256=segment.sha256,
        content_type=segment.content_type,
        status=segment.status,
        url=url,
    )
