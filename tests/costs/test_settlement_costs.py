"""What a settled line costs, sealing and results together, and that it costs the same however many there are.

Opening, sealing, exporting and closing a batch takes some thirty calls whatever its size, so the floor holds for
full batches, and for each further line in smaller ones. `make bench-large` asks for 100,000 lines.
"""

import math

import pytest

from tests.costs.conftest import MEASURED, Cost
from tests.settlement.due import due_lines
from tests.support.depth import sizes_of

CLASS_SIZE = 40
CALLS_FLOOR, UNITS_FLOOR = 0.05, 8
SIZES = sizes_of("SETTLED_LINES", usual=(1000, 3000), full=(1000, 5000))


def settle(world, measure, lines):
    """Seal and pay everything that is due, as the queue's worker and the bank's files would."""
    from chalicelib.kernel.ids import new_id
    from chalicelib.kernel.principal import Context, Principal, Role, system_context
    from chalicelib.settlement.batches import service
    from chalicelib.settlement.batches import store as batches_store
    from chalicelib.settlement.batches.model import BATCH_LINES_MAX
    from chalicelib.settlement.batches.sealing import seal_division
    from chalicelib.settlement.results import service as results
    from chalicelib.settlement.results.model import PaymentResult
    from chalicelib.subsidies.claims.model import BankOutcome

    night = system_context("settle_subsidies", now=world.now, request_id="req_night")
    officer = Principal(actor="acc_finance", role=Role.FINANCE, division="3401")
    day = Context(principal=officer, now=world.now, request_id=new_id("req"))
    other = Principal(actor="acc_finance_two", role=Role.FINANCE, division="3401")
    file = Context(principal=other, now=world.now, request_id=new_id("req"))
    batches, most = [], 0
    with measure() as sealing:
        while (batch := seal_division(night, "3401")) is not None:
            batches.append(batch)
            most = max(most, batch.line_count)
    assert most <= BATCH_LINES_MAX, "no run of a function carries more"
    with measure() as paying:
        for batch in batches:
            service.export(file, batch.id)
            rows = [
                PaymentResult(
                    row=place,
                    line_id=one.line_id,
                    outcome=BankOutcome.PAID,
                    amount_fen=one.amount_fen,
                    paid_on=world.now.date(),
                    bank_reference=f"TK{place:08d}",
                    reason=None,
                )
                for place, one in enumerate(batches_store.members_of(batch.id), start=1)
            ]
            assert results.record_results(day, batch.id, rows).applied == batch.line_count
    assert sum(batch.line_count for batch in batches) == lines
    return sealing, paying


@pytest.mark.parametrize("lines", SIZES)
def test_settling(world, measure, lines):
    from chalicelib.settlement.batches.model import BATCH_LINES_MAX
    from chalicelib.settlement.ledger.service import books_of

    owed_fen = due_lines(world, classes=lines // CLASS_SIZE, size=CLASS_SIZE)
    sealing, paying = settle(world, measure, lines)
    calls = (sealing.call_count + paying.call_count) / lines
    units = (sealing.writes + paying.writes) / lines
    MEASURED[f"settle one of {lines:,} lines"] = Cost(
        calls=calls,
        calls_floor=CALLS_FLOOR,
        writes=units,
        writes_floor=UNITS_FLOOR,
        index_writes=(sealing.index_writes + paying.index_writes) / lines,
        reads=(sealing.reads + paying.reads) / lines,
    )
    spent = sum(one.debit_fen for one in books_of("3401").values())
    assert spent == owed_fen
    assert units <= UNITS_FLOOR
    if lines >= BATCH_LINES_MAX:
        assert calls <= CALLS_FLOOR
    if lines > min(SIZES):
        least = MEASURED[f"settle one of {min(SIZES):,} lines"]
        further = (calls * lines - least.calls * min(SIZES)) / (lines - min(SIZES))
        assert further <= CALLS_FLOOR, "each further line costs no more"
        assert math.isclose(units, least.writes, rel_tol=0.1), "growth is flat"
