"""The forms of the messages to the national platform, as they are published.

`GET /v1/exchange/schemas` and the files of `infra/contract/messages/` are made from these types. A form that
was handed out is never changed so that a reader of it stumbles: a field may come, none goes, none changes
its type. Whatever breaks that is a new form with the next number, beside the old one.

No field names a person in the clear: the platform knows people by `person_key`. Even so a body travels
sealed for the platform's key, so that nothing on the way reads it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

Fen = Annotated[int, Meta(ge=0, description="integer fen (分)")]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with offset")]


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message says of its subject: all of it, as it stands after the change."""


class VoucherBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A voucher (职业培训券) as it stands after a change."""

    id: str
    program_id: str
    person_key: str
    division: str
    status: Literal["issued", "claimed", "redeemed", "settled", "closed", "expired", "revoked"]
    face_value_fen: Fen
    issued_at: Moment
    expires_at: Moment
    valid_through: date
    claimed_at: Moment | None = None
    redeemed_at: Moment | None = None
    settled_at: Moment | None = None
    enrolment_id: str | None = None
    institution: str | None = None
    paid_fen: Fen = 0
    reversed_fen: Fen = 0


class PlaceBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A place on earth, in the coordinate system it was given in."""

    lng: float
    lat: float
    coord_system: Literal["wgs84", "gcj02", "bd09"]


class InstitutionBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An institution (承训机构) as it is listed, step 2."""

    uscc: str
    name: str
    division: str
    address: str
    phone: str
    location: PlaceBody
    programs: list[str]
    projects: list[str]
    status: Literal["listed", "suspended"]


class ProjectBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A project (培训项目), step 2."""

    id: str
    name: str
    occupation_code: str
    edition: str
    level: Annotated[int, Meta(ge=1, le=5)]
    hours: int
    fee_fen: Fen
    programs: list[str]


class FaceBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What the card shows of a program's vouchers (券面)."""

    title: str
    issuer: str
    colour: str = "#c8102e"
    notes: str = ""


class TermsBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What a program's vouchers are good for, as far as the card needs it."""

    face_value_fen: Fen
    validity_months: int


class ProgramBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A program (培训项目计划) at its newest policy, steps 1 and 2."""

    id: str
    name: str
    division: str
    kind: Literal["targeted_face_value", "targeted_entitlement", "open_face_value", "open_entitlement"]
    face: FaceBody
    policy: TermsBody
    policy_version: int


class AttendanceBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """One coming, going or answer to a roll-call: its verdict and both clocks, never the place."""

    happened_at: Moment
    received_at: Moment
    outcome: Literal["accepted", "needs_review"]
    status: Literal["present", "late"]
    forwarded_by: str | None = None


class CheckInBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A trainee's presence at a lesson (打卡签到), step 8; `verdicts` are the bureau's own."""

    id: str
    lesson_id: str
    enrolment_id: str
    came: AttendanceBody
    went: AttendanceBody | None = None
    verdicts: dict[str, Literal["accepted", "rejected"]] | None = None
    roll_call: int | None = None


class EnrolmentBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An enrolment (报名) and how it ended (结业), step 9; `version` is the one it stood at."""

    id: str
    voucher_id: str
    program_id: str
    project_id: str
    institution: str
    division: str
    person_key: str
    status: Literal["confirmed", "rostered", "passed", "failed", "released", "withdrawn"]
    confirmed_at: Moment
    version: int
    class_id: str | None = None


class ReminderBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """That a voucher expires soon, for the card to tell its holder."""

    voucher_id: str
    program_id: str
    person_key: str
    division: str
    status: Literal["issued", "claimed"]
    days: int
    valid_through: date
    expires_at: Moment


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as it is posted to `/messages`: one change of one subject.

    Messages of a subject are numbered by `sequence`, which only rises. Each is sent only after the one before
    it was accepted, so a number that is left out never comes: nothing is left of that change, or two people
    of the province left it out. The same `message_id` again is a repeat.
    """

    message_id: str
    subject: str
    sequence: Annotated[int, Meta(ge=1)]
    event: str
    form: Annotated[str, Meta(description="which of the published forms the body has, e.g. `voucher.1`")]
    occurred_at: Annotated[datetime, Meta(tz=True, description="when the change happened")]
    told_at: Annotated[datetime, Meta(tz=True, description="when this copy of the message was sent")]
    sealed_body: Annotated[
        str, Meta(description="the body as a compact JWE (ECDH-ES+A256KW, A256GCM) for the platform's key")
    ]
    attempt: Annotated[int, Meta(ge=1, description="1, or more if it was sent before")] = 1
    rebuilt: Annotated[
        bool, Meta(description="it was read off the row as it stood; what came before it is not known")
    ] = False


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The platform's word on one message: accepted, or refused with the reason."""

    message_id: str
    outcome: Literal["accepted", "refused"]
    reason: str | None = None


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform posts to `/v1/exchange/acknowledgements`."""

    items: Annotated[list[Word], Meta(min_length=1, max_length=200)]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """How many vouchers of a division the platform has in a state, and what they are worth."""

    division: str
    status: Literal["issued", "claimed", "redeemed", "settled", "closed", "expired", "revoked"]
    count: Annotated[int, Meta(ge=0)]
    face_value_fen: Fen
    paid_fen: Fen
    reversed_fen: Fen


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform answers to `GET /figures`: its own counts and sums."""

    as_of: Moment
    figures: list[Figure]


class HeldVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher as the platform has it: the last message it took of it, and what that said."""

    id: str
    sequence: int
    status: str
    paid_fen: Fen = 0
    reversed_fen: Fen = 0


class HeldVouchers(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform answers to `GET /vouchers?division=&after=`, in the order of ids; `next` goes on."""

    vouchers: list[HeldVoucher]
    next: str | None = None


BODIES: Final[Mapping[str, type[Body]]] = {
    "voucher.1": VoucherBody,
    "institution.1": InstitutionBody,
    "project.1": ProjectBody,
    "program.1": ProgramBody,
    "check_in.1": CheckInBody,
    "enrolment.1": EnrolmentBody,
    "reminder.1": ReminderBody,
}
"""Form of a body → its type."""

FORMS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "message.1": Message,
    **BODIES,
    "acknowledgements.1": Words,
    "figures.1": Figures,
    "vouchers.1": HeldVouchers,
}
"""All that is published: what the platform is sent, and what it sends and answers."""


def schema_of(form: str) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a form, whole in itself: it stands in other documents too.

    Raises:
        KeyError: there is no such form.

    """
    (told,), parts = msgspec.json.schema_components([FORMS[form]], ref_template="{name}")
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "$id": f"{form}.json", **_whole(told, parts)}


def _whole(schema: Any, parts: Mapping[str, Any]) -> Any:
    """Put each part where it is referred to; no form contains itself."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            return {**_whole(parts[schema["$ref"]], parts), **beside}
        return {name: _whole(part, parts) for name, part in schema.items()}
    return [_whole(part, parts) for part in schema] if isinstance(schema, list) else schema
