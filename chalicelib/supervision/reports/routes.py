"""HTTP of the reports."""

from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.catalogue.institutions.model import Institution
from chalicelib.edge.endpoints import AS_SHEETS, COMMA_SEPARATED, Call, LinkAnswer, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.supervision.reports import layouts
from chalicelib.supervision.reports import service as reports
from chalicelib.supervision.reports.model import REACHED, STATUSES, VoucherCount

api = Api(__name__)

Division = Annotated[str, Meta(min_length=2, max_length=6)]


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
    """Vouchers that got at least so far, wherever they are now; `restored` were lost and given back."""

    issued: int
    claimed: int
    redeemed: int
    settled: int
    restored: int


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
    "/v1/reports/funnel",
    action="report.read",
    query=ReportQuery,
    answer=FunnelAnswer,
    also=AS_SHEETS,
    summary="The voucher funnel (csv: the sheet itself, xlsx: a link to it)",
)
def report_funnel(call: Call[None, ReportQuery]) -> FunnelAnswer | LinkAnswer | Reply:
    scope = reports.scope_of(call.context, call.query.program, call.query.division)
    count = reports.division_total(scope)
    if call.query.format != "json":
        return _sheet(call, "funnel", layouts.funnel_sheet(scope, count, english=call.english))
    return FunnelAnswer(
        program_id=scope.program_id,
        division=scope.division,
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
def report_spending(call: Call[None, ReportQuery]) -> SpendingAnswer | LinkAnswer | Reply:
    scope = reports.scope_of(call.context, call.query.program, call.query.division)
    count = reports.division_total(scope)
    if call.query.format != "json":
        return _sheet(call, "spending", layouts.spending_sheet(scope, count, english=call.english))
    return SpendingAnswer(
        program_id=scope.program_id, division=scope.division, **_money(count), net_fen=layouts.net_fen(count)
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
def report_institutions(call: Call[None, ReportQuery]) -> InstitutionsAnswer | LinkAnswer | Reply:
    scope = reports.scope_of(call.context, call.query.program, call.query.division)
    rows = reports.by_institution(scope)
    if call.query.format != "json":
        return _sheet(call, "institutions", layouts.institutions_sheet(rows, english=call.english))
    return InstitutionsAnswer(
        program_id=scope.program_id,
        division=scope.division,
        items=[_institution(institution, count) for institution, count in rows],
    )


def _institution(institution: Institution, count: VoucherCount) -> InstitutionRow:
    return InstitutionRow(
        institution=institution.uscc,
        name=institution.name,
        division=institution.division,
        status=institution.status.value,
        ever_redeemed=count.ever_redeemed,
        redeemed=count.redeemed,
        settled=count.settled,
        closed=count.closed,
        paid_fen=count.paid_fen,
        reversed_fen=count.reversed_fen,
    )


def _money(count: VoucherCount) -> dict[str, int]:
    return {
        "face_value_fen": count.face_value_fen,
        "paid_fen": count.paid_fen,
        "reversed_fen": count.reversed_fen,
    }


def _sheet(call: Call[None, ReportQuery], name: str, sheet: layouts.ReportSheet) -> Reply | LinkAnswer:
    if call.query.format == "csv":
        disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Reply(layouts.csv_of(sheet), content_type=COMMA_SEPARATED, headers=disposition)
    return LinkAnswer(url=layouts.download(sheet, filename=f"{name}.xlsx"))
