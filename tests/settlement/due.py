"""Claims whose publicity is over, written straight into the tables: settlement in bulk, without the reviews."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from chalicelib.catalogue.payees.model import payee_id_of
from chalicelib.classes.model import ClassStatus
from chalicelib.classes.store import ClassRow
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.kernel.ids import new_id
from chalicelib.subsidies.budgets.model import Budget, budget_id_of
from chalicelib.subsidies.budgets.store import BudgetRow
from chalicelib.subsidies.claims.evidence import PayabilityEvidence
from chalicelib.subsidies.claims.model import Claim, Line, claim_id_of, line_id_of
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.claims.store import ClaimRow, LineRow
from chalicelib.supervision.touches.model import Touched, touch
from chalicelib.supervision.touches.store import TouchedRow
from chalicelib.vouchers.model import Voucher, VoucherStatus, voucher_id_of
from chalicelib.vouchers.store import VoucherRow
from tests.support.people import HEFEI_SCHOOL

LINE_FEN = 180_000
EVIDENCE = PayabilityEvidence(
    class_status=ClassStatus.SCORED,
    completion_approved_on=date(2026, 8, 31),
    on_roster=True,
    enrolment_status=EnrolmentStatus.PASSED,
    theory=80,
    practice=80,
    pass_mark=60,
    hours=Decimal(40),
    required_hours=Decimal(40),
    share=Decimal("1.0000"),
    attendance_min=Decimal("0.8"),
    fee_fen=LINE_FEN,
    rate_passed=Decimal("1.0"),
    rate_failed=Decimal("0.0"),
    subsidies_this_year=0,
    subsidies_per_year=3,
    same_level_before=False,
)


def due_lines(world: Any, *, classes: int, size: int, start: int = 0, city: str = "3401") -> int:
    """Store claims of full classes, due at the world's time, with their budget reserved; give their amount."""
    with ClassRow.batch_write() as rows:
        built = [_claim(world, city) for _ in range(classes)]
        for claim, head in built:
            rows.save(head)
            claim.line_ids = [line_id_of(claim.id, place + 1) for place in range(size)]
            claim.line_count = claim.declared_count = size
            claim.amount_fen = claim.declared_amount_fen = size * LINE_FEN
    with ClaimRow.batch_write() as claim_rows:
        for claim, _ in built:
            claim_rows.save(claim)
    with TouchedRow.batch_write() as touched:
        for claim, _ in built:
            touched.save(TouchedRow.from_record(_evaluated(claim.class_id, world.now)))
    with LineRow.batch_write() as lines, VoucherRow.batch_write() as vouchers:
        for line, voucher in _lines(world, [claim for claim, _ in built], start):
            lines.save(line)
            vouchers.save(voucher)
    amount_fen = classes * size * LINE_FEN
    BudgetRow.from_record(
        Budget(
            id=budget_id_of(city, 2026),
            program_id=world.program_id,
            division=city,
            year=2026,
            appropriated_fen=amount_fen,
            available_fen=0,
            reserved_fen=amount_fen,
        )
    ).save()
    return amount_fen


def _evaluated(class_id: str, now: datetime) -> Touched:
    """Give what the night leaves of a class that every rule was carried out on."""
    asked = msgspec.structs.replace(touch(class_id, now), due_at=now)
    return msgspec.structs.replace(asked, asked_at=now, answered_at=now)


def _claim(world: Any, city: str) -> tuple[ClaimRow, ClassRow]:
    class_id: Any = new_id("cls")
    claim: Any = ClaimRow.from_record(
        Claim(
            id=claim_id_of(class_id),
            class_id=class_id,
            class_name="电商一班",
            institution=HEFEI_SCHOOL,  # type: ignore[arg-type]
            division="340111",
            city=city,
            program_id=world.program_id,
            project_id=world.project_id,
            status=ClaimStatus.PUBLICISED,
            line_ids=[],
            line_count=0,
            amount_fen=0,
            declared_count=0,
            declared_amount_fen=0,
            submitted_by="acc_teacher",
            submitted_at=world.now,
            reviewed_by="acc_clerk",
            approved_by="acc_reviewer",
            payee_id=payee_id_of(HEFEI_SCHOOL, 1),
            budget_year=2026,
            publicity_ends_on=world.now.date() - timedelta(days=1),
            due_city=city,
            due_on=f"{world.now.date().isoformat()}#{claim_id_of(class_id)}",
        )
    )
    head = ClassRow(
        class_id, "head", division="340111", city=city, status=str(ClassStatus.CLAIMED), version=1
    )
    return claim, head


def _lines(world: Any, claims: list[Any], start: int) -> Iterator[tuple[LineRow, VoucherRow]]:
    number = start
    for claim in claims:
        for line_id in claim.line_ids:
            number += 1
            person: Any = f"prs_{number:040d}"
            enrolment_id: Any = new_id("enr")
            voucher_id = voucher_id_of(person, world.program_id)
            yield (
                LineRow.from_record(
                    Line(
                        id=line_id,
                        division="340111",
                        city=claim.city,
                        institution=claim.institution,
                        program_id=world.program_id,
                        enrolment_id=enrolment_id,
                        voucher_id=voucher_id,
                        person_key=person,
                        trainee_name="张*",
                        trainee_id_number="340***********1234",
                        occupation="4-01-06-02/5",
                        status=LineStatus.PENDING,
                        amount_fen=LINE_FEN,
                        evidence=EVIDENCE,
                        submitted_at=world.now,
                    )
                ),
                VoucherRow.from_record(
                    Voucher(
                        id=voucher_id,
                        program_id=world.program_id,
                        person_key=person,
                        division="340111",
                        batch_id="iss_world",
                        status=VoucherStatus.REDEEMED,
                        face_value_fen=600_000,
                        holder_name="张*",
                        holder_id_number="340***********1234",
                        issued_at=world.now,
                        expires_at=world.now + timedelta(days=365),
                        valid_through=(world.now + timedelta(days=364)).date(),
                        enrolment_id=enrolment_id,
                        institution=claim.institution,
                        redeemed_at=world.now,
                        redeem_nonce="0123456789abcdef0123456789abcdef",
                        last_step=58_000_000,
                    )
                ),
            )
