"""Cheated check-ins: one phone for many, made-up places, scripts, journeys nobody can make."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta

import msgspec

from chalicelib.supervision.records.model import CheckInRecord, Position
from infra.province.attendance import made_up, sign
from infra.province.builder import Builder, Wish
from infra.province.course import Course, Meeting, Trainee
from infra.province.fraud import another_project, attend_fully, case, extra_meeting, size_of_case
from infra.province.ground import School, kilometres
from infra.province.honest import live
from infra.province.labels import Case, Strength
from infra.province.phones import make_phone
from infra.province.timetable import SHIFTS, Slot, slot

_FULL = (16, 34)


def _claimed(builder: Builder, *, size: tuple[int, int] | None = None) -> Course:
    """Give a class that ended and was claimed, as honest in all else as any; a fourth of them are small."""
    return live(
        builder, builder.plan(Wish(fresh=True, ended=True, size=size or size_of_case(builder, _FULL)))
    )


def _retold(
    course: Course, change: Callable[[CheckInRecord], CheckInRecord | None], chosen: Iterable[Trainee]
) -> None:
    """Change the check-ins of some; one that becomes nothing is left out."""
    enrolments = {trainee.enrolment for trainee in chosen}
    told = []
    for check_in in course.check_ins:
        if check_in.enrolment in enrolments and check_in.location is not None:
            changed = change(check_in)
            if changed is not None:
                told.append(changed)
        else:
            told.append(check_in)
    course.check_ins = told


def _some(builder: Builder, course: Course, share: float, *, least: int) -> list[Trainee]:
    """Pick so many of a class, and of a small one nearly all: there is nobody to hide among."""
    count = max(least, round(share * len(course.trainees)))
    if len(course.trainees) < least + 2:
        count = max(4, round(max(share, 0.8) * len(course.trainees)))
    return builder.rng.sample(course.trainees, k=min(count, len(course.trainees)))


def shared_device(builder: Builder, strength: Strength) -> Case:
    """代打卡: a helper checks in people who are not there, with one phone, or with a few by turns."""
    rng = builder.rng
    course = builder.plan(Wish(fresh=True, ended=True, size=_FULL))
    stay_away = {Strength.BLATANT: 0.7, Strength.MODERATE: 0.45, Strength.SLY: 0.6}[strength]
    count = max(8, round(stay_away * len(course.trainees)))
    if strength is Strength.SLY:
        count = min(12, len(course.trainees))
    away = rng.sample(course.trainees, k=count)
    phones = [make_phone(rng, builder.gateways[course.school.city.division]) for _ in range(3)]
    used = {Strength.BLATANT: 1, Strength.MODERATE: 2, Strength.SLY: 3}[strength]
    any_phone = strength is Strength.SLY and rng.random() < 0.4
    live(builder, course)
    numbers = {meeting.id: number for number, meeting in enumerate(course.meetings)}
    starts = {meeting.id: meeting for meeting in course.meetings}
    kept = {trainee.enrolment for trainee in away}
    course.check_ins = [line for line in course.check_ins if line.enrolment not in kept]
    for meeting in course.meetings:
        at = meeting.starts_at - timedelta(minutes=rng.uniform(5, 25))
        for place, trainee in enumerate(away):
            if trainee.added_at and rng.random() < 0.96:
                turn = numbers[meeting.id] if strength is Strength.SLY else 0
                by_turns = phones[(place + turn * (1 + place % 2)) % used]
                phone = rng.choice(phones) if any_phone else by_turns
                gap_s = rng.uniform(8, 25) if strength is Strength.BLATANT else rng.uniform(20, 150)
                at = min(at + timedelta(seconds=gap_s), starts[meeting.id].starts_at + timedelta(minutes=29))
                course.check_ins.extend(sign(builder, course, meeting, trainee, at, phone=phone))
    how = {1: "one phone for all who stay away", 2: "two phones", 3: "three phones by turns among twelve"}[
        used
    ]
    return case(builder, "shared_device", strength, how, [course], trainees=away)


def identical_coordinates(builder: Builder, strength: Strength) -> Case:
    """虚拟定位 without the flag: scripts send one point, or one point with a small pattern around it."""
    rng = builder.rng
    course = _claimed(builder)
    share = {Strength.BLATANT: 1.0, Strength.MODERATE: 0.6, Strength.SLY: 0.85}[strength]
    chosen = _some(builder, course, share, least=8)
    east, north = course.site.building_m
    system = rng.choice(("wgs84", "gcj02"))
    lng, lat = course.site.around(east + rng.gauss(0, 10), north + rng.gauss(0, 10), system)
    pattern = [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, -1)]
    step = 1e-5 * rng.choice((1, 1, 2, 3))
    by_chance = rng.random() < 0.3
    places = {trainee.enrolment: number for number, trainee in enumerate(chosen)}
    told_m = rng.choice((5.0, 10.0, 15.0, 20.0))

    def change(line: CheckInRecord) -> CheckInRecord:
        step_east, step_north = 0.0, 0.0
        accuracy = told_m
        if strength is Strength.SLY:
            turn = places[line.enrolment or ""] + line.received_at.toordinal()
            across, up = pattern[turn % len(pattern)]
            step_east, step_north = across * step, up * step
            if by_chance:
                step_east, step_north = rng.uniform(-step, step), rng.uniform(-step, step)
            accuracy = round(rng.uniform(8, 25), 1)
        elif strength is Strength.MODERATE and rng.random() < 0.1 and line.location:
            return line
        place = Position(
            lng=round(lng + step_east, 6),
            lat=round(lat + step_north, 6),
            accuracy_m=accuracy,
            coord_system=system,
            mocked=False,
        )
        return msgspec.structs.replace(line, location=place, outcome="accepted", reason=None)

    _only_accepted(course, chosen)
    _retold(course, change, chosen)
    how = "one point"
    if strength is Strength.SLY:
        how = f"{'by chance' if by_chance else 'a pattern'} within {step * 1e5:.0f} m of one point"
    return case(builder, "identical_coordinates", strength, how, [course], trainees=chosen)


def _only_accepted(course: Course, chosen: Iterable[Trainee]) -> None:
    """Leave refusals and late uploads out: a script has none."""
    _retold(
        course,
        lambda line: (
            None
            if line.outcome == "refused"
            else msgspec.structs.replace(
                line,
                offline=False,
                received_at=(line.happened_at or line.received_at) + timedelta(seconds=1)
                if line.offline
                else line.received_at,
                outcome="accepted",
            )
        ),
        chosen,
    )


def mock_location(builder: Builder, strength: Strength) -> Case:
    """虚拟定位: an app tells a place, and the system tells that an app does."""
    rng = builder.rng
    course = _claimed(builder)
    share, often = {
        Strength.BLATANT: (0.7, 0.95),
        Strength.MODERATE: (0.25, 0.8),
        Strength.SLY: (0.1, 0.35),
    }[strength]
    chosen = rng.sample(course.trainees, k=max(2, round(share * len(course.trainees))))
    flagged: set[str] = set()

    def change(line: CheckInRecord) -> CheckInRecord:
        if line.location is None or (rng.random() > often and line.enrolment in flagged):
            return line
        flagged.add(line.enrolment or "")
        east, north = rng.gauss(0, 8), rng.gauss(0, 8)
        lng, lat = course.site.around(east, north, "wgs84")
        place = Position(
            lng=round(lng, 6), lat=round(lat, 6), accuracy_m=10.0, coord_system="wgs84", mocked=True
        )
        return msgspec.structs.replace(line, location=place)

    _retold(course, change, chosen)
    told = [trainee for trainee in chosen if trainee.enrolment in flagged]
    how = f"{len(told)} phones, flagged {often:.0%} of the time"
    return case(builder, "mock_location", strength, how, [course], trainees=told)


def offline_check_ins(builder: Builder, strength: Strength) -> Case:
    """离线补签: who stays away is sent in later as recorded without a network, and somebody accepts it."""
    rng = builder.rng
    course = _claimed(builder)
    share, often = {
        Strength.BLATANT: (0.75, 0.95),
        Strength.MODERATE: (0.4, 0.7),
        Strength.SLY: (0.25, 0.5),
    }[strength]
    chosen = _some(builder, course, share, least=6)
    # A careful one draws a place for each as receivers would: only the network tells.
    spot = course.site.around(rng.gauss(0, 10), rng.gauss(0, 10), "wgs84")
    copied = strength is Strength.MODERATE and rng.random() < 0.5
    late = timedelta(hours=rng.uniform(3, 20))

    def change(line: CheckInRecord) -> CheckInRecord | None:
        if line.outcome == "refused":
            return None
        if rng.random() > often:
            return line
        place = line.location
        if copied and place is not None:
            place = msgspec.structs.replace(
                place, lng=round(spot[0], 6), lat=round(spot[1], 6), coord_system="wgs84", accuracy_m=12.0
            )
        received = (line.happened_at or line.received_at) + late + timedelta(minutes=rng.uniform(0, 40))
        return msgspec.structs.replace(
            line,
            offline=True,
            outcome="accepted",
            reason=None,
            location=place,
            network=None,
            received_at=min(received, builder.as_of),
        )

    _retold(course, change, chosen)
    course.looks_like -= {"late_uploads"}
    how = f"{len(chosen)} trainees offline {often:.0%} of the time"
    return case(builder, "offline_check_ins", strength, how, [course], trainees=chosen)


def make_up_share(builder: Builder, strength: Strength) -> Case:
    """补课凑数: who stays away has lessons made up, as many as the policy lets, and somebody grants it."""
    rng = builder.rng
    course = _claimed(builder)
    share, often = {
        Strength.BLATANT: (0.9, 0.2),
        Strength.MODERATE: (0.55, 0.2),
        Strength.SLY: (0.3, 0.15),
    }[strength]
    chosen = rng.sample(course.trainees, k=max(6, round(share * len(course.trainees))))
    count = max(2, round(often * len(course.meetings)))
    for trainee in chosen:
        for meeting in rng.sample(course.meetings, k=min(count, len(course.meetings))):
            course.check_ins = [
                line
                for line in course.check_ins
                if (line.lesson, line.enrolment) != (meeting.id, trainee.enrolment)
            ]
            at = min(builder.office_hours(meeting.ends_at + builder.between(0.6, 4)), builder.as_of)
            course.check_ins.append(made_up(builder, meeting, trainee, at))
    course.looks_like -= {"made_up"}
    how = f"{len(chosen)} trainees made up {count} of {len(course.meetings)} lessons each"
    return case(builder, "make_up_share", strength, how, [course], trainees=chosen)


def check_in_burst(builder: Builder, strength: Strength) -> Case:
    """批量签到: a script sends a whole class, in seconds, in a minute, or in step over two minutes."""
    rng = builder.rng
    course = builder.plan(Wish(fresh=True, ended=True, size=size_of_case(builder, _FULL)))
    for trainee in course.trainees:
        trainee.person.attendance = 0.99
    live(builder, course)
    course.looks_like -= {"late_uploads", "made_up"}
    often = {Strength.BLATANT: 1.0, Strength.MODERATE: 0.75, Strength.SLY: 0.95}[strength]
    order = list(course.trainees)
    wobble = rng.choice((0.1, 0.2, 0.35))
    in_order = rng.random() < 0.7
    lines: list[CheckInRecord] = []
    for meeting in course.meetings:
        present = {
            line.enrolment
            for line in course.check_ins
            if line.lesson == meeting.id and line.outcome != "refused"
        }
        if rng.random() > often:
            lines += [line for line in course.check_ins if line.lesson == meeting.id]
            continue
        whole_s = {
            Strength.BLATANT: rng.uniform(4, 15),
            Strength.MODERATE: rng.uniform(30, 50),
            Strength.SLY: rng.uniform(100, 150),
        }[strength]
        step_s = whole_s / max(1, len(present))
        start = meeting.starts_at - timedelta(minutes=rng.uniform(2, 25))
        queue = order if strength is Strength.SLY and in_order else rng.sample(order, k=len(order))
        place = 0
        for trainee in queue:
            if trainee.enrolment in present:
                jitter = rng.uniform(-wobble, wobble) if strength is Strength.SLY else rng.uniform(-0.5, 0.5)
                at = start + timedelta(seconds=step_s * (place + jitter))
                lines.append(_first_accepted(builder, course, meeting, trainee, at))
                place += 1
    course.check_ins = lines
    how = {
        Strength.BLATANT: "in seconds",
        Strength.MODERATE: "within a minute",
        Strength.SLY: f"{'in order' if in_order else 'shuffled'}, evenly but for {wobble:.0%}, two minutes",
    }[strength]
    return case(builder, "check_in_burst", strength, how, [course])


def _first_accepted(
    builder: Builder, course: Course, meeting: Meeting, trainee: Trainee, at: datetime
) -> CheckInRecord:
    last = sign(builder, course, meeting, trainee, at)[-1]
    happened = at + timedelta(milliseconds=builder.rng.randint(0, 400))
    return msgspec.structs.replace(
        last,
        outcome="accepted",
        reason=None,
        happened_at=happened,
        received_at=happened + timedelta(milliseconds=builder.rng.randint(120, 900)),
    )


# --------------------------------------------------------------------------- two places at once

_NEAR_KM, _FAR_KM = (38, 85), (90, 400)


def _pair_of_schools(builder: Builder, low_km: float, high_km: float) -> tuple[School, School]:
    """Find two schools so far apart, or found them."""
    rng = builder.rng
    for _ in range(300):
        one, other = rng.sample(builder.schools, k=2)
        if low_km <= kilometres(one.sites[0], other.sites[0]) <= high_km:
            return one, other
    while True:
        one, other = builder.new_school(), builder.new_school()
        if low_km <= kilometres(one.sites[0], other.sites[0]) <= high_km:
            return one, other


def impossible_travel(builder: Builder, strength: Strength) -> Case:
    """一人两地: signed in at two places faster than road or train allow; somebody else has the account."""
    rng = builder.rng
    one, other = _pair_of_schools(builder, *(_NEAR_KM if strength is Strength.SLY else _FAR_KM))
    km = kilometres(one.sites[0], other.sites[0])
    here = builder.plan(
        Wish(
            fresh=True,
            ended=True,
            school=one,
            site=one.sites[0],
            shift=SHIFTS[4][0],
            program="targeted-2026",
            size=_FULL,
        )
    )
    days = sorted({meeting.starts_at.date() for meeting in here.meetings})
    jumps = days[
        :: max(1, len(days) // {Strength.BLATANT: 5, Strength.MODERATE: 4, Strength.SLY: 3}[strength])
    ]
    # A short lesson in one city, and the next, in the other, begins when it ends: no two at once.
    for day in jumps:
        extra_meeting(builder, here, slot(day, time(8, 30), 1))
    slots: list[Slot] = [slot(day, time(9, 20), 2) for day in jumps]
    slots += [slot(day, time(18, 30), 4) for day in days[:8]]
    count = {
        Strength.BLATANT: rng.randint(3, 8),
        Strength.MODERATE: rng.randint(2, 4),
        Strength.SLY: rng.randint(1, 2),
    }
    people = [trainee.person for trainee in rng.sample(here.trainees, k=count[strength])]
    there = builder.plan(
        Wish(
            fresh=True,
            school=other,
            site=other.sites[0],
            slots=sorted(slots),
            program="skills-2026",
            people=people,
            project=another_project(builder, here),
        )
    )
    attend_fully(people)
    live(builder, here)
    live(builder, there)
    keys = {person.key for person in people}
    for day in jumps:
        for person in people:
            if strength is Strength.BLATANT:
                minutes = rng.uniform(0.3, 2)
            elif strength is Strength.MODERATE:
                minutes = rng.uniform(8, 20)
            else:
                minutes = km / rng.uniform(190, 260) * 60
            first = datetime.combine(day, time(8, 31), tzinfo=here.first_at.tzinfo) + timedelta(
                minutes=rng.uniform(0, 20)
            )
            _move(builder, here, day=day, person=person.key, starts=time(8, 30), at=first)
            second = first + timedelta(minutes=minutes)
            _move(builder, there, day=day, person=person.key, starts=time(9, 20), at=second)
    chosen = [trainee for trainee in (*here.trainees, *there.trainees) if trainee.person.key in keys]
    return case(
        builder,
        "impossible_travel",
        strength,
        f"{km:.0f} km, {len(jumps)} days",
        [here, there],
        trainees=chosen,
    )


def _move(builder: Builder, course: Course, *, day: date, person: str, starts: time, at: datetime) -> None:
    """Have somebody check in to that day's lesson at that moment, once, rightly."""
    trainee = next(trainee for trainee in course.trainees if trainee.person.key == person)
    meeting = next(
        meeting
        for meeting in course.meetings
        if meeting.starts_at.date() == day and meeting.starts_at.time() == starts
    )
    course.check_ins = [
        line
        for line in course.check_ins
        if not (line.lesson == meeting.id and line.enrolment == trainee.enrolment)
    ]
    if not trainee.withdrawn_at:
        course.check_ins.append(_first_accepted(builder, course, meeting, trainee, at))
