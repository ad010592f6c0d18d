"""What a class leaves besides check-ins: recordings, marks, its completion and its claim."""

import hashlib
from datetime import datetime, timedelta

from chalicelib.supervision.records.model import ClaimLineRecord, ClaimRecord, FootageRecord, ScoresRecord
from infra.province.builder import Builder
from infra.province.course import Course, Meeting, Trainee
from infra.province.ground import key

_PASS_MARK = 60
_ATTENDANCE_MIN = 0.8
_BYTES_A_MINUTE = 9_500_000


def film(builder: Builder, course: Course) -> None:
    """Film every lesson so far: one or two cameras, files of an hour or so, seconds lost between them."""
    rng = builder.rng
    for meeting in course.meetings:
        if (
            course.status in {"draft", "submitted", "returned", "cancelled"}
            or meeting.ends_at > builder.as_of
        ):
            continue
        if course.school.external_footage:
            course.footage.append(recording(builder, course, meeting, meeting.starts_at, meeting.ends_at))
            continue
        cameras = [f"{meeting.room}-{number}" for number in range(1, course.school.cameras + 1)]
        if len(cameras) > 1 and rng.random() < 0.5:
            _taking_turns(builder, course, meeting, cameras)
        else:
            for camera in cameras:
                _files(builder, course, meeting, camera)
        _mishaps(builder, course, meeting)


def _files(builder: Builder, course: Course, meeting: Meeting, camera: str) -> None:
    """One camera all the time, in files of its card's or its battery's length."""
    rng = builder.rng
    at = meeting.starts_at - timedelta(minutes=rng.uniform(-2, 8))
    until = meeting.ends_at + timedelta(minutes=rng.uniform(-2, 8))
    length = timedelta(minutes=rng.choice((30, 60, 60, 90, 240)))
    while at < until:
        end = min(at + length, until)
        if end - at > timedelta(minutes=1):
            course.footage.append(recording(builder, course, meeting, at, end, camera=camera))
        lost_s = rng.uniform(0, 4) if rng.random() < 0.9 else rng.uniform(20, 240)
        at = end + timedelta(seconds=lost_s)


def _taking_turns(builder: Builder, course: Course, meeting: Meeting, cameras: list[str]) -> None:
    """Two cameras by turns; between them a minute or two without a picture, or one with both."""
    rng = builder.rng
    at = meeting.starts_at - timedelta(minutes=rng.uniform(-2, 8))
    until = meeting.ends_at + timedelta(minutes=rng.uniform(-2, 6))
    turn = 0
    course.looks_like.add("camera_changeover")
    while at < until:
        end = min(at + timedelta(minutes=rng.uniform(70, 110)), until)
        course.footage.append(recording(builder, course, meeting, at, end, camera=cameras[turn % 2]))
        at = end + timedelta(seconds=rng.uniform(-60, 170))
        turn += 1
        if until - at < timedelta(minutes=5):
            break


def _mishaps(builder: Builder, course: Course, meeting: Meeting) -> None:
    """Let things go wrong: a lesson's recording lost, a file damaged and sent again, or sent twice."""
    rng = builder.rng
    chance = rng.random()
    files = [file for file in course.footage if file.lesson == meeting.id]
    if not files:
        return
    lost = builder.habits.recording_lost
    if chance < lost:
        course.looks_like.add("lost_recording")
        for file in files:
            course.footage.remove(file)
        if rng.random() < 0.5:
            course.footage.append(announced_only(files[0]))
    elif chance < lost + 0.007:
        file = rng.choice(files)
        again = recording(builder, course, meeting, file.started_at, file.ended_at, camera=file.camera)
        if chance < lost + 0.003:
            course.footage.append(replaced(file, status="mismatch", id=key(rng, "f")))
            course.footage[course.footage.index(file)] = again
        else:
            course.looks_like.add("sent_twice")
            course.footage.append(replaced(file, id=key(rng, "f"), stored_at=again.stored_at))


def replaced(file: FootageRecord, **changes: object) -> FootageRecord:
    """Give a recording with some fields changed."""
    fields = {name: getattr(file, name) for name in FootageRecord.__struct_fields__}
    return FootageRecord(**{**fields, **changes})


def announced_only(file: FootageRecord) -> FootageRecord:
    """Give a recording that was told of and has not come."""
    return replaced(file, status="announced", stored_at=None, sha256=None, pictures_sha256=None, bytes=None)


def recording(
    builder: Builder,
    course: Course,
    meeting: Meeting,
    started_at: datetime,
    ended_at: datetime,
    *,
    camera: str | None = None,
) -> FootageRecord:
    """Give a recording that was announced after it ended and sent within hours."""
    rng = builder.rng
    external = course.school.external_footage
    announced = ended_at + timedelta(minutes=rng.uniform(1, 40))
    minutes = (ended_at - started_at).total_seconds() / 60
    digest = None if external or not course.school.digests else f"{rng.getrandbits(256):064x}"
    return FootageRecord(
        id=key(rng, "f"),
        lesson=meeting.id,
        camera=None if external else camera,
        started_at=started_at.replace(microsecond=0),
        ended_at=ended_at.replace(microsecond=0),
        status="external" if external else "stored",
        bytes=None if external else round(minutes * _BYTES_A_MINUTE * rng.uniform(0.6, 1.3)),
        sha256=digest,
        pictures_sha256=None if digest is None else hashlib.sha256(digest.encode()).hexdigest(),
        announced_at=announced,
        stored_at=announced + timedelta(minutes=rng.uniform(4, 300)),
    )


# --------------------------------------------------------------------------- completion, marks, claim


def finish(builder: Builder, course: Course) -> None:
    """Let a class that ended be completed, marked and claimed, as far as it has come by now."""
    rng, now = builder.rng, builder.as_of
    if course.status != "approved" or course.last_at > now:
        return
    asked = builder.office_hours(course.last_at + builder.between(1, 8))
    approved = asked + builder.between(1, 6)
    scored = builder.office_hours(approved + builder.between(1, 6))
    claimed = builder.office_hours(scored + builder.between(1, 20))
    if asked <= now:
        course.completion_submitted_at, course.status = asked, "completion_submitted"
    if approved <= now:
        course.status = "completion_approved"
    if course.status == "completion_submitted" and rng.random() < 0.1:
        course.status = "completion_returned"
    if course.status == "completion_approved" and scored <= now:
        course.scored_at, course.status = scored, "scored"
    mark(builder, course)
    if (
        course.status == "scored"
        and claimed <= now
        and (rng.random() > 0.03 or course.is_claimed_for_certain)
    ):
        claim(builder, course, claimed)


def attended_hours(course: Course) -> dict[str, float]:
    """Sum the hours each was at, by check-ins that were not refused."""
    hours = {meeting.id: meeting.hours for meeting in course.meetings}
    seen: set[tuple[str, str]] = set()
    total: dict[str, float] = {}
    for check_in in course.check_ins:
        if check_in.kind == "in" and check_in.outcome != "refused" and check_in.enrolment:
            pair = (check_in.lesson, check_in.enrolment)
            if pair not in seen:
                seen.add(pair)
                total[check_in.enrolment] = total.get(check_in.enrolment, 0) + hours.get(check_in.lesson, 0)
    return total


def mark(builder: Builder, course: Course) -> None:
    """Enter marks: most classes middling, some very good; theory sometimes as interim, before the end."""
    rng = builder.rng
    school = course.school
    very_good = rng.random() < builder.habits.very_good_class
    interim = rng.random() < builder.habits.interim_marks and course.last_at < builder.as_of
    if very_good:
        course.looks_like.add("good_class")
    if interim:
        course.looks_like.add("interim_marks")
    average, spread = (92.5, 3.2) if very_good else (rng.gauss(78, 3.5), rng.uniform(5.5, 9))
    total = sum(meeting.hours for meeting in course.meetings)
    attended = attended_hours(course)
    entered = course.scored_at
    for trainee in course.active:
        if not trainee.added_at:
            continue
        theory, practice = _marks(builder, trainee, average, spread, coarse=school.coarse_marks)
        if interim:
            early = builder.office_hours(course.last_at - builder.between(2, 5))
            course.scores.append(score(course, trainee, theory, None, at=early))
        if entered is None:
            continue
        if rng.random() < 0.01:
            wrong = entered - timedelta(minutes=rng.uniform(5, 60))
            course.scores.append(score(course, trainee, practice, theory, at=wrong))
        at = entered - timedelta(seconds=rng.uniform(0, 20)) if rng.random() < 0.5 else entered
        course.scores.append(score(course, trainee, theory, practice, at=at))
        trainee.passed = (
            min(theory, practice) >= _PASS_MARK
            and attended.get(trainee.enrolment, 0) >= _ATTENDANCE_MIN * total
        )
        trainee.enrolment_status = "passed" if trainee.passed else "failed"
        trainee.voucher_status = "redeemed" if trainee.passed else "closed"


def _marks(
    builder: Builder, trainee: Trainee, average: float, spread: float, *, coarse: bool
) -> tuple[float, float]:
    rng = builder.rng
    ability = trainee.person.skill * 0.7 * spread
    theory = round(min(100, max(30, average + ability + rng.gauss(0, 0.7 * spread))))
    practice = round(min(100, max(40, average + 2 + ability + rng.gauss(0, 0.7 * spread))))
    if trainee.person.attendance >= 1:  # those whom a case needs paid
        theory, practice = max(theory, 66), max(practice, 66)
    if coarse:
        practice = round(practice / 5) * 5
    return float(theory), float(practice)


def score(
    course: Course, trainee: Trainee, theory: float, practice: float | None, *, at: datetime
) -> ScoresRecord:
    """Give one version of somebody's marks."""
    return ScoresRecord(
        class_id=course.id,
        enrolment=trainee.enrolment,
        theory=theory,
        practice=practice,
        passed=None if practice is None else min(theory, practice) >= _PASS_MARK,
        entered_at=at,
        entered_by=course.school.clerk,
    )


_REVIEWS = ("submitted", "reviewed", "approved", "publicised", "payable", "batched", "paid")


def claim(builder: Builder, course: Course, at: datetime) -> None:
    """Claim for those who passed; how far the claim has come goes by its age."""
    rng = builder.rng
    passed = [trainee for trainee in course.active if trainee.passed]
    if not passed:
        return
    age = (builder.as_of - at).days
    step = min(len(_REVIEWS) - 1, max(0, int(age / rng.uniform(4, 7))))
    status = _REVIEWS[step] if rng.random() > 0.03 or course.is_claimed_for_certain else "returned"
    line_status = {"paid": "paid", "batched": "batched"}.get(status, "pending")
    course.status = "closed" if status == "paid" else "claimed"
    for trainee in passed:
        if status == "paid":
            trainee.voucher_status = "settled"
    course.claims.append(
        ClaimRecord(
            id=key(rng, "q"),
            class_id=course.id,
            institution=course.school.uscc,
            division=course.school.division,
            program=course.program,
            status=status,
            submitted_at=at,
            lines=[
                ClaimLineRecord(
                    id=key(rng, "i"),
                    enrolment=trainee.enrolment,
                    person=trainee.person.key,
                    amount_fen=builder.amount(course),
                    status=line_status,
                )
                for trainee in passed
            ],
        )
    )
