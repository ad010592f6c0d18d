"""HTTP of the reports."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta

from chalicelib.catalogue.institutions.model import Institution
from chalicelib.edge.endpoints import AS_SHEETS, COMMA_SEPARATED, Call, LinkAnswer, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.subsidies.holds.model import HoldCode
from chalicelib.supervision.kept.model import name_of_report
from chalicelib.supervision.kept.store import find_kept
from chalicelib.supervision.reports import layouts
from chalicelib.supervision.reports import service as reports
from chalicelib.supervision.reports.holds.model import HeldMoney, HoldsReport, HoldsRow
from chalicelib.supervision.reports.holds.service import holds_report
from chalicelib.supervision.reports.idle.model import IdleReport, IdleRow
from chalicelib.supervision.reports.idle.service import idle_report
from chalicelib.supervision.reports.model import REACHED, STATUSES, VoucherCount

api = Api(__name__)

Figures = TypeVar("Figures")
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


class KeptReportQuery(ReportQuery):
    """Of what, in which form, and whether the figures of the last night will do, if there are any."""

    kept: bool = False


class HoldsQuery(KeptReportQuery):
    """Of what, and of which year of Shanghai: this one unless another is named."""

    year: Annotated[int, Meta(ge=2021, le=2099)] | None = None


class AgesAnswer(Answer):
    """Redeemed vouchers on no roster, by the days since their redemption."""

    up_to_30: int
    up_to_60: int
    up_to_90: int
    longer: int


class IdleRowAnswer(Answer):
    """The vouchers of one place, a division or an institution; shares are of 0 to 1, null of nothing.

    Issued and claimed are counted where the holder lives: an institution has none.
    """

    place: str
    name: str
    issued: int
    claimed: int
    redeemed: int
    settled: int
    claimed_share: float | None
    redeemed_share: float | None
    settled_share: float | None
    idle: AgesAnswer
    idle_total: int
    idle_share: float | None


class IdleAnswer(Answer):
    """Claim and usage of an area by city and institution, most idle institution first."""

    program_id: str | None
    division: str
    computed_at: datetime
    total: IdleRowAnswer
    cities: list[IdleRowAnswer]
    institutions: list[IdleRowAnswer]


class HeldMoneyAnswer(Answer):
    """What became of lines that were held: each is counted once, where it is now."""

    lines: int
    stopped_fen: int
    held_fen: int
    refused_fen: int
    let_go_fen: int
    taken_back_fen: int
    recovered_fen: int


class HoldsRowAnswer(Answer):
    """The holds of one kind; of supervision's, those of one rule, with what became of their cases."""

    code: HoldCode
    rule: str | None
    placed: int
    open: int
    released: int
    under_review: int
    false_alarms: int
    confirmed: int
    tolerated: int
    money: HeldMoneyAnswer


class HoldsAnswer(Answer):
    """The holds that somebody has to decide on, placed in a year; in `total` each line stands once."""

    program_id: str | None
    division: str
    year: int
    computed_at: datetime
    total: HeldMoneyAnswer
    items: list[HoldsRowAnswer]


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
        return as_sheet(call, "funnel", layouts.funnel_sheet(scope, count, english=call.english))
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
        return as_sheet(call, "spending", layouts.spending_sheet(scope, count, english=call.english))
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
        return as_sheet(call, "institutions", layouts.institutions_sheet(rows, english=call.english))
    return InstitutionsAnswer(
        program_id=scope.program_id,
        division=scope.division,
        items=[_institution(institution, count) for institution, count in rows],
    )


@api.endpoint(
    "GET",
    "/v1/reports/idle",
    action="report.read",
    query=KeptReportQuery,
    answer=IdleAnswer,
    also=AS_SHEETS,
    summary="Vouchers claimed and used by city and institution, and how long used ones wait for a class",
)
def report_idle(call: Call[None, KeptReportQuery]) -> IdleAnswer | LinkAnswer | Reply:
    scope = reports.scope_of(call.context, call.query.program, call.query.division)
    report, computed_at = kept_or_now(
        call,
        name_of_report("idle", scope.division, scope.program_id),
        IdleReport,
        lambda: idle_report(call.context, scope),
    )
    if call.query.format != "json":
        return as_sheet(call, "idle", layouts.idle_sheet(report, english=call.english))
    return IdleAnswer(
        program_id=scope.program_id,
        division=scope.division,
        computed_at=computed_at,
        total=_idle_row(report.total),
        cities=[_idle_row(row) for row in report.cities],
        institutions=[_idle_row(row) for row in report.institutions],
    )


@api.endpoint(
    "GET",
    "/v1/reports/holds",
    action="report.read",
    query=HoldsQuery,
    answer=HoldsAnswer,
    also=AS_SHEETS,
    summary="What was stopped in a year, by kind and rule, what became of it, and of the money behind it",
)
def report_holds(call: Call[None, HoldsQuery]) -> HoldsAnswer | LinkAnswer | Reply:
    query = call.query
    scope = reports.scope_of(call.context, query.program, query.division)
    year = query.year or shanghai_date(call.context.now).year
    report, computed_at = kept_or_now(
        call,
        name_of_report("holds", scope.division, scope.program_id, year),
        HoldsReport,
        lambda: holds_report(call.context, scope, year=year),
    )
    if query.format != "json":
        return as_sheet(call, "holds", layouts.holds_sheet(report, english=call.english))
    return HoldsAnswer(
        program_id=scope.program_id,
        division=scope.division,
        year=report.year,
        computed_at=computed_at,
        total=_held_money(report.total),
        items=[_holds_row(row) for row in report.rows],
    )


def _idle_row(row: IdleRow) -> IdleRowAnswer:
    count = row.count
    return IdleRowAnswer(
        place=row.place,
        name=row.name,
        issued=count.ever_issued,
        claimed=count.ever_claimed,
        redeemed=count.ever_redeemed,
        settled=count.settled,
        claimed_share=row.claimed_share,
        redeemed_share=row.redeemed_share,
        settled_share=row.settled_share,
        idle=AgesAnswer(
            up_to_30=row.idle.up_to_30,
            up_to_60=row.idle.up_to_60,
            up_to_90=row.idle.up_to_90,
            longer=row.idle.longer,
        ),
        idle_total=row.idle.total,
        idle_share=row.idle_share,
    )


def _held_money(money: HeldMoney) -> HeldMoneyAnswer:
    return HeldMoneyAnswer(
        lines=money.lines,
        stopped_fen=money.stopped_fen,
        held_fen=money.held_fen,
        refused_fen=money.refused_fen,
        let_go_fen=money.let_go_fen,
        taken_back_fen=money.taken_back_fen,
        recovered_fen=money.recovered_fen,
    )


def _holds_row(row: HoldsRow) -> HoldsRowAnswer:
    return HoldsRowAnswer(
        code=HoldCode(row.code),
        rule=row.rule,
        placed=row.placed,
        open=row.open,
        released=row.released,
        under_review=row.under_review,
        false_alarms=row.false_alarms,
        confirmed=row.confirmed,
        tolerated=row.tolerated,
        money=_held_money(row.money),
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


def kept_or_now(
    call: Call[None, Any], name: str, kind: type[Figures], compute: Callable[[], Figures]
) -> tuple[Figures, datetime]:
    """Give the figures that the last night kept, if they will do and there are any, or compute them."""
    kept = find_kept(name, kind) if call.query.kept else None
    return kept if kept is not None else (compute(), call.context.now)


def as_sheet(call: Call[None, Any], name: str, sheet: layouts.ReportSheet) -> Reply | LinkAnswer:
    """Answer with a report as csv, or with a link to it as xlsx."""
    if call.query.format == "csv":
        disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Reply(layouts.csv_of(sheet), content_type=COMMA_SEPARATED, headers=disposition)
    return LinkAnswer(url=layouts.download(sheet, filename=f"{name}.xlsx"))
