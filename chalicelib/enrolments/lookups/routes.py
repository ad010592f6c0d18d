"""HTTP of looking a person up by their ID number: it stands in the body, and nowhere else."""

from datetime import datetime

from chalicelib.accounts.routes import IdNumberText
from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer, Form, Reason
from chalicelib.edge.http import Api
from chalicelib.enrolments.answers import PersonAnswer
from chalicelib.enrolments.lookups import service
from chalicelib.enrolments.lookups.model import Found
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.vouchers.model import VoucherStatus, status_shown

api = Api(__name__)


class LookupRequest(Form):
    """Whom to look up, and what for."""

    id_number: IdNumberText
    purpose: Reason


class FoundVoucherAnswer(Answer):
    """A voucher of theirs; `url` is where it is read."""

    voucher_id: str
    program_id: str
    division: str
    status: VoucherStatus
    url: str


class FoundEnrolmentAnswer(Answer):
    """An enrolment of theirs; `url` is where it is read."""

    enrolment_id: str
    voucher_id: str
    project_id: str
    institution: str
    status: EnrolmentStatus
    confirmed_at: datetime
    class_id: str | None
    url: str


class FoundClassAnswer(Answer):
    """A class that they are in; `url` is where it is read."""

    class_id: str
    url: str


class FoundListAnswer(Answer):
    """A list that names them; `situation` is null where it is one of graduates."""

    import_id: str
    situation: str | None
    url: str


class LookupAnswer(Answer):
    """What of a person lies in the caller's area; `person` and `holder` are null where nothing does."""

    person: str | None
    holder: PersonAnswer | None
    vouchers: list[FoundVoucherAnswer]
    enrolments: list[FoundEnrolmentAnswer]
    classes: list[FoundClassAnswer]
    lists: list[FoundListAnswer]


@api.endpoint(
    "POST",
    "/v1/person-lookups",
    action=service.ACTION,
    body=LookupRequest,
    answer=LookupAnswer,
    summary="Look a person up by ID number; who looked, and what for, is recorded",
)
def look_up_person(call: Call[LookupRequest, NoQuery]) -> LookupAnswer:
    found = service.look_up(call.context, call.body.id_number, purpose=call.body.purpose)
    return _answer(found, call.context.now)


def _answer(found: Found, now: datetime) -> LookupAnswer:
    masks = found.masks
    return LookupAnswer(
        person=found.person_key,
        holder=PersonAnswer(name=masks[0], id_number=masks[1]) if masks is not None else None,
        vouchers=[
            FoundVoucherAnswer(
                voucher_id=voucher.id,
                program_id=voucher.program_id,
                division=voucher.division,
                status=status_shown(voucher, now),
                url=f"/v1/vouchers/{voucher.id}",
            )
            for voucher in found.vouchers
        ],
        enrolments=[
            FoundEnrolmentAnswer(
                enrolment_id=enrolment.id,
                voucher_id=enrolment.voucher_id,
                project_id=enrolment.project_id,
                institution=enrolment.institution,
                status=enrolment.status,
                confirmed_at=enrolment.confirmed_at,
                class_id=enrolment.class_id,
                url=f"/v1/enrolments/{enrolment.id}",
            )
            for enrolment in found.enrolments
        ],
        classes=[FoundClassAnswer(class_id=one, url=f"/v1/classes/{one}") for one in found.class_ids],
        lists=[
            FoundListAnswer(
                import_id=one.import_id, situation=one.situation, url=f"/v1/imports/{one.import_id}"
            )
            for one in found.lists
        ],
    )
