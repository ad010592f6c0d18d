"""Check-ins (打卡): what a trainee's device sends, and how the rules decide it (step 8).

**Where a new reason to refuse a check-in goes.** Two lines. One in `kernel/reasons.py`, among the others of
attendance: its code, its kind of error, its sentences. One in `_refused_if` below: the code, and when it
applies. Where several apply at once, the one that stands first in `kernel/reasons.py` is told; a refused
attempt is kept with that code. Only what is recorded already (`already_checked_in`, `not_checked_in`) is
told elsewhere, in `service.py`, which has read it.

**The geofence**, under the default policy: the site's radius is 200 m, the allowance for accuracy 100 m. A
device may be as far away as the radius and its own accuracy, which counts up to the allowance.

| it says it is | accurate to | allowed | outcome |
|---|---|---|---|
| 210 m away | 20 m | 200 + 20 = 220 m | accepted |
| 230 m away | 20 m | 220 m | refused, `outside_site` |
| 290 m away | 100 m | 200 + 100 = 300 m | accepted |
| 290 m away | 500 m | 200 + 100 = 300 m | `needs_review`: less accurate than the allowance |
| 310 m away | 500 m | 300 m | refused, `outside_site` |
| 10 m away | 1,001 m | 300 m | refused, `accuracy_too_low` |

**The window**, under the default policy: a lesson starts at 9:00 and ends at 12:00. One checks in from 8:00
to 9:30, and is late after 9:00; one checks out from 9:00 to 12:30.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import TAUGHT, ClassStatus, Lesson, TrainingClass
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.geo import CoordSystem, Point, distance_m
from chalicelib.kernel.ids import ClassId, LessonId, PersonKey, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import first_of

ACCURACY_MAX_M = 1000.0
_CALL = "#c"


class CheckInKind(StrEnum):
    """Coming, going, or answering a roll-call (点名) in between."""

    IN = "in"
    OUT = "out"
    ROLL_CALL = "roll_call"


class CheckInOutcome(StrEnum):
    """Whether a check-in counts as it is, or only once somebody looked at it."""

    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"


class ReviewVerdict(StrEnum):
    """What the bureau decided of a check-in that needed review."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Punctuality(StrEnum):
    """How a trainee came; late counts as present."""

    PRESENT = "present"
    LATE = "late"


# --------------------------------------------------------------------------- check-ins


class DevicePlace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a device says it is, and how far that may be off (68 of 100 times less, by the phones' makers).

    An accuracy of 0 or below says that the device does not know it: so phones tell that a place is invalid,
    or was made up.
    """

    lng: float
    lat: float
    accuracy_m: float
    coord_system: CoordSystem
    mocked: bool = False

    @property
    def point(self) -> Point:
        """Give the point."""
        return Point(self.lng, self.lat, self.coord_system)

    @property
    def known_accuracy_m(self) -> float | None:
        """Give how far the place may be off; None if the device does not know."""
        return self.accuracy_m if self.accuracy_m > 0 else None


class CheckInAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One tap on the button: `happened_at` is the device's clock and decides nothing.

    Unless the device was `offline` then and uploads it later: its clock is believed as far as a person does.
    """

    kind: CheckInKind
    place: DevicePlace
    device_id: str
    nonce: str
    happened_at: datetime
    offline: bool = False


class CheckInProof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An accepted attempt: what was sent, what it was judged to be, both clocks.

    `forwarded_by` names who sent it for the trainee, if it was not their own device. `offline` ones were made
    without a network and sent later, but in time; those that came late are `late_uploaded`.
    """

    place: DevicePlace
    device_id: str
    nonce: str
    happened_at: datetime
    received_at: datetime
    outcome: CheckInOutcome
    status: Punctuality
    distance_m: float
    forwarded_by: str | None = None
    late_uploaded: bool = False
    offline: bool = False


class CheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's coming to one lesson, and their going if they checked out; or an answer to a roll-call.

    The key `class_id`, `slot` allows one coming and one going of a person at a lesson, and lets one query
    read a whole class. Everything fits one write unit, so what the key tells is not stored again. While
    something of it waits for a decision it stands in a `queue` of its city, with its division. `network` is
    the key of where the coming was sent from (`edge.networks`).
    """

    class_id: ClassId
    slot: str
    enrolment_id: str
    came: CheckInProof
    went: CheckInProof | None = None
    verdicts: dict[CheckInKind, ReviewVerdict] | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    division: str | None = None
    network: str | None = None
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
    def proofs(self) -> dict[CheckInKind, CheckInProof]:
        """Give what is recorded, by kind."""
        first = CheckInKind.IN if self.roll_call is None else CheckInKind.ROLL_CALL
        return {first: self.came} | ({CheckInKind.OUT: self.went} if self.went is not None else {})

    @property
    def undecided(self) -> list[CheckInKind]:
        """List what still needs review."""
        return [kind for kind in self.proofs if self.verdict_on(kind) is None]

    def verdict_on(self, kind: CheckInKind) -> ReviewVerdict | None:
        """Tell whether what is recorded of a kind counts; None while it waits to be reviewed."""
        if self.proofs[kind].outcome is CheckInOutcome.ACCEPTED:
            return ReviewVerdict.ACCEPTED
        return (self.verdicts or {}).get(kind)


class RefusedCheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """A refused attempt: evidence, with the reason, the place, the device and both clocks."""

    lesson_id: str
    id: str
    class_id: str
    division: str
    code: str
    kind: CheckInKind
    person_key: str
    place: DevicePlace
    device_id: str
    nonce: str
    happened_at: datetime
    received_at: datetime
    distance_m: float
    actor: str
    offline: bool = False
    enrolment_id: str | None = None
    network: str | None = None


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


# --------------------------------------------------------------------------- the rules


@dataclass(frozen=True)
class CheckInJudgement:
    """What the rules say of an attempt; `code` is None if it is accepted, `call` the roll-call it answers."""

    code: str | None
    outcome: CheckInOutcome
    status: Punctuality
    distance_m: float
    facts: Mapping[str, Fact]
    late_uploaded: bool
    call: int | None


def judge(
    attempt: CheckInAttempt,
    training_class: TrainingClass,
    lesson: Lesson,
    *,
    person_key: str,
    now: datetime,
    calls: Sequence[RollCall] = (),
) -> CheckInJudgement:
    """Decide an attempt by class, roster, window and place; the server's clock decides (step 8).

    One that was made offline and comes after the window is judged by the device's clock, if it comes within
    the policy's hours; a device's clock can be set, so it always needs review. Where several rules refuse,
    the earliest in the documented order is told, which is that of `kernel/reasons.py`.
    """
    timing = _timing_of(attempt, training_class, lesson, now=now, calls=calls)
    fence = _fence_of(attempt.place, training_class, lesson)
    refused_if = _refused_if(attempt, training_class, timing, fence, person_key=person_key)
    codes = [code for code, applies in refused_if.items() if applies]
    known_m = attempt.place.known_accuracy_m
    is_rough = known_m is None or known_m > training_class.policy.accuracy_allowance_m
    return CheckInJudgement(
        code=first_of(codes) if codes else None,
        outcome=CheckInOutcome.NEEDS_REVIEW if is_rough or timing.late_uploaded else CheckInOutcome.ACCEPTED,
        status=Punctuality.LATE if timing.at > lesson.starts_at else Punctuality.PRESENT,
        distance_m=round(fence.away_m, 1),
        facts={
            "opens_at": format_moment(timing.opens_at),
            "closed_at": format_moment(timing.closed_at),
            "distance_m": round(fence.away_m),
            "allowed_m": round(fence.allowed_m),
            "accuracy_m": max(0, round(attempt.place.accuracy_m)),
        },
        late_uploaded=timing.late_uploaded,
        call=timing.call,
    )


def _refused_if(
    attempt: CheckInAttempt,
    training_class: TrainingClass,
    timing: "_Timing",
    fence: "_Fence",
    *,
    person_key: str,
) -> Mapping[str, bool]:
    """Tell of each reason to refuse whether it applies. Its order here says nothing: see `judge`."""
    never_approved = training_class.approved_by is None
    return {
        "class_not_approved": never_approved or training_class.status is ClassStatus.CANCELLED,
        "not_on_roster": person_key not in training_class.roster,
        "lesson_not_open": timing.code == "lesson_not_open",
        "lesson_closed": timing.code == "lesson_closed" or training_class.status not in TAUGHT,
        "no_roll_call": timing.code == "no_roll_call",
        "outside_site": fence.away_m > fence.allowed_m and not fence.tells_nothing,
        "accuracy_too_low": attempt.place.accuracy_m > ACCURACY_MAX_M,
    }


@dataclass(frozen=True)
class _Fence:
    """How far a device is from the site, how far it may be, and how far its place may be off."""

    away_m: float
    allowed_m: float
    radius_m: float
    accuracy_m: float

    @property
    def tells_nothing(self) -> bool:
        """Tell whether the place is so rough that the device may be at the site all the same.

        1.2 km away and off by up to 3 km is no proof that somebody is not there; 10 km away is.
        """
        return self.accuracy_m > ACCURACY_MAX_M and self.away_m - self.accuracy_m <= self.radius_m


def _fence_of(place: DevicePlace, training_class: TrainingClass, lesson: Lesson) -> _Fence:
    policy = training_class.policy
    site = training_class.site_of(lesson)
    radius_m = site.radius_m if site.radius_m is not None else policy.geofence_radius_m
    known_m = place.known_accuracy_m or 0
    return _Fence(
        away_m=distance_m(place.point, site.location.point),
        allowed_m=radius_m + min(known_m, policy.accuracy_allowance_m),
        radius_m=radius_m,
        accuracy_m=known_m,
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
    attempt: CheckInAttempt,
    training_class: TrainingClass,
    lesson: Lesson,
    *,
    now: datetime,
    calls: Sequence[RollCall],
) -> _Timing:
    grace = timedelta(hours=training_class.policy.offline_upload_hours if attempt.offline else 0)
    if attempt.kind is CheckInKind.ROLL_CALL:
        # The window of the lesson is told, never when the next roll-call is.
        return _roll_call_timing(attempt, lesson, now=now, calls=calls, grace=grace)
    opens_at, closed_at = window_of(attempt.kind, training_class, lesson)
    late = closed_at < now <= closed_at + grace
    at = attempt.happened_at if late else now
    code = "lesson_not_open" if at < opens_at else "lesson_closed" if at > closed_at else None
    return _Timing(code, at, opens_at, closed_at, late_uploaded=late)


def _roll_call_timing(
    attempt: CheckInAttempt, lesson: Lesson, *, now: datetime, calls: Sequence[RollCall], grace: timedelta
) -> _Timing:
    for at in dict.fromkeys((now, attempt.happened_at)):
        for call in calls:
            late = call.closes_at < now <= call.closes_at + grace
            if call.opens_at <= at <= call.closes_at and (at == now or late):
                return _Timing(
                    None, at, lesson.starts_at, lesson.ends_at, late_uploaded=late, call=call.number
                )
    return _Timing("no_roll_call", now, lesson.starts_at, lesson.ends_at)


def window_of(kind: CheckInKind, training_class: TrainingClass, lesson: Lesson) -> tuple[datetime, datetime]:
    """Tell from when to when one may check in, or out: out from the start until as long after the end."""
    policy = training_class.policy
    before = timedelta(minutes=policy.check_in_opens_minutes_before)
    after = timedelta(minutes=policy.check_in_closes_minutes_after_start)
    if kind is CheckInKind.OUT:
        return lesson.starts_at, lesson.ends_at + after
    return lesson.starts_at - before, lesson.starts_at + after
