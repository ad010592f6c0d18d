"""Payment results: each right row is applied once, in groups of one transaction.

A group of some 45 lines of one program and year is one transaction: for each paid line the line and its
voucher; for the group the posting group with one ledger summary an account, the claims' and batches'
progress, and the budget. Nothing is read of the lines beforehand: what a batch froze, and the condition that
a line still waits in it, are enough. Only where that condition fails are lines read and judged one by one.

A payment cannot be unmade by refusing to record it. If a paid line's voucher is no longer redeemed, the
payment is booked all the same and the line is marked as one to be clawed back.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.accounts import rights
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, ConditionFailed, Write, transact
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.identity import mask_numbers
from chalicelib.kernel.ids import derived_id, is_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import ACCEPTS_RESULTS, Batch, BatchStatus, Member
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, group_id_of
from chalicelib.settlement.results import store as results_store
from chalicelib.settlement.results.model import (
    PaymentResult,
    Refusal,
    RefusedResult,
    attempt_in,
    batch_after,
    judge_repeat,
    judge_row,
    same_result,
)
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import (
    Claim,
    Line,
    LineStatus,
    PaymentAttempt,
    claim_of_line,
    has_hand_in,
)
from chalicelib.subsidies.claims.moves import paid_after
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers.model import VoucherStatus
from chalicelib.vouchers.store import find_vouchers, settle_write

_TRIES = 8
_WRITES_A_PAID_LINE = 2
_FIXED_WRITES = 5  # this batch, the budget, the posting group, two summaries
Row = tuple[PaymentResult, Member]


@dataclass(frozen=True)
class Recorded:
    """How many rows were right (new or known already), the others, and the payments to be clawed back."""

    applied: int
    refused: list[Refusal]
    flagged: list[Refusal]


@dataclass
class Group:
    """Results of one program and budget year that are applied together."""

    key: tuple[str, int]
    rows: list[Row] = field(default_factory=list)

    @property
    def paid(self) -> list[Member]:
        """List the lines that were paid."""
        return [member for result, member in self.rows if result.paid]

    def paid_by_claim(self) -> Counter[str]:
        """Count the paid lines of each claim."""
        return Counter(str(claim_of_line(member.line_id)) for member in self.paid)

    def by_batch(self, batch_id: str) -> dict[str, tuple[int, int]]:
        """Count results and payments of each batch: this one, and those where a line now paid had failed."""
        earlier = Counter(one for member in self.paid for one in _earlier_batches(member))
        return {batch_id: (len(self.rows), len(self.paid)), **{one: (0, n) for one, n in earlier.items()}}

    def size(self) -> int:
        """Count the writes of this group's transaction."""
        touched = {claim_of_line(member.line_id) for member in self.paid}
        payees = {member.institution for member in self.paid}
        earlier = {one for member in self.paid for one in _earlier_batches(member)}
        lines = len(self.rows) + (_WRITES_A_PAID_LINE - 1) * len(self.paid)
        return lines + len(touched) + len(payees) + len(earlier) + _FIXED_WRITES


def _earlier_batches(member: Member) -> set[str]:
    return {one.batch_id for one in member.attempts}


def record_results(
    context: Context,
    batch_id: str,
    results: Sequence[PaymentResult],
    *,
    unreadable: Sequence[Refusal] = (),
    dry_run: bool = False,
) -> Recorded:
    """Apply what the bank reports of a batch, row by row; with `dry_run` only judge it.

    What is refused, `unreadable` rows of a sheet among it, is kept beside the batch.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed one of the claims.
        NotFound: there is no such batch in the caller's area.
        Refused: `not_exported`.

    """
    batch = batches_store.find_batch(batch_id) if is_id(batch_id, "bat") else None
    if batch is None or batch.status is BatchStatus.SEALING:
        raise error("not_found")
    rights.require(context.principal, "settlement.record_results", division=batch.division)
    if batch.status not in ACCEPTS_RESULTS:
        raise error("not_exported")
    assert batch.sealed_at is not None
    sealed_on, today = shanghai_date(batch.sealed_at), shanghai_date(context.now)
    members: dict[str, Member] = {member.line_id: member for member in batches_store.members_of(batch_id)}
    known = [result.line_id for result in results if result.line_id in members]
    decided = require_other_payer(context, known)
    wanted, refused = _sort_out(
        results,
        lambda result: judge_row(result, members.get(result.line_id), sealed_on=sealed_on, today=today),
    )
    fresh = [(row, members[line_id]) for line_id, row in wanted.items()]
    recorder = _Recorder(context, batch, refused, fresh, decided)
    if dry_run:
        recorder.judge_all()
    else:
        recorder.apply_all()
    applied = len(results) - len(refused)
    refused |= {one.row: one for one in unreadable}
    ordered = [refused[row] for row in sorted(refused)]
    if not dry_run:
        _keep(context, batch.id, ordered, {result.row: result for result in results})
    flagged = [recorder.flagged[row] for row in sorted(recorder.flagged)]
    return Recorded(applied=applied, refused=ordered, flagged=flagged)


def _keep(
    context: Context, batch_id: str, refused: Sequence[Refusal], sent: Mapping[int, PaymentResult]
) -> None:
    kept = {}
    for one in refused:
        result = sent.get(one.row)
        line_id = result.line_id if result is not None and is_id(result.line_id, "lin") else None
        facts = [f"{name}={value}" for name, value in sorted(one.facts.items())]
        name = derived_id("ref", str(one.row), line_id or "", one.code, *facts)
        kept[name] = RefusedResult(
            batch_id=batch_id,
            id=name,
            row=one.row,
            line_id=line_id,
            code=one.code,
            facts=one.facts,
            sent_by=context.principal.actor,
            sent_at=context.now,
        )
    results_store.keep_refused(kept.values())


def refused_results(context: Context, batch_id: str, request: PageRequest) -> Page[RefusedResult]:
    """List the results of a batch of the caller's area that were refused."""
    batch = batches_store.find_batch(batch_id) if is_id(batch_id, "bat") else None
    if batch is None:
        raise error("not_found")
    rights.require(context.principal, "settlement.read", division=batch.division)
    return results_store.refused_of(batch_id, request)


def _sort_out(
    results: Sequence[PaymentResult], judge: Callable[[PaymentResult], Refusal | None]
) -> tuple[dict[str, PaymentResult], dict[int, Refusal]]:
    """Give each line's first right row, and refuse the others: wrong by themselves, repeats, contradictions.

    A line is paid once: a second row of it is a mistake or a second payment, and somebody has to look.
    Judged within the file alone, so that the whole file sent again gets the same answer.
    """
    wanted: dict[str, PaymentResult] = {}
    refused: dict[int, Refusal] = {}
    seen: dict[str, list[PaymentResult]] = {}
    for result in results:
        before = seen.setdefault(result.line_id, [])
        same = next((one for one in before if same_result(one, result)), None)
        before.append(result)
        if same is not None:
            refused[result.row] = Refusal(result.row, "result_repeated", {"row": same.row})
        elif (refusal := judge(result)) is not None:
            refused[result.row] = refusal
        elif (first := wanted.setdefault(result.line_id, result)) is not result:
            status = "paid" if first.paid else "failed"
            refused[result.row] = Refusal(result.row, "result_contradicts", {"status": status})
    return wanted, refused


def require_other_payer(context: Context, line_ids: Sequence[str]) -> list[Claim]:
    """Keep whoever prepared or reviewed a claim, in whatever role then, from paying it (invariant 4).

    Gives the claims of these lines.

    Raises:
        Forbidden: `self_approval`.

    """
    actor = context.principal.actor
    decided: list[Claim] = claims.find_claims(sorted({claim_of_line(line_id) for line_id in line_ids}))
    if any(has_hand_in(one, actor) for one in decided):
        raise error("self_approval")
    return decided


class _Recorder:
    """One call's way through its rows: what it refuses, what it flags, and whether it has to look first."""

    def __init__(
        self,
        context: Context,
        batch: Batch,
        refused: dict[int, Refusal],
        rows: Sequence[Row],
        decided: Sequence[Claim],
    ) -> None:
        self._context = context
        self._batch = batch
        self._refused = refused
        self._rows = rows
        self._look_first = False
        self._decided = decided
        self._change = change_of(context, "settlement.record_results")
        self.flagged: dict[int, Refusal] = {}

    def judge_all(self) -> None:
        """Judge every row, and change nothing."""
        self._fresh_of(self._rows)

    def apply_all(self) -> None:
        """Apply every row that is new, group by group, and close the classes that are all paid."""
        self._progress = _Progress(
            self._decided,
            batch_ids=sorted(
                {self._batch.id, *(one for _, member in self._rows for one in _earlier_batches(member))}
            ),
        )
        for group in _groups(self._rows):
            self._apply(group)
        finish_claims(list(self._progress.claims.values()), self._change)

    def _apply(self, group: Group) -> None:
        unsettled: dict[str, str] = {}
        for _ in range(_TRIES):
            if self._look_first:
                group = Group(group.key, self._fresh_of(group.rows))
                unsettled = _unsettled(group)
            if not group.rows:
                return
            try:
                transact(self._writes(group, unsettled), change=self._change)
            except ConditionFailed:
                self._look_first = True  # a repeat, another request, or a voucher that is gone
                self._progress.reread()
                continue
            self._progress.note(group, self._batch.id)
            self._flag(group.rows, unsettled)
            return
        raise error("try_again")

    def _fresh_of(self, rows: Sequence[Row]) -> list[Row]:
        """Pick the rows whose lines have no result here yet; refuse those that contradict the known one."""
        known: dict[str, Line] = {
            line.id: line for line in claims.find_lines([member.line_id for _, member in rows])
        }
        fresh: list[Row] = []
        for result, member in rows:
            line = known[member.line_id]
            attempt = attempt_in(line, self._batch.id)
            if attempt is None:
                fresh.append((result, member))
                continue
            refusal = judge_repeat(result, attempt)
            if refusal is not None:
                self._refused[result.row] = refusal
            elif line.unsettled is not None:
                self._flag([(result, member)], {line.id: line.unsettled})
        return fresh

    def _flag(self, rows: Sequence[Row], unsettled: Mapping[str, str]) -> None:
        for result, member in rows:
            if member.line_id in unsettled:
                facts = {"status": unsettled[member.line_id]}
                self.flagged[result.row] = Refusal(result.row, "paid_without_voucher", dict(facts))

    def _writes(self, group: Group, unsettled: Mapping[str, str]) -> list[Write]:
        writes: list[Write] = []
        for result, member in group.rows:
            lost = unsettled.get(member.line_id)
            writes.append(_line_write(self._batch, result, member, lost))
            if result.paid and lost is None:
                writes.append(
                    settle_write(
                        member.voucher_id,
                        enrolment_id=member.enrolment_id,
                        amount_fen=member.amount_fen,
                        now=self._context.now,
                    )
                )
        writes += [
            batches_store.progress_write(self._progress.batches[one], results=results, paid=paid)
            for one, (results, paid) in group.by_batch(self._batch.id).items()
        ]
        writes += [
            payments.pay_claim_write(self._progress.claims[one], lines=paid)
            for one, paid in group.paid_by_claim().items()
        ]
        if group.paid:
            writes += _money_writes(self._context, self._batch, group)
        return writes


def _unsettled(group: Group) -> dict[str, str]:
    """Tell which paid lines' vouchers cannot be settled any more, and in which state they are."""
    paid = group.paid
    vouchers = {voucher.id: voucher for voucher in find_vouchers([one.voucher_id for one in paid])}
    lost = {}
    for member in paid:
        voucher = vouchers.get(member.voucher_id)
        if voucher is None or voucher.status is not VoucherStatus.REDEEMED:
            lost[str(member.line_id)] = str(voucher.status) if voucher is not None else "unknown"
        elif voucher.enrolment_id != member.enrolment_id:
            lost[str(member.line_id)] = "redeemed_elsewhere"
    return lost


def _line_write(batch: Batch, result: PaymentResult, member: Member, lost: str | None) -> Write:
    attempt = PaymentAttempt(
        batch_id=batch.id,
        status=LineStatus.PAID if result.paid else LineStatus.PAYMENT_FAILED,
        amount_fen=result.amount_fen,
        paid_on=result.paid_on,
        bank_reference=result.bank_reference,
        reason=mask_numbers(result.reason) if result.reason is not None else None,
    )
    attempts = [*member.attempts, attempt]
    if result.paid:
        return payments.pay_line_write(member.line_id, attempts, unsettled=lost)
    return payments.fail_line_write(member.line_id, attempts, city=batch.division)


def _money_writes(context: Context, batch: Batch, group: Group) -> list[Write]:
    program_id, year = group.key
    postings = [
        Posting(
            member.line_id,
            member.voucher_id,
            member.institution,
            member.amount_fen,
            result.bank_reference,
            result.paid_on,
        )
        for result, member in group.rows
        if result.paid
    ]
    posted = PostingGroup(
        division=batch.division,
        id=group_id_of(batch.id, Event.PAID, postings),
        event=Event.PAID,
        program_id=group.paid[0].program_id,
        budget_year=year,
        batch_id=batch.id,
        posted_at=context.now,
        postings=postings,
    )
    spent_fen = sum(one.amount_fen for one in postings)
    return [
        budget_store.spend_write(batch.division, year, program_id, amount_fen=spent_fen),
        *store.post_writes(posted),
    ]


class _Progress:
    """The claims and batches that one call moves on, known without reading them after each group."""

    def __init__(self, decided: Sequence[Claim], *, batch_ids: Sequence[str]) -> None:
        self._batch_ids = batch_ids
        self.claims: dict[str, Claim] = {claim.id: claim for claim in decided}
        self.batches: dict[str, Batch] = {one.id: one for one in batches_store.find_batches(batch_ids)}

    def reread(self) -> None:
        """Read everything again: somebody else has changed something."""
        self.claims = {claim.id: claim for claim in claims.find_claims(sorted(self.claims))}
        self.batches = {one.id: one for one in batches_store.find_batches(self._batch_ids)}

    def note(self, group: Group, batch_id: str) -> None:
        """Note what a group has changed: it was written on condition that nobody else did."""
        for claim_id, paid in group.paid_by_claim().items():
            self.claims[claim_id] = paid_after(self.claims[claim_id], lines=paid)
        for one, (results, paid) in group.by_batch(batch_id).items():
            self.batches[one] = batch_after(self.batches[one], results=results, paid=paid)


def _groups(rows: Sequence[Row]) -> Iterator[Group]:
    """Pack rows into transactions: one program and year each, institutions and claims kept together."""
    group: Group | None = None
    for result, member in sorted(rows, key=_place):
        key = (str(member.program_id), member.budget_year)
        if group is not None and group.key == key:
            group.rows.append((result, member))
            if group.size() <= TRANSACTION_ITEMS_MAX:
                continue
            group.rows.pop()
        if group is not None:
            yield group
        group = Group(key, [(result, member)])
    if group is not None:
        yield group


def _place(row: Row) -> tuple[str, int, str, str]:
    member = row[1]
    return member.program_id, member.budget_year, member.institution, member.line_id
