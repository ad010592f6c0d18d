"""HTTP of issuance batches."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionBody, VersionReason
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.reasons import sentence
from chalicelib.programs.service import current_program
from chalicelib.vouchers.batches import service as issuance
from chalicelib.vouchers.batches.model import IssuanceBatch, IssuanceBatchStatus

api = Api(__name__)


class IssuanceBatchRequest(Form):
    """Issue to this list; `declared_count` is its number of valid rows."""

    import_id: Annotated[str, Meta(min_length=1, max_length=80)]
    declared_count: Annotated[int, Meta(ge=0, le=1_000_000)]


class ReasonCount(Answer):
    """How many rows a reason refuses; a row with two reasons counts in both."""

    code: str
    count: int


class IssuanceOutcomeAnswer(Answer):
    """What became of the rows when they were issued."""

    issued: int
    already_held: int
    refused: int
    refused_by_reason: list[ReasonCount]


class PolicyTerms(Answer):
    """What a policy version says of a voucher's worth."""

    policy_version: int
    face_value_fen: int
    validity_months: int


class IssuanceBatchAnswer(Answer):
    """An issuance batch: what approval covers, the dry run's counts, and the outcome once all is issued.

    By `policy_version`, pinned when it was proposed, `eligible` vouchers of `face_value_fen` are issued, each
    good for `validity_months`: `amount_fen` in all, never more. `newest_policy` is told where the program has
    another policy by now; it does not count for this batch.
    `chunks_done` is told of a batch read by itself.
    """

    id: str
    program_id: str
    import_id: str
    status: IssuanceBatchStatus
    version: int
    eligible: int
    refused: int
    already_held: int
    refused_by_reason: list[ReasonCount]
    policy_version: int | None
    face_value_fen: int
    validity_months: int
    amount_fen: int
    newest_policy: PolicyTerms | None
    issued: int
    outcome: IssuanceOutcomeAnswer | None
    chunks: int
    chunks_done: int | None
    proposed_at: datetime
    allowed_actions: list[str]


class RowRefusalAnswer(Answer):
    """A row that gets no voucher."""

    row: int
    code: str
    detail: str


@api.endpoint(
    "POST",
    "/v1/programs/{program_id}/issuance-batches",
    action="issuance.propose",
    body=IssuanceBatchRequest,
    answer=IssuanceBatchAnswer,
    status_code=201,
    summary="Propose to issue vouchers to a list",
)
def propose_issuance_batch(call: Call[IssuanceBatchRequest, NoQuery], program_id: str) -> IssuanceBatchAnswer:
    body = call.body
    batch = issuance.propose_batch(
        call.context, program_id, import_id=body.import_id, declared_count=body.declared_count
    )
    return _answer(call, batch)


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/issuance-batches",
    action="issuance.read",
    query=PageQuery,
    answer=Listing[IssuanceBatchAnswer],
    summary="List a program's issuance batches",
)
def list_issuance_batches(call: Call[None, PageQuery], program_id: str) -> Listing[IssuanceBatchAnswer]:
    page = issuance.list_batches(call.context, program_id, call.page_request())
    return call.listing(page, lambda batch: _answer(call, batch))


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}",
    action="issuance.read",
    answer=IssuanceBatchAnswer,
    summary="Read an issuance batch",
)
def read_issuance_batch(call: Call[None, NoQuery], program_id: str, batch_id: str) -> IssuanceBatchAnswer:
    batch = issuance.read_batch(call.context, program_id, batch_id)
    return _answer(call, batch, chunks_done=issuance.progress_of(batch))


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}/refusals",
    action="issuance.read",
    query=PageQuery,
    answer=Listing[RowRefusalAnswer],
    summary="List the rows that get no voucher, with reasons",
)
def list_issuance_refusals(
    call: Call[None, PageQuery], program_id: str, batch_id: str
) -> Listing[RowRefusalAnswer]:
    page = issuance.refusals_of(call.context, program_id, batch_id, call.page_request())
    return call.listing(
        page,
        lambda refusal: RowRefusalAnswer(
            row=refusal.row,
            code=refusal.code,
            detail=sentence(refusal.code, refusal.facts, english=call.english),
        ),
    )


@api.endpoint(
    "POST",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}/approve",
    action="issuance.approve",
    body=VersionBody,
    answer=IssuanceBatchAnswer,
    summary="Approve a batch; a second person does",
)
def approve_issuance_batch(
    call: Call[VersionBody, NoQuery], program_id: str, batch_id: str
) -> IssuanceBatchAnswer:
    body = call.body
    batch = issuance.decide_batch(
        call.context, program_id, batch_id, "approve", version=body.version, reason=body.comment
    )
    return _answer(call, batch)


@api.endpoint(
    "POST",
    "/v1/programs/{program_id}/issuance-batches/{batch_id}/reject",
    action="issuance.reject",
    body=VersionReason,
    answer=IssuanceBatchAnswer,
    summary="Reject a batch with a reason",
)
def reject_issuance_batch(
    call: Call[VersionReason, NoQuery], program_id: str, batch_id: str
) -> IssuanceBatchAnswer:
    body = call.body
    batch = issuance.decide_batch(
        call.context, program_id, batch_id, "reject", version=body.version, reason=body.reason
    )
    return _answer(call, batch)


def _answer(
    call: Call[object, object], batch: IssuanceBatch, *, chunks_done: int | None = None
) -> IssuanceBatchAnswer:
    outcome = batch.outcome
    return IssuanceBatchAnswer(
        id=batch.id,
        program_id=batch.program_id,
        import_id=batch.import_id,
        status=batch.status,
        version=batch.version,
        eligible=batch.eligible,
        refused=batch.refused,
        already_held=batch.already_held,
        refused_by_reason=_reasons(batch.reasons),
        policy_version=batch.policy_version,
        face_value_fen=batch.face_value_fen,
        validity_months=batch.validity_months,
        amount_fen=batch.amount_fen,
        newest_policy=_newest_policy(batch),
        issued=batch.issued,
        outcome=IssuanceOutcomeAnswer(
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
        allowed_actions=issuance.allowed_actions(call.context, batch),
    )


def _newest_policy(batch: IssuanceBatch) -> PolicyTerms | None:
    program = current_program(batch.program_id)
    if program.policy_version == batch.policy_version:
        return None
    return PolicyTerms(
        policy_version=program.policy_version,
        face_value_fen=program.policy.face_value_fen,
        validity_months=program.policy.validity_months,
    )


def _reasons(counts: dict[str, int]) -> list[ReasonCount]:
    return [ReasonCount(code=code, count=count) for code, count in counts.items()]
