"""HTTP of releasing an enrolment, and of revoking a voucher, which may release one."""

from chalicelib.edge.endpoints import Call, NoQuery, ReasonBody, VersionReason
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.enrolments.answers import EnrolmentAnswer, enrolment_answer
from chalicelib.enrolments.release import service
from chalicelib.vouchers.model import VoucherStatus

api = Api(__name__)


class RevokedAnswer(Answer):
    """A voucher after it was taken back."""

    id: str
    status: VoucherStatus
    version: int
    allowed_actions: list[str]


@api.endpoint(
    "POST",
    "/v1/enrolments/{enrolment_id}/release",
    action="enrolment.release",
    body=ReasonBody,
    answer=EnrolmentAnswer,
    summary="Release an enrolment and give the voucher back",
)
def release_enrolment(call: Call[ReasonBody, NoQuery], enrolment_id: str) -> EnrolmentAnswer:
    return enrolment_answer(call, service.release(call.context, enrolment_id, reason=call.body.reason))


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/revoke",
    action="voucher.revoke",
    body=VersionReason,
    answer=RevokedAnswer,
    summary="Take a voucher back with a reason",
)
def revoke_voucher(call: Call[VersionReason, NoQuery], voucher_id: str) -> RevokedAnswer:
    body = call.body
    shown = service.revoke(call.context, voucher_id, version=body.version, reason=body.reason)
    return RevokedAnswer(
        id=shown.voucher.id,
        status=shown.status,
        version=shown.voucher.version,
        allowed_actions=shown.allowed_actions,
    )
