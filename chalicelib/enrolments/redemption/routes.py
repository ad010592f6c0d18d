"""HTTP of previewing a scan, of redeeming it, and of the scans that were refused."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.enrolments.answers import (
    EnrolmentAnswer,
    PersonAnswer,
    ProjectIdText,
    Token,
    enrolment_answer,
)
from chalicelib.enrolments.redemption import service
from chalicelib.enrolments.redemption.model import RefusedScan, Scan, ScanReason
from chalicelib.kernel.reasons import facts_told_by, first_of, sentence
from chalicelib.vouchers.model import Voucher, VoucherStatus, facts_of, status_shown

api = Api(__name__)

Nonce = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$(?!\n)")]
DeviceId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$(?!\n)")]
Moment = Annotated[datetime, Meta(tz=True)]


class EnrolmentRequest(Form):
    """A scan to redeem; `happened_at` is the device's clock."""

    token: Token
    project_id: ProjectIdText
    nonce: Nonce
    device_id: DeviceId
    happened_at: Moment


class RefusedScanAnswer(Answer):
    """A refused scan."""

    id: str
    institution: str
    division: str
    code: str
    detail: str
    project_id: str
    device_id: str
    voucher_id: str | None
    happened_at: datetime
    received_at: datetime


class VerificationRequest(Form):
    """A scan to preview."""

    token: Token
    project_id: ProjectIdText


class VoucherSummary(Answer):
    """What the counter needs to know of a voucher."""

    id: str
    status: VoucherStatus
    face_value_fen: int
    valid_through: date
    expires_at: datetime


class VerificationAnswer(Answer):
    """What a scan would do now; `detail` is for the counter. One that would be refused is kept."""

    redeemable: bool
    reasons: list[ScanReason]
    detail: str | None
    voucher: VoucherSummary | None
    holder: PersonAnswer | None


class ScanQuery(PageQuery):
    """Which scans to list; only refused ones are kept here, the others are enrolments."""

    outcome: Literal["refused"] = "refused"
    institution: Annotated[str, Meta(max_length=18)] | None = None
    division: Annotated[str, Meta(max_length=6)] | None = None
    code: ScanReason | None = None


@api.endpoint(
    "POST",
    "/v1/verifications",
    action="scan.verify",
    body=VerificationRequest,
    answer=VerificationAnswer,
    summary="What would a scan do, without doing it",
)
def verify_voucher(call: Call[VerificationRequest, NoQuery]) -> VerificationAnswer:
    preview = service.look(call.context, token=call.body.token, project_id=call.body.project_id)
    voucher, reasons = preview.voucher, preview.reasons
    facts = facts_of(voucher) if voucher is not None else {}
    return VerificationAnswer(
        redeemable=not reasons,
        reasons=[ScanReason(reason) for reason in reasons],
        detail=sentence(first_of(reasons), facts, english=call.english) if reasons else None,
        voucher=_voucher(voucher, call.context.now) if voucher is not None else None,
        holder=_holder(voucher) if voucher is not None else None,
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
def redeem_voucher(call: Call[EnrolmentRequest, NoQuery]) -> EnrolmentAnswer:
    body = call.body
    scan = Scan(
        token=body.token,
        project_id=body.project_id,
        nonce=body.nonce,
        device_id=body.device_id,
        happened_at=body.happened_at,
    )
    return enrolment_answer(call, service.redeem(call.context, scan))


@api.endpoint(
    "GET",
    "/v1/scans",
    action="scan.read",
    query=ScanQuery,
    answer=Listing[RefusedScanAnswer],
    summary="List refused scans of an institution or an area, the newest first",
)
def list_scans(call: Call[None, ScanQuery]) -> Listing[RefusedScanAnswer]:
    query = call.query
    page = service.list_refused_scans(
        call.context,
        call.page_request(),
        institution=query.institution,
        division=query.division,
        code=query.code,
    )
    return call.listing(page, lambda scan: _scan(scan, english=call.english))


def _scan(scan: RefusedScan, *, english: bool) -> RefusedScanAnswer:
    unknown = dict.fromkeys(facts_told_by(scan.code), "—")  # of a scan kept before its facts were
    return RefusedScanAnswer(
        id=scan.id,
        institution=scan.institution,
        division=scan.division,
        code=scan.code,
        detail=sentence(scan.code, {**unknown, **scan.facts}, english=english),
        project_id=scan.project_id,
        device_id=scan.device_id,
        voucher_id=scan.voucher_id,
        happened_at=scan.happened_at,
        received_at=scan.received_at,
    )


def _voucher(voucher: Voucher, now: datetime) -> VoucherSummary:
    return VoucherSummary(
        id=voucher.id,
        status=status_shown(voucher, now),
        face_value_fen=voucher.face_value_fen,
        valid_through=voucher.valid_through,
        expires_at=voucher.expires_at,
    )


def _holder(voucher: Voucher) -> PersonAnswer:
    return PersonAnswer(name=voucher.holder_name, id_number=voucher.holder_id_number)
