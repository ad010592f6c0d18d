"""Plans classes into the province: a school, a timetable, a free room and trainers, people with vouchers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from chalicelib.supervision.records.model import (
    EnrolmentRecord,
    ProjectRecord,
    RedemptionRecord,
    StandingRecord,
    VoucherRecord,
)
from infra.province.course import FACE_VALUE_FEN, Course, Meeting, Trainee
from infra.province.diary import Diary
from infra.province.ground import CITIES, City, School, Site, key, make_projects, make_school
from infra.province.habits import draw_habits
from infra.province.phones import Air, Person, make_person
from infra.province.timetable import CHINA, Shift, Slot, draw_shift, timetable

AS_OF = datetime(2026, 12, 1, 20, 0, tzinfo=CHINA)
FIRST_DAY = date(2026, 3, 2)
PROGRAMS = ("targeted-2026", "skills-2026", "rural-2026", "veterans-2026")

_GATEWAYS_PER_CITY = 400
_ATTEMPTS = 60
_CLASSES_PER_SCHOOL = 16
_ENDED_WITHIN_DAYS = 75  # by then a class that ended is claimed


SMALL = (5, 7)
"""So many people have the smallest classes: people drop out, and villages are small."""
_SMALL_SHARE = 0.1


@dataclass
class Wish:
    """What a class has to be like; what is None is drawn."""

    ended: bool = False
    fresh: bool = False  # nobody in it is, or will be, in a class that was not planned with it
    may_build: bool = True  # a room more, where none is free
    size: tuple[int, int] | None = None
    school: School | None = None
    site: Site | None = None
    shift: Shift | None = None
    slots: Sequence[Slot] | None = None
    first_day: date | None = None
    project: ProjectRecord | None = None
    program: str | None = None
    people: Sequence[Person] = ()
    trainers: Sequence[str] = ()
    room: str | None = None


@dataclass
class Extras:
    """Records that belong to no class: cross-match lists, vouchers unspent, enrolments of old."""

    standings: list[StandingRecord] = field(default_factory=list)
    vouchers: list[VoucherRecord] = field(default_factory=list)
    enrolments: list[EnrolmentRecord] = field(default_factory=list)
    redemptions: list[RedemptionRecord] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)


class Builder:
    """The province while it is made: who is where when. All chance comes from one seed."""

    def __init__(self, seed: int, classes: int, *, as_of: datetime = AS_OF) -> None:
        self.rng = Random(seed)
        self.as_of = as_of
        self.habits = draw_habits(self.rng)
        self.diary = Diary()
        self.extras = Extras()
        self.projects = make_projects(self.rng)
        self.gateways = {
            city.division: [key(self.rng, "n") for _ in range(_GATEWAYS_PER_CITY)] for city in CITIES
        }
        count = max(6, classes // _CLASSES_PER_SCHOOL)
        self.schools = [make_school(self.rng, number, self.projects) for number in range(1, count + 1)]
        self._airs: dict[int, Air] = {}
        self._returning: list[Person] = []

    def air(self, site: Site) -> Air:
        """Give the air of a site."""
        if id(site) not in self._airs:
            self._airs[id(site)] = Air(self.rng, site)
        return self._airs[id(site)]

    def new_school(self, *, rooms: int | None = None, sites: int | None = None) -> School:
        """Found one more school."""
        school = make_school(self.rng, len(self.schools) + 1, self.projects, rooms=rooms, sites=sites)
        self.schools.append(school)
        return school

    def new_room(self, school: School, site: Site) -> str:
        """Give a school one more room, which it tells of."""
        rooms = school.rooms[site.name]
        number = 1
        while (name := f"{6 + number // 20}{number % 20:02d}") in rooms:
            number += 1
        rooms.append(name)
        return name

    def between(self, low: float, high: float) -> timedelta:
        """Draw a number of days."""
        return timedelta(seconds=round(self.rng.uniform(low, high) * 86_400))

    def office_hours(self, moment: datetime) -> datetime:
        """Move a moment to when people work at desks."""
        return moment.replace(hour=self.rng.randint(8, 17), minute=self.rng.randint(0, 59))

    # ------------------------------------------------------------------ people

    def person(self, city: City) -> Person:
        """Make somebody who lives there."""
        person = make_person(self.rng, city, self.gateways[city.division])
        person.phone.habit_m *= self.habits.receivers_off if person.phone.provider == "gps" else 1
        return person

    def _somebody(self, course: Course) -> Person:
        """Take somebody new, or, now and then, somebody who learns once more, something else or higher."""
        if self._returning and self.rng.random() < 0.04:
            for person in self.rng.sample(self._returning, k=min(4, len(self._returning))):
                taught = (course.project.occupation or "", int(course.project.level or 0))
                if (
                    course.program not in person.programs
                    # Who has found work since is not trained once more.
                    and not person.has_standing
                    and len(person.programs) < 3
                    and taught not in person.learnt
                    and person.city == course.school.city
                    and self.diary.is_free(person.key, course.spans)
                ):
                    return person
        return self._resident(course)

    def _resident(self, course: Course) -> Person:
        return self.person(course.school.city if self.rng.random() < 0.93 else self.rng.choice(CITIES))

    def enrol(self, course: Course, person: Person, *, confirmed_at: datetime | None = None) -> Trainee:
        """Put somebody into a class: voucher issued, claimed, redeemed; on the roster once it is approved."""
        waiting = 40.0 if "slow_enrolment" in course.looks_like else 22.0
        anchor = course.approved_at or course.submitted_at or course.created_at
        confirmed = confirmed_at or self.office_hours(anchor - self.between(1, waiting))
        claimed = confirmed - self.between(0.1, 40)
        trainee = Trainee(
            person=person,
            enrolment=key(self.rng, "e"),
            voucher=key(self.rng, "v"),
            issued_at=claimed - self.between(0.2, 30),
            claimed_at=claimed,
            confirmed_at=confirmed,
            phone=person.phone,
        )
        if course.approved_at and course.approved_at <= self.as_of:
            added = course.approved_at + self.between(0.1, 3)
            trainee.added_at = min(added, course.first_at - timedelta(hours=2), self.as_of)
            trainee.enrolment_status = "rostered"
        person.programs.add(course.program)
        person.learnt.add((course.project.occupation or "", int(course.project.level or 0)))
        self.diary.take(person.key, course.spans)
        course.trainees.append(trainee)
        self._scan(course, trainee)
        return trainee

    def _scan(self, course: Course, trainee: Trainee) -> None:
        """Write down the scan that redeemed the voucher, and those before it that failed."""
        scanner = self.rng.choice(course.school.scanners)
        refused = self.rng.choices((0, 1, 2), (93, 6, 1))[0]
        for step in range(refused, -1, -1):
            at = trainee.confirmed_at - timedelta(seconds=step * self.rng.randint(15, 80))
            self.extras.redemptions.append(
                RedemptionRecord(
                    id=key(self.rng, "s"),
                    voucher=trainee.voucher,
                    institution=course.school.uscc,
                    device=scanner,
                    network=course.school.office_network,
                    outcome="refused" if step else "accepted",
                    reason="qr_expired" if step else None,
                    happened_at=at,
                    received_at=at + timedelta(milliseconds=self.rng.randint(200, 2500)),
                )
            )

    # ------------------------------------------------------------------ classes

    def plan(self, wish: Wish | None = None) -> Course:
        """Plan a class that collides with nothing, and fill it."""
        wish = wish or Wish()
        course = self._placed(wish)
        self._stage(course)
        if self.rng.random() < 0.03:
            course.looks_like.add("slow_enrolment")
        for person in wish.people:
            self.enrol(course, person)
        low, high = wish.size or (SMALL if self.rng.random() < _SMALL_SHARE else (10, 50))
        size = min(high, max(low, round(self.rng.gammavariate(4, 3.8)))) - len(wish.people)
        for _ in range(size):
            self.enrol(course, self._resident(course) if wish.fresh else self._somebody(course))
        course.planned_size = min(50, len(course.trainees) + self.rng.choice((0, 0, 0, 1, 2, 5)))
        if not wish.fresh:
            self._returning.extend(trainee.person for trainee in course.trainees if self.rng.random() < 0.3)
        return course

    def _placed(self, wish: Wish) -> Course:
        for _ in range(_ATTEMPTS):
            school = (
                wish.school or self.rng.choices(self.schools, [school.weight for school in self.schools])[0]
            )
            site = wish.site or self.rng.choice(school.sites)
            project = wish.project or self.rng.choice(school.projects)
            shift = wish.shift or draw_shift(self.rng)
            slots = list(wish.slots or ())
            if not slots:
                first_day = wish.first_day or self._first_day(ended=wish.ended)
                slots = timetable(self.rng, shift, first_day, project.hours or 40)
            if course := self._housed(wish, school, site, project=project, shift=shift.name, slots=slots):
                return course
        if wish.may_build and wish.room is None:
            school = wish.school or self.rng.choice(self.schools)
            site = wish.site or self.rng.choice(school.sites)
            school.trainers.append(key(self.rng, "t"))
            room, trainers = self.new_room(school, site), school.trainers[-1:]
            return self._placed(replace(wish, school=school, site=site, room=room, trainers=trainers))
        msg = "no room is free for what is wished"
        raise LookupError(msg)

    def _first_day(self, *, ended: bool) -> date:
        last = self.as_of.date() + timedelta(days=-_ENDED_WITHIN_DAYS if ended else 20)
        return FIRST_DAY + timedelta(days=self.rng.randrange((last - FIRST_DAY).days))

    def _housed(
        self,
        wish: Wish,
        school: School,
        site: Site,
        *,
        project: ProjectRecord,
        shift: str,
        slots: Sequence[Slot],
    ) -> Course | None:
        spans = [(slot.starts_at, slot.ends_at) for slot in slots]
        prefix = f"{school.uscc}|{site.name}|"
        room = wish.room or next(
            (name for name in school.rooms[site.name] if self.diary.is_free(prefix + name, spans)), None
        )
        trainers = (
            list(wish.trainers)
            or [
                trainer
                for trainer in self.rng.sample(school.trainers, k=len(school.trainers))
                if self.diary.is_free(trainer, spans)
            ][: self.rng.choice((1, 1, 2))]
        )
        if wish.slots and room is None:
            room = self.new_room(school, site)
        if wish.slots and not trainers:
            school.trainers.append(key(self.rng, "t"))
            trainers = school.trainers[-1:]
        if room is None or not trainers:
            return None
        meetings = [
            Meeting(key(self.rng, "l"), *slot, trainers[number * len(trainers) // len(slots)], room)
            for number, slot in enumerate(slots)
        ]
        self.diary.take(prefix + room, spans)
        for meeting in meetings:
            self.diary.take(meeting.trainer, [meeting.span])
        return Course(
            id=key(self.rng, "c"),
            school=school,
            site=site,
            project=project,
            program=wish.program or self.rng.choices(PROGRAMS, (70, 18, 8, 4))[0],
            room=room,
            shift=shift,
            meetings=meetings,
            trainees=[],
            status="draft",
            created_at=meetings[0].starts_at,
            tells_lesson_rooms=self.rng.random() < 0.7,
            is_claimed_for_certain=wish.fresh,
        )

    def _stage(self, course: Course) -> None:
        """Tell how far the class has come by now: filed, approved a week or more ahead, ended, claimed."""
        approved = self.office_hours(course.first_at - self.between(3, 14))
        submitted = self.office_hours(approved - self.between(1.5, 7))
        course.created_at = self.office_hours(submitted - self.between(1, 5))
        steps = [("submitted", submitted), ("approved", approved)]
        if course.created_at > self.as_of:
            course.created_at = self.as_of - self.between(0.2, 3)
        if submitted <= self.as_of:
            course.submitted_at, course.status = steps[0][1], "submitted"
        if approved <= self.as_of:
            course.approved_at, course.status = approved, "approved"
        elif course.submitted_at and self.rng.random() < 0.2:
            course.status = "returned"

    def amount(self, course: Course) -> int:
        """Give what is paid for one who passed: the fee, not above the face value."""
        return min(FACE_VALUE_FEN, course.project.fee_fen or FACE_VALUE_FEN)
