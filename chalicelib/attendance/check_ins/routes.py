"""HTTP of check-ins, and of the roll-calls that they answer."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.attendance.check_ins import service
from chalicelib.attendance.check_ins.model import (
    CheckInAttempt,
    CheckInKind,
    CheckInOutcome,
    DevicePlace,
    Punctuality,
)
from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.geo import CoordSystem

api = Api(__name__)


Visible = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$(?!\n)")]
Moment = Annotated[datetime, Meta(tz=True)]


class PlaceForm(Form):
    """Where a device says it is; without its coordinate system it cannot be judged."""

    lng: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    accuracy_m: Annotated[float, Meta(ge=-10_000_000, le=10_000_000)]
    coord_system: CoordSystem
    mocked: bool = False


class CheckInRequest(Form):
    """A check-in, a check-out or the answer to a roll-call; `happened_at` is the device's clock.

    `offline`: it was made without a network and is uploaded later; after the window it needs review.
    """

    kind: CheckInKind
    location: PlaceForm
    device_id: Visible
    nonce: Visible
    happened_at: Moment
    offline: bool = False

    def attempt(self) -> CheckInAttempt:
        """Give the attempt that was sent."""
        place = self.location
        return CheckInAttempt(
            kind=self.kind,
            place=DevicePlace(
                lng=place.lng,
                lat=place.lat,
                accuracy_m=place.accuracy_m,
                coord_system=place.coord_system,
                mocked=place.mocked,
            ),
            device_id=self.device_id,
            nonce=self.nonce,
            happened_at=self.happened_at,
            offline=self.offline,
        )


class CheckInAnswer(Answer):
    """A recorded check-in; `status` is how the trainee came."""

    id: str
    lesson_id: str
    kind: CheckInKind
    outcome: CheckInOutcome
    status: Punctuality
    distance_m: float
    received_at: datetime
    late_uploaded: bool


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/check-ins",
    action="check_in.write",
    body=CheckInRequest,
    answer=CheckInAnswer,
    status_code=201,
    summary="Check in at a lesson, or out",
)
def check_in(call: Call[CheckInRequest, NoQuery], lesson_id: str) -> CheckInAnswer:
    person_key = call.context.principal.person_key
    assert person_key is not None
    return render(service.check_in(call.context, lesson_id, call.body.attempt(), person_key=person_key))


def render(recorded: service.RecordedCheckIn) -> CheckInAnswer:
    """Render a recorded check-in."""
    return CheckInAnswer(
        id=recorded.check_in.id,
        lesson_id=recorded.check_in.lesson_id,
        kind=recorded.kind,
        outcome=recorded.proof.outcome,
        status=recorded.proof.status,
        distance_m=recorded.proof.distance_m,
        received_at=recorded.proof.received_at,
        late_uploaded=recorded.proof.late_uploaded,
    )


# --------------------------------------------------------------------------- roll-calls


class RollCallAnswer(Answer):
    """A roll-call that has begun."""

    number: int
    opens_at: datetime
    closes_at: datetime
    answered: bool


class RollCallsAnswer(Answer):
    """The roll-calls of a lesson so far."""

    items: list[RollCallAnswer]


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/roll-calls",
    action="attendance.read_own",
    answer=RollCallsAnswer,
    summary="The roll-calls of a lesson that have begun",
)
def list_roll_calls(call: Call[None, NoQuery], lesson_id: str) -> RollCallsAnswer:
    return RollCallsAnswer(
        items=[
            RollCallAnswer(
                number=shown.call.number,
                opens_at=shown.call.opens_at,
                closes_at=shown.call.closes_at,
                answered=shown.answered,
            )
            for shown in service.show_roll_calls(call.context, lesson_id)
        ]
    )
