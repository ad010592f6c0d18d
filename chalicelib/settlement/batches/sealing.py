"""Sealing a division's next batch: the same batch however often, in parallel, or after a crash.

A batch is opened under the division's next number with the moment it is decided by. Then chunks of
lines are put into it, each in one transaction that moves the lines, notes it on their claims and stores
the chunk; a line can be moved once, and only into a batch that is still being collected. At the end the
count, amount and digest are fixed on condition that no chunk came in between. Whoever finds a batch that
is still being collected goes on with it, from the same moment and in the same order.

A line costs one call in a hundred to read and one in ninety to write. Vouchers are read only for lines about
which something is in doubt: as long as a claim is open its class is `claimed`, its enrolments are scored, and
every write that takes a voucher out of `redeemed` other than a payment has the enrolment's or the class's
state in its condition, so a scored trainee's voucher can be neither revoked, released nor withdrawn. Reading
them all would take a line to 0.0522 calls (reads 0.02, batching 0.0105, paying 0.0217) before anything else,
above the floor of 0.05: a call reads at most a hundred rows and writes at most a hundred.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.attendance.summary.service import attendance_of
from chalicelib.aws import crypto
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, ConditionFailed, Write, transact
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.catalogue.institutions.service import open_bank_accounts
from chalicelib.classes.service import read_class
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import BATCH_LINES_MAX, Batch, BatchStatus, Member, Payee
from chalicelib.settlement.batches.payment_file import payee_item, payment_file
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import (
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    status_shown,
    waits_for_closing,
)
from chalicelib.subsidies.claims.moves import batched_after
from chalicelib.subsidies.holds import store as hold_store
from chalicelib.subsidies.holds.model import (
    HoldKind,
    attendance_hold,
    check_hold,
    decided_holds,
    is_derived_hold,
    is_of_kind,
)
from chalicelib.subsidies.payability.model import evaluate
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers

_PASSES = 20
_CLAIMS_A_READ = 100
LINES_A_PORTION_MAX = 90
_FIXED_WRITES = 2  # the batch and the chunk
_SPLIT_WRITES_MIN = 5
"""A claim is not cut for fewer lines than this: each cut writes the claim once more."""


@dataclass(frozen=True)
class Portion:
    """Lines that go into a batch together: all payable ones of a claim, or one to be paid again."""

    claim: Claim | None
    lines: list[Line]

    @property
    def writes(self) -> int:
        """Count the writes of a transaction that this takes."""
        return len(self.lines) + (self.claim is not None)

    def split(self, room: int) -> tuple["Portion", "Portion"]:
        """Cut this in two: what fits into so many writes, and the rest as it stands after that."""
        assert self.claim is not None
        count = room - 1
        rest = batched_after(self.claim, lines=count)
        return Portion(self.claim, self.lines[:count]), Portion(rest, self.lines[count:])


def seal_division(context: Context, division: str) -> Batch | None:
    """Seal what is due in a division, up to `BATCH_LINES_MAX` lines; None if nothing is.

    Raises:
        Refused: `budget_exhausted`, less is reserved than the lines come to. They stay in the batch, which is
            sealed once the budget is right, and nothing of it is paid before.
        Unavailable: other workers were always first; what they sealed is safe.

    """
    change = change_of(context, "settlement.seal")
    for _ in range(_PASSES):
        batch = _batch_to_fill(context, division, change)
        if batch is None:
            return None
        sealed = _fill_and_seal(batch, context, change)
        if sealed is not None:
            return sealed if sealed.status is not BatchStatus.SEALING else None
    raise error("try_again")


def _batch_to_fill(context: Context, division: str, change: Change) -> Batch | None:
    """Find the batch that is being collected, or open the next one if anything is due."""
    for _ in range(_PASSES):
        newest = batches_store.newest_batch(division)
        if newest is not None and newest.status is BatchStatus.SEALING:
            if newest.chunks:
                return newest
            reopened = batches_store.reopen_batch(newest, now=context.now, change=change)
            if reopened is not None:
                return reopened
            continue
        if not _anything_due(division, context, change):
            return None
        number = newest.number if newest is not None else 0
        opened = batches_store.open_batch(division, after=number, now=context.now, change=change)
        if opened is not None:
            return opened
    raise error("try_again")


def _fill_and_seal(batch: Batch, context: Context, change: Change) -> Batch | None:
    """Fill a batch and seal it; None if it has to be looked at again."""
    decided_by = Context(principal=context.principal, now=batch.opened_at, request_id=context.request_id)
    for _ in range(_PASSES):
        room = BATCH_LINES_MAX - sum(len(chunk.members) for chunk in batches_store.chunks_of(batch.id))
        complete = True
        for group in _groups(_portions(batch.division, decided_by, limit=room, change=change)):
            try:
                transact(_chunk(batch, group), change=change)
            except ConditionFailed as failure:
                if failure.table is batches_store.BatchRow:
                    return batches_store.find_batch(batch.id)
                complete = False  # another worker was first, or a line was stopped meanwhile
        if not complete:
            continue
        return _seal(batch, context, change)
    raise error("try_again")


def _seal(batch: Batch, context: Context, change: Change) -> Batch | None:
    chunks = batches_store.chunks_of(batch.id)
    members = [member for chunk in chunks for member in chunk.members]
    if not members:
        return batch
    _require_reserved(batch.division, members)
    _freeze_payees(context, batch, members)
    file = payment_file(context, batch, members)
    try:
        return batches_store.seal_batch(
            batch.id,
            chunks=len(chunks),
            count=len(members),
            amount_fen=sum(member.amount_fen for member in members),
            digest=hashlib.sha256(file).hexdigest(),
            now=context.now,
            change=change,
        )
    except ConditionFailed:
        again = batches_store.find_batch(batch.id)
        return again if again is not None and again.status is not BatchStatus.SEALING else None


def _require_reserved(division: str, members: Sequence[Member]) -> None:
    """Compare a batch with what second review has set aside: they differ only if a table was edited."""
    due_fen: Counter[tuple[int, str]] = Counter()
    for member in members:
        due_fen[member.budget_year, member.program_id] += member.amount_fen
    budgets = budget_store.find_budgets(division, due_fen)
    missing_fen = sum(
        max(0, fen - (budgets[key].reserved_fen if key in budgets else 0)) for key, fen in due_fen.items()
    )
    if missing_fen:
        raise error("budget_exhausted", missing_fen=missing_fen)


# --------------------------------------------------------------------------- what is due


def _anything_due(division: str, context: Context, change: Change) -> bool:
    """Tell by the indexes alone whether to open a batch; one that stays empty is used another day."""
    if claims.lines_to_retry(division, limit=1):
        return True
    for claim in claims.due_claims(division, on=shanghai_date(context.now)):
        if waits_for_closing(claim):
            finish_claims([claim], change)
        elif not claim.open_objections:
            return True
    return False


def _portions(division: str, context: Context, *, limit: int, change: Change) -> Iterator[Portion]:
    """Give what is due in a division, always in the same order: repayments, then the oldest claims."""
    left = limit
    for portion in _repayments(division, limit=left, change=change):
        left -= len(portion.lines)
        yield portion
    waiting: list[str] = []
    expected = 0
    today = shanghai_date(context.now)
    for claim in claims.due_claims(division, on=today):
        waiting.append(claim.id)
        expected += claim.line_count - claim.batched_count
        if len(waiting) < _CLAIMS_A_READ and expected < left:
            continue
        for portion in _payable(waiting, today, change):
            if len(portion.lines) > left:
                return
            left -= len(portion.lines)
            yield portion
        waiting, expected = [], 0
        if left <= 0:
            return
    for portion in _payable(waiting, today, change):
        if len(portion.lines) > left:
            return
        left -= len(portion.lines)
        yield portion


def _repayments(division: str, *, limit: int, change: Change) -> Iterator[Portion]:
    """Give the lines that the bank did not pay, looked at again: in a batch nothing stops a line."""
    if limit <= 0:
        return
    lines = claims.find_lines(claims.lines_to_retry(division, limit=limit))
    failed = [line for line in lines if line.status is LineStatus.PAYMENT_FAILED]
    vouchers = {one.id: one for one in find_vouchers([line.voucher_id for line in failed])}
    for one in failed:
        line = _looked_at(one, vouchers.get(one.voucher_id), [], change)
        if line is not None and line.status is LineStatus.PAYMENT_FAILED and not line.holds:
            yield Portion(None, [line])


def _payable(claim_ids: Sequence[str], today: date, change: Change) -> Iterator[Portion]:
    """Give the payable lines of due claims; where one is in doubt, payability is decided a last time.

    The index that named the claims lags: their state and the end of publicity are read from the table.
    """
    found: dict[str, Claim] = {claim.id: claim for claim in claims.find_claims(list(claim_ids))}
    ready = []
    for claim_id in claim_ids:
        claim = found.get(claim_id)
        if claim is None:
            continue
        if waits_for_closing(claim):
            finish_claims([claim], change)
        elif status_shown(claim, today) is ClaimStatus.PAYABLE and not claim.open_objections:
            ready.append(claim)
    lines = {one.id: one for one in claims.find_lines([one for claim in ready for one in claim.line_ids])}
    unpaid = (LineStatus.PENDING, LineStatus.HELD)
    waiting = {one: line for one, line in lines.items() if line.status in unpaid}
    doubtful = [line for line in waiting.values() if _is_doubtful(line)]
    vouchers = {one.id: one for one in find_vouchers([line.voucher_id for line in doubtful])}
    for claim in ready:
        mine = [waiting[one] for one in claim.line_ids if one in waiting]
        attendance_holds = _attendance_holds(claim, mine)
        looked_at = (
            _looked_at(
                line, vouchers.get(line.voucher_id), attendance_holds.get(line.enrolment_id, []), change
            )
            if _is_doubtful(line)
            else line
            for line in mine
        )
        payable = [line for line in looked_at if line is not None and line.status is LineStatus.PENDING]
        if payable:
            yield Portion(claim, payable)


def _is_doubtful(line: Line) -> bool:
    """Tell whether something speaks against a line that may have gone since."""
    return any(is_derived_hold(hold) for hold in line.holds)


def _looked_at(
    line: Line, voucher: Voucher | None, attendance_holds: Sequence[str], change: Change
) -> Line | None:
    """Decide on a line a last time; what now speaks against it holds it, what no longer does lets it go.

    Whoever lists a person marks the voucher first and then finds the line held already. So the voucher is
    read once more after the line was let go: one of the two sees the other.
    """
    after = _decided(line, voucher, attendance_holds, change)
    if after is None or after.holds or not line.holds:
        return after
    again = find_vouchers([line.voucher_id])
    return _decided(after, again[0] if again else None, attendance_holds, change)


def _decided(
    line: Line, voucher: Voucher | None, attendance_holds: Sequence[str], change: Change
) -> Line | None:
    holds = [*decided_holds(line), *attendance_holds]
    outcome = evaluate(
        line.evidence, voucher, enrolment_id=line.enrolment_id, voucher_id=line.voucher_id, holds=holds
    )
    holds += [
        check_hold(check.name) for check in outcome.checks if not check.passed and check.name != "no_hold"
    ]
    if outcome.payable and outcome.amount_fen != line.amount_fen:
        holds.append(check_hold("amount"))
    return line if holds == line.holds else hold_store.set_holds(line, holds, change)


def _attendance_holds(claim: Claim, lines: Iterable[Line]) -> dict[str, list[str]]:
    """Look again at the holds that follow from attendance, for claims that have any."""
    if not any(is_of_kind(hold, HoldKind.ATTENDANCE) for line in lines for hold in line.holds):
        return {}
    attended = attendance_of(read_class(claim.class_id)).trainees
    return {one.enrolment_id: [attendance_hold(hold) for hold in one.holds] for one in attended}


def _groups(portions: Iterable[Portion]) -> Iterator[list[Portion]]:
    """Pack portions into transactions, in order; a claim may go on in the next one."""
    group: list[Portion] = []
    room = TRANSACTION_ITEMS_MAX - _FIXED_WRITES
    for portion in portions:
        rest = portion
        while rest.writes > room:
            if rest.claim is not None and room >= _SPLIT_WRITES_MIN:
                first, rest = rest.split(room)
                group.append(first)
            yield group
            group, room = [], TRANSACTION_ITEMS_MAX - _FIXED_WRITES
        group.append(rest)
        room -= rest.writes
    if group:
        yield group


def _chunk(batch: Batch, group: Sequence[Portion]) -> list[Write]:
    members: list[Member] = []
    moves: list[Write] = []
    for portion in group:
        for line in portion.lines:
            year = portion.claim.budget_year if portion.claim is not None else line.budget_year
            assert year is not None
            members.append(
                Member(
                    line.id,
                    line.enrolment_id,
                    line.voucher_id,
                    line.institution,
                    line.program_id,
                    year,
                    line.amount_fen,
                    line.attempts,
                )
            )
            moves.append(payments.batch_line_write(line, batch_id=batch.id, budget_year=year))
        if portion.claim is not None:
            moves.append(payments.batch_claim_write(portion.claim, lines=len(portion.lines)))
    return [*batches_store.chunk_writes(batch, members), *moves]


# --------------------------------------------------------------------------- the payment file


def _freeze_payees(context: Context, batch: Batch, members: Iterable[Member]) -> None:
    """Keep the accounts as they are now, so that a later change does not alter the file."""
    known = batches_store.payees_of(batch.id)
    wanted = sorted({member.institution for member in members} - known.keys())
    institutions = [read_institution(uscc) for uscc in wanted]
    numbers = open_bank_accounts(
        context, institutions, subject=batch.id, division=batch.division, purpose="seal settlement batch"
    )
    for institution, number in zip(institutions, numbers, strict=True):
        uscc = institution.uscc
        batches_store.keep_payee(
            Payee(
                batch_id=batch.id,
                institution=uscc,
                holder=institution.bank_holder,
                bank=institution.bank,
                sealed_account=crypto.seal(number.encode(), item=payee_item(batch.id, uscc)),
            )
        )
