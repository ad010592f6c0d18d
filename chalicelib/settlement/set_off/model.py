"""Set-off: how much of a payment is kept for what its institution owes, line by line.

    owed          line A 100,000 (due first), line B 50,000
    to be paid    line P 120,000, line Q 120,000
    P             20,000 are paid, 100,000 set off against A
    Q             70,000 are paid, 50,000 set off against B

What is set off is kept aside on the line that is owed for as soon as the payment is in a batch, so that
neither a repayment nor another batch takes that part of the debt; it counts once the payment is booked.
"""

from collections.abc import Iterable, Sequence

import msgspec

from chalicelib.kernel.ids import LineId
from chalicelib.settlement.clawback.model import outstanding_fen
from chalicelib.subsidies.claims.model import Line, SetOff

PARTS_A_LINE_MAX = 10
"""Each part is three or four writes of the one transaction that books a payment."""
DEBTS_A_CHUNK_MAX = 45


class DebtPart(msgspec.Struct, frozen=True, array_like=True):
    """A part of what is owed for a line, kept of another line's payment."""

    line_id: LineId
    amount_fen: int


class Debts:
    """What institutions owe a division while a batch is filled; each part is kept of one payment only."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines: dict[str, Line] = {}
        self._owed: dict[str, list[str]] = {}
        for line in sorted(lines, key=_due_first):
            self._lines[line.id] = line
            self._owed.setdefault(line.institution, []).append(line.id)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def keep_of(self, payment: Line, *, batch_id: str, chunk: dict[str, Line]) -> list[DebtPart]:
        """Keep of a payment what its institution owes, the part that was due first before the others.

        `chunk` has the lines owed for, as they were before the chunk they are written with, by id.
        """
        parts: list[DebtPart] = []
        left_fen = payment.amount_fen
        for line_id in self._owed.get(payment.institution, ()):
            debt = self._lines[line_id]
            fen = min(left_fen, outstanding_fen(debt))
            if fen <= 0 or (line_id not in chunk and len(chunk) == DEBTS_A_CHUNK_MAX):
                continue
            if len(parts) == PARTS_A_LINE_MAX:
                break
            chunk.setdefault(line_id, debt)
            self._lines[line_id] = with_set_off(debt, SetOff(payment.id, batch_id, fen))
            parts.append(DebtPart(debt.id, fen))
            left_fen -= fen
        return parts

    def as_kept(self, line_id: str) -> Sequence[SetOff]:
        """Give what covers the debt of a line by now."""
        return self._lines[line_id].set_offs

    def written(self, chunk: Iterable[str]) -> None:
        """Take it that a chunk was written: the lines in it are one version further."""
        for line_id in chunk:
            line = self._lines[line_id]
            self._lines[line_id] = msgspec.structs.replace(line, version=line.version + 1)


def _due_first(line: Line) -> tuple[str, str]:
    return (line.repay_by.isoformat() if line.repay_by is not None else ""), line.id


def with_set_off(debt: Line, set_off: SetOff) -> Line:
    """Give a line as it is once so much more of what is owed for it is covered."""
    return msgspec.structs.replace(debt, set_offs=[*debt.set_offs, set_off])


def without(set_offs: Sequence[SetOff], line_id: str, batch_id: str) -> list[SetOff]:
    """Give what covers a debt without what one payment of one batch did."""
    return [set_off for set_off in set_offs if (set_off.line_id, set_off.batch_id) != (line_id, batch_id)]


def parts_fen(parts: Iterable[DebtPart]) -> int:
    """Add up parts."""
    return sum(part.amount_fen for part in parts)
