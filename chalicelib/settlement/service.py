"""Use cases of settlement: budgets, batches and the payment file."""

import hashlib
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.sheets import CSV, XLSX
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, Malformed, NotFound, Refused
from chalicelib.kernel.ids import ProgramId, is_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.programs.service import read_program
from chalicelib.settlement import sealing, store
from chalicelib.settlement.model import EXPORTABLE, Batch, BatchStatus, Member
from chalicelib.settlement.results import require_other_payer
from chalicelib.subsidies import budget_store
from chalicelib.subsidies import store as claims
from chalicelib.subsidies.areas import cities_of, page_over
from chalicelib.subsidies.budget_model import Budget, budget_id_of
from chalicelib.subsidies.model import Line, budget_division

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
    return page_over(cities, request, store.sealed_batches_in)


@dataclass(frozen=True)
class Exported:
    """A payment file ready to be fetched, as `batch` stands after that; `sha256` is of its bytes."""

    batch: Batch
    url: str
    sha256: str


def export(context: Context, batch_id: str, *, as_xlsx: bool = False) -> Exported:
    """Hand out the payment file of a batch through a signed link: always the same bytes."""
    batch = read_batch(context, batch_id, "settlement.export")
    if batch.status not in EXPORTABLE:
        raise Refused("wrong_state", status=str(batch.status))
    members = store.members_of(batch.id)
    require_other_payer(context, [member.line_id for member in members])
    file = sealing.payment_file(context, batch, members)
    if hashlib.sha256(file).hexdigest() != batch.digest:
        raise RuntimeError("a payment file differs from its sealed digest")
    ending, kind = ("xlsx", XLSX) if as_xlsx else ("csv", CSV)
    if as_xlsx:
        file = sealing.payment_workbook(batch, file)
    digest = hashlib.sha256(file).hexdigest()
    key = f"payments/{batch.id}/{digest}.{ending}"
    objects.write_object(settings().intake_bucket, key, file, content_type=kind)
    exported = store.record_export(batch, change_of(context, "settlement.export"))
    url = objects.link(settings().intake_bucket, key, filename=f"{batch.id}.{ending}")
    return Exported(exported, url, digest)


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
