"""The rating of an institution: nothing but its figures, and the card that a policy draws from some."""

from collections.abc import Iterable

import msgspec

from chalicelib.programs.model import Card
from chalicelib.supervision.reports.idle.model import IdleRow, share


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one institution; cases, inspections and classes of the last year, vouchers of ever.

    `attempts` to check in and out are of the year's classes, as supervision counted them last; `refused` of
    them had a reason: another place, another time, a simulated location.
    """

    institution: str
    name: str
    division: str
    card: Card | None
    confirmed_cases: int
    open_cases: int
    open_holds: int
    inspected: int
    deviations: int
    redeemed: int
    idle: int
    idle_share: float | None
    passed: int
    failed: int
    pass_share: float | None
    attempts: int
    refused: int
    refused_share: float | None
    paid_fen: int
    taken_back_fen: int


def pass_share(passed: int, failed: int) -> float | None:
    """Give the share of scored trainees who passed; None without any."""
    return share(passed, passed + failed)


def worst_first(ratings: Iterable[Rating]) -> list[Rating]:
    """Order ratings: red, yellow, none; then by confirmed cases, deviations and open cases."""
    order = {Card.RED: 0, Card.YELLOW: 1, None: 2}
    return sorted(
        ratings,
        key=lambda one: (
            order[one.card],
            -one.confirmed_cases,
            -one.deviations,
            -one.open_cases,
            one.institution,
        ),
    )


def idle_of(rows: Iterable[IdleRow]) -> dict[str, IdleRow]:
    """Find the idle vouchers of each institution."""
    return {row.place: row for row in rows}
