"""Use cases of settlement: budgets, batches, the payment file, reversal, ledger and trial balance."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import ConditionFailed, transact
from chalicelib.kernel.divisions import PROVINCE, covers, is_known
from chalicelib.kernel.errors import Fault, Malformed, NotFound, Refused
from chalicelib.kernel.ids import ProgramId, is_id, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import read_program
from chalicelib.settlement import sealing, store
from chalicelib.settlement.model import (
    EXPORTABLE,
    AccountTotals,
    Batch,
    BatchStatus,
    Entry,
    Event,
    Member,
    division_of_account,
)
from chalicelib.settlement.results import entry_for, require_other_payer
from chalicelib.subsidies import budget_store
from chalicelib.subsidies import store as claims
from chalicelib.subsidies.areas import cities_of, page_over
from chalicelib.subsidies.budget_model import Budget, budget_id_of
from chalicelib.subsidies.model import Line, LineStatus, budget_division
from chalicelib.vouchers.store import reverse_write

CSV = "text/csv"
_TRIES = 5


# --------------------------------------------------------------------------- budgets


def set_budget(
    context: Context, division: str, year: int, *, program_id: str, appropriated_fen: int, version: int | None
) -> Budget:
    """Enter or change what a division may spend on a program in a year.

    Raises:
        Malformed: the division has no budget of its own, or the program is unknown.
        Refused: `version_conflict`, or `budget_exhausted` if more is reserved and spent already.

    """
    _require_budget_division(context.principal, "budget.write", division)
    try:
        read_program(program_id)
    except NotFound:
        faults = (Fault("unknown_program", field="program_id"),)
        raise Malformed("unknown_program", faults=faults, program_id=program_id) from None
    change = change_of(context, "budget.write")
    old = budget_store.find_budget(division, year, program_id)
    if old is None:
        if version is not None:
            raise NotFound
        budget = Budget(
            id=budget_id_of(division, year),
            program_id=ProgramId(program_id),
            division=division,
            year=year,
            appropriated_fen=appropriated_fen,
            available_fen=appropriated_fen,
        )
        return budget_store.create_budget(budget, change)
    if version is None:
        if old.appropriated_fen == appropriated_fen:
            return old
        raise Refused("version_conflict", version=old.version)
    return budget_store.change_budget(old, appropriated_fen=appropriated_fen, version=version, change=change)


def read_budgets(context: Context, division: str, year: int, *, program_id: str | None) -> list[Budget]:
    """Read a division's budgets of a year, or the one of a program.

    Raises:
        NotFound: there is none in the caller's area.

    """
    _require_budget_division(context.principal, "budget.read", division)
    found = budget_store.budgets_of(division, year)
    if program_id is not None:
        found = [budget for budget in found if budget.program_id == program_id]
    if not found:
        raise NotFound
    return found


def _require_budget_division(principal: Principal, action: str, division: str) -> None:
    if not is_known(division):
        rights.admit(principal, action)
        raise NotFound
    rights.require(principal, action, division=division)
    if budget_division(division) != division:
        raise NotFound


# --------------------------------------------------------------------------- batches


@dataclass(frozen=True)
class ShownBatch:
    """A batch with its lines as frozen and as they are now."""

    batch: Batch
    members: list[Member]
    statuses: dict[str, str]


def seal(context: Context) -> list[Batch]:
    """Seal what is due in the caller's own division; empty if nothing is."""
    principal = context.principal
    rights.admit(principal, "settlement.seal")
    if budget_division(principal.division) != principal.division:
        return []
    batch = sealing.seal_division(context, principal.division)
    return [batch] if batch is not None else []


def read_batch(context: Context, batch_id: str, action: str = "settlement.read") -> Batch:
    """Read a sealed batch of the caller's area."""
    batch = store.find_batch(batch_id) if is_id(batch_id, "bat") else None
    if batch is None or batch.status is BatchStatus.SEALING:
        raise NotFound
    rights.require(context.principal, action, division=batch.division)
    return batch


def show_batch(batch: Batch) -> ShownBatch:
    """Add a batch's lines; a line that failed here shows so, even where a later batch has paid it."""
    members = store.members_of(batch.id)
    lines = {line.id: line for line in claims.find_lines([member.line_id for member in members])}
    return ShownBatch(batch, members, {one: _status_in(lines[one], batch.id) for one in lines})


def _status_in(line: Line, batch_id: str) -> str:
    mine = [one for one in line.attempts if one.batch_id == batch_id]
    if line.batch_id != batch_id and mine:
        return str(mine[-1].status)
    return str(line.status)


def list_batches(context: Context, request: PageRequest, *, division: str | None) -> Page[Batch]:
    """List sealed batches of the caller's area, newest first in each division."""
    area = division or context.principal.division
    rights.require(context.principal, "settlement.read", division=area)
    cities, county = cities_of(area)
    if county is not None:
        return Page(items=[])
    page = page_over(cities, request, store.batches_in)
    sealed = [batch for batch in page.items if batch.status is not BatchStatus.SEALING]
    return Page(items=sealed, after=page.after)


@dataclass(frozen=True)
class Exported:
    """A payment file ready to be fetched, as `batch` stands after that."""

    batch: Batch
    url: str


def export(context: Context, batch_id: str) -> Exported:
    """Hand out the payment file of a batch through a signed link: always the same bytes."""
    batch = read_batch(context, batch_id, "settlement.export")
    if batch.status not in EXPORTABLE:
        raise Refused("wrong_state", status=str(batch.status))
    require_other_payer(context, [member.line_id for member in store.members_of(batch.id)])
    file = sealing.payment_file(context, batch)
    digest = hashlib.sha256(file).hexdigest()
    if digest != batch.digest:
        raise RuntimeError("a payment file differs from its sealed digest")
    key = f"payments/{batch.id}/{digest}.csv"
    objects.write_object(settings().intake_bucket, key, file, content_type=CSV)
    exported = store.record_export(batch, change_of(context, "settlement.export"))
    url = objects.link(settings().intake_bucket, key, filename=f"{batch.id}.csv")
    return Exported(exported, url)


def allowed_on_batch(principal: Principal, batch: Batch) -> list[str]:
    """List what this caller may do with a batch now."""
    found = []
    if batch.status in EXPORTABLE and rights.reaches(principal, "settlement.export", division=batch.division):
        found.append("export")
    open_states = (BatchStatus.EXPORTED, BatchStatus.RECONCILED)
    if batch.status in open_states and rights.reaches(
        principal, "settlement.record_results", division=batch.division
    ):
        found.append("results")
    return found


# --------------------------------------------------------------------------- reversal


def read_line(context: Context, line_id: str, action: str) -> Line:
    """Read a claim line of the caller's area."""
    line = claims.find_line(line_id) if is_id(line_id, "lin") else None
    if line is None:
        raise NotFound
    rights.require(context.principal, action, division=line.division)
    return line


def ask_reversal(context: Context, line_id: str, *, reason: str) -> Line:
    """Ask to take a payment back; another finance officer has to confirm it."""
    line = read_line(context, line_id, "claim_line.reverse")
    actor = context.principal.actor
    asked = (line.reversal_asked_by, line.reversal_reason)
    if line.status is not LineStatus.PAID and asked != (actor, reason):
        raise Refused("wrong_state", status=str(line.status))
    if line.reversal_asked_by is None:
        change = change_of(context, "claim_line.reverse", reason=reason)
        try:
            return claims.ask_reversal(line_id, actor=actor, reason=reason, change=change)
        except ConditionFailed:
            line = read_line(context, line_id, "claim_line.reverse")
            asked = (line.reversal_asked_by, line.reversal_reason)
    if asked == (actor, reason):
        return line
    raise Refused("reversal_already_asked")


def confirm_reversal(context: Context, line_id: str) -> Line:
    """Take a payment back: the reversing entry, the line, the voucher's note and the budget, in one write.

    Raises:
        Forbidden: `self_approval`, by the officer who asked.
        Refused: `reversal_not_asked`, or the line is not paid.

    """
    actor = context.principal.actor
    for _ in range(_TRIES):
        line = read_line(context, line_id, "claim_line.reverse")
        if line.reversal_asked_by is None:
            raise Refused("reversal_not_asked")
        if line.reversal_asked_by == actor:
            raise error("self_approval")
        if line.status is LineStatus.REVERSED and line.reversed_by == actor:
            return line
        if line.status is not LineStatus.PAID:
            raise Refused("wrong_state", status=str(line.status))
        assert line.budget_year is not None
        entry = entry_for(
            line,
            Event.REVERSED,
            division=line.city,
            batch_id=line.batch_id,
            group_id=new_id("grp"),
            context=context,
        )
        freed = budget_store.unspend_write(
            line.city, line.budget_year, line.program_id, amount_fen=line.amount_fen
        )
        change = change_of(context, "claim_line.reverse", reason=line.reversal_reason)
        try:
            transact(
                [
                    claims.reverse_line_write(line, actor=actor),
                    reverse_write(line.voucher_id, amount_fen=line.amount_fen),
                    freed,
                    *store.post_writes([entry]),
                ],
                change=change,
            )
        except ConditionFailed:
            continue
        return read_line(context, line_id, "claim_line.reverse")
    raise error("try_again")


def allowed_on_line(principal: Principal, line: Line) -> list[str]:
    """List what this caller may do with a line now."""
    if line.status is not LineStatus.PAID:
        return []
    if not rights.reaches(principal, "claim_line.reverse", division=line.division):
        return []
    if line.reversal_asked_by is None:
        return ["reverse"]
    return ["confirm_reversal"] if line.reversal_asked_by != principal.actor else []


# --------------------------------------------------------------------------- ledger


@dataclass(frozen=True)
class Statement:
    """An account's totals with one page of its entries."""

    totals: AccountTotals
    entries: Page[Entry]


def statement(context: Context, account: str, request: PageRequest) -> Statement:
    """Show one account of the ledger."""
    division = division_of_account(account)
    if division is None or not is_known(division):
        rights.admit(context.principal, "ledger.read")
        raise NotFound
    rights.require(context.principal, "ledger.read", division=division)
    totals = _sum(store.summaries_of(division, account=account))
    if account not in totals:
        raise NotFound
    return Statement(totals[account], store.entries_of(account, request))


def trial_balance(context: Context, *, division: str | None) -> list[AccountTotals]:
    """Add up every account of the caller's area (or a division of it), from the summaries."""
    area = division or context.principal.division
    rights.require(context.principal, "ledger.read", division=area)
    cities: Sequence[str] = cities_of(area)[0]
    within = [city for city in cities if city == PROVINCE or covers(area, city)]
    totals: list[AccountTotals] = []
    for city in within if area == PROVINCE else [city for city in within if city == area]:
        totals += _sum(store.summaries_of(city)).values()
    return sorted(totals, key=lambda one: one.id)


def _sum(summaries: object) -> dict[str, AccountTotals]:
    sums: dict[str, AccountTotals] = {}
    for one in summaries:  # type: ignore[attr-defined]
        old = sums.get(one.account)
        sums[one.account] = AccountTotals(
            id=one.account,
            debit_fen=one.debit_fen + (old.debit_fen if old is not None else 0),
            credit_fen=one.credit_fen + (old.credit_fen if old is not None else 0),
        )
    return sums
