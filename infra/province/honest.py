"""Honest classes, from their planning to their payment, with the look-alikes that rules have to spare."""

from collections.abc import Callable
from datetime import date, timedelta

import msgspec

from chalicelib.supervision.records.model import (
    EnrolmentRecord,
    ProjectRecord,
    RoomsRecord,
    StandingRecord,
    VoucherRecord,
)
from chalicelib.supervision.rules.attempts import came
from infra.province.attendance import attend, made_up, sign
from infra.province.builder import Builder, Wish
from infra.province.course import FACE_VALUE_FEN, Course, Meeting
from infra.province.ground import CITIES, City, key, kilometres, make_site
from infra.province.outcomes import announced_only, film, finish
from infra.province.timetable import SHIFTS, slot


def live(builder: Builder, course: Course) -> Course:
    """Let a planned class happen."""
    _leave(builder, course)
    attend(builder, course)
    film(builder, course)
    finish(builder, course)
    _known_by_now(builder, course)
    _standings(builder, course)
    _past_of_vouchers(builder, course)
    return course


def _known_by_now(builder: Builder, course: Course) -> None:
    """Leave out what reaches the service after the moment of the export."""
    now = builder.as_of
    course.check_ins = [line for line in course.check_ins if line.received_at <= now]
    course.footage = [
        announced_only(file) if file.stored_at and file.stored_at > now and file.status == "stored" else file
        for file in course.footage
        if file.announced_at is None or file.announced_at <= now
    ]


def ordinary(builder: Builder) -> list[Course]:
    """Give a class as most are."""
    course = builder.plan()
    _maybe_cancelled(builder, course)
    return [live(builder, course)]


def _leave(builder: Builder, course: Course) -> None:
    """Withdraw some after the class has begun."""
    rng = builder.rng
    for trainee in list(course.trainees):
        stays = trainee.person.attendance >= 1
        if not stays and rng.random() < 0.02 and trainee.added_at and course.first_at < builder.as_of:
            at = course.first_at + (min(course.last_at, builder.as_of) - course.first_at) * rng.random()
            trainee.withdrawn_at = at
            trainee.enrolment_status, trainee.voucher_status = "withdrawn", "closed"


def _maybe_cancelled(builder: Builder, course: Course) -> None:
    rng = builder.rng
    if rng.random() > 0.03:
        return
    at = course.first_at - builder.between(0.5, 3)
    course.status = "cancelled"
    for trainee in course.trainees:
        trainee.released_at = max(trainee.confirmed_at, min(at, builder.as_of))
        trainee.enrolment_status, trainee.voucher_status = "released", "claimed"


def _standings(builder: Builder, course: Course) -> None:
    """Enter what cross-matches find of honest people: work found afterwards, study that ended before."""
    rng = builder.rng
    first, last = course.first_at.date(), course.last_at.date()
    imported = course.last_at + builder.between(5, 40)
    for trainee in course.trainees:
        chance = rng.random()
        since: date | None = None
        until: date | None = None
        name = "employed"
        if chance < 0.12:
            since = last + timedelta(days=rng.randint(2, 120))
        elif chance < 0.13:
            since = first + timedelta(days=rng.choice((1, 1, 2, 5)))  # found work when the class had begun
        elif chance < 0.16:
            since, until = (
                first - timedelta(days=rng.randint(200, 500)),
                first - timedelta(days=rng.choice((1, 10, 60))),
            )
        elif chance < 0.24:
            name, since = "in_school", date(2022, 9, 1)
            until = first - timedelta(days=rng.choice((1, 30, 60, 120)))
        if since is None or len(trainee.person.programs) > 1:
            continue
        trainee.person.has_standing = True
        course.looks_like.add("standing_before_or_after")
        text_until = until.isoformat() if until else None
        if until and rng.random() < 0.3:  # as a time, which is exclusive: until the first day's midnight
            text_until = (until + timedelta(days=1)).isoformat() + "T00:00:00+08:00"
        builder.extras.standings.append(
            StandingRecord(
                person=trainee.person.key,
                list=name,
                since=since.isoformat(),
                until=text_until,
                imported_at=min(imported, builder.as_of),
            )
        )


def _past_of_vouchers(builder: Builder, course: Course) -> None:
    """Have some come from another school that released them, and others never spend their voucher."""
    rng = builder.rng
    for trainee in course.trainees:
        if rng.random() < 0.015:
            released = trainee.confirmed_at - builder.between(0.5, 10)
            other = rng.choice(builder.schools)
            trainee.claimed_at = min(trainee.claimed_at, released - timedelta(days=20))
            trainee.issued_at = min(trainee.issued_at, trainee.claimed_at)
            builder.extras.enrolments.append(
                EnrolmentRecord(
                    id=key(rng, "e"),
                    voucher=trainee.voucher,
                    person=trainee.person.key,
                    institution=other.uscc,
                    project=rng.choice(other.projects).id,
                    division=other.division,
                    status="released",
                    confirmed_at=released - builder.between(1, 18),
                    released_at=released,
                )
            )
        if rng.random() < 0.06:
            unspent(builder, course)


def unspent(builder: Builder, course: Course) -> None:
    """Write a voucher down that nobody has spent yet, or that has expired."""
    rng = builder.rng
    person = builder.person(course.school.city)
    issued = builder.office_hours(builder.as_of - builder.between(10, 420))
    status = "expired" if issued < builder.as_of - timedelta(days=366) else rng.choice(("issued", "claimed"))
    builder.extras.people.append(person)
    builder.extras.vouchers.append(
        VoucherRecord(
            id=key(rng, "v"),
            person=person.key,
            program=course.program,
            division=person.division,
            status=status,
            face_value_fen=FACE_VALUE_FEN,
            issued_at=issued,
            claimed_at=issued + builder.between(0.1, 8) if status != "issued" else None,
            expires_at=issued.replace(year=issued.year + 1),
        )
    )


# --------------------------------------------------------------------------- look-alikes of their own


def families(builder: Builder) -> list[Course]:
    """Pairs of a family gave one phone number, a couple one account."""
    course = builder.plan(Wish(ended=True))
    for number in range(builder.rng.choice((1, 1, 2))):
        if 2 * number + 1 < len(course.trainees):
            one, other = course.trainees[2 * number].person, course.trainees[2 * number + 1].person
            other.phone_key = one.phone_key
            if builder.rng.random() < 0.4:
                other.account_key = one.account_key
    course.looks_like.add("family_phone")
    return [live(builder, course)]


def rooms_swapped(builder: Builder) -> list[Course]:
    """Two classes of one school swap rooms and trainers for some days, by an approved change."""
    school = next(
        (
            school
            for school in builder.rng.sample(builder.schools, k=len(builder.schools))
            if school.room_count >= 2
        ),
        None,
    ) or builder.new_school(rooms=3)
    site = max(school.sites, key=lambda site: len(school.rooms[site.name]))
    if len(school.rooms[site.name]) < 2:
        builder.new_room(school, site)
    shift = builder.rng.choice(SHIFTS)[0]
    one = builder.plan(Wish(ended=True, school=school, site=site, shift=shift))
    slots = [
        slot(meeting.starts_at.date(), meeting.starts_at.time(), meeting.hours) for meeting in one.meetings
    ]
    other = builder.plan(Wish(school=school, site=site, slots=slots, project=one.project))
    for left, right in zip(one.meetings, other.meetings, strict=True):
        if builder.rng.random() < 0.35:
            left.room, right.room = right.room, left.room
            left.trainer, right.trainer = right.trainer, left.trainer
    for course in (one, other):
        course.looks_like.add("rooms_swapped")
        live(builder, course)
    return [one, other]


def by_train(builder: Builder) -> list[Course]:
    """Spend an afternoon in a factory of another city, by high-speed train after the morning's lesson."""
    rng = builder.rng
    course = builder.plan(Wish(ended=True, fresh=True, shift=SHIFTS[0][0]))
    for morning, afternoon in zip(course.meetings, course.meetings[1:], strict=False):
        if morning.starts_at.date() != afternoon.starts_at.date() or rng.random() > 0.3:
            continue
        city = rng.choice([city for city in CITIES if _train_to(course.school.city, city)])
        site = make_site(rng, city, f"实训点{city.name}", campus=0)
        hours = kilometres(course.site, site) / rng.uniform(90, 185)
        # The morning is short that day, and the afternoon begins when they are there.
        morning.ends_at = morning.starts_at + timedelta(minutes=90)
        morning.hours = 2.0
        start = morning.ends_at + timedelta(hours=hours) + timedelta(minutes=rng.uniform(8, 25))
        afternoon.starts_at = start.replace(second=0, microsecond=0) + timedelta(minutes=-start.minute % 10)
        afternoon.ends_at = max(afternoon.ends_at, afternoon.starts_at + timedelta(minutes=180))
        afternoon.away, afternoon.room, afternoon.trainer = site, None, key(rng, "t")
        break
    course.looks_like.add("train")
    live(builder, course)
    _sign_out(builder, course)
    return [course]


def _train_to(home: City, other: City) -> bool:
    away = ((home.lng - other.lng) * 95) ** 2 + ((home.lat - other.lat) * 111) ** 2
    return 90**2 < away < 280**2


def _sign_out(builder: Builder, course: Course) -> None:
    """On the day of the journey everybody checks out of the morning's lesson, last thing before the train."""
    away = next((number for number, meeting in enumerate(course.meetings) if meeting.away), None)
    if not away:
        return
    morning: Meeting = course.meetings[away - 1]
    for trainee in course.active:
        if trainee.added_at:
            at = morning.ends_at + timedelta(seconds=builder.rng.uniform(-240, 60))
            course.check_ins.extend(sign(builder, course, morning, trainee, at, kind="out"))


def two_classes_at_once(builder: Builder) -> list[Course]:
    """Have some learn two things, mornings and evenings; one lesson collides, and they skip it."""
    rng = builder.rng
    day = builder.plan(Wish(ended=True, shift=SHIFTS[3][0], program="targeted-2026"))
    people = [trainee.person for trainee in rng.sample(day.trainees, k=min(3, len(day.trainees)))]
    dates = sorted({meeting.starts_at.date() for meeting in day.meetings})
    slots = [slot(day_, SHIFTS[5][0].sittings[0].starts, 4) for day_ in dates[:-1]]
    clash = day.meetings[len(day.meetings) // 2]
    slots.append(slot(clash.starts_at.date(), clash.starts_at.time(), 4))
    evening = builder.plan(
        Wish(
            school=day.school,
            slots=sorted(slots),
            program="skills-2026",
            people=people,
            project=_other(builder, day),
        )
    )
    for course in (day, evening):
        course.looks_like.add("two_classes_at_once")
        live(builder, course)
    keys = {person.key for person in people}
    skipped = {trainee.enrolment for trainee in day.trainees if trainee.person.key in keys}
    day.check_ins = [
        check_in
        for check_in in day.check_ins
        if not (check_in.lesson == clash.id and check_in.enrolment in skipped)
    ]
    return [day, evening]


def _other(builder: Builder, course: Course) -> ProjectRecord:
    choices = [
        project for project in course.school.projects if project.occupation != course.project.occupation
    ]
    return builder.rng.choice(choices or builder.projects)


def learnt_again(builder: Builder) -> list[Course]:
    """Have some fail, learn the same again, and be claimed for once."""
    rng = builder.rng
    first = builder.plan(Wish(ended=True, first_day=_early(builder), program="targeted-2026"))
    people = [trainee.person for trainee in rng.sample(first.trainees, k=min(2, len(first.trainees)))]
    for person in people:
        person.programs.add("skills-2026")  # where they will learn once more
        person.skill = -4.0
        person.attendance = 0.4
    live(builder, first)
    again = [trainee.person for trainee in first.trainees if trainee.person in people and not trainee.passed]
    for person in again:
        person.skill, person.attendance = 0.5, 0.97
    start = (first.last_at + builder.between(12, 40)).date()
    second = builder.plan(
        Wish(school=first.school, first_day=start, project=first.project, program="skills-2026", people=again)
    )
    for course in (first, second):
        course.looks_like.add("learnt_again")
    return [first, live(builder, second)]


def _early(builder: Builder) -> date:
    return date(2026, 3, 2) + timedelta(days=builder.rng.randint(0, 100))


def full_house(builder: Builder) -> list[Course]:
    """Fill a small school: every room by day, in the evening and at weekends, never twice at once."""
    rng = builder.rng
    school = builder.new_school(rooms=rng.choice((1, 2, 3)), sites=1)
    school.weight = 0.05
    first_day = _early(builder) + timedelta(days=rng.randint(0, 90))
    courses = []
    for shift in (SHIFTS[3][0], SHIFTS[4][0], SHIFTS[5][0], SHIFTS[8][0]):
        for _ in range(school.room_count):
            try:
                course = builder.plan(Wish(school=school, first_day=first_day, shift=shift, may_build=False))
            except LookupError:
                continue
            course.looks_like.add("full_house")
            courses.append(live(builder, course))
    return courses


def grown(builder: Builder) -> list[Course]:
    """Rent more rooms, say so, and use them: at most twice what there was."""
    rng = builder.rng
    before = rng.choice((2, 3, 4))
    school = builder.new_school(rooms=min(2 * before, before + rng.choice((1, 2, 3))), sites=1)
    school.weight, school.tells_rooms = 0.05, True
    first_day = _early(builder) + timedelta(days=rng.randint(30, 90))
    courses = []
    for _ in range(school.room_count):
        try:
            course = builder.plan(
                Wish(school=school, first_day=first_day, shift=SHIFTS[3][0], may_build=False)
            )
        except LookupError:
            continue
        course.looks_like.add("grown_school")
        courses.append(live(builder, course))
    if courses:
        raised = min(course.created_at for course in courses) - builder.between(10, 90)
        school.rooms_before = [RoomsRecord(rooms=before, until=raised)]
    return courses or ordinary(builder)


def no_network_for_days(builder: Builder) -> list[Course]:
    """Have the network fail at a school for some days, and one or two phones without data for weeks."""
    rng = builder.rng
    course = live(builder, builder.plan(Wish(ended=True)))
    days = sorted({meeting.starts_at.date() for meeting in course.meetings})
    failed = set(rng.sample(days, k=min(rng.choice((1, 2, 3)), len(days) // 3)))
    without = {trainee.enrolment for trainee in course.trainees[: rng.choice((0, 1, 2))]}
    on_day = {meeting.id: meeting.starts_at.date() for meeting in course.meetings}
    course.check_ins = [
        msgspec.structs.replace(
            line,
            offline=True,
            received_at=min(line.received_at + builder.between(0.1, 0.9), builder.as_of),
            network=None,
        )
        if line.kind == "in"
        and not line.made_up
        and line.outcome != "refused"
        and (
            (on_day.get(line.lesson) in failed and rng.random() < 0.9)
            or (line.enrolment in without and rng.random() < 0.7)
        )
        else line
        for line in course.check_ins
    ]
    course.looks_like.add("no_network_for_days")
    return [course]


def a_day_made_up(builder: Builder) -> list[Course]:
    """Have most of one day made up afterwards: the network failed, and phones did not keep what was told."""
    rng = builder.rng
    course = live(builder, builder.plan(Wish(ended=True)))
    day = rng.choice(sorted({meeting.starts_at.date() for meeting in course.meetings}))
    trainees = {trainee.enrolment: trainee for trainee in course.trainees}
    for meeting in course.meetings:
        at = builder.office_hours(meeting.ends_at + builder.between(0.6, 4))
        if meeting.starts_at.date() != day or at > builder.as_of:
            continue
        there = {line.enrolment for line in course.check_ins if line.lesson == meeting.id and came(line)}
        lost = {each for each in trainees if each in there and rng.random() < 0.85}
        course.check_ins = [
            line for line in course.check_ins if line.lesson != meeting.id or line.enrolment not in lost
        ]
        course.check_ins += [made_up(builder, meeting, trainees[each], at) for each in sorted(lost)]
    course.looks_like.add("a_day_made_up")
    return [course]


LOOK_ALIKES: tuple[tuple[Callable[[Builder], list[Course]], float], ...] = (
    (families, 0.03),
    (rooms_swapped, 0.012),
    (by_train, 0.02),
    (two_classes_at_once, 0.01),
    (learnt_again, 0.01),
    (full_house, 0.004),
    (grown, 0.002),
    (no_network_for_days, 0.02),
    (a_day_made_up, 0.015),
)
"""Look-alikes that need a class, or several, of their own, with their share among honest draws."""


def honest(builder: Builder) -> list[Course]:
    """Draw one honest class, or a few that belong together."""
    chance = builder.rng.random()
    for make, share in LOOK_ALIKES:
        if chance < share:
            return make(builder)
        chance -= share
    return ordinary(builder)
