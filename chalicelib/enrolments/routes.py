"""HTTP of scans and enrolments, and of revoking, which may release one."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, ReasonBody, VersionReason
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.enrolments import service
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import RefusedScan
from chalicelib.kernel.reasons import facts_told_by, first_of, sentence
from chalicelib.vouchers.model import VoucherStatus, facts_of, status_shown

api = Api(__name__)

Token = Annotated[str, Meta(min_length=1, max_length=200)]
ProjectIdText = Annotated[str, Meta(min_length=1, max_length=80)]
Nonce = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
DeviceId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Moment = Annotated[datetime, Meta(tz=True)]


class VerificationRequest(Form):
    """A scan to preview."""

    token: Token
    project_id: ProjectIdText


class PersonAnswer(Answer):
    """A person, masked."""

    name: str
    id_number: str


class VoucherSummary(Answer):
    """What the counter needs to know of a voucher."""

    id: str
    status: VoucherStatus
    face_value_fen: int
    expires_at: datetime


class VerificationAnswer(Answer):
    """What a scan would do now; `detail` is the sentence for the counter."""

    redeemable: bool
    reasons: list[str]
    detail: str | None
    voucher: VoucherSummary | None
    holder: PersonAnswer | None


class EnrolmentRequest(Form):
    """A scan to redeem; `happened_at` is the device's clock."""

    token: Token
    project_id: ProjectIdText
    nonce: Nonce
    device_id: DeviceId
    happened_at: Moment


class EnrolmentAnswer(Answer):
    """An enrolment."""

    id: str
    voucher_id: str
    program_id: str
    project_id: str
    institution: str
    status: EnrolmentStatus
    trainee: PersonAnswer
    confirmed_at: datetime
    class_id: str | None
    theory: int | None
    practice: int | None
    version: int
    allowed_actions: list[str]


class RefusedScanAnswer(Answer):
    """A refused scan."""

    id: str
    institution: str
    code: str
    detail: str
    project_id: str
    device_id: str
    voucher_id: str | None
    happened_at: datetime
    received_at: datetime


class RevokedAnswer(Answer):
    """A voucher after it was taken back."""

    id: str
    status: VoucherStatus
    version: int
    allowed_actions: list[str]


class EnrolmentQuery(PageQuery):
    """Which enrolments to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


class ScanQuery(PageQuery):
    """Which scans to list; only refused ones are kept here, the others are enrolments."""

    outcome: Literal["refused"] = "refused"
    institution: Annotated[str, Meta(max_length=18)] | None = None


@api.endpoint(
    "POST",
    "/v1/verifications",
    action="scan.verify",
    body=VerificationRequest,
    answer=VerificationAnswer,
    summary="What would a scan do, without doing it",
)
def verify(call: Call[VerificationRequest, NoQuery]) -> VerificationAnswer:
    found = service.preview(call.context, token=call.body.token, project_id=call.body.project_id)
    voucher = found.voucher
    detail = None
    if found.reasons:
        facts = facts_of(voucher) if voucher is not None else {}
        detail = sentence(first_of(found.reasons), facts, english=call.english)
    return VerificationAnswer(
        redeemable=not found.reasons,
        reasons=found.reasons,
        detail=detail,
        voucher=None
        if voucher is None
        else VoucherSummary(
            id=voucher.id,
            status=status_shown(voucher, call.context.now),
            face_value_fen=voucher.face_value_fen,
            expires_at=voucher.expires_at,
        ),
        holder=None
        if voucher is None
        else PersonAnswer(name=voucher.holder_name, id_number=voucher.holder_id_number),
    )


@api.endpoint(
    "POST",
    "/v1/enrolments",
    action="scan.redeem",
    body=EnrolmentRequest,
    answer=EnrolmentAnswer,
    status_code=201,
    summary="Redeem a voucher by its QR",
)
def redeem(call: Call[EnrolmentRequest, NoQuery]) -> EnrolmentAnswer:
    body = call.body
    return _answer(
        call,
        service.redeem(
            call.context,
            token=body.token,
            project_id=body.project_id,
            nonce=body.nonce,
            device_id=body.device_id,
            happened_at=body.happened_at,
        ),
    )


@api.endpoint(
    "GET",
    "/v1/enrolments",
    action="enrolment.read",
    query=EnrolmentQuery,
    answer=Listing[EnrolmentAnswer],
    summary="List enrolments",
)
def list_enrolments(call: Call[None, EnrolmentQuery]) -> Listing[EnrolmentAnswer]:
    page = service.list_enrolments(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, lambda enrolment: _answer(call, enrolment))


@api.endpoint(
    "GET",
    "/v1/enrolments/{enrolment_id}",
    action="enrolment.read",
    answer=EnrolmentAnswer,
    summary="Read an enrolment",
)
def read(call: Call[None, NoQuery], enrolment_id: str) -> EnrolmentAnswer:
    return _answer(call, service.read_enrolment(call.context, enrolment_id))


@api.endpoint(
    "POST",
    "/v1/enrolments/{enrolment_id}/release",
    action="enrolment.release",
    body=ReasonBody,
    answer=EnrolmentAnswer,
    summary="Release an enrolment and give the voucher back",
)
def release(call: Call[ReasonBody, NoQuery], enrolment_id: str) -> EnrolmentAnswer:
    return _answer(call, service.release(call.context, enrolment_id, reason=call.body.reason))


@api.endpoint(
    "GET",
    "/v1/scans",
    action="scan.read",
    query=ScanQuery,
    answer=Listing[RefusedScanAnswer],
    summary="List refused scans",
)
def scans(call: Call[None, ScanQuery]) -> Listing[RefusedScanAnswer]:
    page = service.list_refused_scans(call.context, call.page_request(), institution=call.query.institution)
    return call.listing(page, lambda scan: _scan(scan, english=call.english))


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/revoke",
    action="voucher.revoke",
    body=VersionReason,
    answer=RevokedAnswer,
    summary="Take a voucher back with a reason",
)
def revoke(call: Call[VersionReason, NoQuery], voucher_id: str) -> RevokedAnswer:
    body = call.body
    shown = service.revoke(call.context, voucher_id, version=body.version, reason=body.reason)
    return RevokedAnswer(
        id=shown.voucher.id,
        status=shown.status,
        version=shown.voucher.version,
        allowed_actions=shown.allowed_actions,
    )


def _answer(call: Call[object, object], enrolment: Enrolment) -> EnrolmentAnswer:
    return EnrolmentAnswer(
        id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        program_id=enrolment.program_id,
        project_id=enrolment.project_id,
        institution=enrolment.institution,
        status=enrolment.status,
        trainee=PersonAnswer(name=enrolment.trainee_name, id_number=enrolment.trainee_id_number),
        confirmed_at=enrolment.confirmed_at,
        class_id=enrolment.class_id,
        theory=enrolment.theory,
        practice=enrolment.practice,
        version=enrolment.version,
        allowed_actions=service.allowed_actions(call.context, enrolment),
    )


def _scan(scan: RefusedScan, *, english: bool) -> RefusedScanAnswer:
    unknown = dict.fromkeys(facts_told_by(scan.code), "—")  # of a scan kept before its facts were
    return RefusedScanAnswer(
        id=scan.id,
        institution=scan.institution,
        code=scan.code,
        detail=sentence(scan.code, {**unknown, **scan.facts}, english=english),
        project_id=scan.project_id,
        device_id=scan.device_id,
        voucher_id=scan.voucher_id,
        happened_at=scan.happened_at,
        received_at=scan.received_at,
    )
