"""What workers do for an issuance batch, chunk by chunk: the dry run of long lists, and the issuing.

Whatever is done again ends the same: a voucher's id is derived from person × program, and what became of a
chunk is written once. The last chunk to be done, whichever it is, sums up; so does every repeat of one.

Pace: 300,000 vouchers cost 600,000 write units, and a table may take 4,000 a second at first. The queue's
`maximum_concurrency` (infra/deployment/functions.py) keeps the workers below that, and a throttled write
is tried again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from chalicelib.accounts.persons.names import moment_of_names
from chalicelib.accounts.persons.service import person_keys_of
from chalicelib.aws import queues
from chalicelib.aws.settings import settings
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.ids import PersonKey, ProgramId
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.eligibility import IneligibilityReason, bar_of, reasons_against
from chalicelib.people.lists.graduates import service as graduate_lists
from chalicelib.people.lists.graduates.model import Graduate
from chalicelib.people.standings import service as standings
from chalicelib.people.standings.model import Standings
from chalicelib.people.vault import service as vault
from chalicelib.programs.model import Program
from chalicelib.programs.service import pinned_program, read_program
from chalicelib.vouchers import store
from chalicelib.vouchers.batches import store as batch_store
from chalicelib.vouchers.batches.chunks import store as chunk_store
from chalicelib.vouchers.batches.chunks.model import ChunkOutcome, RowRefusal
from chalicelib.vouchers.batches.model import (
    PHASE_OF,
    IssuanceBatch,
    IssuanceBatchStatus,
    Phase,
    Tally,
    sum_of,
)
from chalicelib.vouchers.ineligibility import service as ineligibility
from chalicelib.vouchers.model import Voucher, VoucherStatus, barred, dates_of, voucher_id_of


@dataclass(frozen=True)
class JudgedRow:
    """One row of a list, and what speaks against its person."""

    graduate: Graduate
    key: PersonKey
    against: list[IneligibilityReason]


@dataclass(frozen=True)
class JudgedChunk:
    """The rows of a chunk, and what cross-match lists said of its people when they were judged."""

    rows: list[JudgedRow]
    listed: dict[PersonKey, Standings]


# --------------------------------------------------------------------------- asking for work


def ask_workers(context: Context, batch: IssuanceBatch, chunks: Iterable[int]) -> None:
    """Ask the workers for chunks of an open batch; asking again is harmless."""
    queues.send(
        settings().issuance_queue_url,
        ({"batch_id": batch.id, "chunk": chunk} for chunk in chunks),
        now=context.now,
    )


def start_issuing(context: Context, batch: IssuanceBatch) -> None:
    """Ask the workers for every chunk of an approved batch that is not done."""
    if batch.status is IssuanceBatchStatus.ISSUING:
        graduate_lists.note_applying(context, batch.import_id)
        ask_for_missing(context, batch)


def ask_for_missing(context: Context, batch: IssuanceBatch) -> int:
    """Ask the workers for the chunks of a batch's phase that are not done; one at least, to sum up."""
    done = {outcome.chunk for outcome in chunk_store.outcomes_of(batch.id, PHASE_OF[batch.status])}
    missing = [chunk for chunk in range(batch.chunks) if chunk not in done] or [0]
    ask_workers(context, batch, missing)
    return len(missing)


def resume_stalled(context: Context) -> int:
    """Ask again for what is missing of every batch that has not moved for a while (scheduled).

    A message may be lost between an approval and its queue, or end among the dead letters.
    """
    stalled = [batch for batch in batch_store.open_batches() if batch.has_stalled(context.now)]
    return sum(ask_for_missing(context, batch) for batch in stalled)


def work_chunk(context: Context, batch_id: str, chunk: int) -> None:
    """Do one chunk of a batch, in whatever phase the batch is; who comes late finds nothing to do."""
    batch = batch_store.read_batch(batch_id)
    phase = PHASE_OF.get(batch.status)
    if phase is None:
        return
    if chunk_store.find_outcome(batch.id, phase, chunk) is None:
        program = _program_of(batch)
        work = _count_chunk if phase is Phase.DRY_RUN else _issue_chunk
        tally, refusals = work(context, batch, program, chunk)
        chunk_store.record_outcome(chunk_store.outcome_of(batch.id, phase, chunk, tally, refusals))
    tallies = [outcome.tally for outcome in chunk_store.outcomes_of(batch.id, phase)]
    if len(tallies) == batch.chunks:
        change = change_of(context, "issuance.count" if phase is Phase.DRY_RUN else "issuance.issue")
        if phase is Phase.ISSUE:  # before the batch says that it is done: nobody comes back to one that does
            graduate_lists.note_applied(context, batch.import_id)
        batch_store.close_phase(batch.id, phase, sum_of(tallies), change)


def _program_of(batch: IssuanceBatch) -> Program:
    """Give the program under the policy that was shown to who approved the batch.

    A batch that was being issued when pinning came has none: it goes on by the newest, never a cached one.
    """
    if batch.policy_version is None:
        return read_program(batch.program_id)
    return pinned_program(batch.program_id, batch.policy_version)


# --------------------------------------------------------------------------- the dry run


def counted(
    context: Context, batch: IssuanceBatch, program: Program
) -> tuple[IssuanceBatch, list[ChunkOutcome]]:
    """Do a batch's whole dry run before it is stored; what became of its chunks is stored with it."""
    outcomes = []
    for chunk in range(batch.chunks):
        tally, refusals = _count_chunk(context, batch, program, chunk)
        outcomes.append(chunk_store.outcome_of(batch.id, Phase.DRY_RUN, chunk, tally, refusals))
    total = sum_of([outcome.tally for outcome in outcomes])
    counted_batch = msgspec.structs.replace(
        batch,
        eligible=total.issued,
        already_held=total.already_held,
        refused=total.refused,
        reasons=total.reasons,
    )
    return counted_batch, outcomes


def _count_chunk(
    context: Context, batch: IssuanceBatch, program: Program, chunk: int
) -> tuple[Tally, list[RowRefusal]]:
    judged = _judge(context, batch, program, chunk, purpose="propose issuance")
    good = [voucher_id_of(row.key, program.id) for row in judged.rows if not row.against]
    held = len(store.find_vouchers(good))
    refused = [row for row in judged.rows if row.against]
    return _tally(refused, issued=len(good) - held, already_held=held), _refusals(refused)


def _judge(
    context: Context, batch: IssuanceBatch, program: Program, chunk: int, *, purpose: str
) -> JudgedChunk:
    graduates = graduate_lists.graduates_in(context, batch.import_id, chunk, purpose=purpose)
    keys = person_keys_of(graduate.id_number for graduate in graduates)
    listed = standings.standings_of(keys.values())
    other_names = vault.renamed([(keys[graduate.id_number], graduate.name) for graduate in graduates])
    today = shanghai_date(context.now)
    rows = []
    for graduate in graduates:
        key = keys[graduate.id_number]
        known = listed[key].standings if key in listed else []
        against = reasons_against(graduate, known, program, entitled_on=today, today=today)
        if key in other_names:
            against.append(IneligibilityReason("name_unconfirmed", {}))
        rows.append(JudgedRow(graduate, key, against))
    return JudgedChunk(rows, listed)


def _tally(refused: Sequence[JudgedRow], *, issued: int, already_held: int) -> Tally:
    reasons = Counter(code for row in refused for code in {reason.code for reason in row.against})
    return Tally(issued=issued, already_held=already_held, refused=len(refused), reasons=dict(reasons))


def _refusals(refused: Iterable[JudgedRow]) -> list[RowRefusal]:
    return [
        RowRefusal(row=row.graduate.row, code=reason.code, facts=reason.facts)
        for row in refused
        for reason in row.against
    ]


# --------------------------------------------------------------------------- issuing


def _issue_chunk(
    context: Context, batch: IssuanceBatch, program: Program, chunk: int
) -> tuple[Tally, list[RowRefusal]]:
    """Give whoever was eligible when it was proposed, is today, and has none, exactly one voucher.

    Whom the dry run refused stays refused: the approver saw a count and a total, and more is never issued.

    A cross-match list may be applied meanwhile. Its worker stores what it says and then looks for vouchers;
    this one stores vouchers and then looks whether anything new is said. So one of the two sees the other,
    whoever is slower, and whoever dies is repeated.
    """
    judged = _as_approved(
        _judge(context, batch, program, chunk, purpose="issue vouchers"), _refused_before(batch, chunk)
    )
    eligible = [row for row in judged.rows if not row.against]
    vouchers = [
        new_voucher(context, row.graduate, row.key, program, batch, listed=judged.listed.get(row.key))
        for row in eligible
    ]
    issued = store.issue(vouchers, change_of(context, "voucher.issue"))
    # A run that died may have issued to people who are refused by now: those are issued, not refused.
    against = {voucher_id_of(row.key, program.id): row for row in judged.rows if row.against}
    earlier = {voucher.id for voucher in store.find_vouchers(list(against)) if voucher.batch_id == batch.id}
    refused = [row for voucher_id, row in against.items() if voucher_id not in earlier]
    news = standings.people_with_news([row.key for row in judged.rows], judged.listed)
    ineligibility.follow(context, news | {against[voucher_id].key for voucher_id in earlier})
    tally = _tally(refused, issued=issued + len(earlier), already_held=len(vouchers) - issued)
    return tally, _refusals(refused)


def _refused_before(batch: IssuanceBatch, chunk: int) -> dict[int, list[IneligibilityReason]]:
    """Read whom the dry run refused, and why, by row."""
    outcome = chunk_store.find_outcome(batch.id, Phase.DRY_RUN, chunk)
    against: dict[int, list[IneligibilityReason]] = {}
    for refusal in chunk_store.read_refusals(outcome) if outcome is not None else []:
        against.setdefault(refusal.row, []).append(IneligibilityReason(refusal.code, refusal.facts))
    return against


def _as_approved(judged: JudgedChunk, before: Mapping[int, list[IneligibilityReason]]) -> JudgedChunk:
    rows = [
        row if row.against else JudgedRow(row.graduate, row.key, before.get(row.graduate.row, []))
        for row in judged.rows
    ]
    return JudgedChunk(rows, judged.listed)


def new_voucher(
    context: Context,
    graduate: Graduate,
    key: PersonKey,
    program: Program,
    batch: IssuanceBatch,
    *,
    listed: Standings | None = None,
) -> Voucher:
    """Make the voucher of a listed person; its days are counted from today."""
    last_day, expires = dates_of(context.now, program.policy.validity_months)
    voucher = Voucher(
        id=voucher_id_of(key, program.id),
        program_id=ProgramId(program.id),
        person_key=key,
        division=graduate.division,
        batch_id=batch.id,
        status=VoucherStatus.ISSUED,
        face_value_fen=program.policy.face_value_fen,
        kind=program.kind,
        holder_name=mask_name(graduate.name),
        named_at=moment_of_names(),
        holder_id_number=mask_id_number(graduate.id_number),
        issued_at=context.now,
        expires_at=expires,
        valid_through=last_day,
    )
    if listed is not None:
        voucher = barred(voucher, bar_of(listed.standings, program, today=shanghai_date(context.now)))
    return msgspec.structs.replace(voucher, due_shard=store.due_shard_of(voucher))
