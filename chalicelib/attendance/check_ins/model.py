"""Check-ins (打卡): what a trainee's device sends, and how the rules decide it (step 8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import ClassStatus, Lesson, TrainingClass
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.geo import CoordSystem, Point, distance_m
from chalicelib.kernel.ids import ClassId, LessonId, PersonKey, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import first_of

ACCURACY_MAX_M = 1000.0
_CALL = "#c"


class Kind(StrEnum):
    """Coming, going, or answering a roll-call (点名) in between."""

    IN = "in"
    OUT = "out"
    ROLL_CALL = "roll_call"


class Outcome(StrEnum):
    """Whether a check-in counts as it is, or only once somebody looked at it."""

    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"


class Verdict(StrEnum):
    """What the bureau decided of a check-in that needed review."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Punctuality(StrEnum):
    """How a trainee came; late counts as present."""

    PRESENT = "present"
    LATE = "late"


# --------------------------------------------------------------------------- check-ins


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a device says it is, and how far that may be off."""

    lng: float
    lat: float
    accuracy_m: float
    coord_system: CoordSystem
    mocked: bool = False

    @property
    def point(self) -> Point:
        """Give the point."""
        return Point(self.lng, self.lat, self.coord_system)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One tap on the button: `happened_at` is the device's clock and decides nothing.

    Unless the device was `offline` then and uploads it later: its clock is believed as far as a person does.
    """

    kind: Kind
    place: Place
    device_id: str
    nonce: str
    happened_at: datetime
    offline: bool = False


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An accepted attempt: what was sent, what it was judged to be, both clocks.

    `forwarded_by` names who sent it for the trainee, if it was not their own device.
    """

    place: Place
    device_id: str
    nonce: str
    happened_at: datetime
    received_at: datetime
    outcome: Outcome
    status: Punctuality
    distance_m: float
    forwarded_by: str | None = None
    late_uploaded: bool = False


class CheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's coming to one lesson, and their going if they checked out; or an answer to a roll-call.

    The key `class_id`, `slot` allows one coming and one going of a person at a lesson, and lets one query
    read a whole class. Everything fits one write unit, so what the key tells is not stored again. While
    something of it waits for a decision it stands in a `queue` of its city, with its division.
    """

    class_id: ClassId
    slot: str
    enrolment_id: str
    came: Proof
    went: Proof | None = None
    verdicts: dict[Kind, Verdict] | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    division: str | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def lesson_id(self) -> LessonId:
        """Give the lesson."""
        return LessonId(part_id("les", self.class_id, self.slot.partition("#")[0]))

    @property
    def person_key(self) -> PersonKey:
        """Give the trainee."""
        return PersonKey(self.slot.split("#")[1])

    @property
    def roll_call(self) -> int | None:
        """Give the number of the roll-call that this answers, if it is no coming."""
        _, _, call = self.slot.partition(_CALL)
        return int(call) if call else None

    @property
    def id(self) -> str:
        """Give the id of this person's check-in at this lesson."""
        number = self.slot.partition("#")[0]
        call = f"0{self.roll_call}" if self.roll_call is not None else ""  # no random id begins with 0
        return part_id("chk", self.class_id, number + call + self.person_key.partition("_")[2])

    @property
    def proofs(self) -> dict[Kind, Proof]:
        """Give what is recorded, by kind."""
        first = Kind.IN if self.roll_call is None else Kind.ROLL_CALL
        return {first: self.came} | ({Kind.OUT: self.went} if self.went is not None else {})

    @property
    def undecided(self) -> list[Kind]:
        """List what still needs review."""
        return [kind for kind in self.proofs if self.verdict_on(kind) is None]

    def verdict_on(self, kind: Kind) -> Verdict | None:
        """Tell whether what is recorded of a kind counts; None while it waits to be reviewed."""
        if self.proofs[kind].outcome is Outcome.ACCEPTED:
            return Verdict.ACCEPTED
        return (self.verdicts or {}).get(kind)


class RefusedCheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """A refused attempt: evidence, with the reason, the place, the device and both clocks."""

    lesson_id: str
    id: str
    class_id: str
    division: str
    code: str
    kind: Kind
    person_key: str
    place: Place
    device_id: str
    nonce: str
    happened_at: datetime
    received_at: datetime
    distance_m: float
    actor: str
    offline: bool = False


def slot_of(lesson_id: str, person_key: str, *, call: int | None = None) -> str:
    """Give the place of a person's check-in at a lesson in the class, or of a roll-call's answer."""
    answer = f"{_CALL}{call}" if call is not None else ""
    return f"{whole_of('cls', lesson_id)[1]}#{person_key}{answer}"


def slot_named(check_in_id: str, lesson_id: str) -> str | None:
    """Give the place of the check-in at a lesson that an id names; None if it names none there."""
    class_id, number = whole_of("cls", lesson_id)
    named_class, name = whole_of("cls", check_in_id)
    if named_class != class_id or not name.startswith(number) or not check_in_id.startswith("chk_"):
        return None
    rest = name[len(number) :]
    if rest.startswith("0"):
        return slot_of(lesson_id, f"prs_{rest[2:]}", call=int(rest[1])) if rest[1:2].isdigit() else None
    return slot_of(lesson_id, f"prs_{rest}")


@dataclass(frozen=True)
class Judgement:
    """What the rules say of an attempt; `code` is None if it is accepted, `call` the roll-call it answers."""

    code: str | None
    outcome: Outcome
    status: Punctuality
    distance_m: float
    facts: Mapping[str, Fact]
    late_uploaded: bool = False
    call: int | None = None


def judge(
    attempt: Attempt,
    training_class: TrainingClass,
    lesson: Lesson,
    *,
    person_key: str,
    now: datetime,
    calls: Sequence[RollCall] = (),
) -> Judgement:
    """Decide an attempt by class, roster, window and place; the server's clock decides (step 8).

    One that was made offline and comes after the window is judged by the device's clock, if it comes within
    the policy's hours; a device's clock can be set, so it always needs review. Where several rules refuse,
    the earliest in the documented order is told.
    """
    policy = training_class.policy
    site = training_class.site_of(lesson)
    radius_m = site.radius_m if site.radius_m is not None else policy.geofence_radius_m
    allowed_m = radius_m + min(attempt.place.accuracy_m, policy.accuracy_allowance_m)
    away_m = distance_m(attempt.place.point, site.location.point)
    timing = _timing_of(attempt, training_class, lesson, now=now, calls=calls)
    refused_if = {
        "class_not_approved": training_class.approved_by is None
        or training_class.status is ClassStatus.CANCELLED,
        "not_on_roster": person_key not in training_class.roster,
        "lesson_not_open": timing.code == "lesson_not_open",
        "lesson_closed": timing.code == "lesson_closed" or training_class.status is not ClassStatus.APPROVED,
        "no_roll_call": timing.code == "no_roll_call",
        "outside_site": away_m > allowed_m,
        "accuracy_too_low": attempt.place.accuracy_m > ACCURACY_MAX_M,
    }
    codes = [code for code, refused in refused_if.items() if refused]
    rough = attempt.place.accuracy_m > policy.accuracy_allowance_m
    return Judgement(
        code=first_of(codes) if codes else None,
        outcome=Outcome.NEEDS_REVIEW if rough or timing.late_uploaded else Outcome.ACCEPTED,
        status=Punctuality.LATE if timing.at > lesson.starts_at else Punctuality.PRESENT,
        distance_m=round(away_m, 1),
        facts={
            "opens_at": format_moment(timing.opens_at),
            "closed_at": format_moment(timing.closed_at),
            "distance_m": round(away_m),
            "allowed_m": round(allowed_m),
            "accuracy_m": round(attempt.place.accuracy_m),
        },
        late_uploaded=timing.late_uploaded,
        call=timing.call,
    )


@dataclass(frozen=True)
class _Timing:
    """Whether an attempt came in time, and by which clock (`at`) that was told."""

    code: str | None
    at: datetime
    opens_at: datetime
    closed_at: datetime
    late_uploaded: bool = False
    call: int | None = None


def _timing_of(
    attempt: Attempt,
    training_class: TrainingClass,
    lesson: Lesson,
    *,
    now: datetime,
    calls: Sequence[RollCall],
) -> _Timing:
    grace = timedelta(hours=training_class.policy.offline_upload_hours if attempt.offline else 0)
    if attempt.kind is Kind.ROLL_CALL:
        # The window of the lesson is told, never when the next roll-call is.
        return _roll_call_timing(attempt, lesson, now=now, calls=calls, grace=grace)
    opens_at, closed_at = window_of(attempt.kind, training_class, lesson)
    late = closed_at < now <= closed_at + grace
    at = attempt.happened_at if late else now
    code = "lesson_not_open" if at < opens_at else "lesson_closed" if at > closed_at else None
    return _Timing(code, at, opens_at, closed_at, late_uploaded=late)


def _roll_call_timing(
    attempt: Attempt, lesson: Lesson, *, now: datetime, calls: Sequence[RollCall], grace: timedelta
) -> _Timing:
    for at in dict.fromkeys((now, attempt.happened_at)):
        for call in calls:
            late = call.closes_at < now <= call.closes_at + grace
            if call.opens_at <= at <= call.closes_at and (at == now or late):
                return _Timing(
                    None, at, lesson.starts_at, lesson.ends_at, late_uploaded=late, call=call.number
                )
    return _Timing("no_roll_call", now, lesson.starts_at, lesson.ends_at)


def window_of(kind: Kind, training_class: TrainingClass, lesson: Lesson) -> tuple[datetime, datetime]:
    """Tell from when to when one may check in, or out: out from the start until as long after the end."""
    policy = training_class.policy
    after = timedelta(minutes=policy.check_in_closes_minutes_after_start)
    if kind is Kind.OUT:
        return lesson.starts_at, lesson.ends_at + after
    return lesson.starts_at - timedelta(
        minutes=policy.check_in_opens_minutes_before
    ), lesson.starts_at + after
