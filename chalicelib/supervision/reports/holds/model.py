"""What holds came to: of each kind and rule how many, what became of their cases, and of the money behind.

A line is counted once in the totals, however many holds were on it, and once for each kind that held it.
Money of a line is where the line is now: held still, refused for good (rejected or taken out), let go, taken
back after it was paid; `recovered` is what came in of the last.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chalicelib.subsidies.claims.model import Line
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.holds.model import RISK_CASE, Hold, HoldStatus, SubjectKind, concerns
from chalicelib.supervision.cases.model import Outcome, RiskCase


class HeldMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the lines that were ever held, in fen."""

    lines: int = 0
    held_fen: int = 0
    refused_fen: int = 0
    let_go_fen: int = 0
    taken_back_fen: int = 0
    recovered_fen: int = 0

    @property
    def stopped_fen(self) -> int:
        """Give what is not paid because of a hold: held still, or refused."""
        return self.held_fen + self.refused_fen


class HoldsRow(msgspec.Struct, frozen=True, kw_only=True):
    """The holds of one kind; of supervision's, those of one rule, with what became of their cases."""

    code: str
    rule: str | None
    placed: int
    open: int
    released: int
    under_review: int
    false_alarms: int
    confirmed: int
    tolerated: int
    money: HeldMoney


class HoldsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The holds of a year, by kind and rule, most money stopped first; `total` counts each line once."""

    year: int
    total: HeldMoney
    rows: list[HoldsRow]


def lines_under(hold: Hold, lines: Iterable[Line]) -> list[Line]:
    """Pick the lines of its claim that a hold was on."""
    if hold.subject_kind is SubjectKind.LINE:
        return [line for line in lines if line.id == hold.subject_id]
    return [line for line in lines if concerns(hold.enrolments, line.enrolment_id)]


def money_of(lines: Iterable[Line]) -> HeldMoney:
    """Sum up what became of lines, each counted once."""
    once = {line.id: line for line in lines}.values()
    taken_back = [line.reversed_fen for line in once]
    return HeldMoney(
        lines=len(once),
        held_fen=sum(line.amount_fen for line in once if _is_held(line)),
        refused_fen=sum(line.amount_fen for line in once if line.status is LineStatus.REJECTED),
        let_go_fen=sum(line.amount_fen for line in once if _is_let_go(line)) - sum(taken_back),
        taken_back_fen=sum(taken_back),
        recovered_fen=sum(_recovered_fen(line) for line in once),
    )


def _is_held(line: Line) -> bool:
    return bool(line.holds) and line.status in (
        LineStatus.HELD,
        LineStatus.PAYMENT_FAILED,
        LineStatus.BATCHED,
    )


def _is_let_go(line: Line) -> bool:
    return line.status is not LineStatus.REJECTED and not _is_held(line)


def _recovered_fen(line: Line) -> int:
    repaid = sum(repayment.amount_fen for repayment in line.repayments)
    return repaid + sum(part.amount_fen for part in line.set_offs if part.booked)


def report_of(
    year: int,
    holds: Sequence[Hold],
    *,
    lines: Mapping[str, Sequence[Line]],
    cases: Mapping[str, RiskCase],
) -> HoldsReport:
    """Sum up holds, with the lines that each was on and the cases of those that supervision placed."""
    by_kind: dict[tuple[str, str | None], list[Hold]] = {}
    for hold in holds:
        case = cases.get(str(hold.evidence)) if hold.code == RISK_CASE else None
        by_kind.setdefault((hold.code, case.rule if case is not None else None), []).append(hold)
    rows = [_row(code, rule, own, lines, cases) for (code, rule), own in by_kind.items()]
    everything = [line for hold in holds for line in lines.get(hold.id, ())]
    ordered = sorted(rows, key=lambda row: (-row.money.stopped_fen, row.code, row.rule or ""))
    return HoldsReport(year=year, total=money_of(everything), rows=ordered)


def _row(
    code: str,
    rule: str | None,
    holds: Sequence[Hold],
    lines: Mapping[str, Sequence[Line]],
    cases: Mapping[str, RiskCase],
) -> HoldsRow:
    own = {hold.evidence: cases[str(hold.evidence)] for hold in holds if rule and hold.evidence in cases}
    outcomes = [case.outcome for case in own.values()]
    still_open = sum(hold.status is HoldStatus.OPEN for hold in holds)
    return HoldsRow(
        code=code,
        rule=rule,
        placed=len(holds),
        open=still_open,
        released=len(holds) - still_open,
        under_review=outcomes.count(None),
        false_alarms=outcomes.count(Outcome.FALSE_ALARM),
        confirmed=outcomes.count(Outcome.CONFIRMED),
        tolerated=outcomes.count(Outcome.TOLERATED),
        money=money_of(line for hold in holds for line in lines.get(hold.id, ())),
    )
