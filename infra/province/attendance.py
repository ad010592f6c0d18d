"""Who comes to a lesson when, and what their phones send: arrivals, late uploads, refusals, make-ups."""

import math
from datetime import datetime, timedelta

from chalicelib.supervision.records.model import CheckInRecord, Position
from infra.province.builder import Builder
from infra.province.course import Course, Meeting, Trainee
from infra.province.ground import CITIES, key
from infra.province.phones import Phone, elsewhere, fix, judged

_OPENS_BEFORE = timedelta(minutes=60)
_CLOSES_AFTER = timedelta(minutes=30)
_STILL_THERE = timedelta(minutes=30)


def attend(builder: Builder, course: Course) -> None:
    """Have the trainees come to every lesson there was so far, as honest people do."""
    if course.status in {"draft", "submitted", "returned", "cancelled"}:
        return
    _habits(builder, course)
    rng = builder.rng
    checks_out = rng.random() < 0.06
    previous: Meeting | None = None
    for meeting in sorted(course.meetings, key=lambda meeting: meeting.starts_at):
        if meeting.starts_at - timedelta(minutes=10) > builder.as_of:
            break
        present = [
            trainee
            for trainee in course.trainees
            if trainee.added_at
            and not (trainee.withdrawn_at and trainee.withdrawn_at <= meeting.starts_at)
            and rng.random() < trainee.person.attendance
        ]
        there = previous is not None and meeting.starts_at - previous.ends_at < _STILL_THERE
        times = _arrivals(builder, course, meeting, present, there=there)
        _record(builder, course, meeting, times)
        if checks_out and meeting.ends_at < builder.as_of:
            for trainee in present:
                if rng.random() < 0.95:
                    after = meeting.ends_at + timedelta(seconds=max(-900, rng.gauss(120, 180)))
                    course.check_ins.extend(sign(builder, course, meeting, trainee, after, kind="out"))
        previous = meeting


def _habits(builder: Builder, course: Course) -> None:
    """Give the class what honest classes are mistaken for: a bus, siblings, a building that caches."""
    rng = builder.rng
    if course.site.campus_network:
        course.looks_like.add("campus_network")
    if course.shift == "night":
        course.looks_like.add("night_class")
    trainees = course.active
    if not trainees:
        return
    if rng.random() < builder.habits.bus_group:
        course.looks_like.add("bus_group")
        share = rng.choice((0.4, 0.6, 0.8, 1.0))
        for trainee in trainees:
            trainee.in_bus = rng.random() < share
    if rng.random() < builder.habits.teacher_calls:
        course.looks_like.add("teacher_calls")
    if rng.random() < builder.habits.siblings_share_phone:
        course.looks_like.add("siblings_share_phone")
        one, other = rng.sample(trainees, k=2)
        other.phone = one.phone
        if rng.random() < 0.4:
            other.person.phone_key = one.person.phone_key
    _caching_building(builder, course)


def _caching_building(builder: Builder, course: Course) -> None:
    """Have one building in four answer many phones from its provider's cache."""
    rng = builder.rng
    if rng.random() < builder.habits.caching_building:
        course.looks_like.add("cached_location")
        share = rng.uniform(0.2, 0.7)
        habit = float(rng.choice((20, 30, 35, 40, 65)))
        for trainee in course.active:
            if rng.random() < share:
                trainee.phone.provider, trainee.phone.habit_m = "cached", habit


def _arrivals(
    builder: Builder, course: Course, meeting: Meeting, present: list[Trainee], *, there: bool
) -> dict[str, tuple[Trainee, datetime]]:
    """Tell when each checks in. Between two lessons people are there already and sign in the break."""
    rng = builder.rng
    start = meeting.starts_at
    weather_min = max(-3.0, rng.gauss(0, 2.5))
    times: dict[str, tuple[Trainee, datetime]] = {}
    bus_at = start - timedelta(minutes=rng.uniform(8, 35))
    queue_s = 0.0
    called = "teacher_calls" in course.looks_like and rng.random() < 0.6
    call_at = start + timedelta(minutes=rng.uniform(-3, 8))
    for trainee in rng.sample(present, k=len(present)):
        if called:
            at = call_at + timedelta(seconds=rng.lognormvariate(math.log(32), 0.7))
        elif trainee.in_bus and not there:
            queue_s += rng.expovariate(1 / 9)
            at = bus_at + timedelta(seconds=50 + queue_s + rng.expovariate(1 / 40))
        elif there:
            at = start + timedelta(minutes=max(-9, rng.gauss(-1, 3)))
        else:
            early = trainee.person.early_min + rng.gauss(0, 4) - weather_min
            at = start - timedelta(minutes=early if rng.random() > 0.02 else rng.uniform(-28, 5))
        if meeting.away:  # nobody is there before the train they all came by
            at = max(at, start - timedelta(minutes=rng.uniform(0, 8)))
        at = min(
            max(at, start - _OPENS_BEFORE), start + _CLOSES_AFTER - timedelta(seconds=rng.randint(5, 300))
        )
        times[trainee.enrolment] = (trainee, at)
    return _phones_in_turn(builder, times)


def _phones_in_turn(
    builder: Builder, times: dict[str, tuple[Trainee, datetime]]
) -> dict[str, tuple[Trainee, datetime]]:
    """Who shares a phone comes together and signs one after the other."""
    by_phone: dict[str, datetime] = {}
    for enrolment, (trainee, at) in times.items():
        first = by_phone.get(trainee.phone.key)
        if first is None:
            by_phone[trainee.phone.key] = at
        else:
            times[enrolment] = (trainee, first + timedelta(seconds=builder.rng.uniform(25, 120)))
    return times


def _record(
    builder: Builder, course: Course, meeting: Meeting, times: dict[str, tuple[Trainee, datetime]]
) -> None:
    rng = builder.rng
    outage = rng.random() < builder.habits.network_outage
    if outage:
        course.looks_like.add("late_uploads")
    back_at = meeting.starts_at + timedelta(minutes=rng.uniform(40, 300))
    made_up_at = builder.office_hours(meeting.ends_at + builder.between(0.6, 4))
    for trainee, at in times.values():
        chance = rng.random()
        if outage and chance < 0.8:
            received = back_at + timedelta(seconds=rng.expovariate(1 / 30))
            course.check_ins.extend(sign(builder, course, meeting, trainee, at, received=received))
        elif chance < 0.004:  # forgot, or the phone was dead: the institution asks for it to be made up
            if made_up_at < builder.as_of:
                course.looks_like.add("made_up")
                course.check_ins.append(made_up(builder, meeting, trainee, made_up_at))
        elif chance < 0.007:  # a phone without a network: it sends at home, in the evening
            received = at + timedelta(hours=rng.uniform(1, 9))
            course.check_ins.extend(sign(builder, course, meeting, trainee, at, received=received))
        else:
            if chance < 0.012:
                course.check_ins.append(_too_early(builder, course, meeting, trainee))
            course.check_ins.extend(
                sign(builder, course, meeting, trainee, at, phone=_in_hand(builder, course, trainee))
            )


def _in_hand(builder: Builder, course: Course, trainee: Trainee) -> Phone:
    """Give the phone used: one's own, now and then a new one from then on, or, once, a classmate's."""
    chance = builder.rng.random()
    if chance < builder.habits.phone_replaced:
        old = trainee.phone
        trainee.phone = Phone(**{**vars(old), "key": key(builder.rng, "d"), "last": None})
        course.looks_like.add("replaced_phone")
    elif chance < builder.habits.phone_replaced + builder.habits.phone_lent:
        return builder.rng.choice(course.trainees).phone
    return trainee.phone


def _too_early(builder: Builder, course: Course, meeting: Meeting, trainee: Trainee) -> CheckInRecord:
    at = meeting.starts_at - timedelta(minutes=builder.rng.uniform(61, 80))
    air = builder.air(course.site_of(meeting))
    place = fix(builder.rng, trainee.phone, air, at, away_m=builder.rng.uniform(0, 150))
    return _line(
        builder,
        course,
        meeting,
        trainee,
        phone=trainee.phone,
        at=at,
        place=place,
        verdict=("refused", "lesson_not_open"),
    )


def sign(
    builder: Builder,
    course: Course,
    meeting: Meeting,
    trainee: Trainee,
    at: datetime,
    *,
    phone: Phone | None = None,
    kind: str = "in",
    received: datetime | None = None,
) -> list[CheckInRecord]:
    """Have somebody check in: now and then from the road first, or with an old place, then rightly."""
    rng = builder.rng
    phone = phone or trainee.phone
    site = course.site_of(meeting)
    air = builder.air(site)
    if received:
        place = fix(rng, phone, air, at)
        outcome = judged(place, site)
        late = received > meeting.starts_at + _CLOSES_AFTER
        verdict = ("needs_review", None) if late and outcome.outcome == "accepted" else tuple(outcome)
        return [
            _line(
                builder,
                course,
                meeting,
                trainee,
                phone=phone,
                at=at,
                place=place,
                verdict=verdict,
                kind=kind,
                received=received,
            )
        ]
    lines = []
    chance = rng.random()
    if chance < 0.012:
        before = at - timedelta(seconds=rng.uniform(20, 240))
        place = (
            elsewhere(rng, phone, rng.choice(CITIES))
            if chance < 0.001
            else fix(rng, phone, air, before, away_m=rng.uniform(350, 1500))
        )
        verdict = judged(place, site)
        if verdict.outcome == "refused":
            lines.append(
                _line(
                    builder,
                    course,
                    meeting,
                    trainee,
                    phone=phone,
                    at=before,
                    place=place,
                    verdict=verdict,
                    kind=kind,
                )
            )
    for attempt in range(4):
        moment = at + timedelta(seconds=attempt * rng.uniform(8, 40))
        place = fix(rng, phone, air, moment)
        verdict = judged(place, site)
        lines.append(
            _line(
                builder,
                course,
                meeting,
                trainee,
                phone=phone,
                at=moment,
                place=place,
                verdict=verdict,
                kind=kind,
            )
        )
        if verdict.outcome != "refused":
            break
        phone.last = None
    return lines


def _line(
    builder: Builder,
    course: Course,
    meeting: Meeting,
    trainee: Trainee,
    *,
    phone: Phone,
    at: datetime,
    place: Position,
    verdict: tuple[str | None, ...],
    kind: str = "in",
    received: datetime | None = None,
) -> CheckInRecord:
    rng = builder.rng
    happened = (at + phone.clock_off).replace(microsecond=rng.randrange(1000) * 1000)
    campus = course.site_of(meeting).campus_network
    network = campus if campus and phone.on_campus_network and not received else phone.carrier
    return CheckInRecord(
        id=key(rng, "k"),
        lesson=meeting.id,
        enrolment=trainee.enrolment,
        kind=kind,
        outcome=verdict[0] or "accepted",
        reason=verdict[1],
        location=place,
        device=phone.key,
        network=network if rng.random() > 0.03 else None,
        happened_at=happened,
        received_at=received or at + timedelta(milliseconds=rng.randint(150, 4000)),
        offline=received is not None,
        made_up=False,
    )


def made_up(builder: Builder, meeting: Meeting, trainee: Trainee, at: datetime) -> CheckInRecord:
    """Give the row by which a lesson somebody was at is made up afterwards: no place, no device."""
    return CheckInRecord(
        id=key(builder.rng, "k"),
        lesson=meeting.id,
        enrolment=trainee.enrolment,
        kind="in",
        outcome="accepted",
        happened_at=at,
        received_at=at,
        offline=False,
        made_up=True,
    )
