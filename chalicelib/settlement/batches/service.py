"""Use cases of settlement batches: seal, look at, export."""

import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws.writes import until_written
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import LISTS_OF_A_WIDE_PAGE, Page, PageRequest, page_over
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.settlement.batches import archive, sealing, store
from chalicelib.settlement.batches.due import classes_due
from chalicelib.settlement.batches.evaluated import Look
from chalicelib.settlement.batches.model import OFFERED, Batch, BatchStatus, Member, why_not
from chalicelib.settlement.batches.payment_file import paid_by_the_bank
from chalicelib.settlement.batches.taking_out import is_held_whole, ready_to_export
from chalicelib.settlement.own_work import claims_of_lines, is_own_work
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Line

# --------------------------------------------------------------------------- batches


@dataclass(frozen=True)
class BatchView:
    """A batch with its lines as frozen and their states; `own_work` if the caller had a hand in a claim."""

    batch: Batch
    members: list[Member]
    statuses: dict[str, str]
    own_work: bool


evaluated_first: Port[[Context, Iterable[str]], frozenset[str]] = Port("evaluated_before_sealing")
"""Asks supervision to look at classes before they are paid; gives those at which it has looked."""


_SEAL_TRIES = 2


def seal(context: Context) -> list[Batch]:
    """Seal what is due in the caller's own division; empty if nothing is.

    Before that supervision looks at it, as it does each night before the night's own sealing: what it stops
    is not sealed, nor is anything that it did not see. What is too much for one call stays due for the next.
    """
    principal = context.principal
    rights.admit(principal, "settlement.seal")
    if budget_division(principal.division) != principal.division:
        return []
    change = change_of(context, "settlement.seal")
    due: Iterable[str] = classes_due(principal.division, context, change=change)
    for _ in range(_SEAL_TRIES):
        seen = evaluated_first(context, due)
        look = Look(context, context.now, last=True)
        batch = sealing.seal_division(context, principal.division, only=seen, look=look)
        if batch is not None or not look.missing:
            break
        due = sorted(look.missing)  # something happened in them after they were looked at
    batch = batch or _sealed_before(principal.division)
    return [batch] if batch is not None else []


def _sealed_before(division: str) -> Batch | None:
    """Find the batch that an earlier run of this call under a key has sealed."""
    newest = store.newest_batch(division)
    return newest if newest is not None and store.was_sealed_before(newest) else None


def read_batch(context: Context, batch_id: str, action: str = "settlement.read") -> Batch:
    """Read a sealed batch of the caller's area."""
    batch = store.find_batch(batch_id) if is_id(batch_id, "bat") else None
    if batch is None or batch.status is BatchStatus.SEALING:
        raise error("not_found")
    rights.require(context.principal, action, division=batch.division)
    return batch


def show_batch(context: Context, batch_id: str) -> BatchView:
    """Read a batch with its lines; a line that failed here shows so, even where a later batch has paid it."""
    batch = read_batch(context, batch_id)
    members = store.members_of(batch.id)
    line_ids = [member.line_id for member in members]
    statuses = {str(line.id): _status_in(line, batch.id) for line in claim_store.find_lines(line_ids)}
    return BatchView(batch, members, statuses, _has_own_work(context.principal, batch, line_ids))


def _status_in(line: Line, batch_id: str) -> str:
    attempts = [attempt for attempt in line.attempts if attempt.batch_id == batch_id]
    if line.batch_id != batch_id and attempts:
        return str(attempts[-1].status)
    return str(line.status)


def _has_own_work(principal: Principal, batch: Batch, line_ids: Sequence[str]) -> bool:
    """Tell whether the caller had a hand in a claim; they are read for those only who may move the money."""
    if not any(rights.reaches(principal, right, division=batch.division) for right in OFFERED.values()):
        return False
    return is_own_work(principal, claims_of_lines(line_ids))


def list_batches(context: Context, request: PageRequest, *, division: str | None) -> Page[Batch]:
    """List sealed batches of the caller's area, newest first in each division."""
    area = division or context.principal.division
    rights.require(context.principal, "settlement.read", division=area)
    cities, county = cities_of(area)
    if county is not None:
        return Page(items=[])
    return page_over(cities, request, store.sealed_batches_in, lists_a_page=LISTS_OF_A_WIDE_PAGE)


@dataclass(frozen=True)
class ExportedFile:
    """A payment file ready to be fetched, and its batch as it stands after that; `sha256` is of its bytes.

    `count` are the payments in it: a line of which everything is set off is in the batch and not in the file.
    """

    batch: Batch
    url: str
    sha256: str
    count: int


def export(context: Context, batch_id: str, file_format: archive.FileFormat = "csv") -> ExportedFile:
    """Hand out the payment file a batch was sealed with, through a signed link.

    Raises:
        NotFound: there is no such batch in the caller's area.
        Forbidden: `self_approval`, by who prepared or reviewed one of the claims.
        Refused: `payment_file_lost`, what is stored is not what was sealed; `hold_open`, every line is held.

    """

    def attempt() -> ExportedFile:
        found = read_batch(context, batch_id, "settlement.export")
        members = store.members_of(found.id)
        claims = claims_of_lines(member.line_id for member in members)
        refuse(why_not("export", found, own_work=is_own_work(context.principal, claims)))
        batch, members, also = ready_to_export(context, found, members)
        if batch.line_count == 0:
            raise error("hold_open")
        file = archive.sealed_file(context, batch, members, file_format)
        digest = hashlib.sha256(file).hexdigest()
        key = f"payments/{batch.id}/{digest}.{file_format}"
        store.write_download(key, file, content_type=_CONTENT_TYPES[file_format])
        exported = store.record_export(batch, change_of(context, "settlement.export"), also=also)
        link = store.download_link(key, filename=f"{batch.id}.{file_format}")
        return ExportedFile(exported, link, digest, len(paid_by_the_bank(members)))

    return until_written(attempt)


_CONTENT_TYPES = {"csv": CSV, "xlsx": XLSX}


def allowed_on_batch(
    principal: Principal,
    batch: Batch,
    *,
    members: Sequence[Member] | None = None,
    own_work: bool | None = None,
    closely: bool = True,
) -> list[str]:
    """List what this caller may do with a batch now; not `closely`, nothing that its lines have a say in.

    Without `members` and `own_work` its lines and their claims are read to know them, where nothing else
    decides: of a list, those of the few batches that wait. A closed batch takes only a repeat of its results,
    which is no work that waits for anybody. A sealed one whose every line is held by now has nothing to
    export until somebody lifts a hold.
    """
    actions = dict(OFFERED)
    if batch.status is BatchStatus.CLOSED:
        del actions["results"]

    @functools.cache
    def frozen() -> Sequence[Member]:
        return store.members_of(batch.id) if members is None else members

    @functools.cache
    def had_a_hand() -> bool:
        return is_own_work(principal, claims_of_lines(member.line_id for member in frozen()))

    def refusal(action: str) -> DomainError | None:
        stands = why_not(action, batch, own_work=False, hands=principal.hands)
        if stands is None and not closely and own_work is None:
            return error("forbidden")
        if stands is None:
            mine = had_a_hand() if own_work is None else own_work
            stands = why_not(action, batch, own_work=mine, hands=principal.hands)
        if stands is None and action == "export" and is_held_whole(batch, frozen()):
            return error("hold_open")
        return stands

    return rights.offered(principal, actions, refusal, division=batch.division)
