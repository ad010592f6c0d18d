"""Sealing a division's next batch: the same batch however often, in parallel, or after a crash.

Chunks of lines are put into a batch, each in one transaction that moves the lines, notes it on their claims
and stores the chunk; a line can be moved once, and only into a batch that is still being collected. The first
chunk opens the batch under the division's next number, with the moment it is decided by. At the end the
payment file is stored, and the count, the amount and the file's digests are fixed on condition that no chunk
came in between. Whoever finds a batch that is still being collected goes on with it, from the same moment and
in the same order.

    3401 has sealed batches 1 to 6. In the night, three classes are due: 50, 50 and 30 lines of 180,000 fen.
    chunk 1     opens batch 7, decided by 00:35: 50 lines of the first class, 42 of the second, two claims, an
                institution that has to be as it was read, two classes that were evaluated, number, batch,
                chunk: a hundred writes
                the worker dies; the next one finds batch 7 with a chunk, and what was due at 00:35
    chunk 2     8 lines of the second class, 30 of the third
    stored      the payment file of 130 lines, under its digest 9f86…
    sealed      130 lines, 23,400,000 fen, digest 9f86…, if there are still two chunks

A line costs one call in a hundred to read and one in ninety to write. Vouchers are read only for lines about
which something is in doubt (`due`): reading them all would take a line to 0.0522 calls (reads 0.02, batching
0.0105, paying 0.0217) before anything else, above the floor of 0.05: a call reads at most a hundred rows and
writes at most a hundred.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, ConditionFailed, Write, transact, until_written
from chalicelib.catalogue.institutions.store import unchanged_check
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program, know_programs, unknown_programs
from chalicelib.settlement.batches import archive, store
from chalicelib.settlement.batches.bank_profile import wants_mark
from chalicelib.settlement.batches.due import Portion, portions_due
from chalicelib.settlement.batches.evaluated import Look
from chalicelib.settlement.batches.model import BATCH_LINES_MAX, Batch, BatchStatus, Member, next_batch
from chalicelib.settlement.batches.payees import freeze_payees
from chalicelib.settlement.batches.payment_file import write_payment_file
from chalicelib.settlement.set_off.model import DEBTS_A_CHUNK_MAX, Debts, parts_fen
from chalicelib.settlement.set_off.service import debts_of, kept_writes
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims.model import Line
from chalicelib.subsidies.payments import store as payments

_PASSES = 20
"""Two workers in one division take turns: each pass puts at least one chunk into the batch."""
_LINES_A_PORTION_MAX = 90
_FIXED_WRITES = 3  # the batch and the chunk, and the number of one that begins
_SPLIT_WRITES_MIN = 5
"""A claim is not cut for fewer lines than this: each cut writes the claim once more."""


def seal_division(
    context: Context, division: str, *, only: Collection[str] | None = None, look: Look | None = None
) -> Batch | None:
    """Seal what is due in a division, up to `BATCH_LINES_MAX` lines; None if nothing is.

    With `only`, of these classes: the others stay due. What was not evaluated for this is left out and noted
    in `look`; without one, it goes by the evaluations of the night in which this is.

    Raises:
        Refused: `budget_exhausted`, less is reserved than the lines come to. They stay in the batch, which is
            sealed once the budget is right, and nothing of it is paid before.
        Unavailable: other workers were always first; what they sealed is safe.

    """
    change = change_of(context, "settlement.seal")

    look = look or Look.of_the_night(context)

    def attempt() -> Batch | None:
        batch = _fill(_batch_to_fill(context, division), context, change, only, look)
        if batch.status is not BatchStatus.SEALING:
            return batch
        return _seal(batch, context, change) if batch.chunks else None

    return until_written(attempt, tries=_PASSES)


def may_leave_more(batch: Batch) -> bool:
    """Tell whether a batch is so full that what is due next may not have fitted."""
    return batch.line_count > BATCH_LINES_MAX - _LINES_A_PORTION_MAX


def _batch_to_fill(context: Context, division: str) -> Batch:
    """Give the batch that is being collected, or the next one: it is stored with its first chunk, if any.

    An index that lags may name what was batched already; so whether anything is due is told by what can be
    written, and an empty batch is never opened.
    """
    newest = store.newest_batch(division)
    if newest is not None and newest.status is BatchStatus.SEALING:
        return newest if newest.chunks else msgspec.structs.replace(newest, opened_at=context.now)
    return next_batch(division, after=newest.number if newest is not None else 0, now=context.now)


def _fill(batch: Batch, context: Context, change: Change, only: Collection[str] | None, look: Look) -> Batch:
    """Put what is due into a batch and give it as it is then, or as another worker has sealed it meanwhile.

    Raises:
        ConditionFailed: another worker began it first, or a chunk did not go in, since another worker was
            first, a line was stopped, or something happened in a class; what it left over is for the next
            pass.

    """
    decided_by = Context(principal=context.principal, now=batch.opened_at, request_id=context.request_id)
    begun = store.chunks_of(batch.id) if batch.chunks else []
    room = BATCH_LINES_MAX - sum(len(chunk.members) for chunk in begun)
    due = portions_due(batch.division, decided_by, limit=room, change=change, only=only, look=look)
    debts = debts_of(batch.division)
    missed: ConditionFailed | None = None
    for portions in _packed(due, room=_room(debts)):
        try:
            transact(_chunk(batch, portions, debts), change=change)
        except ConditionFailed as failure:
            if failure.table is store.BatchRow and batch.chunks:
                return store.read_batch(batch.id)
            if failure.table in (store.BatchRow, store.CounterRow):
                raise
            missed = failure
        else:
            batch = msgspec.structs.replace(batch, chunks=batch.chunks + 1)
    if missed is not None:
        raise missed
    return batch


def _seal(batch: Batch, context: Context, change: Change) -> Batch:
    """Store the payment file of a batch and fix it with its digests.

    Raises:
        ConditionFailed: it has grown meanwhile.

    """
    chunks = store.chunks_of(batch.id)
    members = [member for chunk in chunks for member in chunk.members]
    _require_reserved(batch.division, members)
    file = write_payment_file(members, freeze_payees(context, batch, chunks), mark=wants_mark(members))
    archive.keep(batch.id, file, now=context.now)
    try:
        return store.seal_batch(
            batch.id,
            members=members,
            chunks=len(chunks),
            digest=file.csv_digest,
            workbook_digest=file.xlsx_digest,
            now=context.now,
            change=change,
        )
    except ConditionFailed as failure:
        if isinstance(failure.old, Batch) and failure.old.status is not BatchStatus.SEALING:
            return failure.old
        raise


def _require_reserved(division: str, members: Sequence[Member]) -> None:
    """Compare a batch with what second review has set aside: they differ only if a table was edited."""
    due_fen: Counter[tuple[int, str]] = Counter()
    for member in members:
        due_fen[member.budget_year, member.program_id] += member.whole_fen
    unknown = unknown_programs(program_id for _, program_id in due_fen)
    budgets, programs = budget_store.find_budgets_and_programs(division, due_fen, unknown)
    know_programs(programs)  # what is kept with the payment file goes by their policy
    missing_fen = sum(
        max(0, fen - (budgets[key].reserved_fen if key in budgets else 0)) for key, fen in due_fen.items()
    )
    if missing_fen:
        raise error("budget_exhausted", missing_fen=missing_fen)


# --------------------------------------------------------------------------- chunks


def _room(debts: Debts) -> int:
    """Give how many lines and claims a chunk holds: fewer where debts are written beside them."""
    return TRANSACTION_ITEMS_MAX - _FIXED_WRITES - (DEBTS_A_CHUNK_MAX if debts else 0)


def _packed(portions: Iterable[Portion], *, room: int) -> Iterator[list[Portion]]:
    """Pack portions into transactions, in order; a claim may go on in the next one.

    Each institution in a pack takes one more write: the check that it is as it was read. So does each class:
    that it was evaluated.
    """
    pack: list[Portion] = []
    whole = room
    for portion in portions:
        rest = portion
        while rest.writes + _checks(rest, pack) > room:
            fits = room - _checks(rest, pack)
            if rest.claim is not None and fits >= _SPLIT_WRITES_MIN:
                first, rest = rest.split(fits)
                pack.append(first)
            yield pack
            pack, room = [], whole
        room -= rest.writes + _checks(rest, pack)
        pack.append(rest)
    if pack:
        yield pack


def _checks(portion: Portion, pack: Sequence[Portion]) -> int:
    """Count what has to be checked of a portion beside what is checked of its pack already."""
    institution = all(portion.institution.uscc != other.institution.uscc for other in pack)
    known = any(portion.class_id == other.class_id for other in pack)
    return institution + (0 if known else len(portion.evaluated))


def _chunk(batch: Batch, portions: Sequence[Portion], debts: Debts) -> list[Write]:
    """Give the writes that put portions into a batch, as one chunk, with what is kept of them for debts."""
    members: list[Member] = []
    moves: list[Write] = []
    owed_for: dict[str, Line] = {}
    for portion in portions:
        for line in portion.lines:
            year = portion.claim.budget_year if portion.claim is not None else line.budget_year
            assert year is not None
            set_off = debts and current_program(line.program_id).policy.set_off_arrears
            parts = debts.keep_of(line, batch_id=batch.id, chunk=owed_for) if set_off else []
            members.append(
                Member(
                    line.id,
                    line.enrolment_id,
                    line.voucher_id,
                    line.institution,
                    line.program_id,
                    year,
                    line.amount_fen - parts_fen(parts),
                    line.attempts,
                    parts,
                )
            )
            moves.append(payments.batch_line_write(line, batch_id=batch.id, budget_year=year))
        if portion.claim is not None:
            moves.append(payments.batch_claim_write(portion.claim, lines=len(portion.lines)))
    institutions = {portion.institution.uscc: portion.institution for portion in portions}
    unchanged = [unchanged_check(institution) for institution in institutions.values()]
    evaluated = {portion.class_id: portion.evaluated for portion in portions}
    seen = [check for checks in evaluated.values() for check in checks]
    payees: dict[str, str] = {portion.institution.uscc: portion.payee_id for portion in portions}
    kept = kept_writes(debts, owed_for)
    debts.written(owed_for)
    into = store.chunk_writes if batch.chunks else store.begin_writes
    return [*into(batch, members, payees), *moves, *unchanged, *seen, *kept]
