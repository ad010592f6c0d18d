"""A dossier (案卷): everything the rules read about one class, and no more.

The service puts a dossier together from its tables, `infra.supervise` from the folder of an export. Rules
see dossiers only, so both find the same by construction. A source may deliver more neighbours than asked for:
each rule takes out what it needs, and no finding hangs on the rest, on order, or on a record told twice.

An example: a phone signs 王 in at a class in Hefei and 李, twenty seconds later, at one in Wuhu. The dossier
of the class in Hefei holds 王's check-in under `check_ins`, and among its neighbours 李's check-in, her
enrolment (whose it is) and the class in Wuhu (where it meets).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import TypeVar

import msgspec

from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClaimRecord,
    ClassRecord,
    EnrolmentRecord,
    FootageRecord,
    InstitutionRecord,
    LessonRecord,
    PersonRecord,
    ProjectRecord,
    Record,
    RosterRecord,
    ScoresRecord,
    StandingRecord,
    VoucherRecord,
)
from chalicelib.supervision.rules.attempts import Meeting, Placed, came, meetings_of, placed

MARGIN = timedelta(days=1)
"""A class's span begins so long before its first lesson and ends so long after its last."""

MARKED_WITHIN = timedelta(days=365)
"""Marks of a project are compared with those of the year before."""

_R = TypeVar("_R", bound=Record)
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class OtherSubsidy:
    """One line of another claim that names a person of the class.

    `occupation` is the code and level as `occupation_of` writes them, None if not known; `claim_status` and
    `line_status` as in the records; `submitted_at` is the claim's.
    """

    person: str
    claim: str
    line: str
    class_id: str
    occupation: str | None
    claim_status: str | None
    line_status: str | None
    submitted_at: datetime | None


class ClassMarks(msgspec.Struct, frozen=True, kw_only=True):
    """The marks of one class in figures, for others of its project to be compared with (`rules.marks`).

    `average` and `spread` (standard deviation) are of each trainee's mean of both halves; `agreement` is how
    the halves correlate, None where one is constant; `failed` are those told as not passed.
    """

    class_id: str
    project: str
    institution: str
    marked_at: datetime
    people: int
    average: float
    spread: float
    agreement: float | None = None
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What others have to do with the class.

    The *span* of a class is from a day before its first lesson to a day after its last (`Dossier.span`).

    - `classes`: others with a lesson in the span that are of the same institution, or have a lesson of a
      trainer of this class, or have a person of this class on their roster, or to which one of `check_ins`
      belongs; in whatever state, each with its whole timetable;
    - `rosters`: what those rosters say of the persons of this class;
    - `check_ins`: attempts elsewhere that were received within the span, by a person of this class or with a
      device that checked somebody in to this class;
    - `enrolments`: those that `check_ins` name;
    - `footage`: recordings of other lessons with the digest of a recording of this class, at any time;
    - `subsidies`: lines of other claims that name a person of this class, at any time;
    - `people`: others, with a voucher in use, who have the phone or account of a person of this class;
    - `marks`: of classes of the same project that were marked in the year before this one (`marked_before`).
    """

    classes: Sequence[ClassRecord] = ()
    rosters: Sequence[RosterRecord] = ()
    check_ins: Sequence[CheckInRecord] = ()
    enrolments: Sequence[EnrolmentRecord] = ()
    footage: Sequence[FootageRecord] = ()
    subsidies: Sequence[OtherSubsidy] = ()
    people: Sequence[PersonRecord] = ()
    marks: Sequence[ClassMarks] = ()


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """One class, with what belongs to it and its neighbours.

    - `head`: the class and its timetable; `institution`, `project`: its own, None if not known;
    - `roster`: all rows, withdrawn ones too;
    - `enrolments`: those on the roster and those that name this class; `vouchers`: theirs;
    - `check_ins`, `footage`: all attempts and recordings of its lessons; `scores`: all versions;
    - `claim`: the newest for it, None before there is one;
    - `people`, `standings`: of the persons on the roster or in the claim.
    """

    head: ClassRecord
    institution: InstitutionRecord | None = None
    project: ProjectRecord | None = None
    roster: Sequence[RosterRecord] = ()
    enrolments: Sequence[EnrolmentRecord] = ()
    vouchers: Sequence[VoucherRecord] = ()
    check_ins: Sequence[CheckInRecord] = ()
    footage: Sequence[FootageRecord] = ()
    scores: Sequence[ScoresRecord] = ()
    claim: ClaimRecord | None = None
    people: Sequence[PersonRecord] = ()
    standings: Sequence[StandingRecord] = ()
    neighbours: Neighbours = field(default_factory=Neighbours)

    @cached_property
    def span(self) -> tuple[datetime, datetime] | None:
        """Give from when to when neighbours matter; None without a lesson."""
        return span_of(self.head)

    @cached_property
    def lessons(self) -> Sequence[LessonRecord]:
        """Give the timetable in order."""
        return sorted(self.head.lessons, key=lambda lesson: (lesson.starts_at, lesson.id))

    @cached_property
    def persons(self) -> Mapping[str, str]:
        """Give whose each enrolment is, here and of the neighbours."""
        persons = {record.id: record.person for record in self.neighbours.enrolments}
        persons |= {row.enrolment: row.person for row in self.neighbours.rosters}
        persons |= {record.id: record.person for record in self.enrolments}
        return persons | {row.enrolment: row.person for row in self.roster}

    @cached_property
    def trainees(self) -> Sequence[str]:
        """Give the enrolments that stand to be paid: on the roster and not withdrawn, or claimed for."""
        rostered = {row.enrolment for row in self.roster if row.withdrawn_at is None}
        return sorted(rostered | {line.enrolment for line in (self.claim.lines if self.claim else ())})

    @cached_property
    def begins_at(self) -> datetime | None:
        """Give when the first lesson begins; None without a lesson."""
        return self.lessons[0].starts_at if self.lessons else None

    @cached_property
    def ends_at(self) -> datetime | None:
        """Give when the last lesson ends; None without a lesson."""
        return max((lesson.ends_at for lesson in self.lessons), default=None)

    @cached_property
    def meetings(self) -> Sequence[Meeting]:
        """Give the lessons with their rooms and sites, in order."""
        return meetings_of([self.head])

    @cached_property
    def meetings_elsewhere(self) -> Sequence[Meeting]:
        """Give the lessons of other classes that stand, in order."""
        return meetings_of(head for head in self.neighbours.classes if head.id != self.head.id)

    @cached_property
    def check_ins_elsewhere(self) -> Sequence[CheckInRecord]:
        """Give the attempts of others within the span, in the order they were received."""
        if self.span is None:
            return ()
        begins, ends = self.span
        own = {lesson.id for lesson in self.head.lessons}
        return [
            record
            for record in in_order(self.neighbours.check_ins)
            if record.lesson not in own and begins <= record.received_at <= ends
        ]

    @cached_property
    def arrivals(self) -> Mapping[str, Sequence[CheckInRecord]]:
        """Give who came to each lesson, one attempt a trainee, in the order they were received."""
        arrivals: dict[str, dict[str, CheckInRecord]] = defaultdict(dict)
        for record in in_order(self.check_ins):
            if came(record) and record.enrolment is not None:
                arrivals[record.lesson].setdefault(record.enrolment, record)
        return {lesson: list(first.values()) for lesson, first in arrivals.items()}

    @cached_property
    def places(self) -> Mapping[str, Placed]:
        """Give where attempts were made, here and elsewhere, by their ids; those not made live have none."""
        spots = (placed(record) for record in (*self.check_ins, *self.check_ins_elsewhere))
        return {spot.check_in.id: spot for spot in spots if spot is not None}

    @cached_property
    def footage_by_lesson(self) -> Mapping[str, Sequence[FootageRecord]]:
        """Give the recordings of each lesson, in order."""
        ordered = sorted(_once(self.footage), key=lambda record: (record.started_at, record.id))
        return grouped(ordered, "lesson")

    @cached_property
    def newest_scores(self) -> Mapping[str, ScoresRecord]:
        """Give each trainee's newest marks, by enrolment."""
        newest: dict[str, ScoresRecord] = {}
        for record in sorted(self.scores, key=_age_of_scores):
            newest[record.enrolment] = record
        return {enrolment: newest[enrolment] for enrolment in sorted(newest)}


@dataclass(frozen=True, kw_only=True)
class VoucherDossier:
    """A redeemed voucher whose enrolment is in no approved class: no class's dossier shows it.

    `training_class` is the one that the enrolment names, however it stands; None without one.
    """

    voucher: VoucherRecord
    enrolment: EnrolmentRecord | None = None
    training_class: ClassRecord | None = None


def span_of(head: ClassRecord) -> tuple[datetime, datetime] | None:
    """Give from when to when a class's neighbours matter; None without a lesson."""
    if not head.lessons:
        return None
    first = min(lesson.starts_at for lesson in head.lessons)
    return first - MARGIN, max(lesson.ends_at for lesson in head.lessons) + MARGIN


def occupation_of(project: ProjectRecord | None) -> str | None:
    """Write a project's occupation and level as one word, as a claim's line does; None if either is missing.

    A level may be told as a number, as its digit, or in words: 3, "3", "三级", "三级/高级工" are one level.
    """
    if project is None or not project.occupation or project.level is None:
        return None
    return f"{project.occupation.strip()}/{_level_of(project.level)}"


_LEVEL_WORDS = {"一级": "1", "二级": "2", "三级": "3", "四级": "4", "五级": "5"}
_LEVEL_NAMES = {"高级技师": "1", "技师": "2", "高级工": "3", "中级工": "4", "初级工": "5"}


def _level_of(level: int | str) -> str:
    text = str(level).strip()
    if text.isdecimal():
        return str(int(text))
    for words in (_LEVEL_WORDS, _LEVEL_NAMES):
        for word, number in words.items():
            if word in text:
                return number
    return next((char for char in text if char in "12345"), text)


def in_order(check_ins: Iterable[CheckInRecord]) -> list[CheckInRecord]:
    """Put attempts in the order they were received, each once."""
    return sorted(_once(check_ins), key=lambda record: (record.received_at, record.id))


def grouped_by(things: Iterable[_T], key: Callable[[_T], str]) -> Mapping[str, Sequence[_T]]:
    """Put things together by what they have in common."""
    groups: dict[str, list[_T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups


def grouped(records: Iterable[_R], name: str) -> Mapping[str, Sequence[_R]]:
    """Put records together by a field of theirs."""
    return grouped_by(records, attrgetter(name))


def _once(records: Iterable[_R]) -> Iterable[_R]:
    return {record.id: record for record in records}.values()  # type: ignore[attr-defined]


def _age_of_scores(record: ScoresRecord) -> tuple[bool, float, str]:
    entered = record.entered_at
    return entered is not None, entered.timestamp() if entered else 0.0, repr(record)
