"""HTTP of supervision: the audit chain and the reports."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.aws.forms import Answer, Form
from chalicelib.aws.http import (
    AS_SHEETS,
    COMMA_SEPARATED,
    Api,
    Call,
    LinkAnswer,
    Listing,
    NoQuery,
    PageQuery,
    Reply,
)
from chalicelib.supervision import audit, reports, sheets
from chalicelib.supervision.audit_model import AuditRecord, ChainHead
from chalicelib.supervision.count_model import REACHED, STATUSES, VoucherCount

api = Api(__name__)

Division = Annotated[str, Meta(min_length=2, max_length=6)]


class AuditQuery(PageQuery, kw_only=True):
    """Whose history to list."""

    subject: Annotated[str, Meta(min_length=1, max_length=128)]


class AuditAnswer(Answer):
    """One change: who, what, why, what it was and what it is; `hash` holds the one before it."""

    seq: int
    at: datetime
    actor: str
    role: str
    action: str
    reason: str | None
    request_id: str
    subject: str
    table: str
    before: dict[str, Any]
    after: dict[str, Any]
    chain: str
    hash: str


class PlaceForm(Form):
    """Where a long walk goes on: the `after` of the answer before."""

    chain: Division
    seq: Annotated[int, Meta(ge=0, le=2**53)]
    hash: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]


class VerifyRequest(Form):
    """Which chain to verify: that of a division, or all that the caller's division covers."""

    division: Division | None = None
    after: PlaceForm | None = None


class BadAnswer(Answer):
    """The first place at which a chain is broken; `subject` is null where a record is missing."""

    seq: int
    subject: str | None


class PlaceAnswer(Answer):
    """Where a walk too long for one call is to go on: send it as `after`."""

    chain: str
    seq: int
    hash: str


class ChainAnswer(Answer):
    """What walking one chain found; `records` are those that hold."""

    chain: str
    records: int
    intact: bool
    first_bad: BadAnswer | None
    after: PlaceAnswer | None


class VerdictAnswer(ChainAnswer):
    """What walking every chain asked for found."""

    chains: list[ChainAnswer]


class ReportQuery(Form):
    """Of what, and in which form."""

    program: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    division: Division | None = None
    format: Literal["json", "csv", "xlsx"] = "json"


class StagesAnswer(Answer):
    """Vouchers by the state they are in."""

    issued: int
    claimed: int
    redeemed: int
    settled: int
    closed: int
    expired: int
    revoked: int


class EverAnswer(Answer):
    """Vouchers that got at least so far, wherever they are now."""

    issued: int
    claimed: int
    redeemed: int
    settled: int


class FunnelAnswer(Answer):
    """The voucher funnel of a program and a division with everything below it."""

    program_id: str | None
    division: str
    stages: StagesAnswer
    ever: EverAnswer


class SpendingAnswer(Answer):
    """Money of a program's vouchers in a division: given out as face value, paid, taken back."""

    program_id: str | None
    division: str
    face_value_fen: int
    paid_fen: int
    reversed_fen: int
    net_fen: int


class InstitutionRow(Answer):
    """One institution's vouchers."""

    institution: str
    name: str
    division: str
    status: str
    ever_redeemed: int
    redeemed: int
    settled: int
    closed: int
    paid_fen: int
    reversed_fen: int


class InstitutionsAnswer(Answer):
    """The institutions of a division, most redeemed first."""

    program_id: str | None
    division: str
    items: list[InstitutionRow]


@api.endpoint(
    "GET",
    "/v1/audit",
    action="audit.read",
    query=AuditQuery,
    answer=Listing[AuditAnswer],
    summary="List what happened to one thing, in order",
)
def history(call: Call[None, AuditQuery]) -> Listing[AuditAnswer]:
    return call.listing(audit.history(call.context, call.query.subject, call.page_request()), _render)


@api.endpoint(
    "POST",
    "/v1/audit/verify",
    action="audit.verify",
    body=VerifyRequest,
    answer=VerdictAnswer,
    summary="Walk the audit chain and recompute every digest",
)
def verify(call: Call[VerifyRequest, NoQuery]) -> VerdictAnswer:
    division = call.body.division or call.context.principal.division
    place = call.body.after
    after = ChainHead(chain=place.chain, seq=place.seq, hash=place.hash) if place is not None else None
    chains = [_chain(verdict) for verdict in audit.verify(call.context, division, after=after)]
    worst = next((chain for chain in chains if not chain.intact), chains[0])
    return VerdictAnswer(
        chain=worst.chain,
        records=sum(chain.records for chain in chains),
        intact=worst.intact,
        first_bad=worst.first_bad,
        after=next((chain.after for chain in chains if chain.after is not None), None),
        chains=chains,
    )


@api.endpoint(
    "GET",
    "/v1/reports/funnel",
    action="report.read",
    query=ReportQuery,
    answer=FunnelAnswer,
    also=AS_SHEETS,
    summary="The voucher funnel (csv: the sheet itself, xlsx: a link to it)",
)
def funnel(call: Call[None, ReportQuery]) -> FunnelAnswer | LinkAnswer | Reply:
    asked = reports.wanted(call.context, call.query.program, call.query.division)
    count = reports.division_total(asked)
    if call.query.format != "json":
        return _sheet(call, "funnel", sheets.funnel_sheet(asked, count, english=call.english))
    return FunnelAnswer(
        program_id=asked.program_id,
        division=asked.division,
        stages=StagesAnswer(**{name: getattr(count, name) for name in STATUSES}),
        ever=EverAnswer(**{name.removeprefix("ever_"): getattr(count, name) for name in REACHED}),
    )


@api.endpoint(
    "GET",
    "/v1/reports/spending",
    action="report.read",
    query=ReportQuery,
    answer=SpendingAnswer,
    also=AS_SHEETS,
    summary="What vouchers cost (csv: the sheet itself, xlsx: a link to it)",
)
def spending(call: Call[None, ReportQuery]) -> SpendingAnswer | LinkAnswer | Reply:
    asked = reports.wanted(call.context, call.query.program, call.query.division)
    count = reports.division_total(asked)
    if call.query.format != "json":
        return _sheet(call, "spending", sheets.spending_sheet(asked, count, english=call.english))
    return SpendingAnswer(
        program_id=asked.program_id, division=asked.division, **_money(count), net_fen=sheets.net_fen(count)
    )


@api.endpoint(
    "GET",
    "/v1/reports/institutions",
    action="report.read",
    query=ReportQuery,
    answer=InstitutionsAnswer,
    also=AS_SHEETS,
    summary="Vouchers by institution (csv: the sheet itself, xlsx: a link to it)",
)
def institutions(call: Call[None, ReportQuery]) -> InstitutionsAnswer | LinkAnswer | Reply:
    asked = reports.wanted(call.context, call.query.program, call.query.division)
    rows = reports.by_institution(asked)
    if call.query.format != "json":
        return _sheet(call, "institutions", sheets.institutions_sheet(rows, english=call.english))
    return InstitutionsAnswer(
        program_id=asked.program_id,
        division=asked.division,
        items=[
            InstitutionRow(
                institution=one.uscc,
                name=one.name,
                division=one.division,
                status=one.status.value,
                ever_redeemed=count.ever_redeemed,
                redeemed=count.redeemed,
                settled=count.settled,
                closed=count.closed,
                paid_fen=count.paid_fen,
                reversed_fen=count.reversed_fen,
            )
            for one, count in rows
        ],
    )


def _money(count: VoucherCount) -> dict[str, int]:
    return {
        "face_value_fen": count.face_value_fen,
        "paid_fen": count.paid_fen,
        "reversed_fen": count.reversed_fen,
    }


def _sheet(call: Call[None, ReportQuery], name: str, sheet: sheets.Sheet) -> Reply | LinkAnswer:
    if call.query.format == "csv":
        disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Reply(sheets.csv_of(sheet), content_type=COMMA_SEPARATED, headers=disposition)
    return LinkAnswer(url=sheets.download(sheet, filename=f"{name}.xlsx"))


def _chain(verdict: audit.Verdict) -> ChainAnswer:
    bad, end = verdict.first_bad, verdict.after
    return ChainAnswer(
        chain=verdict.chain,
        records=verdict.records,
        intact=bad is None,
        first_bad=BadAnswer(seq=bad.seq, subject=bad.subject) if bad else None,
        after=PlaceAnswer(chain=end.chain, seq=end.seq, hash=end.hash) if end is not None else None,
    )


def _render(record: AuditRecord) -> AuditAnswer:
    return AuditAnswer(
        seq=record.seq,
        at=record.at,
        actor=record.actor,
        role=record.role,
        action=record.action,
        reason=record.reason,
        request_id=record.request_id,
        subject=record.subject,
        table=record.table,
        before=record.before,
        after=record.after,
        chain=record.chain,
        hash=record.hash,
    )
