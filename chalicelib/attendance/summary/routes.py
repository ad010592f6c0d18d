"""HTTP of attendance."""

from datetime import datetime
from typing import Literal

from chalicelib.attendance.footage.routes import GapAnswer
from chalicelib.attendance.model import AttendanceHold, AttendanceMark
from chalicelib.attendance.summary import service
from chalicelib.attendance.summary.model import AttendanceSummary
from chalicelib.attendance.summary.sheet import attendance_sheet, csv_of, link_to_xlsx
from chalicelib.edge.endpoints import AS_SHEETS, COMMA_SEPARATED, Call, LinkAnswer, NoQuery, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api

api = Api(__name__)


class SheetFormat(Form):
    """How to answer."""

    format: Literal["json", "csv", "xlsx"] = "json"


class LessonAttendance(Answer):
    """A lesson: `hours` are lesson hours, `coverage` the share of it that footage shows, 0 to 1."""

    id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    coverage: float
    footage_seconds: int
    gaps: list[GapAnswer]
    counts: dict[AttendanceMark, int]


class TraineeAnswer(Answer):
    """A trainee: lesson hours attended and those of the whole timetable, their quotient, the marks."""

    enrolment_id: str
    hours: int
    required_hours: int
    share: float
    marks: dict[str, AttendanceMark]
    holds: list[AttendanceHold]
    made_up_hours: int


class AttendanceAnswer(Answer):
    """The attendance of a class."""

    lessons: list[LessonAttendance]
    trainees: list[TraineeAnswer]


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/attendance",
    action="attendance.read",
    query=SheetFormat,
    answer=AttendanceAnswer,
    also=AS_SHEETS,
    summary="Who attended what (csv: the sheet itself, xlsx: a link to it)",
)
def read_attendance(call: Call[None, SheetFormat], class_id: str) -> AttendanceAnswer | LinkAnswer | Reply:
    if call.query.format == "json":
        return _attendance(service.show_attendance(call.context, class_id))
    sheet = attendance_sheet(call.context, class_id, english=call.english)
    if call.query.format == "csv":
        disposition = {"Content-Disposition": 'attachment; filename="attendance.csv"'}
        return Reply(csv_of(sheet), content_type=COMMA_SEPARATED, headers=disposition)
    return LinkAnswer(url=link_to_xlsx(sheet))


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/attendance/own",
    action="attendance.read_own",
    answer=AttendanceAnswer,
    summary="What the trainee who asks attended",
)
def read_own_attendance(call: Call[None, NoQuery], class_id: str) -> AttendanceAnswer:
    return _attendance(service.show_own_attendance(call.context, class_id))


def _attendance(summary: AttendanceSummary) -> AttendanceAnswer:
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
            for lesson in summary.lessons
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
            for trainee in summary.trainees
        ],
    )
