"""The records that supervision reads, and the findings it makes of them: the design's page of records.

The rules (`supervision.rules`) are pure functions over these. The service makes the records from its tables;
an export has them in a folder of JSON Lines files, one record a line; `infra.supervise` reads
such a folder, whoever wrote it. So everything here is read leniently: fields it does not know are passed
over, what may be absent may be `null` too, times carry any offset.

No record holds a name, an ID number, a phone or an account: persons, devices, networks, phones and accounts
are keys, equal for equal values and telling nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with an offset, whichever."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a file."""


class Position(Record, frozen=True, kw_only=True):
    """A point with the system its figures are in; `accuracy_m` and `mocked` are the device's own words."""

    lng: float
    lat: float
    coord_system: str
    accuracy_m: float | None = None
    mocked: bool | None = None


class SiteRecord(Record, frozen=True, kw_only=True):
    """Where a class or a lesson meets."""

    lng: float
    lat: float
    coord_system: str
    radius_m: float | None = None


class RoomsRecord(Record, frozen=True, kw_only=True):
    """Fewer rooms than now, on record until a moment."""

    rooms: int
    until: datetime


class InstitutionRecord(Record, frozen=True, kw_only=True):
    """An institution; `rooms` is how many it has, None if nobody knows, `rooms_before` fewer ones before."""

    uscc: str
    name: str | None = None
    division: str | None = None
    suspended: bool | None = None
    rooms: int | None = None
    rooms_before: Sequence[RoomsRecord] | None = None


class ProjectRecord(Record, frozen=True, kw_only=True):
    """A project: what is taught, for how many lesson hours, at what fee."""

    id: str
    occupation: str | None = None
    level: int | str | None = None
    hours: float | None = None
    fee_fen: int | None = None


class VoucherRecord(Record, frozen=True, kw_only=True):
    """A voucher as it stands; a released one has lost its institution, its enrolment keeps the history."""

    id: str
    person: str
    program: str | None = None
    division: str | None = None
    status: str | None = None
    face_value_fen: int | None = None
    issued_at: Moment | None = None
    claimed_at: Moment | None = None
    redeemed_at: Moment | None = None
    expires_at: Moment | None = None
    institution: str | None = None
    enrolment: str | None = None


class EnrolmentRecord(Record, frozen=True, kw_only=True):
    """An enrolment: one person at one institution for one project."""

    id: str
    voucher: str | None = None
    person: str
    institution: str | None = None
    project: str | None = None
    division: str | None = None
    status: str | None = None
    confirmed_at: Moment | None = None
    released_at: Moment | None = None
    class_id: str | None = msgspec.field(name="class", default=None)


class LessonRecord(Record, frozen=True, kw_only=True):
    """One dated meeting; it may have a room and a site of its own. `trainer` is a person's key."""

    id: str
    starts_at: Moment
    ends_at: Moment
    hours: float | None = None
    trainer: str | None = None
    room: str | None = None
    site: SiteRecord | None = None


class ClassRecord(Record, frozen=True, kw_only=True):
    """A class with its timetable; cancelled, draft and returned ones are told too."""

    id: str
    institution: str
    project: str | None = None
    division: str | None = None
    program: str | None = None
    status: str
    site: SiteRecord | None = None
    room: str | None = None
    created_at: Moment | None = None
    submitted_at: Moment | None = None
    approved_at: Moment | None = None
    completion_submitted_at: Moment | None = None
    scored_at: Moment | None = None
    planned_size: int | None = None
    lessons: Sequence[LessonRecord] = ()


class RosterRecord(Record, frozen=True, kw_only=True):
    """A trainee of a class."""

    class_id: str = msgspec.field(name="class")
    enrolment: str
    person: str
    added_at: Moment | None = None
    withdrawn_at: Moment | None = None


class CheckInRecord(Record, frozen=True, kw_only=True):
    """An attempt to check in or out, accepted or not. Made-up ones have no position."""

    id: str
    lesson: str
    enrolment: str | None = None
    kind: str
    outcome: str
    reason: str | None = None
    location: Position | None = None
    device: str | None = None
    network: str | None = None
    happened_at: Moment | None = None
    received_at: Moment
    offline: bool | None = None
    made_up: bool | None = None


class FootageRecord(Record, frozen=True, kw_only=True):
    """A recording of a lesson; one that was announced and never stored may be told too.

    `pictures_sha256` is the same for one film in any container, and with bytes added that nobody sees.
    """

    id: str
    lesson: str
    camera: str | None = None
    started_at: Moment
    ended_at: Moment
    status: str
    bytes: int | None = None
    sha256: str | None = None
    pictures_sha256: str | None = None
    announced_at: Moment | None = None
    stored_at: Moment | None = None


class ScoresRecord(Record, frozen=True, kw_only=True):
    """One trainee's marks in one version; the newest by `entered_at` counts."""

    class_id: str = msgspec.field(name="class")
    enrolment: str
    theory: float | None = None
    practice: float | None = None
    passed: bool | None = None
    entered_at: Moment | None = None
    entered_by: str | None = None


class ClaimLineRecord(Record, frozen=True, kw_only=True):
    """What is claimed for one trainee."""

    id: str
    enrolment: str
    person: str | None = None
    amount_fen: int | None = None
    status: str | None = None


class ClaimRecord(Record, frozen=True, kw_only=True):
    """An institution's claim for a class."""

    id: str
    class_id: str = msgspec.field(name="class")
    institution: str | None = None
    division: str | None = None
    program: str | None = None
    status: str | None = None
    submitted_at: Moment | None = None
    lines: Sequence[ClaimLineRecord] = ()


class PersonRecord(Record, frozen=True, kw_only=True):
    """A person, by keys only."""

    person: str
    phone_key: str | None = None
    account_key: str | None = None
    birth_year: int | None = None
    division: str | None = None


class StandingRecord(Record, frozen=True, kw_only=True):
    """An entry of a cross-match list: from when until when somebody was employed, in school, or dead.

    `since` and `until` are the field's `from` and `until`: dates, or times; an end is inclusive as a date and
    exclusive as a time; none has no end.
    """

    person: str
    list: str
    since: str | None = msgspec.field(name="from", default=None)
    until: str | None = None
    imported_at: Moment | None = None


class RedemptionRecord(Record, frozen=True, kw_only=True):
    """A scan of a voucher's code, accepted or not."""

    id: str
    voucher: str | None = None
    institution: str | None = None
    device: str | None = None
    network: str | None = None
    outcome: str | None = None
    reason: str | None = None
    happened_at: Moment | None = None
    received_at: Moment | None = None


class ExportNote(Record, frozen=True, kw_only=True):
    """What stands in `export.json`: as of when, and of what, the records tell."""

    as_of: Moment | None = None
    since: str | None = msgspec.field(name="from", default=None)
    until: str | None = msgspec.field(name="to", default=None)
    divisions: Sequence[str] = ()


FILES: Mapping[str, type[Record]] = {
    "institutions": InstitutionRecord,
    "projects": ProjectRecord,
    "vouchers": VoucherRecord,
    "enrolments": EnrolmentRecord,
    "classes": ClassRecord,
    "rosters": RosterRecord,
    "check_ins": CheckInRecord,
    "footage": FootageRecord,
    "scores": ScoresRecord,
    "claims": ClaimRecord,
    "people": PersonRecord,
    "standings": StandingRecord,
    "redemptions": RedemptionRecord,
}
"""The files of an export: `<name>.jsonl` holds records of this type."""


class Severity(StrEnum):
    """What a finding does: it is told, or it stops the lines it concerns."""

    WARN = "warn"
    HOLD = "hold"


class FindingKind(StrEnum):
    """What a finding is about."""

    CLASS = "class"
    LESSON = "lesson"
    ENROLMENT = "enrolment"
    VOUCHER = "voucher"
    INSTITUTION = "institution"
    PERSON = "person"
    TRAINER = "trainer"


class FindingSubject(Record, frozen=True, kw_only=True):
    """The one thing that is wrong."""

    kind: FindingKind
    id: str


class Finding(Record, frozen=True, kw_only=True, omit_defaults=False):
    """What one rule found about one subject, with what it went by.

    `hold` is grave: it stops payment where the rule proves a wrong one, else once it is confirmed. `lines`
    are the enrolments whose payment it concerns; none at all is every line of the class. `evidence` holds
    figures, the thresholds they were held against, and up to 20 ids of records. The same records give the
    same finding: `at` is the moment of the newest record it went by, never that of the evaluation.
    """

    rule: str
    severity: Severity
    subject: FindingSubject
    class_id: str | None = msgspec.field(name="class")
    institution: str | None
    lines: Sequence[str]
    evidence: Mapping[str, Any]
    at: Moment
