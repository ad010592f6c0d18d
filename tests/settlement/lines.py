"""A paid line as records have it, for rules that are tried without any table."""

from datetime import UTC, date, datetime
from typing import Any

from chalicelib.subsidies.claims.model import BankOutcome, Line, PaymentAttempt
from chalicelib.subsidies.claims.states import LineStatus

SCHOOL: Any = "91340111MX0000027D"


def paid_line(name: str = "lin_a-01", **facts: Any) -> Line:
    known: dict[str, Any] = {
        "id": name,
        "division": "340111",
        "city": "3401",
        "institution": SCHOOL,
        "program_id": "prg_a",
        "enrolment_id": "enr_a",
        "voucher_id": "vch_a",
        "person_key": "prs_a",
        "trainee_name": "张*",
        "trainee_id_number": "340***********1234",
        "occupation": "4-01-02-03",
        "status": LineStatus.PAID,
        "amount_fen": 180_000,
        "evidence": None,
        "submitted_at": datetime(2026, 9, 1, tzinfo=UTC),
        "attempts": [
            PaymentAttempt(
                batch_id="bat_a", status=BankOutcome.PAID, amount_fen=180_000, paid_on=date(2026, 9, 20)
            )
        ],
    }
    return Line(**{**known, **facts})
