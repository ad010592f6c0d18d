"""The register of one person: for what they were approved, and whether there is room for one more.

Example: a program pays three subsidies a person and year, one for each occupation and level. 王 was
approved for two in 2026. A third of another occupation fits; a fourth does not, and neither does a second
one of an occupation 王 has already. Had two people let one of the two pass the yearly cap by an override,
it would not count here, and the fourth would fit.
"""

from collections.abc import Sequence

import msgspec

from chalicelib.kernel.ids import LineId, PersonKey
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import OverridableCheck, Policy
from chalicelib.subsidies.claims.states import ClaimStatus

APPROVED = (
    ClaimStatus.APPROVED,
    ClaimStatus.PUBLICISED,
    ClaimStatus.PAYABLE,
    ClaimStatus.BATCHED,
    ClaimStatus.PAID,
)
"""States of a claim whose lines take their people's room."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One approved line: its occupation and level, and the year it counts in.

    Of a check in `waived` two people have let the line pass: it takes nobody else's place there.
    """

    line_id: LineId
    occupation: str
    year: int
    waived: list[OverridableCheck] = []


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """What one person was approved for; an entry counts while its line does."""

    person_key: PersonKey
    entries: list[Entry] = []
    version: int = 0
    last_change: Change | None = None


def has_room(fresh: Entry, kept: Sequence[Entry], policy: Policy) -> bool:
    """Tell whether one more fits: what was let pass by an override takes the place of nothing regular.

    `store.enter_write` holds it under races: nobody has rewritten the register since it was read.
    """
    cap, once = OverridableCheck.YEARLY_CAP, OverridableCheck.OCCUPATION_AND_LEVEL_ONCE
    this_year = sum(entry.year == fresh.year and cap not in entry.waived for entry in kept)
    below_cap = this_year < policy.subsidies_per_person_per_year
    first = all(entry.occupation != fresh.occupation or once in entry.waived for entry in kept)
    return (below_cap or cap in fresh.waived) and (first or once in fresh.waived)
