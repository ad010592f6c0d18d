"""The card of an institution: from its confirmed cases and what inspections found, by a policy's thresholds.

    yellow at 1 confirmed case or 3 deviations, red at 3 or 6, of the last 365 days (the defaults)
    two confirmed cases, four deviations      yellow
    no confirmed case, six deviations         red

Only confirmed cases that are grave count: a warning costs nobody a card. A deviation opens a case besides; it
counts as a deviation alone, and no longer once its case was decided to be a false alarm.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.programs.model import Card, CardThresholds, Policy
from chalicelib.supervision.cases.model import CaseStatus, Outcome, RiskCase
from chalicelib.supervision.cases.service import cases_about, cases_of_area
from chalicelib.supervision.inspections import store
from chalicelib.supervision.inspections.model import DEVIATION_RULE, InspectionEntry, InspectionOutcome
from chalicelib.supervision.records.model import Severity


class CardFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a card follows from: confirmed grave cases, and deviations that inspections found."""

    confirmed_cases: int = 0
    deviations: int = 0
    inspected: int = 0


def card_by(policy: Policy, figures: CardFigures) -> Card | None:
    """Give the card that a policy's thresholds give for these figures."""
    if _reaches(policy.red_card, figures):
        return Card.RED
    return Card.YELLOW if _reaches(policy.yellow_card, figures) else None


def _reaches(thresholds: CardThresholds, figures: CardFigures) -> bool:
    return (
        figures.confirmed_cases >= thresholds.confirmed_cases or figures.deviations >= thresholds.deviations
    )


def card_of(uscc: str, policy: Policy, now: datetime) -> Card | None:
    """Tell which card an institution has under a policy now: a query of its cases, one of what was found."""
    since = now - timedelta(days=policy.card_days)
    return card_by(policy, _figures(list(cases_about(uscc)), list(store.entries_at(uscc)), since))


def figures_in(area: str, since: datetime) -> dict[str, CardFigures]:
    """Give the figures of every institution of an area that has any.

    A query a city and state, and one an inspection. What was confirmed counts until it is decided otherwise,
    also while it is looked at again.
    """
    cases: dict[str, list[RiskCase]] = {}
    for case in (case for status in CaseStatus for case in cases_of_area(area, status)):
        cases.setdefault(str(case.institution), []).append(case)
    entries: dict[str, list[InspectionEntry]] = {}
    for group in dict.fromkeys([*groups_below(area), PROVINCE]):
        for inspection in store.inspections_since(group, since):
            for entry in store.entries_of(inspection.id):
                entries.setdefault(entry.institution, []).append(entry)
    return {uscc: _figures(cases.get(uscc, ()), entries.get(uscc, ()), since) for uscc in {*cases, *entries}}


def _figures(cases: Iterable[RiskCase], entries: Sequence[InspectionEntry], since: datetime) -> CardFigures:
    cases = list(cases)
    cleared = {
        case.id: case.standing.decided_at
        for case in cases
        if case.standing is not None and case.standing.outcome is Outcome.FALSE_ALARM
    }
    recent = [
        entry.outcome
        for entry in entries
        if entry.entered_at >= since and not _is_cleared(entry, cleared.get(str(entry.case_id)))
    ]
    return CardFigures(
        confirmed_cases=sum(_counts(case, since) for case in cases),
        deviations=recent.count(InspectionOutcome.DEVIATION),
        inspected=len(recent) - recent.count(InspectionOutcome.NOT_REACHED),
    )


def _is_cleared(entry: InspectionEntry, cleared_at: datetime | None) -> bool:
    return (
        entry.outcome is InspectionOutcome.DEVIATION
        and cleared_at is not None
        and entry.entered_at <= cleared_at
    )


def _counts(case: RiskCase, since: datetime) -> bool:
    standing = case.standing
    if case.rule == DEVIATION_RULE or standing is None or case.severity is not Severity.HOLD:
        return False
    return standing.outcome is Outcome.CONFIRMED and standing.decided_at >= since


def worst_card(policies: Iterable[Policy], figures: CardFigures) -> Card | None:
    """Give the worst card that any of these policies gives."""
    cards = {card_by(policy, figures) for policy in policies}
    return next((card for card in (Card.RED, Card.YELLOW) if card in cards), None)


def card_lots(cards: Mapping[str, Card], uscc: str) -> int:
    """Give the lots that a card adds when a sample is drawn."""
    card = cards.get(uscc)
    return 0 if card is None else 1 if card is Card.YELLOW else 2
