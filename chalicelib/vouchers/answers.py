"""How a voucher is shown."""

from datetime import date, datetime
from typing import Any

from chalicelib.edge.endpoints import Call
from chalicelib.edge.forms import Answer
from chalicelib.kernel.reasons import sentence
from chalicelib.people.eligibility import Bar, facts_of
from chalicelib.programs.model import Face
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.restoring.model import lapses_at, open_restoration
from chalicelib.vouchers.service import ShownVoucher


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


class RestorationAnswer(Answer):
    """A proposal to give a lost voucher back, until it is confirmed or lapses; told to bureaus only."""

    asked_by: str
    asked_at: datetime
    lapses_at: datetime
    reason: str
    target: VoucherStatus
    extended_to: date | None


class VoucherAnswer(Answer):
    """A voucher; `restored_at` is when it was given back after it had been lost.

    `name_mismatch_at`: a card signed with another name than the list has tried to use it.
    """

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
    name_mismatch_at: datetime | None
    restoration: RestorationAnswer | None
    restored_at: datetime | None
    version: int
    allowed_actions: list[str]


def voucher_answer(call: Call[Any, Any], shown: ShownVoucher) -> VoucherAnswer:
    """Show a voucher to its caller."""
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
        name_mismatch_at=voucher.name_mismatch_at,
        restoration=_restoration(call, voucher),
        restored_at=voucher.restored_at,
        device_bound=voucher.device is not None,
        version=voucher.version,
        allowed_actions=shown.allowed_actions,
    )


def _restoration(call: Call[Any, Any], voucher: Voucher) -> RestorationAnswer | None:
    context = call.context
    restoration = open_restoration(voucher, context.now)
    if restoration is None or not context.principal.is_bureau:
        return None
    return RestorationAnswer(
        asked_by=restoration.asked_by,
        asked_at=restoration.asked_at,
        lapses_at=lapses_at(restoration),
        reason=restoration.reason,
        target=restoration.target,
        extended_to=restoration.extended_to,
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
