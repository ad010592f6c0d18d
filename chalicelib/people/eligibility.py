"""Who may have a voucher: a pure function of a person's facts, cross-match lists, the program and the day.

Two kinds of reasons, on two days:

* The windows of the notice of 9 July 2021 (graduated on or after, left school within two years, employment as
  declared) are facts of the day the voucher is issued, `entitled_on`. Asked of a later day, a voucher of one
  year would die within its year, as everybody's two years run out.
  Whoever leaves school on a day to come has not left it: that ends with that day, so it is of the day asked.
* What cross-match lists say (employed, in school, deceased …) counts as of the day asked, `today`, whenever
  it is asked: at issuance, at claim, at redemption, and as of the day of a class.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import msgspec

from chalicelib.kernel.calendar import add_months
from chalicelib.kernel.errors import Fact
from chalicelib.people.standings.model import IN_WORK, Situation, Standing
from chalicelib.programs.model import Program

UNEMPLOYED = "未就业"
ASKS_UNEMPLOYED = "unemployed"
"""The value of `Policy.employment` under which people in work get no voucher."""


@dataclass(frozen=True)
class IneligibilityReason:
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
        standings = self.several or [self.standing]
        return next((standing for standing in standings if standing.counts_on(day)), None)


class Declaration(Protocol):
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
    return situation not in IN_WORK or program.policy.employment == ASKS_UNEMPLOYED


def facts_of(standing: Standing) -> dict[str, Fact]:
    """Give the facts that the sentence about a standing needs."""
    return {"since": standing.since.isoformat(), "as_of": standing.as_of.isoformat()}


def reasons_against(
    declared: Declaration, standings: Iterable[Standing], program: Program, *, entitled_on: date, today: date
) -> list[IneligibilityReason]:
    """List every reason why this person may not have, or no longer use, a voucher; empty if they may.

    `entitled_on` is the day the voucher is issued, `today` the day asked; see the head of this file.

    Example, with the notice's 24 months: who left school on 1 July 2024 may be issued a voucher through
    1 July 2026, and not on the 2nd (`left_school_too_long_ago`). One issued on 1 July 2026 is good for its
    year: asked on 1 March 2027, the two years are still counted to the day it was issued. A list that says
    "in school since 1 February 2027" counts on 1 March 2027 all the same (`listed_in_school`).
    """
    policy = program.policy
    reasons = []
    if declared.graduated_on < policy.graduated_on_or_after:
        reasons.append(
            IneligibilityReason(
                "graduated_too_early", {"graduated_on_or_after": policy.graduated_on_or_after.isoformat()}
            )
        )
    leaves_on = max(declared.graduated_on, declared.left_school_on)
    if leaves_on > today:
        reasons.append(IneligibilityReason("not_left_school_yet", {"left_school_on": leaves_on.isoformat()}))
    if add_months(declared.left_school_on, policy.left_school_within_months) < entitled_on:
        reasons.append(
            IneligibilityReason(
                "left_school_too_long_ago", {"left_school_within_months": policy.left_school_within_months}
            )
        )
    if policy.employment == ASKS_UNEMPLOYED and declared.employment_status != UNEMPLOYED:
        reasons.append(
            IneligibilityReason("not_unemployed", {"employment_status": declared.employment_status})
        )
    return reasons + [
        IneligibilityReason(code_of(standing.situation), facts_of(standing))
        for standing in sorted(standings, key=_by_situation)
        if standing.counts_on(today) and asks_about(program, standing.situation)
    ]


def _by_situation(standing: Standing) -> tuple[str, date]:
    return standing.situation.value, standing.since


def bar_of(standings: Iterable[Standing], program: Program, *, today: date) -> Bar | None:
    """Sum up the standings that hold today or will: what `reasons_against` will say of them from then on.

    Of several the span from the first to the last day is taken: whoever is ineligible on one day in between
    loses an unspent voucher on that day.

    Example, asked on 1 June: in school until 31 July and imprisoned from 1 September on, with no end. The bar
    goes from the first day of school, without a last day; on 15 August neither holds (`Bar.standing_on`).
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
