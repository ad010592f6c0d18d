"""Institutions that have not given back what was taken back from them are suspended by rule.

The day until which a reversed line is to be repaid is fixed with its reversal (`clawback_due_days` of the
program's policy). The nightly settlement suspends whoever owes beyond it; with `suspend_on_clawback` the
confirmation of a reversal does so at once. People reinstate: who does so before the money is back finds the
institution suspended again the next night.
"""

from chalicelib.catalogue.institutions.service import suspend_by_rule
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context
from chalicelib.programs.service import current_program
from chalicelib.settlement.clawback.model import REASON_AT_ONCE, outstanding_fen
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import Event, add_up, receivable_account
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.model import Line


def lines_owed(division: str) -> list[Line]:
    """Give the lines of a division's ledger of which something taken back has not come back yet."""
    summaries = list(store.summaries_with(division, receivable_account(division, "")))
    owing = {total.id for total in add_up(summaries).values() if total.debit_fen > total.credit_fen}
    group_ids = [summary.group_id for summary in summaries if summary.account in owing and summary.debit_fen]
    groups = store.find_groups(division, sorted(set(group_ids)))
    reversed_ids = {
        posting.line_id
        for group in groups.values()
        if group.event is Event.REVERSED
        for posting in group.postings
    }
    return [line for line in claims.find_lines(sorted(reversed_ids)) if outstanding_fen(line)]


def suspend_in_arrears(context: Context, division: str) -> list[str]:
    """Suspend the institutions that owe a division beyond the day; give those that were listed until now."""
    late: dict[str, list[Line]] = {}
    for line in lines_owed(division):
        if _is_late(line, context):
            late.setdefault(line.institution, []).append(line)
    return [
        uscc
        for uscc, lines in sorted(late.items())
        if suspend_by_rule(context, uscc, reason=_reason(lines, context))
    ]


def _is_late(line: Line, context: Context) -> bool:
    if line.repay_by is not None and line.repay_by < shanghai_date(context.now):
        return True
    return current_program(line.program_id).policy.suspend_on_clawback


def _reason(lines: list[Line], context: Context) -> str:
    if not any(line.repay_by is not None and line.repay_by < shanghai_date(context.now) for line in lines):
        return REASON_AT_ONCE
    fen = sum(outstanding_fen(line) for line in lines)
    return f"追回款逾期未退还：{len(lines)} 笔，共 {fen // 100}.{fen % 100:02d} 元"
