"""What a claim leaves behind: its class is closed, and with it the vouchers that were not paid for."""

from collections.abc import Mapping, Sequence

from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, ConditionFailed, Write, transact, until_written
from chalicelib.classes.scores.store import close_write
from chalicelib.kernel.principal import Change
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import Claim, Leftover, claim_of_line, waits_for_closing
from chalicelib.subsidies.claims.moves import changed, closed, rejected
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.store import close_write as close_voucher_write
from chalicelib.vouchers.store import find_vouchers


def close_vouchers(leftovers: Sequence[Leftover]) -> list[Write]:
    """Close the vouchers that were redeemed for these enrolments and are still open."""
    return _closing(leftovers, _redeemed(leftovers))


def _redeemed(leftovers: Sequence[Leftover]) -> dict[str, Voucher]:
    vouchers = find_vouchers([leftover.voucher_id for leftover in leftovers]) if leftovers else []
    return {voucher.id: voucher for voucher in vouchers if voucher.status is VoucherStatus.REDEEMED}


def _closing(leftovers: Sequence[Leftover], redeemed: Mapping[str, Voucher]) -> list[Write]:
    return [
        close_voucher_write(leftover.voucher_id, enrolment_id=leftover.enrolment_id)
        for leftover in leftovers
        if leftover.voucher_id in redeemed
        and redeemed[leftover.voucher_id].enrolment_id == leftover.enrolment_id
    ]


def rejection_writes(claim: Claim, reason: str) -> list[Write]:
    """Reject a claim for good: its class closes, and with it every voucher redeemed for it."""
    used = [Leftover(line.enrolment_id, line.voucher_id) for line in store.find_lines(claim.line_ids)]
    return [
        store.move_write(claim, changed(claim, rejected(reason))),
        close_write(claim.class_id),
        *close_vouchers([*claim.leftovers, *used]),
    ]


def finish_claims(claims: Sequence[Claim], change: Change) -> None:
    """Close the classes of those of these claims that are over, with the vouchers that were not paid for.

    Many claims share a read and a transaction; where one of them is in the way, each is done by itself.
    """
    over = [claim for claim in claims if waits_for_closing(claim)]
    leftovers = _leftovers_of(over)
    redeemed = _redeemed([leftover for of_claim in leftovers.values() for leftover in of_claim])
    group: list[Write] = []
    together: list[Claim] = []
    for claim in over:
        writes = [*_class_writes(claim), *_closing(leftovers[claim.id], redeemed)]
        if len(group) + len(writes) > TRANSACTION_ITEMS_MAX:
            _finish(together, group, change)
            group, together = [], []
        group += writes
        together.append(claim)
    if together:
        _finish(together, group, change)


def _class_writes(claim: Claim) -> list[Write]:
    return [store.move_write(claim, closed(claim)), close_write(claim.class_id)]


def _leftovers_of(over: Sequence[Claim]) -> dict[str, list[Leftover]]:
    """Give the trainees of each claim who are not paid for: without a line, or with a rejected one."""
    some_rejected = [claim for claim in over if claim.line_count < len(claim.line_ids)]
    lines = store.find_lines([line_id for claim in some_rejected for line_id in claim.line_ids])
    leftovers: dict[str, list[Leftover]] = {claim.id: [*claim.leftovers] for claim in over}
    for line in lines:
        if line.status is LineStatus.REJECTED:
            leftovers[claim_of_line(line.id)].append(Leftover(line.enrolment_id, line.voucher_id))
    return leftovers


def _finish(together: Sequence[Claim], writes: Sequence[Write], change: Change) -> None:
    try:
        transact(writes, change=change)
    except ConditionFailed:
        for claim in together:
            _finish_alone(claim.id, change)


def _finish_alone(claim_id: str, change: Change) -> None:
    def attempt() -> None:
        claim = store.read_claim(claim_id)
        if not waits_for_closing(claim):
            return  # another worker has done it
        leftovers = _leftovers_of([claim])[claim.id]
        transact([*_class_writes(claim), *close_vouchers(leftovers)], change=change)

    until_written(attempt)
