"""HTTP of issuance batches and vouchers."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.aws.forms import Answer, Form
from chalicelib.aws.http import (
    Api,
    Call,
    Listing,
    NoQuery,
    PageQuery,
    VersionBody,
    VersionReason,
)
from chalicelib.kernel.reasons import sentence
from chalicelib.people.eligibility import Bar, facts_of
from chalicelib.programs.model import Face
from chalicelib.vouchers import issuance, qr, service
from chalicelib.vouchers.batch_model import BATCH_TRANSITIONS, BatchStatus, IssuanceBatch
from chalicelib.vouchers.model import VoucherStatus

api = Api(__name__)


class BatchRequest(Form):
    """Issue to this list; `declared_count` is its number of valid rows."""

    import_id: Annotated[str, Meta(max_length=80)]
    declared_count: Annotated[int, Meta(ge=0, le=1_000_000)]


class ReasonCount(Answer):
    """How many rows a reason refuses; a row with two reasons counts in both."""

    code: str
    count: int


class OutcomeAnswer(Answer):
    """What became of the rows when they were issued."""

    issued: int
    already_held: int
    refused: int
    refused_by_reason: list[ReasonCount]


class BatchAnswer(Answer):
    """An issuance batch: the dry run's counts, and the outcome once all is issued.

    `chunks_done` is told of a batch read by itself.
    """

    id: str
    program_id: str
    import_id: str
    status: BatchStatus
    version: int
    eligible: int
    refused: int
    already_held: int
    refused_by_reason: list[ReasonCount]
    issued: int
    outcome: OutcomeAnswer | None
    chunks: int
    chunks_done: int | None
    proposed_at: datetime
    allowed_actions: list[str]


class RefusalAnswer(Answer):
    """A row that gets no voucher."""

    row: int
    code: str
    detail: str


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
    "POST",
    "/v1/programs/{program_id}/issuance-batches",
    action="issuance.propose",
    body=BatchRequest,
    answer=BatchAnswer,
    status_code=201,
    summary="Propose to issue vouchers to a list",
)
def propose(call: Call[BatchRequest, NoQuery], program_id: str) -> BatchAnswer:
    body = call.body
    batch = issuance.propose_batch(
        call.context, program_id, import_id=body.import_id, declared_count=body.declared_count
    )
    return _batch(call, batch)


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/issuance-batches",
    action="issuance.read",
    query=PageQuery,
    answer=Listing[BatchAnswer],
    summary="List a program's issuance batches",
)
def list_batches(call: Call[None, PageQuery], program_id: str) -> Listing[BatchAnswer]:
    page = issuance.list_batches(call.context, program_id, call.page_request())
    return call.listing(page, lambda batch: _batch(call, batch))


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}",
    action="issuance.read",
    answer=BatchAnswer,
    summary="Read an issuance batch",
)
def read_batch(call: Call[None, NoQuery], program_id: str, batch_id: str) -> BatchAnswer:
    batch = issuance.read_batch(call.context, program_id, batch_id)
    return _batch(call, batch, chunks_done=issuance.progress_of(batch))


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}/refusals",
    action="issuance.read",
    query=PageQuery,
    answer=Listing[RefusalAnswer],
    summary="List the rows that get no voucher, with reasons",
)
def refusals(call: Call[None, PageQuery], program_id: str, batch_id: str) -> Listing[RefusalAnswer]:
    page = issuance.refusals_of(call.context, program_id, batch_id, call.page_request())
    return call.listing(
        page,
        lambda one: RefusalAnswer(
            row=one.row, code=one.code, detail=sentence(one.code, one.facts, english=call.english)
        ),
    )


@api.endpoint(
    "POST",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}/approve",
    action="issuance.approve",
    body=VersionBody,
    answer=BatchAnswer,
    summary="Approve a batch; a second person does",
)
def approve(call: Call[VersionBody, NoQuery], program_id: str, batch_id: str) -> BatchAnswer:
    body = call.body
    batch = issuance.decide_batch(
        call.context, program_id, batch_id, "approve", version=body.version, reason=body.comment
    )
    return _batch(call, batch)


@api.endpoint(
    "POST",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}/reject",
    action="issuance.reject",
    body=VersionReason,
    answer=BatchAnswer,
    summary="Reject a batch with a reason",
)
def reject(call: Call[VersionReason, NoQuery], program_id: str, batch_id: str) -> BatchAnswer:
    body = call.body
    batch = issuance.decide_batch(
        call.context, program_id, batch_id, "reject", version=body.version, reason=body.reason
    )
    return _batch(call, batch)


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
    return call.listing(page, _voucher)


@api.endpoint(
    "GET", "/v1/vouchers/{voucher_id}", action="voucher.read", answer=VoucherAnswer, summary="Read a voucher"
)
def read(call: Call[None, NoQuery], voucher_id: str) -> VoucherAnswer:
    return _voucher(service.read_voucher(call.context, voucher_id))


@api.endpoint(
    "POST",
    "/v1/vouchers/{voucher_id}/claim",
    action="voucher.claim",
    body=ClaimRequest,
    answer=VoucherAnswer,
    summary="Accept my voucher; with `device_id`, its codes are shown on this phone only (X-Device-Id)",
)
def claim(call: Call[ClaimRequest, NoQuery], voucher_id: str) -> VoucherAnswer:
    return _voucher(service.claim(call.context, voucher_id, device_id=call.body.device_id))


@api.endpoint(
    "GET",
    "/v1/vouchers/{voucher_id}/qr",
    action="voucher.show_qr",
    answer=QrAnswer,
    refuses=(409,),
    summary="The QR of this minute; a voucher bound to a phone wants it named in X-Device-Id",
)
def show_qr(call: Call[None, NoQuery], voucher_id: str) -> QrAnswer:
    token = service.show_qr(call.context, voucher_id, device_id=call.device_id)
    return QrAnswer(
        token=token.text,
        svg=qr.draw(token.text),
        period_seconds=qr.PERIOD_SECONDS,
        expires_at=token.expires_at,
    )


def _batch(
    call: Call[object, object], batch: IssuanceBatch, *, chunks_done: int | None = None
) -> BatchAnswer:
    own = batch.proposed_by == call.context.principal.actor
    outcome = batch.outcome
    return BatchAnswer(
        id=batch.id,
        program_id=batch.program_id,
        import_id=batch.import_id,
        status=batch.status,
        version=batch.version,
        eligible=batch.eligible,
        refused=batch.refused,
        already_held=batch.already_held,
        refused_by_reason=_reasons(batch.reasons),
        issued=batch.issued,
        outcome=OutcomeAnswer(
            issued=outcome.issued,
            already_held=outcome.already_held,
            refused=outcome.refused,
            refused_by_reason=_reasons(outcome.reasons),
        )
        if outcome is not None
        else None,
        chunks=batch.chunks,
        chunks_done=chunks_done,
        proposed_at=batch.proposed_at,
        allowed_actions=[
            action
            for action in BATCH_TRANSITIONS.allowed(batch.status)
            if action in ("approve", "reject") and not own
        ],
    )


def _reasons(counts: dict[str, int]) -> list[ReasonCount]:
    return [ReasonCount(code=code, count=count) for code, count in counts.items()]


def _voucher(shown: service.ShownVoucher) -> VoucherAnswer:
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
