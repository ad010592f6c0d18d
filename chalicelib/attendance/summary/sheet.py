"""The attendance of a class as a sheet: one row a trainee, one column a lesson, names masked."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.attendance.model import AttendanceMark
from chalicelib.attendance.summary.service import attendance_of
from chalicelib.classes.service import require_class
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Context
from chalicelib.sheets import downloads
from chalicelib.sheets.writing import write_csv

_COLUMNS = (
    ("报名编号", "姓名", "身份证号", "出勤课时", "总课时", "出勤率"),
    ("enrolment_id", "name", "id_number", "hours", "required_hours", "share"),
)
_MARKS = {
    AttendanceMark.PRESENT: "出勤",
    AttendanceMark.LATE: "迟到",
    AttendanceMark.LEFT_EARLY: "早退",
    AttendanceMark.ABSENT: "缺勤",
    AttendanceMark.EXCUSED: "请假",
    AttendanceMark.MADE_UP: "补课",
    AttendanceMark.NEEDS_REVIEW: "待复核",
}


@dataclass(frozen=True)
class AttendanceSheet:
    """A table with its title."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str | int | None]]


def attendance_sheet(context: Context, class_id: str, *, english: bool) -> AttendanceSheet:
    """Lay out the attendance of a class in the caller's area as of now."""
    training_class = require_class(context, "attendance.read", class_id)
    summary = attendance_of(training_class, now=context.now)
    people: dict[str, Enrolment] = {
        enrolment.id: enrolment for enrolment in find_enrolments(training_class.enrolment_ids)
    }
    lessons = [
        f"{shanghai_date(lesson.starts_at).isoformat()} {lesson.lesson_id.rpartition('-')[2]}"
        for lesson in summary.lessons
    ]
    rows = []
    for trainee in summary.trainees:
        person = people.get(trainee.enrolment_id)
        marks = [trainee.marks.get(lesson.lesson_id) for lesson in summary.lessons]
        rows.append(
            [
                trainee.enrolment_id,
                person.trainee_name if person else None,
                person.trainee_id_number if person else None,
                trainee.hours,
                trainee.required_hours,
                str(trainee.share),
                *(_shown(mark, english=english) for mark in marks),
            ]
        )
    title = "attendance" if english else "考勤表"
    return AttendanceSheet(title, [*_COLUMNS[english], *lessons], rows)


def _shown(mark: AttendanceMark | None, *, english: bool) -> str | None:
    if mark is None:
        return None
    return mark.value if english else _MARKS[mark]


def csv_of(sheet: AttendanceSheet) -> bytes:
    """Write the sheet as csv."""
    return write_csv(sheet.headers, sheet.rows)


def link_to_xlsx(sheet: AttendanceSheet) -> str:
    """Write the sheet as xlsx and give a link that reads it for ten minutes."""
    key = f"reports/{new_id('rpt')}.xlsx"
    return downloads.link_to_xlsx(sheet.title, sheet.headers, sheet.rows, key=key, filename="attendance.xlsx")
