"""What the reports count, and by how much one change of a voucher moves each count.

Counts are kept by the audit consumer in the very transaction that writes the audit record, so a stream
that repeats itself cannot count twice.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

EVERY_PROGRAM = "*"

STATUSES = ("issued", "claimed", "redeemed", "settled", "closed", "expired", "revoked")

REACHED: Mapping[str, str] = {
    "ever_issued": "issued_at",
    "ever_claimed": "claimed_at",
    "ever_redeemed": "redeemed_at",
    "ever_settled": "settled_at",
    "ever_restored": "restored_at",
}
"""A stage is reached while its moment stands on the voucher: a release takes redemption back.

Restored are vouchers that were lost and given back, whatever became of them since."""

AMOUNTS = ("face_value_fen", "paid_fen", "reversed_fen")
FIELDS = (*STATUSES, *REACHED, *AMOUNTS)
_INSTITUTION_FIELDS = frozenset(
    {"redeemed", "settled", "closed", "ever_redeemed", "paid_fen", "reversed_fen"}
)


class CountScope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose count: one program (or every one) and one division, or one institution as one chain sees it."""

    program: str
    place: str


class VoucherCount(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one scope; `as_of` is the number of the last audit record they include."""

    program: str
    place: str
    as_of: int
    issued: int = 0
    claimed: int = 0
    redeemed: int = 0
    settled: int = 0
    closed: int = 0
    expired: int = 0
    revoked: int = 0
    ever_issued: int = 0
    ever_claimed: int = 0
    ever_redeemed: int = 0
    ever_settled: int = 0
    ever_restored: int = 0
    face_value_fen: int = 0
    paid_fen: int = 0
    reversed_fen: int = 0


def division_place(division: str) -> str:
    """Name the place of a division's counts."""
    return f"division#{division}"


def institution_place(institution: str, chain: str = "", served_in: str = "") -> str:
    """Name the place of an institution's counts in one chain, of what it did in one division.

    Without a division it is that of vouchers redeemed before they told it, or what the names begin with.
    """
    place = f"institution#{institution}#{chain}"
    return f"{place}#{served_in}" if served_in else place


def institution_at(place: str) -> tuple[str, str | None]:
    """Tell whose counts stand at a place, and of what it did in which division (None: it is not told)."""
    _, institution, _, *served_in = place.split("#")
    return institution, served_in[0] if served_in else None


def values_of(voucher: Mapping[str, Any] | None) -> Counter[str]:
    """Give what one voucher adds to the counts of its scopes."""
    values: Counter[str] = Counter()
    if not voucher:
        return values
    values[str(voucher["status"])] += 1
    for name, moment in REACHED.items():
        values[name] += voucher.get(moment) is not None
    for name in AMOUNTS:
        values[name] += int(voucher.get(name) or 0)
    return values


def moves_of(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, chain: str
) -> dict[CountScope, Counter[str]]:
    """Tell by how much a change of a voucher moves each count; counts that stay are left out.

    A voucher of 340111 is redeemed at a school: of its program, and of every one, the division has one
    `claimed` less, one `redeemed` and one `ever_redeemed` more, and the school has the last two, in the
    division where it stood at that moment: it may move, and what it did stays where it was done.
    """
    moves: dict[CountScope, Counter[str]] = {}
    for voucher, sign in ((before, -1), (after, 1)):
        if not voucher:
            continue
        values = values_of(voucher)
        for program in (str(voucher["program_id"]), EVERY_PROGRAM):
            _add(
                moves,
                CountScope(program=program, place=division_place(str(voucher["division"]))),
                values,
                sign,
            )
            if voucher.get("institution"):
                place = institution_place(
                    str(voucher["institution"]), chain, str(voucher.get("served_in") or "")
                )
                own = Counter({name: n for name, n in values.items() if name in _INSTITUTION_FIELDS})
                _add(moves, CountScope(program=program, place=place), own, sign)
    return _without_zeros(moves)


def _add(moves: dict[CountScope, Counter[str]], scope: CountScope, values: Counter[str], sign: int) -> None:
    total = moves.setdefault(scope, Counter())
    for name, value in values.items():
        total[name] += sign * value


def merged(moves: list[dict[CountScope, Counter[str]]]) -> dict[CountScope, Counter[str]]:
    """Sum the moves of several changes: one write a scope, however many vouchers moved."""
    total: dict[CountScope, Counter[str]] = {}
    for moves_of_change in moves:
        for scope, move in moves_of_change.items():
            _add(total, scope, move, 1)
    return _without_zeros(total)


def _without_zeros(moves: Mapping[CountScope, Counter[str]]) -> dict[CountScope, Counter[str]]:
    moved = {scope: Counter({n: v for n, v in move.items() if v}) for scope, move in moves.items()}
    return {scope: move for scope, move in moved.items() if move}


def summed(counts: list[VoucherCount], *, program: str, place: str) -> VoucherCount:
    """Sum the counts of several places."""
    totals = {name: sum(getattr(count, name) for count in counts) for name in FIELDS}
    as_of = max((count.as_of for count in counts), default=0)
    return VoucherCount(program=program, place=place, as_of=as_of, **totals)
