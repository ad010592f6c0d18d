"""Use cases of settlement batches: seal, look at, export."""

import hashlib
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import payment_file as batches_payment_file
from chalicelib.settlement.batches import sealing
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import EXPORTABLE, Batch, BatchStatus, Member
from chalicelib.settlement.results.service import require_other_payer
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.model import Line

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
    batch = batches_store.find_batch(batch_id) if is_id(batch_id, "bat") else None
    if batch is None or batch.status is BatchStatus.SEALING:
        raise error("not_found")
    rights.require(context.principal, action, division=batch.division)
    return batch


def show_batch(batch: Batch) -> ShownBatch:
    """Add a batch's lines; a line that failed here shows so, even where a later batch has paid it."""
    members = batches_store.members_of(batch.id)
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
    return page_over(cities, request, batches_store.sealed_batches_in)


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
        raise error("wrong_state", status=str(batch.status))
    members = batches_store.members_of(batch.id)
    require_other_payer(context, [member.line_id for member in members])
    file = batches_payment_file.payment_file(context, batch, members)
    if hashlib.sha256(file).hexdigest() != batch.digest:
        raise RuntimeError("a payment file differs from its sealed digest")
    ending, kind = ("xlsx", XLSX) if as_xlsx else ("csv", CSV)
    if as_xlsx:
        file = batches_payment_file.payment_workbook(batch, file)
    digest = hashlib.sha256(file).hexdigest()
    key = f"payments/{batch.id}/{digest}.{ending}"
    objects.write_object(settings().intake_bucket, key, file, content_type=kind)
    exported = batches_store.record_export(batch, change_of(context, "settlement.export"))
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
