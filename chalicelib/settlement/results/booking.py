"""Booking what the bank reports: each right row once, in groups of one transaction.

A group of some 45 lines is one transaction: for each paid line the line and its voucher; for the group the
posting group with one ledger summary an account, the claims' and batches' progress, and the budget. Nothing
is read of the lines beforehand: what a batch froze, and the condition that a line still waits in it, are
enough. Only where that condition fails are lines read and judged one by one. What is rare and needs its
line read (`singly`) comes after the groups.

A payment cannot be unmade by refusing to record it. If a paid line's voucher is no longer redeemed, the
payment is booked all the same and the line is marked as one to be clawed back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.aws.writes import ConditionFailed, Write, transact, until_written
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.settlement.batches import store as batch_store
from chalicelib.settlement.batches.model import Batch, Member, batch_after, why_not
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, group_id_of
from chalicelib.settlement.results.groups import Group, ResultRow, earlier_batches, grouped, is_plain
from chalicelib.settlement.results.model import PaymentResult, RowRefusal, judge_known
from chalicelib.settlement.results.singly import attempt_of, book_singly, flag, gone_status
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import Claim, Line, claim_of_line
from chalicelib.subsidies.claims.moves import paid_after
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers.store import find_vouchers, settle_write

_TRIES = 8
"""Files sent twice at once meet at every group; one of the two is through after each try."""


@dataclass(frozen=True)
class Standing:
    """The claims and batches that one call moves on, known without reading them after each group."""

    claims: Mapping[str, Claim]
    batches: Mapping[str, Batch]

    def read_again(self) -> "Standing":
        """Read everything again: somebody else has changed something."""
        claims = claim_store.find_claims(sorted(self.claims))
        return standing_of(claims, sorted(self.batches))

    def after(self, group: Group, batch_id: str) -> "Standing":
        """Give what stands after a group: it was written on condition that nobody else did."""
        claims, batches = dict(self.claims), dict(self.batches)
        for claim_id, paid in group.paid_by_claim().items():
            claims[claim_id] = paid_after(claims[claim_id], lines=paid)
        for name, (results, paid) in group.by_batch(batch_id).items():
            batches[name] = batch_after(batches[name], results=results, paid=paid)
        return Standing(claims, batches)


def standing_of(claims: Sequence[Claim], batch_ids: Sequence[str], *known: Batch) -> Standing:
    """Read the batches that stand beside these claims, but for those known already."""
    unknown = [batch_id for batch_id in batch_ids if batch_id not in {batch.id for batch in known}]
    batches = [*known, *(batch_store.find_batches(unknown) if unknown else ())]
    return Standing({claim.id: claim for claim in claims}, {batch.id: batch for batch in batches})


@dataclass(frozen=True)
class Judgement:
    """Rows held against what is known of their lines: the new ones, the refused, the flagged.

    A row is flagged whose payment is to be clawed back.
    """

    fresh: list[ResultRow] = field(default_factory=list)
    refused: list[RowRefusal] = field(default_factory=list)
    flagged: list[RowRefusal] = field(default_factory=list)


@dataclass(frozen=True)
class GroupOutcome:
    """What became of a group, and what stands after it; `contested` if somebody else wrote as well."""

    standing: Standing
    refused: list[RowRefusal] = field(default_factory=list)
    flagged: list[RowRefusal] = field(default_factory=list)
    contested: bool = True


# --------------------------------------------------------------------------- judging


def judge(batch: Batch, rows: Sequence[ResultRow]) -> Judgement:
    """Hold rows against the results their lines have in this batch already; nothing is changed."""
    line_ids = [row.member.line_id for row in rows]
    lines: dict[str, Line] = {line.id: line for line in claim_store.find_lines(line_ids)}
    judgement = Judgement()
    for row in rows:
        line = lines[row.member.line_id]
        known = judge_known(row.result, line, batch.id)
        if known.fresh:
            judgement.fresh.append(row)
        elif known.refusal is not None:
            judgement.refused.append(known.refusal)
        elif line.unsettled is not None and row.result.paid:
            judgement.flagged.append(flag(row, line.unsettled))
    return judgement


# --------------------------------------------------------------------------- booking


def book(context: Context, batch: Batch, rows: Sequence[ResultRow], claims: Sequence[Claim]) -> Judgement:
    """Book every row that is new, group by group, and close the classes that are all paid.

    `claims` are those of the rows' lines, as just read. The answer has no fresh rows left.
    """
    earlier = {name for row in rows for name in earlier_batches(row.member)}
    standing = standing_of(claims, sorted({str(batch.id), *earlier}), batch)
    judgement = Judgement()
    contested = False
    for group in grouped(row for row in rows if is_plain(row)):
        outcome = _book_group(context, batch, group, standing, contested=contested)
        standing, contested = outcome.standing, outcome.contested
        judgement.refused.extend(outcome.refused)
        judgement.flagged.extend(outcome.flagged)
    others = [row for row in rows if not is_plain(row)]
    for row in others:
        book_singly(context, batch, row, judgement.refused, judgement.flagged)
    if others:
        standing = standing.read_again()
    finish_claims(list(standing.claims.values()), change_of(context, "settlement.record_results"))
    return judgement


def _book_group(
    context: Context, batch: Batch, group: Group, standing: Standing, *, contested: bool
) -> GroupOutcome:
    """Book a group unread; where somebody wrote before, look first at what is known of its lines.

    That is a repeat, another request, or a voucher that is gone. Once it was so, the next groups look first.
    """
    if not contested:
        try:
            return GroupOutcome(_write(context, batch, group, standing, {}), contested=False)
        except ConditionFailed:
            pass

    def attempt() -> GroupOutcome:
        judgement = judge(batch, group.rows)
        if not judgement.fresh:
            return GroupOutcome(standing, judgement.refused, judgement.flagged)
        fresh = Group(group.program_id, group.budget_year, tuple(judgement.fresh))
        unsettled = _unsettled(fresh)
        after = _write(context, batch, fresh, standing.read_again(), unsettled)
        flagged = [
            flag(row, unsettled[row.member.line_id]) for row in fresh.rows if row.member.line_id in unsettled
        ]
        return GroupOutcome(after, judgement.refused, [*judgement.flagged, *flagged])

    return until_written(attempt, tries=_TRIES)


def _unsettled(group: Group) -> dict[str, str]:
    """Tell which paid lines' vouchers cannot be settled any more, and in which state they are."""
    vouchers = {
        voucher.id: voucher for voucher in find_vouchers([row.member.voucher_id for row in group.paid])
    }
    gone: dict[str, str] = {}
    for _, member in group.paid:
        status = gone_status(vouchers.get(member.voucher_id), member.enrolment_id)
        if status is not None:
            gone[member.line_id] = status
    return gone


def _write(
    context: Context, batch: Batch, group: Group, standing: Standing, unsettled: Mapping[str, str]
) -> Standing:
    """Write a group as one transaction, and give what stands after it.

    Raises:
        ConditionFailed: somebody else has changed something that this stands on.
        Forbidden: `exported_by_you`, the caller has had the file meanwhile.

    """
    hands = context.principal.hands
    refuse(why_not("results", standing.batches[batch.id], own_work=False, hands=hands))
    writes: list[Write] = []
    for result, member in group.rows:
        gone = unsettled.get(member.line_id)
        writes.append(_line_write(context, batch, result, member, unsettled=gone))
        if result.paid and gone is None:
            writes.append(
                settle_write(
                    member.voucher_id,
                    enrolment_id=member.enrolment_id,
                    served_in=standing.claims[claim_of_line(member.line_id)].division,
                    amount_fen=member.amount_fen,
                    now=context.now,
                )
            )
    writes += [
        batch_store.progress_write(
            standing.batches[name],
            results=results,
            paid=paid,
            hands=hands if name == batch.id else frozenset(),
        )
        for name, (results, paid) in group.by_batch(batch.id).items()
    ]
    writes += [
        payments.pay_claim_write(standing.claims[claim_id], lines=paid)
        for claim_id, paid in group.paid_by_claim().items()
    ]
    if group.paid:
        writes += _money_writes(context, batch, group)
    transact(writes, change=change_of(context, "settlement.record_results"))
    return standing.after(group, batch.id)


def _line_write(
    context: Context, batch: Batch, result: PaymentResult, member: Member, *, unsettled: str | None
) -> Write:
    attempts = [*member.attempts, attempt_of(context, batch.id, result)]
    if result.paid:
        return payments.pay_line_write(member.line_id, attempts, unsettled=unsettled)
    return payments.fail_line_write(member.line_id, attempts, city=batch.division, at=context.now)


def _money_writes(context: Context, batch: Batch, group: Group) -> list[Write]:
    """Post what was paid, and move it from reserved to spent in the budget."""
    postings = [
        Posting(
            member.line_id,
            member.voucher_id,
            member.institution,
            member.amount_fen,
            result.bank_reference,
            result.paid_on,
        )
        for result, member in group.paid
    ]
    posted = PostingGroup(
        division=batch.division,
        id=group_id_of(batch.id, Event.PAID, postings),
        event=Event.PAID,
        program_id=group.program_id,
        budget_year=group.budget_year,
        batch_id=batch.id,
        posted_at=context.now,
        postings=postings,
    )
    spent_fen = sum(posting.amount_fen for posting in postings)
    return [
        budget_store.spend_write(batch.division, group.budget_year, group.program_id, amount_fen=spent_fen),
        *ledger_store.post_writes(posted),
    ]
