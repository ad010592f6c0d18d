"""HTTP of vouchers."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.reasons import sentence
from chalicelib.people.eligibility import Bar, facts_of
from chalicelib.programs.model import Face
from chalicelib.vouchers import service
from chalicelib.vouchers.card import qr
from chalicelib.vouchers.card import service as card
from chalicelib.vouchers.model import VoucherStatus

api = Api(__name__)


class HolderAnswer(Answer):
    """Who holds a voucher; masked unless the caller is the holder."""

    name: str
    id_number: str


class IneligibleAnswer(Answer):
    """What a cross-match list says of the holder, and for which days (inclusive) it stands against them."""

    code: str
    detail: str
    since: date
    until: date | None
    as_of: date
    import_id: str


class VoucherAnswer(Answer):
    """A voucher."""

    id: str
    program_id: str
    status: VoucherStatus
    face_value_fen: int
    face: Face
    holder: HolderAnswer
    division: str
    issued_at: datetime
    claimed_at: datetime | None
    redeemed_at: datetime | None
    settled_at: datetime | None
    expires_at: datetime
    valid_through: date
    enrolment_id: str | None
    institution: str | None
    paid_fen: int
    reversed_fen: int
    ineligible: IneligibleAnswer | None
    projects: list[str]
    institutions_url: str
    device_bound: bool
    version: int
    allowed_actions: list[str]


class ClaimRequest(Form):
    """Accept a voucher; a card that names its device has the codes shown there only."""

    device_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")] | None = None


class QrAnswer(Answer):
    """The QR of this minute."""

    token: str
    svg: str
    period_seconds: int
    expires_at: datetime


class VoucherQuery(PageQuery):
    """Which vouchers to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: VoucherStatus | None = None


@api.endpoint(
    "GET",
    "/v1/vouchers",
    action="voucher.read",
    query=VoucherQuery,
    answer=Listing[VoucherAnswer],
    summary="List my vouchers, or a division's",
)
def list_vouchers(call: Call[None, VoucherQuery]) -> Listing[VoucherAnswer]:
    query = call.query
    page = service.list_vouchers(
        call.context, call.page_request(), division=query.division, status=query.status
    )
    return call.listing(page, _answer)


@api.endpoint(
    "GET", "/v1/vouchers/{voucher_id}", action="voucher.read", answer=VoucherAnswer, summary="Read a voucher"
)
def read(call: Call[None, NoQuery], voucher_id: str) -> VoucherAnswer:
    return _answer(service.read_voucher(call.context, voucher_id))


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/claim",
    action="voucher.claim",
    body=ClaimRequest,
    answer=VoucherAnswer,
    summary="Accept my voucher; with `device_id`, its codes are shown on this phone only (X-Device-Id)",
)
def claim(call: Call[ClaimRequest, NoQuery], voucher_id: str) -> VoucherAnswer:
    return _answer(card.claim(call.context, voucher_id, device_id=call.body.device_id))


@api.endpoint(
    "GET",
    "/v1/vouchers/{voucher_id}/qr",
    action="voucher.show_qr",
    answer=QrAnswer,
    refuses=(409,),
    summary="The QR of this minute; a voucher bound to a phone wants it named in X-Device-Id",
)
def show_qr(call: Call[None, NoQuery], voucher_id: str) -> QrAnswer:
    token = card.show_qr(call.context, voucher_id, device_id=call.device_id)
    return QrAnswer(
        token=token.text,
        svg=qr.draw(token.text),
        period_seconds=qr.PERIOD_SECONDS,
        expires_at=token.expires_at,
    )


def _answer(shown: service.ShownVoucher) -> VoucherAnswer:
    voucher = shown.voucher
    return VoucherAnswer(
        id=voucher.id,
        program_id=voucher.program_id,
        status=shown.status,
        face_value_fen=voucher.face_value_fen,
        face=shown.program.face,
        holder=HolderAnswer(name=shown.holder_name, id_number=shown.holder_id_number),
        division=voucher.division,
        issued_at=voucher.issued_at,
        claimed_at=voucher.claimed_at,
        redeemed_at=voucher.redeemed_at,
        settled_at=voucher.settled_at,
        expires_at=voucher.expires_at,
        valid_through=voucher.valid_through,
        enrolment_id=voucher.enrolment_id,
        institution=voucher.institution,
        paid_fen=voucher.paid_fen,
        reversed_fen=voucher.reversed_fen,
        ineligible=_ineligible(voucher.bar),
        projects=shown.projects,
        institutions_url=f"/v1/institutions?program={voucher.program_id}",
        device_bound=voucher.device is not None,
        version=voucher.version,
        allowed_actions=shown.allowed_actions,
    )


def _ineligible(bar: Bar | None) -> IneligibleAnswer | None:
    if bar is None:
        return None
    return IneligibleAnswer(
        code=bar.code,
        detail=sentence(bar.code, facts_of(bar.standing)),
        since=bar.first_day,
        until=bar.last_day,
        as_of=bar.standing.as_of,
        import_id=bar.standing.import_id,
    )
