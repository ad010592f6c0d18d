"""What cross-match lists say of people: a situation, since when, as of the day the data were drawn."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Change


class Situation(StrEnum):
    """What a cross-match list says of a person."""

    EMPLOYED = "employed"
    SELF_EMPLOYED = "self_employed"
    IN_SCHOOL = "in_school"
    IN_MILITARY = "in_military"
    RETIRED = "retired"
    IMPRISONED = "imprisoned"
    DECEASED = "deceased"
    SUBSIDISED_ELSEWHERE = "subsidised_elsewhere"


IN_WORK = frozenset({Situation.EMPLOYED, Situation.SELF_EMPLOYED})


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a cross-match list: the situation holds from `since` through `until`, inclusive.

    `as_of` is the day the data were drawn, `listed_at` when the list was announced, `listed_by` by whom.
    """

    situation: Situation
    since: date
    until: date | None = None
    as_of: date
    import_id: str
    listed_at: datetime
    listed_by: str

    def counts_on(self, day: date) -> bool:
        """Tell whether the situation holds on a day."""
        return self.since <= day and not self.ended_before(day)

    def ended_before(self, day: date) -> bool:
        """Tell whether the situation is over on a day."""
        return self.until is not None and self.until < day


class Standings(msgspec.Struct, frozen=True, kw_only=True):
    """All that cross-match lists say of one person, whether in the vault or not."""

    person_key: PersonKey
    standings: list[Standing] = []
    version: int = 1
    last_change: Change | None = None


def merged(known: Sequence[Standing], news: Iterable[Standing]) -> list[Standing]:
    """Give what is known of a person after a list: newer data replace the same situation's same start.

    Newer is what was drawn later (`as_of`), then what was announced later; so lists may be applied in
    any order and repeatedly. A list says nothing of whom it does not name: a situation ends by a row that
    gives its end.

    Example: known is "employed since 1 March", drawn on 1 April. A row "employed since 1 March until 31 May",
    drawn on 1 June, takes its place. The first list applied once more changes nothing: it was drawn earlier.
    """
    standings = {(standing.situation, standing.since): standing for standing in known}
    for standing in news:
        key = standing.situation, standing.since
        before = standings.get(key)
        if before is None or _age(standing) >= _age(before):
            standings[key] = standing
    return sorted(standings.values(), key=lambda standing: (standing.since, standing.situation.value))


def _age(standing: Standing) -> tuple[date, datetime, str]:
    return standing.as_of, standing.listed_at, standing.import_id
