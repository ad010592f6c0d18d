"""Fraud as audits tell of it, one function a pattern, each in three strengths."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from chalicelib.supervision.records.model import ProjectRecord
from infra.province.builder import SMALL, Builder
from infra.province.course import Course, Meeting, Trainee
from infra.province.ground import key
from infra.province.labels import Case, Label, Strength
from infra.province.phones import Person
from infra.province.timetable import Slot


def case(
    builder: Builder,
    rule: str,
    strength: Strength,
    how: str,
    courses: Sequence[Course],
    *,
    trainees: Iterable[Trainee] = (),
    subjects: Iterable[str] = (),
    touched: Sequence[Course] | None = None,
) -> Case:
    """Give a case with its label. Without trainees it concerns its classes as a whole."""
    concerned = list(trainees)
    named = [*subjects]
    for trainee in concerned:
        named += [trainee.enrolment, trainee.voucher, trainee.person.key]
    return Case(
        list(courses),
        Label(
            case=key(builder.rng, "x"),
            rule=rule,
            strength=strength,
            how=how,
            classes=[course.id for course in (courses if touched is None else touched)],
            enrolments=[trainee.enrolment for trainee in concerned],
            subjects=named,
        ),
    )


_SMALL_CASES = 0.25


def size_of_case(builder: Builder, full: tuple[int, int]) -> tuple[int, int]:
    """Say how large a cheated class is: a fourth of them are as small as classes come."""
    return SMALL if builder.rng.random() < _SMALL_CASES else full


def another_project(builder: Builder, course: Course) -> ProjectRecord:
    """Give a project of another occupation."""
    return builder.rng.choice(
        [project for project in builder.projects if project.occupation != course.project.occupation]
    )


def attend_fully(people: Iterable[Person]) -> None:
    """Have people come to everything, stay and pass: those who are paid for."""
    for person in people:
        person.attendance = 1.0
        person.skill = max(person.skill, 0.3)
        person.phone.provider = "gps"
        person.phone.clock_off = timedelta()


def extra_meeting(builder: Builder, course: Course, slot: Slot) -> None:
    """Add a lesson to a class, in a room that is free and with a trainer of its own."""
    school, site = course.school, course.site
    span = (slot.starts_at, slot.ends_at)
    prefix = f"{school.uscc}|{site.name}|"
    rooms = [name for name in school.rooms[site.name] if builder.diary.is_free(prefix + name, [span])]
    room = rooms[0] if rooms else builder.new_room(school, site)
    trainer = key(builder.rng, "t")
    school.trainers.append(trainer)
    builder.diary.take(prefix + room, [span])
    builder.diary.take(trainer, [span])
    course.meetings.append(Meeting(key(builder.rng, "l"), *slot, trainer, room))
    course.meetings.sort(key=lambda meeting: meeting.starts_at)
