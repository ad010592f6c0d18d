"""Use cases of payment results: record what the bank reports of a batch, and list what was refused of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import derived_id, is_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import refuse
from chalicelib.settlement.batches import store as batch_store
from chalicelib.settlement.batches.model import Batch, Member, why_not
from chalicelib.settlement.batches.service import read_batch
from chalicelib.settlement.own_work import claims_of_lines, is_own_work
from chalicelib.settlement.results import store
from chalicelib.settlement.results.booking import book, judge
from chalicelib.settlement.results.groups import ResultRow
from chalicelib.settlement.results.model import (
    PaymentResult,
    RefusedResult,
    RowRefusal,
    first_right_rows,
    judge_row,
)
from chalicelib.settlement.results.set_off import wholly_set_off


@dataclass(frozen=True)
class RecordedResults:
    """How many rows were right (new or known already), the others, and the payments to be clawed back."""

    applied: int
    refused: list[RowRefusal]
    flagged: list[RowRefusal]


def record_results(
    context: Context,
    batch_id: str,
    results: Sequence[PaymentResult],
    *,
    unreadable: Sequence[RowRefusal] = (),
    dry_run: bool = False,
) -> RecordedResults:
    """Apply what the bank reports of a batch, row by row; with `dry_run` only judge it.

    What is refused, `unreadable` rows of a sheet among it, is kept beside the batch. Lines of which all is
    set off are booked with it.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed one of the claims; `exported_by_you`, by who
            had the payment file.
        NotFound: there is no such batch in the caller's area.
        Refused: `not_exported`.

    """
    batch = read_batch(context, batch_id, "settlement.record_results")
    members: dict[str, Member] = {member.line_id: member for member in batch_store.members_of(batch.id)}
    unasked = wholly_set_off(context, members.values())
    named = [result.line_id for result in results if result.line_id in members]
    claims = claims_of_lines([*named, *(row.member.line_id for row in unasked)])
    own_work = is_own_work(context.principal, claims)
    refuse(why_not("results", batch, own_work=own_work, hands=context.principal.hands))
    right, wrong = _judge_file(context, batch, results, members)
    rows = [ResultRow(result, members[result.line_id]) for result in right]
    judgement = judge(batch, rows) if dry_run else book(context, batch, [*rows, *unasked], claims)
    refused = [*wrong, *(refusal for refusal in judgement.refused if refusal.row)]
    ordered = sorted([*refused, *unreadable], key=lambda refusal: refusal.row)
    if not dry_run:
        _keep_refused(context, batch, ordered, {result.row: result for result in results})
    flagged = sorted((flag for flag in judgement.flagged if flag.row), key=lambda flag: flag.row)
    return RecordedResults(applied=len(results) - len(refused), refused=ordered, flagged=flagged)


def _judge_file(
    context: Context, batch: Batch, results: Sequence[PaymentResult], members: Mapping[str, Member]
) -> tuple[list[PaymentResult], list[RowRefusal]]:
    """Judge the rows of a file by what the batch froze: the right ones, and the refusals of the others."""
    assert batch.sealed_at is not None
    sealed_on, today = shanghai_date(batch.sealed_at), shanghai_date(context.now)
    return first_right_rows(
        results,
        lambda result: judge_row(result, members.get(result.line_id), sealed_on=sealed_on, today=today),
    )


def _keep_refused(
    context: Context, batch: Batch, refused: Sequence[RowRefusal], results: Mapping[int, PaymentResult]
) -> None:
    """Keep what was refused, each refusal once however often the file is sent."""
    kept: dict[str, RefusedResult] = {}
    for row, code, facts in refused:
        result = results.get(row)
        line_id = result.line_id if result is not None and is_id(result.line_id, "lin") else None
        fact_texts = [f"{name}={fact}" for name, fact in sorted(facts.items())]
        refusal_id = derived_id("ref", str(row), line_id or "", code, *fact_texts)
        kept[refusal_id] = RefusedResult(
            batch_id=batch.id,
            id=refusal_id,
            row=row,
            line_id=line_id,
            code=code,
            facts=facts,
            sent_by=context.principal.actor,
            sent_at=context.now,
        )
    store.keep_refused(kept.values())


def refused_results(context: Context, batch_id: str, request: PageRequest) -> Page[RefusedResult]:
    """List the results of a batch of the caller's area that were refused."""
    batch = read_batch(context, batch_id)
    return store.refused_of(batch.id, request)
