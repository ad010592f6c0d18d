"""Payment results: each right row is applied once, in groups of one transaction.

A group of up to 32 lines of one program and year is one transaction: for each paid line the line, its
voucher and its ledger entry; for the group the claims' and batches' progress, the budget and one ledger
summary an account.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.accounts import rights
from chalicelib.aws.table import TRANSACTION_ITEMS_MAX, ConditionFailed, Update, Write, transact
from chalicelib.kernel.errors import NotFound, Refused, Unavailable
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.settlement import store
from chalicelib.settlement.model import (
    ACCEPTS_RESULTS,
    Batch,
    BatchStatus,
    Entry,
    Event,
    Member,
    PaymentResult,
    Refusal,
    attempt_in,
    batch_after,
    entry_id_of,
    expense_account,
    judge_result,
    same_result,
    treasury_account,
)
from chalicelib.subsidies import budget_store
from chalicelib.subsidies import store as claims
from chalicelib.subsidies.model import (
    Attempt,
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    claim_after,
    claim_of_line,
)
from chalicelib.subsidies.service import finish_paid_claims
from chalicelib.vouchers.store import VoucherRow, settle_write

_TRIES = 8
_WRITES_A_PAID_LINE = 3
_FIXED_WRITES = 4  # this batch, the budget, two summaries


@dataclass(frozen=True)
class Recorded:
    """How many rows were right (new or repeated), and the others."""

    applied: int
    refused: list[Refusal]


@dataclass
class Group:
    """Results of one program and budget year that are applied together."""

    key: tuple[str, int]
    rows: list[tuple[PaymentResult, Line]] = field(default_factory=list)

    def paid_by_claim(self) -> Counter[str]:
        """Count the paid lines of each claim."""
        return Counter(str(claim_of_line(line.id)) for result, line in self.rows if result.paid)

    def by_batch(self, batch_id: str) -> dict[str, tuple[int, int]]:
        """Count results and payments of each batch: this one, and those where a line now paid had failed."""
        paid = [line for result, line in self.rows if result.paid]
        earlier = Counter(one for line in paid for one in {each.batch_id for each in line.attempts})
        return {batch_id: (len(self.rows), len(paid)), **{one: (0, count) for one, count in earlier.items()}}


def record_results(context: Context, batch_id: str, results: Sequence[PaymentResult]) -> Recorded:
    """Apply what the bank reports of a batch, row by row.

    Raises:
        NotFound: there is no such batch in the caller's area.
        Refused: `not_exported`.

    """
    batch = store.find_batch(batch_id) if is_id(batch_id, "bat") else None
    if batch is None or batch.status is BatchStatus.SEALING:
        raise NotFound
    rights.require(context.principal, "settlement.record_results", division=batch.division)
    if batch.status not in ACCEPTS_RESULTS:
        raise Refused("not_exported")
    members: dict[str, Member] = {member.line_id: member for member in store.members_of(batch_id)}
    refused: dict[int, Refusal] = {}
    wanted: dict[str, PaymentResult] = {}
    for result in results:
        first = wanted.setdefault(result.line_id, result)
        if first is not result and not same_result(first, result):
            status = "paid" if first.paid else "failed"
            refused[result.row] = Refusal(result.row, "result_contradicts", {"status": status})
    change = change_of(context, "settlement.record_results")
    for _ in range(_TRIES):
        again = _apply(context, batch_id, members=members, wanted=wanted, refused=refused, change=change)
        if not again:
            break
    else:
        raise Unavailable("try_again")
    wrong = {row.line_id for row in wanted.values() if row.row in refused}
    for result in results:
        if result.line_id in wrong and result.row not in refused:
            same = refused[wanted[result.line_id].row]
            refused[result.row] = Refusal(result.row, same.code, same.facts)
    ordered = [refused[row] for row in sorted(refused)]
    return Recorded(applied=len(results) - len(ordered), refused=ordered)


def _apply(
    context: Context,
    batch_id: str,
    *,
    members: Mapping[str, Member],
    wanted: Mapping[str, PaymentResult],
    refused: dict[int, Refusal],
    change: Change,
) -> bool:
    """Judge and apply the rows that are new; True if somebody else changed something meanwhile."""
    known: dict[str, Line] = {
        line.id: line for line in claims.find_lines([one for one in wanted if one in members])
    }
    fresh: list[tuple[PaymentResult, Line]] = []
    for line_id, result in wanted.items():
        if result.row in refused:
            continue
        refusal = judge_result(result, known.get(line_id), members.get(line_id), batch_id)
        if refusal is not None:
            refused[result.row] = refusal
        elif attempt_in(known[line_id], batch_id) is None:
            fresh.append((result, known[line_id]))
    progress = _Progress(
        claim_ids=sorted({claim_of_line(line.id) for _, line in fresh}),
        batch_ids=sorted({batch_id, *(one.batch_id for _, line in fresh for one in line.attempts)}),
    )
    repeat = False
    for group in _groups(fresh, members):
        writes = _writes(context, batch_id, group, members=members, progress=progress)
        try:
            transact(writes, change=change)
        except ConditionFailed as failure:
            repeat = True
            unsettled = _unsettled(failure, writes, group)
            if unsettled is not None:
                refused[unsettled.row] = unsettled
            progress.reread()
        else:
            progress.note(group, batch_id)
    finish_paid_claims(progress.paid_claims(), change)
    return repeat


def _unsettled(failure: ConditionFailed, writes: Sequence[Write], group: Group) -> Refusal | None:
    """Refuse the one row whose voucher is no longer redeemed, so that it does not stop its group."""
    failed = writes[failure.index]
    if failure.table is not VoucherRow or not isinstance(failed, Update):
        return None
    status = str(failure.old.status) if failure.old is not None else None
    return next(
        Refusal(result.row, "wrong_state", {"status": status})
        for result, line in group.rows
        if line.voucher_id == failed.key[0]
    )


class _Progress:
    """The claims and batches that one call moves on, known without reading them after each group."""

    def __init__(self, *, claim_ids: Sequence[str], batch_ids: Sequence[str]) -> None:
        self._claim_ids = claim_ids
        self._batch_ids = batch_ids
        self.reread()

    def reread(self) -> None:
        """Read everything again: somebody else has changed something."""
        self.claims: dict[str, Claim] = {claim.id: claim for claim in claims.find_claims(self._claim_ids)}
        self.batches: dict[str, Batch] = {one.id: one for one in store.find_batches(self._batch_ids)}

    def note(self, group: Group, batch_id: str) -> None:
        """Note what a group has changed: it was written on condition that nobody else did."""
        for claim_id, paid in group.paid_by_claim().items():
            self.claims[claim_id] = claim_after(self.claims[claim_id], lines=paid)
        for one, (results, paid) in group.by_batch(batch_id).items():
            self.batches[one] = batch_after(self.batches[one], results=results, paid=paid)

    def paid_claims(self) -> list[Claim]:
        """List the claims whose last line is paid and whose classes are still open."""
        known = self.claims.values()
        return [one for one in known if one.status is ClaimStatus.PAID and one.due_city is not None]


def _groups(fresh: Sequence[tuple[PaymentResult, Line]], members: Mapping[str, Member]) -> Iterator[Group]:
    """Pack rows into transactions: one program and year each, claims kept together."""
    ordered = sorted(
        fresh, key=lambda row: (members[row[1].id].program_id, members[row[1].id].budget_year, row[1].id)
    )
    group: Group | None = None
    for result, line in ordered:
        member = members[line.id]
        key = (str(member.program_id), member.budget_year)
        if group is not None and (group.key != key or _is_full(group, (result, line))):
            yield group
            group = None
        if group is None:
            group = Group(key)
        group.rows.append((result, line))
    if group is not None:
        yield group


def _is_full(group: Group, row: tuple[PaymentResult, Line]) -> bool:
    return _size([*group.rows, row]) > TRANSACTION_ITEMS_MAX


def _size(rows: Sequence[tuple[PaymentResult, Line]]) -> int:
    paid = [line for result, line in rows if result.paid]
    touched = {claim_of_line(line.id) for line in paid}
    earlier = {one.batch_id for line in paid for one in line.attempts}
    lines = len(paid) * _WRITES_A_PAID_LINE + (len(rows) - len(paid))
    return lines + len(touched) + len(earlier) + _FIXED_WRITES


def _writes(
    context: Context,
    batch_id: str,
    group: Group,
    *,
    members: Mapping[str, Member],
    progress: _Progress,
) -> list[Write]:
    writes: list[Write] = []
    entries: list[Entry] = []
    group_id = new_id("grp")
    division = progress.batches[batch_id].division
    for result, line in group.rows:
        attempt = Attempt(
            batch_id=batch_id,
            status=LineStatus.PAID if result.paid else LineStatus.PAYMENT_FAILED,
            amount_fen=result.amount_fen,
            paid_on=result.paid_on,
            bank_reference=result.bank_reference,
            reason=result.reason,
        )
        if not result.paid:
            writes.append(claims.fail_line_write(line, attempt))
            continue
        member = members[line.id]
        writes.append(claims.pay_line_write(line, attempt))
        writes.append(
            settle_write(
                member.voucher_id,
                enrolment_id=member.enrolment_id,
                amount_fen=member.amount_fen,
                now=context.now,
            )
        )
        entries.append(
            entry_for(
                line,
                Event.PAID,
                division=division,
                batch_id=batch_id,
                group_id=group_id,
                context=context,
            )
        )
    writes += [
        store.progress_write(progress.batches[one], results=results, paid=paid)
        for one, (results, paid) in group.by_batch(batch_id).items()
    ]
    writes += [
        claims.pay_claim_write(progress.claims[one], lines=paid)
        for one, paid in group.paid_by_claim().items()
    ]
    if entries:
        amount_fen = sum(entry.amount_fen for entry in entries)
        program_id, year = group.key
        writes.append(budget_store.spend_write(division, year, program_id, amount_fen=amount_fen))
        writes += store.post_writes(entries)
    return writes


def entry_for(
    line: Line, event: Event, *, division: str, batch_id: str | None, group_id: str, context: Context
) -> Entry:
    """Make the ledger entry of a line's event: a payment debits the expense, a reversal credits it."""
    return Entry(
        id=entry_id_of(line.id, event),
        division=division,
        expense_account=expense_account(division, line.program_id),
        treasury_account=treasury_account(division),
        debits_expense=event is Event.PAID,
        amount_fen=line.amount_fen,
        event=event,
        line_id=line.id,
        voucher_id=line.voucher_id,
        institution=line.institution,
        batch_id=batch_id,
        group_id=group_id,
        posted_at=context.now,
    )
