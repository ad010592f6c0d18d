"""HTTP of vouchers."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.vouchers import service
from chalicelib.vouchers.answers import VoucherAnswer, voucher_answer
from chalicelib.vouchers.card import qr
from chalicelib.vouchers.card import service as card
from chalicelib.vouchers.model import VoucherFlag, VoucherStatus

api = Api(__name__)
DeviceId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$(?!\n)")]


class ClaimRequest(Form):
    """Accept a voucher; a card that names its device has the codes shown there only."""

    device_id: DeviceId | None = None


class QrAnswer(Answer):
    """The QR of this minute."""

    token: str
    svg: str
    period_seconds: int
    expires_at: datetime


class VoucherQuery(PageQuery):
    """Which vouchers to list; by `flag` those of an area that somebody has to look at."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: VoucherStatus | None = None
    flag: VoucherFlag | None = None


@api.endpoint(
    "GET",
    "/v1/vouchers",
    action="voucher.read",
    query=VoucherQuery,
    answer=Listing[VoucherAnswer],
    summary="List my vouchers, those spent at my institution, or a division's",
)
def list_vouchers(call: Call[None, VoucherQuery]) -> Listing[VoucherAnswer]:
    query = call.query
    page = service.list_vouchers(
        call.context, call.page_request(), division=query.division, status=query.status, flag=query.flag
    )
    return call.listing(page, lambda shown: voucher_answer(call, shown))


@api.endpoint(
    "GET", "/v1/vouchers/{voucher_id}", action="voucher.read", answer=VoucherAnswer, summary="Read a voucher"
)
def read_voucher(call: Call[None, NoQuery], voucher_id: str) -> VoucherAnswer:
    return voucher_answer(call, service.read_voucher(call.context, voucher_id))


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/claim",
    action="voucher.claim",
    body=ClaimRequest,
    answer=VoucherAnswer,
    summary="Accept my voucher; with `device_id`, its codes are shown on this phone only (X-Device-Id)",
)
def claim_voucher(call: Call[ClaimRequest, NoQuery], voucher_id: str) -> VoucherAnswer:
    return voucher_answer(call, card.claim(call.context, voucher_id, device_id=call.body.device_id))


@api.endpoint(
    "GET",
    "/v1/vouchers/{voucher_id}/qr",
    action="voucher.show_qr",
    answer=QrAnswer,
    names_device=True,
    summary="The QR of this minute; a voucher bound to a phone wants it named in X-Device-Id",
    refuses=[409],
)
def show_voucher_qr(call: Call[None, NoQuery], voucher_id: str) -> QrAnswer:
    token = card.show_qr(call.context, voucher_id, device_id=call.device_id)
    return QrAnswer(
        token=token.text,
        svg=qr.draw(token.text),
        period_seconds=qr.PERIOD_SECONDS,
        expires_at=token.expires_at,
    )
