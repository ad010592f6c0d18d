"""A class with all that happened in it, before it is written down as records."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClaimRecord,
    ClassRecord,
    EnrolmentRecord,
    FootageRecord,
    LessonRecord,
    ProjectRecord,
    RosterRecord,
    ScoresRecord,
    VoucherRecord,
)
from infra.province.diary import Span
from infra.province.ground import School, Site
from infra.province.phones import Person, Phone

FACE_VALUE_FEN = 600_000


@dataclass
class Meeting:
    """A lesson; `away` is a site of its own, as on a day in a factory."""

    id: str
    starts_at: datetime
    ends_at: datetime
    hours: float
    trainer: str
    room: str | None
    away: Site | None = None

    @property
    def span(self) -> Span:
        """From when until when."""
        return self.starts_at, self.ends_at


@dataclass
class Trainee:
    """Somebody in a class, with the voucher and the enrolment that brought them there."""

    person: Person
    enrolment: str
    voucher: str
    issued_at: datetime
    claimed_at: datetime
    confirmed_at: datetime
    phone: Phone
    added_at: datetime | None = None
    withdrawn_at: datetime | None = None
    released_at: datetime | None = None
    passed: bool | None = None
    in_bus: bool = False
    enrolment_status: str = "confirmed"
    voucher_status: str = "redeemed"


@dataclass
class Course:
    """A class; what it looks like that it is not (`looks_like`) goes to the labels only."""

    id: str
    school: School
    site: Site
    project: ProjectRecord
    program: str
    room: str
    shift: str
    meetings: list[Meeting]
    trainees: list[Trainee]
    status: str
    created_at: datetime
    submitted_at: datetime | None = None
    approved_at: datetime | None = None
    completion_submitted_at: datetime | None = None
    scored_at: datetime | None = None
    planned_size: int = 0
    check_ins: list[CheckInRecord] = field(default_factory=list)
    footage: list[FootageRecord] = field(default_factory=list)
    scores: list[ScoresRecord] = field(default_factory=list)
    claims: list[ClaimRecord] = field(default_factory=list)
    looks_like: set[str] = field(default_factory=set)
    tells_lesson_rooms: bool = True
    is_claimed_for_certain: bool = False

    @property
    def spans(self) -> list[Span]:
        """When it meets."""
        return [meeting.span for meeting in self.meetings]

    @property
    def first_at(self) -> datetime:
        """When its first lesson begins."""
        return min(meeting.starts_at for meeting in self.meetings)

    @property
    def last_at(self) -> datetime:
        """When its last lesson ends."""
        return max(meeting.ends_at for meeting in self.meetings)

    @property
    def active(self) -> list[Trainee]:
        """Who was not withdrawn or released."""
        return [trainee for trainee in self.trainees if not trainee.withdrawn_at and not trainee.released_at]

    def site_of(self, meeting: Meeting) -> Site:
        """Where a lesson meets."""
        return meeting.away or self.site

    def record(self) -> ClassRecord:
        """Give the class with its timetable."""
        return ClassRecord(
            id=self.id,
            institution=self.school.uscc,
            project=self.project.id,
            division=self.school.division,
            program=self.program,
            status=self.status,
            site=self.site.record(),
            room=self.room,
            created_at=self.created_at,
            submitted_at=self.submitted_at,
            approved_at=self.approved_at,
            completion_submitted_at=self.completion_submitted_at,
            scored_at=self.scored_at,
            planned_size=self.planned_size or len(self.trainees),
            lessons=[
                LessonRecord(
                    id=meeting.id,
                    starts_at=meeting.starts_at,
                    ends_at=meeting.ends_at,
                    hours=meeting.hours,
                    trainer=meeting.trainer,
                    room=meeting.room if self.tells_lesson_rooms or meeting.room != self.room else None,
                    site=meeting.away.record() if meeting.away else None,
                )
                for meeting in self.meetings
            ],
        )

    def rosters(self) -> list[RosterRecord]:
        """Give who stands on its roster."""
        return [
            RosterRecord(
                class_id=self.id,
                enrolment=trainee.enrolment,
                person=trainee.person.key,
                added_at=trainee.added_at,
                withdrawn_at=trainee.withdrawn_at,
            )
            for trainee in self.trainees
            if trainee.added_at
        ]

    def enrolments(self) -> list[EnrolmentRecord]:
        """Give the enrolments that it grew from."""
        return [
            EnrolmentRecord(
                id=trainee.enrolment,
                voucher=trainee.voucher,
                person=trainee.person.key,
                institution=self.school.uscc,
                project=self.project.id,
                division=self.school.division,
                status=trainee.enrolment_status,
                confirmed_at=trainee.confirmed_at,
                released_at=trainee.released_at,
                class_id=self.id if trainee.added_at else None,
            )
            for trainee in self.trainees
        ]

    def vouchers(self) -> list[VoucherRecord]:
        """Give the vouchers as they stand; a released one has lost where it was spent."""
        return [voucher_of(trainee, self.program, self.school.uscc) for trainee in self.trainees]


def voucher_of(trainee: Trainee, program: str, institution: str) -> VoucherRecord:
    """Give a trainee's voucher as it stands."""
    is_bound = not trainee.released_at
    return VoucherRecord(
        id=trainee.voucher,
        person=trainee.person.key,
        program=program,
        division=trainee.person.division,
        status=trainee.voucher_status,
        face_value_fen=FACE_VALUE_FEN,
        issued_at=trainee.issued_at,
        claimed_at=trainee.claimed_at,
        redeemed_at=trainee.confirmed_at if is_bound else None,
        expires_at=trainee.issued_at.replace(year=trainee.issued_at.year + 1),
        institution=institution if is_bound else None,
        enrolment=trainee.enrolment if is_bound else None,
    )
