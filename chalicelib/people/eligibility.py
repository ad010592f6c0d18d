"""Who may have a voucher: a pure function of a person's facts, cross-match lists, the program and the day.

Two kinds of reasons, on two days:

* The windows of the notice of 9 July 2021 (graduated on or after, left school within two years, employment as
  declared) are facts of the day the voucher is issued, `entitled_on`. Asked of a later day, a voucher of one
  year would die within its year, as everybody's two years run out.
* What cross-match lists say (employed, in school, deceased …) counts as of the day asked, `today`, whenever
  it is asked: at issuance, at claim, at redemption, and as of the day of a class.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from chalicelib.kernel.calendar import add_months
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import Program

UNEMPLOYED = "未就业"
ASKS_UNEMPLOYED = "unemployed"
"""The value of `Policy.employment` under which people in work get no voucher."""


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


_IN_WORK = frozenset({Situation.EMPLOYED, Situation.SELF_EMPLOYED})


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


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one chunk of a cross-match list did to vouchers: how many were lost, how many marked anew."""

    import_id: str
    first_row: int
    rows: int
    revoked: int = 0
    marked: int = 0


@dataclass(frozen=True)
class Ineligible:
    """One reason against, with the facts of its sentence."""

    code: str
    facts: dict[str, Fact]


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when (inclusive) standings stand against a person's voucher, and the standing to name.

    A voucher carries it, so that claim and redemption ask without reading standings again. Where several
    standings are summed up, `several` are they: on a day between two of them none may hold.
    """

    first_day: date
    last_day: date | None
    standing: Standing
    several: list[Standing] = []

    @property
    def code(self) -> str:
        """Give the code of the reason."""
        return code_of(self.standing.situation)

    def counts_on(self, day: date) -> bool:
        """Tell whether it stands against the voucher on a day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)

    def standing_on(self, day: date) -> Standing | None:
        """Give a standing that holds on a day, the first to begin."""
        return next((one for one in self.several or [self.standing] if one.counts_on(day)), None)


class Declared(Protocol):
    """What the graduate list declares of a person."""

    @property
    def graduated_on(self) -> date:
        """Give the day of graduation."""

    @property
    def left_school_on(self) -> date:
        """Give the day the person left school."""

    @property
    def employment_status(self) -> str:
        """Give the status as declared."""


def code_of(situation: Situation) -> str:
    """Give the reason code of a situation; each has a sentence of its own."""
    return f"listed_{situation.value}"


def asks_about(program: Program, situation: Situation) -> bool:
    """Tell whether a program minds a situation: work only where it asks for the unemployed.

    Somebody who is dead, imprisoned, enlisted, retired, in school or paid for elsewhere is nobody's trainee
    under any program.
    """
    return situation not in _IN_WORK or program.policy.employment == ASKS_UNEMPLOYED


def facts_of(standing: Standing) -> dict[str, Fact]:
    """Give the facts that the sentence about a standing needs."""
    return {"since": standing.since.isoformat(), "as_of": standing.as_of.isoformat()}


def reasons_against(
    declared: Declared, standings: Iterable[Standing], program: Program, *, entitled_on: date, today: date
) -> list[Ineligible]:
    """List every reason why this person may not have, or no longer use, a voucher; empty if they may.

    `entitled_on` is the day the voucher is issued, `today` the day asked; see the head of this file.
    """
    policy = program.policy
    found = []
    if declared.graduated_on < policy.graduated_on_or_after:
        found.append(
            Ineligible(
                "graduated_too_early", {"graduated_on_or_after": policy.graduated_on_or_after.isoformat()}
            )
        )
    if add_months(declared.left_school_on, policy.left_school_within_months) < entitled_on:
        found.append(
            Ineligible(
                "left_school_too_long_ago", {"left_school_within_months": policy.left_school_within_months}
            )
        )
    if policy.employment == ASKS_UNEMPLOYED and declared.employment_status != UNEMPLOYED:
        found.append(Ineligible("not_unemployed", {"employment_status": declared.employment_status}))
    return found + [
        Ineligible(code_of(standing.situation), facts_of(standing))
        for standing in sorted(standings, key=_by_situation)
        if standing.counts_on(today) and asks_about(program, standing.situation)
    ]


def _by_situation(standing: Standing) -> tuple[str, date]:
    return standing.situation.value, standing.since


def bar_of(standings: Iterable[Standing], program: Program, *, today: date) -> Bar | None:
    """Sum up the standings that hold today or will: what `reasons_against` will say of them from then on.

    Of several the span from the first to the last day is taken: whoever is ineligible on one day in between
    loses an unspent voucher on that day.
    """
    counting = [
        standing
        for standing in standings
        if asks_about(program, standing.situation) and not standing.ended_before(today)
    ]
    if not counting:
        return None
    first = min(counting, key=lambda standing: (standing.since, standing.situation.value))
    ends = [standing.until for standing in counting]
    known = [end for end in ends if end is not None]
    return Bar(
        first_day=first.since,
        last_day=max(known) if len(known) == len(ends) else None,
        standing=first,
        several=sorted(counting, key=lambda standing: standing.since) if len(counting) > 1 else [],
    )


def updated(known: Sequence[Standing], told: Iterable[Standing]) -> list[Standing]:
    """Give what is known of a person after a list: newer data replace the same situation's same start.

    Newer is what was drawn later (`as_of`), then what was announced later; so lists may be applied in
    any order and repeatedly. A list says nothing of whom it does not name: a situation ends by a row that
    gives its end.
    """
    found = {(standing.situation, standing.since): standing for standing in known}
    for standing in told:
        key = standing.situation, standing.since
        before = found.get(key)
        if before is None or _age(standing) >= _age(before):
            found[key] = standing
    return sorted(found.values(), key=lambda standing: (standing.since, standing.situation.value))


def _age(standing: Standing) -> tuple[date, datetime, str]:
    return standing.as_of, standing.listed_at, standing.import_id
