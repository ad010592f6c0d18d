"""Cheated people: not eligible on the day, paid for twice, in two lessons at once, all of one telephone."""

from datetime import date, time, timedelta

from chalicelib.supervision.records.model import StandingRecord
from infra.province.attendance import sign
from infra.province.builder import PROGRAMS, Builder, Wish
from infra.province.course import Course, Trainee
from infra.province.fraud import another_project, attend_fully, case
from infra.province.ground import key
from infra.province.honest import live
from infra.province.labels import Case, Strength
from infra.province.phones import Person
from infra.province.timetable import SHIFTS, slot

_FULL = (16, 34)


def _some(builder: Builder, course: Course, count: int) -> list[Trainee]:
    return builder.rng.sample(course.trainees, k=min(count, len(course.trainees)))


def ineligible_at_date(builder: Builder, strength: Strength) -> Case:
    """假学员: the dead, prisoners, pensioners, pupils and workers on the list of those trained."""
    rng = builder.rng
    course = builder.plan(Wish(fresh=True, ended=True, size=_FULL))
    count = {Strength.BLATANT: rng.randint(3, 6), Strength.MODERATE: 2, Strength.SLY: 1}[strength]
    chosen = _some(builder, course, count)
    attend_fully(trainee.person for trainee in chosen)
    live(builder, course)
    first = course.first_at.date()
    keys = {trainee.person.key for trainee in chosen}
    builder.extras.standings = [entry for entry in builder.extras.standings if entry.person not in keys]
    for trainee in chosen:
        name, since, until = _standing(builder, strength, first)
        builder.extras.standings.append(
            StandingRecord(
                person=trainee.person.key,
                list=name,
                since=since,
                until=until,
                imported_at=course.last_at + builder.between(3, 30),
            )
        )
    return case(builder, "ineligible_at_date", strength, name, [course], trainees=chosen)


def _standing(builder: Builder, strength: Strength, first: date) -> tuple[str, str, str | None]:
    rng = builder.rng
    if strength is Strength.BLATANT:
        name = rng.choice(("deceased", "imprisoned", "retired"))
        return name, (first - timedelta(days=rng.randint(60, 900))).isoformat(), None
    if strength is Strength.MODERATE:
        until = first + timedelta(days=rng.randint(60, 300)) if rng.random() < 0.4 else None
        since = first - timedelta(days=rng.randint(20, 400))
        return "employed", since.isoformat(), until.isoformat() if until else None
    edge = rng.randrange(3)
    if edge == 0:  # work began on the very day before, or on that day
        return "employed", (first - timedelta(days=rng.randint(0, 1))).isoformat(), None
    if edge == 1:  # in school up to and including the first day: a date is inclusive
        return "in_school", "2023-09-01", first.isoformat()
    return "employed", (first - timedelta(days=3)).isoformat() + "T09:00:00+08:00", f"{first}T23:00:00+08:00"


def repeat_subsidy(builder: Builder, strength: Strength) -> Case:
    """重复申领: the same people taught the same once more elsewhere, or more often a year than is paid."""
    rng = builder.rng
    start = date(2026, 3, 2) + timedelta(days=rng.randint(0, 50))
    above_cap = strength is Strength.MODERATE and rng.random() < 0.4
    count = {Strength.BLATANT: rng.randint(4, 8), Strength.MODERATE: 2, Strength.SLY: 1}[strength]
    courses = [builder.plan(Wish(fresh=True, ended=True, first_day=start, program=PROGRAMS[0], size=_FULL))]
    people = [trainee.person for trainee in _some(builder, courses[0], count)]
    attend_fully(people)
    for program in PROGRAMS[1:] if above_cap else PROGRAMS[1:2]:
        last = courses[-1]
        others = [school for school in builder.schools if school is not last.school]
        project = another_project(builder, last)
        if not above_cap:
            taught = (last.project.occupation, last.project.level)
            project = rng.choice(
                [project for project in builder.projects if (project.occupation, project.level) == taught]
            )
        day = (last.last_at + builder.between(3, 20)).date()
        courses.append(
            builder.plan(
                Wish(
                    fresh=True,
                    school=rng.choice(others),
                    first_day=day,
                    project=project,
                    program=program,
                    people=people,
                    size=_FULL,
                )
            )
        )
    for course in courses:
        live(builder, course)
    keys = {person.key for person in people}
    chosen = [trainee for course in courses for trainee in course.trainees if trainee.person.key in keys]
    how = "four in a year" if above_cap else "the same occupation and level twice"
    return case(builder, "repeat_subsidy", strength, how, courses, trainees=chosen)


def lesson_overlap(builder: Builder, strength: Strength) -> Case:
    """一人两课: on the list of two classes that meet at the same time, and checked in to both."""
    rng = builder.rng
    here = builder.plan(
        Wish(fresh=True, ended=True, shift=SHIFTS[rng.choice((3, 4, 5))][0], program=PROGRAMS[0], size=_FULL)
    )
    count = {
        Strength.BLATANT: rng.randint(4, 9),
        Strength.MODERATE: rng.randint(2, 4),
        Strength.SLY: rng.randint(1, 2),
    }
    people = [trainee.person for trainee in _some(builder, here, count[strength])]
    attend_fully(people)
    slots = []
    free_at = time(18, 30) if here.shift != "evening" else time(13, 0)
    for number, meeting in enumerate(here.meetings):
        day, starts = meeting.starts_at.date(), meeting.starts_at
        if strength is Strength.BLATANT:
            slots.append(slot(day, starts.time(), meeting.hours))
        elif strength is Strength.MODERATE and number % 2 == 0:
            slots.append(slot(day, (starts + timedelta(minutes=60)).time(), 4))
        elif strength is Strength.SLY and number in {1, 4}:
            shift = meeting.ends_at - meeting.starts_at - timedelta(minutes=rng.randint(25, 40))
            slots.append(slot(day, (starts + shift).time(), 3))
        else:
            slots.append(slot(day, free_at, 4))
    there = builder.plan(
        Wish(
            fresh=True,
            school=here.school,
            site=here.site,
            slots=slots,
            program=PROGRAMS[1],
            people=people,
            project=another_project(builder, here),
            size=_FULL,
        )
    )
    live(builder, here)
    live(builder, there)
    _signed_to_both(builder, here, there, people)
    keys = {person.key for person in people}
    chosen = [trainee for trainee in (*here.trainees, *there.trainees) if trainee.person.key in keys]
    how = f"{len(people)} people in two lessons at once"
    return case(builder, "lesson_overlap", strength, how, [here, there], trainees=chosen)


def _signed_to_both(builder: Builder, here: Course, there: Course, people: list[Person]) -> None:
    """Make sure that those who are in both were signed in to all of both."""
    for course in (here, there):
        signed = {(line.lesson, line.enrolment) for line in course.check_ins if line.outcome == "accepted"}
        for trainee in course.trainees:
            if trainee.person not in people:
                continue
            for meeting in course.meetings:
                if (meeting.id, trainee.enrolment) not in signed:
                    at = meeting.starts_at - timedelta(minutes=builder.rng.uniform(2, 12))
                    course.check_ins.extend(sign(builder, course, meeting, trainee, at))


def shared_phone_or_account(builder: Builder, strength: Strength) -> Case:
    """编造名单: one telephone, or one account, stands for many of those on the list."""
    rng = builder.rng
    course = builder.plan(Wish(fresh=True, ended=True, size=_FULL))
    groups = {
        Strength.BLATANT: [rng.randint(10, 14)],
        Strength.MODERATE: [rng.randint(5, 6)],
        Strength.SLY: [3, 3, 3],
    }[strength]
    by_account = rng.random() < 0.4
    people = rng.sample(course.trainees, k=sum(groups))
    chosen = list(people)
    for size in groups:
        group, people = people[:size], people[size:]
        shared = key(rng, "b" if by_account else "h")
        for trainee in group:
            if by_account:
                trainee.person.account_key = shared
            else:
                trainee.person.phone_key = shared
    live(builder, course)
    how = f"{'one account' if by_account else 'one phone'} for {groups}"
    return case(builder, "shared_phone_or_account", strength, how, [course], trainees=chosen)
