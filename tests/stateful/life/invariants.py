"""What has to hold after every step: the tables say what the model says, and the design's invariants."""

from collections import Counter
from typing import Any

from tests.stateful.life.driver import Service
from tests.stateful.life.model import LINE_FEN, Life


def stored_voucher(voucher_id: str) -> Any:
    from chalicelib.vouchers.store import read_voucher

    return read_voucher(voucher_id)


def stored_enrolment(enrolment_id: str) -> Any:
    from chalicelib.enrolments.store import read_enrolment

    return read_enrolment(enrolment_id)


def batch_rows(service: Service) -> list[Any]:
    from chalicelib.settlement.batches.store import BatchRow

    return sorted(service.emulator.rows(BatchRow), key=lambda batch: batch.number)


def was_due(life: Life, where: tuple[int, int]) -> bool:
    """Invariant 4, as it stood when the line went into its batch: what cannot be undone since."""
    klass = life.classes[where[0]]
    claim = klass.claim
    return (
        claim is not None
        and claim.published_on is not None
        and where[1] in klass.passed
        and klass.served(where[1])
        and len({claim.submitted_by, claim.reviewed_by, claim.approved_by}) == 3
    )


def check(service: Service, life: Life, ids: dict[Any, str]) -> None:
    _check_vouchers(service, life, ids)
    _check_classes(service, life, ids)
    _check_lines(service, life, ids)
    _check_budget(service, life)


def _check_vouchers(service: Service, life: Life, ids: dict[Any, str]) -> None:
    from chalicelib.enrolments.store import EnrolmentRow
    from chalicelib.vouchers.store import VoucherRow

    rows = {row.id: row for row in service.emulator.rows(VoucherRow)}
    assert rows.keys() == {ids["voucher", person] for person in life.vouchers}, "one voucher a person"
    enrolments = {row.id: row for row in service.emulator.rows(EnrolmentRow)}
    lines = life.lines()
    for person, voucher in life.vouchers.items():
        row = rows[ids["voucher", person]]
        if voucher.enrolment == "failed" and row.status == "closed" and voucher.status == "redeemed":
            voucher.become("closed")  # with the class, or before
        assert str(row.status) == voucher.status, f"voucher of {person}"
        assert row.version == voucher.changes, f"{person}: each change once, and nothing besides"
        if voucher.enrolment:
            assert str(enrolments[ids["enrolment", person]].status) == voucher.enrolment, (
                f"enrolment of {person}"
            )
        own = [line for (_, one), line in lines.items() if one == person]
        assert row.paid_fen == LINE_FEN * sum(line.status in ("paid", "reversed") for line in own)
        assert row.reversed_fen == LINE_FEN * sum(line.status == "reversed" for line in own)
        assert sum(line.payments for line in own) <= 1, "never paid twice"


def _check_classes(service: Service, life: Life, ids: dict[Any, str]) -> None:
    from chalicelib.classes.store import ClassRow
    from chalicelib.subsidies.claims.store import ClaimRow

    heads = {row.id: row for row in service.emulator.rows(ClassRow) if hasattr(row, "created_at")}
    claims = {row.id: row for row in service.emulator.rows(ClaimRow)}
    assert len(heads) == len(life.classes)
    assert len(claims) == sum(klass.claim is not None for klass in life.classes)
    for number, klass in enumerate(life.classes):
        assert str(heads[ids["class", number]].status) == klass.status, f"class {number}"
        if klass.claim is not None:
            row = claims[ids["claim", number]]
            if klass.claim.status == "publicised":
                assert str(row.status) in ("publicised", "payable", "batched", "paid")
            else:
                assert str(row.status) == klass.claim.status, f"claim {number}"
            assert row.reviewed_by is None or row.reviewed_by != row.approved_by


def _check_lines(service: Service, life: Life, ids: dict[Any, str]) -> None:
    from chalicelib.subsidies.claims.store import LineRow

    rows = {row.id: row for row in service.emulator.rows(LineRow)}
    lines = life.lines()
    assert rows.keys() == {ids["line", *where] for where in lines}
    for where, line in lines.items():
        row = rows[ids["line", *where]]
        stored = "pending" if row.status == "held" else str(row.status)
        assert stored == line.status, f"line {where}"
        paid = Counter(str(attempt.status) for attempt in row.attempts)
        assert paid["paid"] == line.payments
    batches = batch_rows(service)
    assert len(batches) == len(life.batches)
    for number, batch in enumerate(life.batches):
        assert (batches[number].id, str(batches[number].status)) == (ids["batch", number], batch.status)
        assert batches[number].line_count == len(batch.lines)


def _check_budget(service: Service, life: Life) -> None:
    from chalicelib.settlement.ledger import service as ledger
    from chalicelib.settlement.ledger.model import MEMORANDUM
    from chalicelib.settlement.ledger.store import SummaryRow
    from chalicelib.subsidies.budgets.store import BudgetRow

    for row in service.emulator.rows(BudgetRow):
        found = (row.appropriated_fen, row.reserved_fen, row.spent_fen, row.receivable_fen)
        assert found == (life.appropriated_fen, life.reserved_fen, life.spent_fen, life.receivable_fen)
        assert row.available_fen == life.free_fen >= 0
    sums = ledger.add_up(service.emulator.rows(SummaryRow))
    books = [one for name, one in sums.items() if not name.startswith(MEMORANDUM)]
    assert sum(one.debit_fen for one in books) == sum(one.credit_fen for one in books)


FINAL = {
    "voucher": ("settled", "closed", "revoked", "expired"),
    "class": ("closed", "cancelled"),
    "claim": ("paid", "rejected"),
}
CALLERS = (
    "institution",
    "institution_two",
    "clerk",
    "reviewer",
    "finance",
    "finance_two",
    "supervisor",
    "province",
)


def nobody_is_stuck(service: Service, life: Life, ids: dict[Any, str]) -> None:
    """Whatever has not ended is offered to somebody, or a clock of the design moves it on."""
    for number, klass in enumerate(life.classes):
        path = f"/v1/classes/{ids['class', number]}"
        waits_for_claim = klass.status == "claimed"
        ahead = klass.status == "approved" and service.now <= klass.ends
        if klass.status in FINAL["class"] or waits_for_claim or ahead:
            continue
        assert _offered(service, path, klass.school), f"nobody can go on with class {number}, {klass.status}"
    for number, klass in enumerate(life.classes):
        if klass.claim is None or klass.claim.status not in ("submitted", "reviewed", "returned"):
            continue
        path = f"/v1/subsidy-claims/{ids['claim', number]}"
        assert _offered(service, path, klass.school), (
            f"nobody can go on with claim {number}, {klass.claim.status}"
        )
    for number, batch in enumerate(life.batches):
        stopped = any(life.classes[where[0]].school in life.suspended for where in batch.lines)
        if batch.status in ("sealed", "exported") and not stopped:  # whoever stopped it lets it go on
            assert _offered(service, f"/v1/settlement-batches/{ids['batch', number]}", ""), (
                f"batch {number} rests"
            )


def _offered(service: Service, path: str, school: str) -> bool:
    """Tell whether somebody who reads it is offered something."""
    for who in CALLERS:
        if who.startswith("institution") and who != school:
            continue
        answer = service.world.api(who).get(path, at=service.now)
        if answer.status == 200 and answer.json["allowed_actions"]:
            return True
    return False
