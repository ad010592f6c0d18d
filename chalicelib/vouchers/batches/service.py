"""Issuance: propose a batch for a list, approve it as a second person (step 3); workers then issue it."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.accounts import rights
from chalicelib.aws.waiting import queue_of
from chalicelib.aws.writes import ConditionFailed, until_written
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.ids import IssuanceBatchId, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.people.lists.graduates.service import ready_list
from chalicelib.programs.service import read_program
from chalicelib.vouchers.batches import store
from chalicelib.vouchers.batches.chunks import service as chunks
from chalicelib.vouchers.batches.chunks import store as chunk_store
from chalicelib.vouchers.batches.chunks.model import ChunkOutcome, RowRefusal, faults_of
from chalicelib.vouchers.batches.model import (
    INLINE_ROWS_MAX,
    PHASE_OF,
    IssuanceBatch,
    IssuanceBatchStatus,
    Phase,
    why_not,
    why_not_issue,
)

ACTIONS = {"approve": "issuance.approve", "reject": "issuance.reject"}
"""What may be done with a proposed batch, and the right to it."""


def propose_batch(context: Context, program_id: str, *, import_id: str, declared_count: int) -> IssuanceBatch:
    """Propose to issue vouchers to a list; a dry run counts who would get one, who has one, who is refused.

    Up to `INLINE_ROWS_MAX` rows are counted at once; what became of them is stored with the batch. Of a
    longer list the batch is `counting` until workers have gone through its chunks, and `proposed` then. The
    policy of this moment is pinned to it: by that version it is counted, shown, approved and issued, whatever
    policy comes later.

    A list that has been issued is not proposed again: what would issue nothing, and holds somebody who has a
    voucher, makes no batch; the refusal names rows that are ineligible now, with the reasons. One whose
    people are all refused does, for the reasons; nobody can approve it. So it is with a longer list, of which
    nothing is known yet when it is proposed: once counted it is rejected, or withdrawn by its clock.

    Raises:
        NotFound: no such program or list.
        Refused: `import_not_ready`, or `nothing_to_issue`.
        Impossible: `declared_totals_differ`, the list has another number of valid rows.

    """
    rights.require(context.principal, "issuance.propose", division=PROVINCE)
    program = read_program(program_id)
    listed = ready_list(import_id)
    if declared_count != listed.valid:
        raise error(
            "declared_totals_differ",
            declared_count=declared_count,
            declared_amount_fen=declared_count * program.policy.face_value_fen,
            count=listed.valid,
            amount_fen=listed.valid * program.policy.face_value_fen,
        )
    inline = listed.valid <= INLINE_ROWS_MAX and listed.chunks <= store.CHUNKS_WITH_A_BATCH_MAX
    batch = IssuanceBatch(
        id=IssuanceBatchId(new_id("iss")),
        program_id=program.id,
        import_id=listed.id,
        status=IssuanceBatchStatus.PROPOSED if inline else IssuanceBatchStatus.COUNTING,
        proposed_by=context.principal.actor,
        proposed_at=context.now,
        policy_version=program.policy_version,
        face_value_fen=program.policy.face_value_fen,
        validity_months=program.policy.validity_months,
        chunks=listed.chunks,
        open=None if inline else store.OPEN_MARK,
        queue=queue_of(PROVINCE),
        queued_at=context.now if inline else None,
    )
    outcomes: list[ChunkOutcome] = []
    if inline:
        batch, outcomes = chunks.counted(context, batch, program)
        if batch.already_held and not batch.eligible:
            refused = [one for outcome in outcomes for one in chunk_store.read_refusals(outcome)]
            refuse(why_not_issue(batch, faults=faults_of(refused)))
    change = change_of(context, "issuance.propose")
    store.create_batch(batch, change, also=chunk_store.outcome_writes(outcomes))
    if not inline:
        chunks.ask_workers(context, batch, range(batch.chunks))
    return batch


def read_batch(context: Context, program_id: str, batch_id: str) -> IssuanceBatch:
    """Read a batch of a program."""
    rights.require(context.principal, "issuance.read", division=PROVINCE)
    batch = store.read_batch(batch_id)
    if batch.program_id != program_id:
        raise error("not_found")
    return batch


def list_batches(context: Context, program_id: str, request: PageRequest) -> Page[IssuanceBatch]:
    """List a program's batches."""
    rights.require(context.principal, "issuance.read", division=PROVINCE)
    return store.batches_of(read_program(program_id).id, request)


def refusals_of(context: Context, program_id: str, batch_id: str, request: PageRequest) -> Page[RowRefusal]:
    """List the rows that get no voucher: the dry run's, and once all is issued those of the chunks.

    A page holds the refusals of one chunk after another; its cursor tells the chunk and the place in it.
    """
    batch = read_batch(context, program_id, batch_id)
    phase = _phase_shown(batch)
    after = request.after or {}
    chunk, place = int(after.get("chunk", 0)), int(after.get("place", 0))
    refusals: list[RowRefusal] = []
    for outcome in chunk_store.outcomes_of(batch.id, phase, start=chunk):
        if outcome.chunk != chunk:
            chunk, place = outcome.chunk, 0
        if place >= outcome.listed:
            continue
        if len(refusals) == request.limit:
            return Page(items=refusals, after={"chunk": chunk, "place": place})
        shown = chunk_store.read_refusals(outcome)[place : place + request.limit - len(refusals)]
        refusals += shown
        place += len(shown)
        if place < outcome.listed:
            return Page(items=refusals, after={"chunk": chunk, "place": place})
    return Page(items=refusals)


def _phase_shown(batch: IssuanceBatch) -> Phase:
    return Phase.ISSUE if batch.status is IssuanceBatchStatus.ISSUED else Phase.DRY_RUN


def progress_of(batch: IssuanceBatch) -> int:
    """Tell how many chunks are done of what the workers do for the batch now; all, if they do nothing."""
    phase = PHASE_OF.get(batch.status)
    if phase is None:
        return batch.chunks
    return sum(1 for _ in chunk_store.outcomes_of(batch.id, phase))


def decide_batch(
    context: Context, program_id: str, batch_id: str, action: str, *, version: int, reason: str | None
) -> IssuanceBatch:
    """Approve or reject a batch; a second person does. Approval starts the workers.

    Raises:
        Forbidden: `self_approval`.
        Refused: decided already, or another version.

    """
    principal = context.principal

    def attempt() -> IssuanceBatch:
        batch = read_batch(context, program_id, batch_id)
        rights.require(principal, ACTIONS[action], division=PROVINCE)
        refuse(why_not(action, batch, principal.hands, version=version))
        change = change_of(context, f"issuance.{action}", reason=reason)
        return store.decide_batch(
            batch.id, action, version=version, by=principal.actor, hands=principal.hands, change=change
        )

    decided = until_written(attempt)
    if action == "approve":
        chunks.start_issuing(context, decided)
    return decided


def allowed_actions(context: Context, batch: IssuanceBatch) -> list[str]:
    """List what this caller may do with a batch now."""
    principal = context.principal
    return rights.offered(
        principal, ACTIONS, lambda action: why_not(action, batch, principal.hands), division=PROVINCE
    )


# --------------------------------------------------------------------------- by the clock

WITHDRAWN = "提出后逾期无人审批，发放批次撤回"


def withdraw_batches(
    context: Context, queue: str, until: datetime, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Withdraw the batches of one list that were proposed before a moment and that nobody decided on.

    See `kernel.clocks` for the days. The list may be proposed anew.
    """
    page = store.waiting_batches(queue, until=until, after=after)
    change = change_of(context, "issuance.withdraw", reason=WITHDRAWN)
    for key in page.keys:
        with contextlib.suppress(Refused, ConditionFailed):  # decided at this very moment
            store.withdraw(key.key[0], proposed_before=until, change=change)
    return page.after
