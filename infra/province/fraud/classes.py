"""Cheated classes: trainers in two rooms, films and marks that do not fit, vouchers parked."""

from datetime import date, datetime, time, timedelta

import msgspec

from chalicelib.supervision.records.model import EnrolmentRecord, FootageRecord, RoomsRecord
from infra.province.builder import Builder, Wish
from infra.province.course import Course, Trainee, voucher_of
from infra.province.fraud import another_project, case, size_of_case
from infra.province.ground import key
from infra.province.honest import live
from infra.province.labels import Case, Strength
from infra.province.outcomes import replaced
from infra.province.timetable import CHINA, SHIFTS, Slot, slot

_FULL = (14, 34)
_ANEW = 0.5
"""So many of those who send one film again wrap it anew, for other bytes."""


def trainer_or_room_overlap(builder: Builder, strength: Strength) -> Case:
    """一师两课: one trainer, or one room, in two classes that meet at the same time."""
    rng = builder.rng
    by_room = rng.random() < 0.4
    teaches = rng.choice(builder.schools)
    site = rng.choice(teaches.sites)
    here = builder.plan(
        Wish(
            fresh=True,
            ended=True,
            school=teaches,
            site=site,
            shift=SHIFTS[rng.choice((3, 4))][0],
            # Of nobody else's: only these two classes collide.
            room=builder.new_room(teaches, site),
            trainers=[key(rng, "t")],
            size=_FULL,
        )
    )
    overlap_min = rng.choice((15, 20, 20, 25, 30))
    slots: list[Slot] = []
    hit: list[int] = []
    for number, meeting in enumerate(here.meetings):
        day, starts = meeting.starts_at.date(), meeting.starts_at
        length = meeting.ends_at - meeting.starts_at
        if strength is Strength.BLATANT:
            hit.append(number)
            slots.append(slot(day, starts.time(), 4))
        elif strength is Strength.MODERATE and number % 2 == 0:
            hit.append(number)
            slots.append(slot(day, (starts + timedelta(minutes=rng.choice((60, 90)))).time(), 4))
        elif strength is Strength.SLY and number % 3 == 0:
            hit.append(number)
            slots.append(slot(day, (starts + length - timedelta(minutes=overlap_min)).time(), 3))
        else:
            slots.append(slot(day, time(18, 30), 4))
    same_school = by_room or strength is not Strength.BLATANT or rng.random() < 0.5
    school = (
        here.school
        if same_school
        else rng.choice([school for school in builder.schools if school is not here.school])
    )
    there = builder.plan(
        Wish(
            fresh=True,
            school=school,
            site=here.site if same_school else None,
            slots=slots,
            project=another_project(builder, here),
            size=_FULL,
        )
    )
    subjects = [here.id, there.id]
    for number in hit:
        one, other = here.meetings[number], there.meetings[number]
        if by_room:
            other.room = one.room
        else:
            other.trainer = one.trainer
            subjects.append(one.trainer)
        subjects += [one.id, other.id]
    there.tells_lesson_rooms = True
    live(builder, here)
    live(builder, there)
    how = f"one {'room' if by_room else 'trainer'}, {len(hit)} lessons"
    return case(builder, "trainer_or_room_overlap", strength, how, [here, there], subjects=subjects)


def footage_gap(builder: Builder, strength: Strength) -> Case:
    """空壳班: check-ins without a film, films of the first minutes, one film sent for many lessons."""
    rng = builder.rng
    while True:
        course = builder.plan(Wish(fresh=True, ended=True, size=_FULL))
        if not course.school.external_footage and len(course.meetings) >= 8:
            break
        _discard(builder, course)
    live(builder, course)
    lessons = [meeting.id for meeting in course.meetings]
    looped = strength is Strength.SLY and rng.random() < 0.5 and course.school.digests
    if strength is Strength.BLATANT:
        gone = set(rng.sample(lessons, k=round(0.8 * len(lessons))))
        course.footage = [file for file in course.footage if file.lesson not in gone]
        how = f"no film of {len(gone)} of {len(lessons)} lessons"
    elif strength is Strength.MODERATE:
        gone = set(rng.sample(lessons, k=round(0.5 * len(lessons))))
        course.footage = _beginnings(builder, course, gone)
        how = f"{len(gone)} of {len(lessons)} lessons filmed at their beginning only"
    elif looped:
        gone = set(rng.sample(lessons, k=max(2, round(0.35 * len(lessons)))))
        _loop(builder, course, gone)
        how = f"one film for {len(gone)} of {len(lessons)} lessons"
    elif strength is Strength.SLY and rng.random() < 0.4:
        gone = set(lessons)
        course.footage = _cut_to(course, share=0.8)
        how = "each lesson filmed for four fifths of its time, as asked"
    else:
        gone = set(rng.sample(lessons, k=-(-len(lessons) // 5)))
        course.footage = [file for file in course.footage if file.lesson not in gone]
        how = f"no film of {len(gone)} of {len(lessons)} lessons: eighty in a hundred, as asked"
    return case(builder, "footage_gap", strength, how, [course], subjects=[course.id, *sorted(gone)])


def _discard(builder: Builder, course: Course) -> None:
    """Forget a plan that does not suit; what it took stays taken."""
    vouchers = {trainee.voucher for trainee in course.trainees}
    builder.extras.redemptions = [scan for scan in builder.extras.redemptions if scan.voucher not in vouchers]


def _beginnings(builder: Builder, course: Course, gone: set[str]) -> list[FootageRecord]:
    kept = []
    starts = {meeting.id: meeting.starts_at for meeting in course.meetings}
    for file in course.footage:
        if file.lesson in gone:
            until = starts[file.lesson] + timedelta(minutes=builder.rng.uniform(20, 40))
            if file.started_at >= until:
                continue
            kept.append(replaced(file, ended_at=min(file.ended_at, until.replace(microsecond=0))))
        else:
            kept.append(file)
    return kept


def _cut_to(course: Course, *, share: float) -> list[FootageRecord]:
    """Leave out what each lesson's recordings show beyond a share of its time."""
    until = {
        meeting.id: meeting.starts_at + (meeting.ends_at - meeting.starts_at) * share
        for meeting in course.meetings
    }
    return [
        replaced(file, ended_at=min(file.ended_at, until[file.lesson].replace(microsecond=0)))
        for file in course.footage
        if file.started_at < until[file.lesson]
    ]


def _loop(builder: Builder, course: Course, gone: set[str]) -> None:
    """Send one lesson's files for others: the same pictures, wrapped anew where somebody knows of digests."""
    anew = builder.rng.random() < _ANEW
    source = next(meeting for meeting in course.meetings if meeting.id not in gone)
    files = [file for file in course.footage if file.lesson == source.id]
    if not files:
        files = [file for file in course.footage if file.sha256][:1]
    looped = []
    for file in course.footage:
        if file.lesson in gone and file.status == "stored":
            same = builder.rng.choice(files)
            copied = replaced(
                file, sha256=same.sha256, pictures_sha256=same.pictures_sha256, bytes=same.bytes
            )
            looped.append(replaced(copied, sha256=file.sha256, bytes=file.bytes) if anew else copied)
        else:
            looped.append(file)
    course.footage = looped


def early_scores(builder: Builder, strength: Strength) -> Case:
    """先评后训: marks, or the completion, stand in the books before the last lesson was given."""
    rng = builder.rng
    course = live(builder, builder.plan(Wish(fresh=True, ended=True, size=_FULL)))
    length = course.last_at - course.first_at
    last_lesson = max(course.meetings, key=lambda meeting: meeting.starts_at)
    if strength is Strength.BLATANT:
        at = course.first_at + length * rng.uniform(0.1, 0.35)
    elif strength is Strength.MODERATE:
        at = last_lesson.starts_at - length * rng.uniform(0.15, 0.4)
    else:
        at = last_lesson.starts_at - timedelta(hours=rng.uniform(3, 30))
        at = max(at, course.first_at + timedelta(hours=1))
    course.scored_at = at
    completion_too = strength is Strength.BLATANT or rng.random() < 0.5
    if completion_too:
        course.completion_submitted_at = at - timedelta(hours=rng.uniform(0.2, 2))
    course.scores = [
        msgspec.structs.replace(line, entered_at=at - timedelta(seconds=rng.uniform(0, 60)))
        for line in course.scores
        if line.practice is not None
    ]
    before = course.last_at - at
    return case(
        builder, "early_scores", strength, f"{before.total_seconds() / 3600:.0f} h before the end", [course]
    )


def uniform_scores(builder: Builder, strength: Strength) -> Case:
    """分数雷同: nobody examined them; a clerk wrote the same for all, or nearly, or drew marks from a hat."""
    rng = builder.rng
    course = live(builder, builder.plan(Wish(fresh=True, ended=True, size=size_of_case(builder, _FULL))))
    if strength is Strength.SLY and rng.random() < 0.4:
        return _drawn(builder, course)
    theory, practice = rng.choice(((85, 85), (80, 82), (90, 88), (78, 80), (86, 90)))
    final = []
    one_only = rng.random() < 0.3
    entered = [trainee.enrolment for trainee in course.trainees]
    others = set(rng.sample(entered, k=len(entered) // 5))
    for line in course.scores:
        if line.practice is None:
            final.append(line)
            continue
        one, other = float(theory), float(practice)
        if strength is Strength.MODERATE and line.enrolment in others:
            one, other = one + rng.randint(-6, 6), other + rng.randint(-6, 6)
        elif strength is Strength.SLY:
            one, other = one + rng.randint(-1, 1), other + (0 if one_only else rng.randint(-1, 1))
        final.append(msgspec.structs.replace(line, theory=one, practice=other, passed=True))
    course.scores = final
    how = {
        Strength.BLATANT: "all the same",
        Strength.MODERATE: "four in five the same",
        Strength.SLY: "the same, one more or less",
    }[strength]
    return case(builder, "uniform_scores", strength, how, [course])


def _drawn(builder: Builder, course: Course) -> Case:
    """Draw marks around a figure, theory and practice each by itself, so that nobody fails."""
    rng = builder.rng
    average, spread = rng.uniform(76, 90), rng.uniform(2, 4)
    final = []
    for line in course.scores:
        if line.practice is None:
            final.append(line)
            continue
        one, other = (float(round(min(100, max(61, rng.gauss(average, spread))))) for _ in range(2))
        final.append(msgspec.structs.replace(line, theory=one, practice=other, passed=True))
    course.scores = final
    how = f"drawn around {average:.0f} with a spread of {spread:.1f}"
    return case(builder, "uniform_scores", Strength.SLY, how, [course])


# --------------------------------------------------------------------------- idle vouchers, too many claims


def idle_voucher(builder: Builder, strength: Strength) -> Case:
    """空转: vouchers taken from people and kept, without a class, or in one that never meets."""
    if strength is Strength.SLY:
        return _parked(builder)
    low, high = (100, 170) if strength is Strength.BLATANT else (63, 85)
    # A class that was drafted and never filed: its people are kept apart from it, the class is thrown away.
    course = builder.plan(
        Wish(fresh=True, ended=True, size=(6, 18) if strength is Strength.BLATANT else (4, 8))
    )
    _discard(builder, course)
    redeemed = builder.as_of - builder.between(low, high)
    label = case(
        builder,
        "idle_voucher",
        strength,
        f"{len(course.trainees)} vouchers without a class since {redeemed:%Y-%m-%d}",
        [],
        trainees=course.trainees,
        subjects=[course.school.uscc],
    )
    for trainee in course.trainees:
        at = builder.office_hours(redeemed + builder.between(-1, 1))
        _kept(builder, course, trainee, at)
    return label


def _kept(builder: Builder, course: Course, trainee: Trainee, at: datetime) -> None:
    trainee.confirmed_at, trainee.added_at, trainee.enrolment_status = at, None, "confirmed"
    trainee.claimed_at = at - builder.between(0.2, 20)
    trainee.issued_at = trainee.claimed_at - builder.between(1, 30)
    builder.extras.people.append(trainee.person)
    builder.extras.vouchers.append(voucher_of(trainee, course.program, course.school.uscc))
    builder.extras.enrolments.append(
        EnrolmentRecord(
            id=trainee.enrolment,
            voucher=trainee.voucher,
            person=trainee.person.key,
            institution=course.school.uscc,
            project=course.project.id,
            division=course.school.division,
            status="confirmed",
            confirmed_at=at,
        )
    )


def _parked(builder: Builder) -> Case:
    """Vouchers parked in an approved class that never meets: its lessons pass empty, or lie far ahead."""
    ahead = builder.rng.random() < 0.4
    if ahead:
        first = datetime(2027, 2, 22, tzinfo=CHINA) + builder.between(0, 40)
    else:
        first = builder.as_of - builder.between(75, 130)
    course = builder.plan(Wish(fresh=True, first_day=first.date(), size=(10, 20)))
    approved = min(course.approved_at or course.first_at, builder.as_of - builder.between(80, 120))
    course.approved_at = approved
    course.submitted_at = approved - builder.between(2, 5)
    course.created_at = course.submitted_at - builder.between(1, 3)
    course.status = "approved"
    for trainee in course.trainees:
        trainee.confirmed_at = builder.office_hours(approved - builder.between(1, 12))
        trainee.claimed_at = trainee.confirmed_at - builder.between(0.2, 20)
        trainee.issued_at = trainee.claimed_at - builder.between(1, 30)
        trainee.added_at = approved + builder.between(0.1, 3)
        trainee.enrolment_status = "rostered"
    how = (
        "parked in a class whose lessons lie far ahead" if ahead else "parked in a class that nobody came to"
    )
    return case(
        builder, "idle_voucher", Strength.SLY, how, [course], trainees=course.trainees, subjects=[course.id]
    )


def claim_burst(builder: Builder, strength: Strength) -> Case:
    """超能力开班: more classes at once than the school has rooms, taught by trainers on paper."""
    rng = builder.rng
    rooms, parallel = {
        Strength.BLATANT: (2, rng.randint(7, 9)),
        Strength.MODERATE: (2, 5),
        Strength.SLY: (3, 5),
    }[strength]
    school = builder.new_school(rooms=rooms, sites=1)
    school.weight, school.tells_rooms = 0.02, True
    shift = SHIFTS[rng.choice((3, 4, 5))][0]
    start = date(2026, 3, 9) + timedelta(days=rng.randint(0, 140))
    courses = []
    for number in range(parallel):
        staggered = rng.randint(0, 4) if strength is Strength.SLY else rng.randint(0, 1)
        courses.append(
            builder.plan(
                Wish(
                    fresh=True,
                    school=school,
                    site=school.sites[0],
                    shift=shift,
                    first_day=start + timedelta(days=staggered),
                    trainers=[key(rng, "t")],
                    room=school.rooms[school.sites[0].name][number]
                    if number < rooms
                    else f"{7 + number // 9}{number:02d}",
                    size=_FULL,
                )
            )
        )
    for course in courses:
        live(builder, course)
    how = f"{parallel} classes at once in {rooms} rooms"
    if strength is not Strength.BLATANT and rng.random() < 0.5:
        entered = min(course.created_at for course in courses) - builder.between(2, 25)
        school.rooms_entered = rng.choice((parallel, parallel + 3, 40))
        school.rooms_before = [RoomsRecord(rooms=rooms, until=entered)]
        how += f", {school.rooms_entered} entered shortly before"
    return case(builder, "claim_burst", strength, how, courses, subjects=[school.uscc])
