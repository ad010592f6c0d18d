"""Taking held lines out of batches that nobody has exported: what the bank was not given, it does not pay.

A line that somebody stops comes out of a sealed batch in the very write that stops it. Of a batch that is
still being collected it is noted, and of an institution that was stopped, or suspended, all lines: they
come out before the file is handed out. A sealed batch that lost lines has no digests until then; its file
is written anew.

    batch 7 is sealed: 130 lines; a supervisor stops a line of it   129 lines, no digest
    the institution of 30 others is suspended                       still 129 lines
    a finance officer exports batch 7                               the 30 come out, 99 lines exported
    a supervisor stops another line                                 too late: held for when the bank fails it
"""

from collections.abc import Mapping, Sequence

from chalicelib.aws.writes import Check, Write
from chalicelib.catalogue.institutions.paying import Recipient, to_be_paid
from chalicelib.catalogue.institutions.store import unchanged_check
from chalicelib.kernel.principal import Context, change_of
from chalicelib.settlement.batches import archive, store
from chalicelib.settlement.batches.bank_profile import wants_mark
from chalicelib.settlement.batches.model import Batch, BatchStatus, Chunk, Member, batch_without
from chalicelib.settlement.batches.payees import open_payees
from chalicelib.settlement.batches.payment_file import write_payment_file
from chalicelib.settlement.set_off.model import DebtPart
from chalicelib.settlement.set_off.service import forgotten_of_batches
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Line, claim_of_line
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.holds.institutions import is_stopped
from chalicelib.subsidies.holds.service import OutOfBatches, claim_without_batched, transact_out
from chalicelib.subsidies.payments.store import take_out_line_write

_CHECKS_MAX = 90
"""Institutions that an export holds in its condition; a city has fewer."""


def lines_out_of_batches(lines: Sequence[Line]) -> OutOfBatches:
    """Tell which lines come out of their batches, by which writes, and for which it is too late.

    Each write holds the batch as it was read: exported or sealed meanwhile, it fails, and is decided anew.
    """
    line_ids: set[str] = set()
    too_late: set[str] = set()
    writes: list[Write] = []
    kept: list[tuple[str, str, Sequence[DebtPart]]] = []
    batches: dict[str, Batch] = {
        batch.id: batch for batch in store.find_batches(sorted({str(line.batch_id) for line in lines}))
    }
    for batch in batches.values():
        own = {str(line.id) for line in lines if line.batch_id == batch.id and line.status is _WAITS}
        if not own:
            continue
        if batch.status is BatchStatus.SEALING:
            writes.append(store.stopped_write(batch, sorted(own)))
        elif batch.status is BatchStatus.SEALED:
            line_ids |= own
            gone, without = _writes_without(batch, own)
            writes += without
            kept += [(str(member.line_id), str(batch.id), member.set_offs) for member in gone]
        else:
            too_late |= own
    return OutOfBatches(
        frozenset(line_ids), writes, frozenset(too_late), let_go=forgotten_of_batches(kept) if kept else ()
    )


_WAITS = LineStatus.BATCHED


def _writes_without(batch: Batch, line_ids: set[str]) -> tuple[list[Member], Sequence[Write]]:
    """Give the members that these lines are in a sealed batch, and the writes that take them out."""
    touched: list[Chunk] = []
    gone: list[Member] = []
    for chunk in store.chunks_of(batch.id):
        out = [member for member in chunk.members if member.line_id in line_ids]
        if out:
            gone += out
            left = [member for member in chunk.members if member.line_id not in line_ids]
            touched.append(Chunk(batch_id=chunk.batch_id, id=chunk.id, members=left, payees=chunk.payees))
    amount_fen = sum(member.amount_fen for member in gone)
    after = batch_without(batch, count=len(gone), amount_fen=amount_fen)
    return gone, store.take_out_writes(batch, after, touched)


# --------------------------------------------------------------------------- before a batch is handed out


def ready_to_export(
    context: Context, batch: Batch, members: list[Member]
) -> tuple[Batch, list[Member], list[Check]]:
    """Take out of a sealed batch what is held by now, and write its file anew if it lost lines.

    Gives the batch as it is then, and what has to hold for its export: no institution in it was stopped
    since.

    Raises:
        ConditionFailed: somebody else has changed it meanwhile.

    """
    if batch.status is not BatchStatus.SEALED:
        return batch, members, []
    recipients = to_be_paid(member.institution for member in members)
    held = _held(batch, members, recipients)
    if held:
        _take_out(context, batch, sorted(held))
        batch, left = store.read_batch(batch.id), store.members_of(batch.id)
    else:
        left = members
    if batch.digest is None and batch.line_count:
        batch = _with_file(context, batch, left)
    checked = sorted({member.institution for member in members if member.line_id not in held})
    return batch, left, [unchanged_check(recipients[uscc].institution) for uscc in checked[:_CHECKS_MAX]]


def is_held_whole(batch: Batch, members: Sequence[Member]) -> bool:
    """Tell whether nothing of a sealed batch would be left to export, were it exported now."""
    if batch.status is not BatchStatus.SEALED:
        return False
    held = _held(batch, members, to_be_paid(member.institution for member in members))
    return len(held) == len(members)


def _held(batch: Batch, members: Sequence[Member], recipients: Mapping[str, Recipient]) -> set[str]:
    """Name the lines of a sealed batch that are held by now."""
    held = {
        str(member.line_id)
        for member in members
        if is_stopped(recipients[member.institution], member.program_id)
    }
    held |= {str(line.id) for line in claim_store.find_lines(batch.stopped) if line.holds}
    return held & {str(member.line_id) for member in members}


def _take_out(context: Context, batch: Batch, held: Sequence[str]) -> None:
    """Take lines out claim by claim, each claim's in one transaction."""
    change = change_of(context, "settlement.take_out")
    by_claim: dict[str, list[str]] = {}
    for line_id in held:
        by_claim.setdefault(claim_of_line(line_id), []).append(line_id)
    for claim_id, line_ids in by_claim.items():
        current = store.read_batch(batch.id)
        claim = claim_store.read_claim(claim_id)
        lines = [line for line in claim_store.find_lines(line_ids) if line.batch_id == batch.id]
        out = lines_out_of_batches(lines)
        if current.status is not BatchStatus.SEALED or not out.line_ids:
            continue
        taken = [line for line in lines if line.id in out.line_ids]
        moves: list[Write] = [take_out_line_write(line, line.holds, since=line.held_since) for line in taken]
        after = claim_without_batched(claim, taken)
        if after is not claim:
            moves.append(claim_store.move_write(claim, after))
        transact_out(out, moves, change)


def _with_file(context: Context, batch: Batch, members: Sequence[Member]) -> Batch:
    """Write the file of a batch that lost lines, and fix its digests if it has lost no more."""
    file = write_payment_file(members, open_payees(context, batch), mark=wants_mark(members))
    archive.keep(batch.id, file, now=context.now)
    return store.record_file(
        batch,
        digest=file.csv_digest,
        workbook_digest=file.xlsx_digest,
        change=change_of(context, "settlement.take_out"),
    )
