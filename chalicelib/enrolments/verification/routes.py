"""HTTP of verifying a scan."""

from datetime import date, datetime

from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.enrolments.answers import PersonAnswer, ProjectIdText, Token
from chalicelib.enrolments.verification import service
from chalicelib.kernel.reasons import first_of, sentence
from chalicelib.vouchers.model import Voucher, VoucherStatus, facts_of, status_shown

api = Api(__name__)


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
    """What a scan would do now; `detail` is the sentence for the counter."""

    redeemable: bool
    reasons: list[str]
    detail: str | None
    voucher: VoucherSummary | None
    holder: PersonAnswer | None


@api.endpoint(
    "POST",
    "/v1/verifications",
    action="scan.verify",
    body=VerificationRequest,
    answer=VerificationAnswer,
    summary="What would a scan do, without doing it",
)
def verify_voucher(call: Call[VerificationRequest, NoQuery]) -> VerificationAnswer:
    preview = service.preview(call.context, token=call.body.token, project_id=call.body.project_id)
    voucher, reasons = preview.voucher, preview.reasons
    facts = facts_of(voucher) if voucher is not None else {}
    return VerificationAnswer(
        redeemable=not reasons,
        reasons=reasons,
        detail=sentence(first_of(reasons), facts, english=call.english) if reasons else None,
        voucher=_voucher(voucher, call.context.now) if voucher is not None else None,
        holder=_holder(voucher) if voucher is not None else None,
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
