"""HTTP of restoring a voucher."""

from datetime import date

from chalicelib.edge.endpoints import Call, NoQuery, ReasonBody
from chalicelib.edge.forms import Form, Version
from chalicelib.edge.http import Api
from chalicelib.enrolments.restoring import service
from chalicelib.vouchers.answers import VoucherAnswer, voucher_answer

api = Api(__name__)


class RestoreRequest(ReasonBody):
    """Give a lost voucher back, and why; `extended_to` is its last day where time was taken from it."""

    extended_to: date | None = None


class RestoreConfirmation(Form):
    """Confirm a proposal; who names the voucher's version confirms what stood there and nothing else."""

    version: Version | None = None


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/restore",
    action="voucher.restore",
    body=RestoreRequest,
    answer=VoucherAnswer,
    summary="Propose to give back a voucher that was revoked or expired by a mistake",
)
def restore_voucher(call: Call[RestoreRequest, NoQuery], voucher_id: str) -> VoucherAnswer:
    body = call.body
    shown = service.propose(call.context, voucher_id, reason=body.reason, extended_to=body.extended_to)
    return voucher_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/restore/confirm",
    action="voucher.confirm_restore",
    body=RestoreConfirmation,
    answer=VoucherAnswer,
    summary="Confirm, as another person of the province, that a lost voucher is given back",
)
def confirm_voucher_restore(call: Call[RestoreConfirmation, NoQuery], voucher_id: str) -> VoucherAnswer:
    return voucher_answer(call, service.confirm(call.context, voucher_id, version=call.body.version))
