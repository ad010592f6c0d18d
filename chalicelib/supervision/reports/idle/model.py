"""Idling (空转) in figures: shares of vouchers claimed and used, and the ages of those in no class.

3401: 200 issued, 150 claimed, 90 redeemed, 60 settled      claimed 0.75, redeemed 0.45, settled 0.3
of the 90, 12 stand on no roster: 7 for up to 30 days, 3 up to 60, 2 up to 90, none for longer
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from chalicelib.kernel.clocks import IDLE_DAYS, IDLE_LISTED_DAYS, IDLE_RELEASED_DAYS
from chalicelib.supervision.reports.model import VoucherCount

AGES = (IDLE_DAYS, IDLE_LISTED_DAYS, IDLE_RELEASED_DAYS)
"""Upper ends of the ages in days: where the reminder, the list of supervisors and the release come."""
_PLACES = 4


class Ages(msgspec.Struct, frozen=True, kw_only=True):
    """How many redeemed vouchers stand on no roster, by how long: in days, `longer` than the last age."""

    up_to_30: int = 0
    up_to_60: int = 0
    up_to_90: int = 0
    longer: int = 0

    @property
    def total(self) -> int:
        """Count them all."""
        return self.up_to_30 + self.up_to_60 + self.up_to_90 + self.longer


_NAMES = tuple(field.name for field in msgspec.structs.fields(Ages))


def age_of(since: datetime, now: datetime) -> str:
    """Name the age of what has waited since then; a day is a span of 24 hours, as clocks count."""
    days = (now - since).total_seconds() / 86_400
    place = next((place for place, most in enumerate(AGES) if days < most), len(AGES))
    return _NAMES[place]


def ages_of(named: Iterable[tuple[str, str]]) -> dict[str, Ages]:
    """Count ages by place: given as pairs of place and age."""
    counted: dict[str, Counter[str]] = {}
    for place, age in named:
        counted.setdefault(place, Counter())[age] += 1
    return {place: Ages(**counts) for place, counts in counted.items()}


def share(part: int, whole: int) -> float | None:
    """Give a share of 0 to 1; None of nothing."""
    return round(part / whole, _PLACES) if whole else None


class IdleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One city or institution: its vouchers, their shares, and the ages of those that idle.

    An institution has no share of claimed vouchers: a voucher is nobody's until it is redeemed.
    """

    place: str
    name: str
    count: VoucherCount
    idle: Ages

    @property
    def claimed_share(self) -> float | None:
        """Give the share of issued vouchers that were ever claimed."""
        return share(self.count.ever_claimed, self.count.ever_issued)

    @property
    def redeemed_share(self) -> float | None:
        """Give the share of issued vouchers that were ever used."""
        return share(self.count.ever_redeemed, self.count.ever_issued)

    @property
    def settled_share(self) -> float | None:
        """Give the share of used vouchers that were ever paid for."""
        return share(self.count.ever_settled or self.count.settled, self.count.ever_redeemed)

    @property
    def idle_share(self) -> float | None:
        """Give the share of used vouchers that stand on no roster now."""
        return share(self.idle.total, self.count.ever_redeemed)


class IdleReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole area, its cities, and its institutions, most idle first."""

    total: IdleRow
    cities: list[IdleRow]
    institutions: list[IdleRow]


def most_idle_first(rows: Iterable[IdleRow]) -> list[IdleRow]:
    """Order rows by how many vouchers idle there, then by place."""
    return sorted(rows, key=lambda row: (-row.idle.total, row.place))


def summed_ages(ages: Mapping[str, Ages]) -> Ages:
    """Sum the ages of several places."""
    return Ages(**{name: sum(getattr(one, name) for one in ages.values()) for name in _NAMES})
