"""HTTP of the bureau's look at check-ins: what is recorded, what was refused, what needs review."""

from datetime import datetime
from typing import Literal

from chalicelib.attendance.check_ins.model import (
    CheckInKind,
    CheckInOutcome,
    CheckInProof,
    DevicePlace,
    Punctuality,
    ReviewVerdict,
)
from chalicelib.attendance.reviews import service
from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionReason
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.geo import CoordSystem

api = Api(__name__)


class LessonCheckInsQuery(PageQuery):
    """Which of a lesson's check-ins: those recorded, those of them that need review, or those refused.

    `opened` shows a bureau exact places, which is recorded.
    """

    outcome: Literal["recorded", "needs_review", "refused"] = "recorded"
    opened: bool = False


class WaitingQuery(PageQuery):
    """Whose check-ins that need review: of a division and below, by default the caller's."""

    status: Literal["needs_review"] = "needs_review"
    division: str | None = None


class DevicePlaceAnswer(Answer):
    """Where a device said it was."""

    lng: float
    lat: float
    accuracy_m: float
    coord_system: CoordSystem


class ProofAnswer(Answer):
    """What was sent, what it was judged to be, and the decision on it; the place where it was opened.

    `distance_m` from the site is rounded where it was not: to ten metres, from a kilometre on to whole ones.
    """

    kind: CheckInKind
    outcome: CheckInOutcome
    verdict: ReviewVerdict | None
    status: Punctuality
    distance_m: float
    accuracy_m: float
    mocked: bool
    late_uploaded: bool
    forwarded_by: str | None
    device_id: str
    happened_at: datetime
    received_at: datetime
    location: DevicePlaceAnswer | None


class CheckedInAnswer(Answer):
    """The masked name and number of who checked in."""

    name: str
    id_number: str


class RecordedCheckInAnswer(Answer):
    """A recorded check-in; `verdict` of a proof is null while it waits for a decision."""

    id: str
    lesson_id: str
    class_id: str
    enrolment_id: str
    trainee: CheckedInAnswer | None
    needs_review: list[CheckInKind]
    proofs: list[ProofAnswer]
    version: int
    allowed_actions: list[str]


class RefusedCheckInAnswer(Answer):
    """A refused attempt; `enrolment_id` is null if it was nobody of the roster, the place as in a proof."""

    id: str
    lesson_id: str
    enrolment_id: str | None
    code: str
    kind: CheckInKind
    distance_m: float
    accuracy_m: float
    mocked: bool
    offline: bool
    device_id: str
    happened_at: datetime
    received_at: datetime
    location: DevicePlaceAnswer | None


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/check-ins",
    action="check_in.read",
    query=LessonCheckInsQuery,
    answer=Listing[RecordedCheckInAnswer] | Listing[RefusedCheckInAnswer],
    summary="The check-ins of a lesson, or the attempts that were refused",
)
def list_check_ins(
    call: Call[None, LessonCheckInsQuery], lesson_id: str
) -> Listing[RecordedCheckInAnswer] | Listing[RefusedCheckInAnswer]:
    context, request = call.context, call.page_request()
    opened = call.query.opened and context.principal.is_bureau
    if call.query.outcome == "refused":
        refused = service.list_refused(context, lesson_id, request, opened=opened)
        return call.listing(refused, lambda shown: _refused(shown, opened=opened))
    waiting = call.query.outcome == "needs_review"
    page = service.list_at_lesson(context, lesson_id, request, only_waiting=waiting, opened=opened)
    return call.listing(page, lambda shown: _recorded(shown, opened=opened))


@api.endpoint(
    "GET",
    "/v1/check-ins",
    action="check_in.read_waiting",
    query=WaitingQuery,
    answer=Listing[RecordedCheckInAnswer],
    summary="The check-ins of a division that need review",
)
def list_waiting_check_ins(call: Call[None, WaitingQuery]) -> Listing[RecordedCheckInAnswer]:
    page = service.list_waiting(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, _recorded)


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/check-ins/{check_in_id}/accept",
    action="check_in.review",
    body=VersionReason,
    answer=RecordedCheckInAnswer,
    summary="Accept what needs review of a check-in",
)
def accept_check_in(
    call: Call[VersionReason, NoQuery], lesson_id: str, check_in_id: str
) -> RecordedCheckInAnswer:
    return _decide(call, lesson_id, check_in_id, ReviewVerdict.ACCEPTED)


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/check-ins/{check_in_id}/reject",
    action="check_in.review",
    body=VersionReason,
    answer=RecordedCheckInAnswer,
    summary="Reject what needs review of a check-in",
)
def reject_check_in(
    call: Call[VersionReason, NoQuery], lesson_id: str, check_in_id: str
) -> RecordedCheckInAnswer:
    return _decide(call, lesson_id, check_in_id, ReviewVerdict.REJECTED)


def _decide(
    call: Call[VersionReason, NoQuery], lesson_id: str, check_in_id: str, verdict: ReviewVerdict
) -> RecordedCheckInAnswer:
    body = call.body
    shown = service.decide(
        call.context, lesson_id, check_in_id, verdict, version=body.version, reason=body.reason
    )
    return _recorded(shown)


def _place(place: DevicePlace) -> DevicePlaceAnswer:
    return DevicePlaceAnswer(
        lng=place.lng, lat=place.lat, accuracy_m=place.accuracy_m, coord_system=place.coord_system
    )


_NEAR_M = 1_000


def _rounded_m(distance_m: float) -> float:
    """Say how far somebody was from the site, and not where: whole kilometres tell nobody's home."""
    return float(round(distance_m, -1) if distance_m < _NEAR_M else round(distance_m, -3))


def _recorded(shown: service.ShownCheckIn, *, opened: bool = False) -> RecordedCheckInAnswer:
    check_in, person = shown.check_in, shown.enrolment
    return RecordedCheckInAnswer(
        id=check_in.id,
        lesson_id=check_in.lesson_id,
        class_id=check_in.class_id,
        enrolment_id=check_in.enrolment_id,
        trainee=CheckedInAnswer(name=person.trainee_name, id_number=person.trainee_id_number)
        if person is not None
        else None,
        needs_review=check_in.undecided,
        proofs=[
            _proof(kind, proof, check_in.verdict_on(kind), opened=opened)
            for kind, proof in check_in.proofs.items()
        ],
        version=check_in.version,
        allowed_actions=list(shown.allowed_actions),
    )


def _proof(
    kind: CheckInKind, proof: CheckInProof, verdict: ReviewVerdict | None, *, opened: bool
) -> ProofAnswer:
    return ProofAnswer(
        kind=kind,
        outcome=proof.outcome,
        verdict=verdict,
        status=proof.status,
        distance_m=proof.distance_m if opened else _rounded_m(proof.distance_m),
        accuracy_m=proof.place.accuracy_m,
        mocked=proof.place.mocked,
        late_uploaded=proof.late_uploaded,
        forwarded_by=proof.forwarded_by,
        device_id=proof.device_id,
        happened_at=proof.happened_at,
        received_at=proof.received_at,
        location=_place(proof.place) if opened else None,
    )


def _refused(shown: service.ShownRefusedCheckIn, *, opened: bool) -> RefusedCheckInAnswer:
    refused = shown.refused
    return RefusedCheckInAnswer(
        id=refused.id.rpartition("#")[2],
        lesson_id=refused.lesson_id,
        enrolment_id=shown.enrolment_id,
        code=refused.code,
        kind=refused.kind,
        distance_m=refused.distance_m if opened else _rounded_m(refused.distance_m),
        accuracy_m=refused.place.accuracy_m,
        mocked=refused.place.mocked,
        offline=refused.offline,
        device_id=refused.device_id,
        happened_at=refused.happened_at,
        received_at=refused.received_at,
        location=_place(refused.place) if opened else None,
    )
