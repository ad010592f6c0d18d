"""Use cases of risk cases: recording what rules find, taking a case up, resolving it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.aws.waiting import queues_of
from chalicelib.aws.writes import Check, until_written
from chalicelib.catalogue.institutions.reading import find_institutions
from chalicelib.classes.model import ClassHead, prepared_by
from chalicelib.classes.store import heads_by_id, heads_with_trainees
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE, groups_below, is_part_of_group
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, change_of, system_context
from chalicelib.kernel.reasons import error, refuse
from chalicelib.programs.service import current_program
from chalicelib.subsidies.claims.model import Claim, claim_id_of
from chalicelib.subsidies.claims.model import hands_in as hands_in_claim
from chalicelib.subsidies.claims.store import find_claims, want_claims
from chalicelib.subsidies.holds.classes import HeldClass, hold_class, lift_attendance, lift_from_class
from chalicelib.supervision.cases import store
from chalicelib.supervision.cases.model import (
    CaseStatus,
    Outcome,
    RiskCase,
    by_case,
    common_area,
    followed,
    opened,
    reopened,
    resolved,
    taken,
    toleration_over,
    why_not,
    why_not_until,
    with_stops,
)
from chalicelib.supervision.records.model import Finding, Severity
from chalicelib.supervision.rules.register import ONLY_ALIKE

_TRIES = 10
"""Evaluations of several classes meet in the case of one trainer or institution."""
OF_ATTENDANCE = "mock_location"
"""The rule of which attendance holds lines by itself (`attendance.summary`), under the same name."""
_LIFTED = {Outcome.FALSE_ALARM: "误报", Outcome.TOLERATED: "予以容忍", Outcome.CONFIRMED: "属实"}


@dataclass(frozen=True)
class Recorded:
    """What came of a run's findings: cases by id, and lines that the bank has to pay already."""

    opened: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    too_late: list[str] = field(default_factory=list)


# --------------------------------------------------------------------------- recording


def record_findings(findings: Iterable[Finding], *, now: datetime, request_id: str) -> Recorded:
    """Open or continue the case of each rule and subject, and hold the lines that findings stop.

    Running again over the same records adds nothing and changes nothing; a run that died is completed by the
    next. All findings of one rule and subject about one class belong in one call: they take the place of what
    was found there before. Holds are on classes: that of the finding, else those of the enrolments it names;
    a finding that holds and names neither a class nor lines stops nothing by itself.
    """
    context = system_context("supervision", now=now, request_id=request_id)
    told = list(findings)
    around = _Surroundings.of(told)
    found = Recorded()
    for case_id, groups in by_case(told).items():
        case, how = _record(context, case_id, groups, around)
        getattr(found, how).append(case_id)
        found.too_late.extend(_follow_holds(context, case, _stops_of(groups, around), around))
    log("findings_recorded", **{name: len(getattr(found, name)) for name in found.__dataclass_fields__})
    return found


def _record(
    context: Context, case_id: str, groups: Mapping[str, Sequence[Finding]], around: "_Surroundings"
) -> tuple[RiskCase, str]:
    division = around.division_of(groups)
    stops = _stops_of(groups, around)

    def attempt() -> tuple[RiskCase, str]:
        case = store.find_case(case_id)
        if case is None:
            first = with_stops(opened(case_id, groups, division=division, now=context.now), stops)
            return store.open_case(first, change_of(context, "risk_case.open")), "opened"
        after = followed(case, groups, division=division, now=context.now, stopped=stops)
        if after is None:
            return case, "unchanged"
        change = change_of(context, _what_happened(case, after))
        return store.move(case, with_stops(after, stops), change), "changed"

    return until_written(attempt, tries=_TRIES)


def _what_happened(before: RiskCase, after: RiskCase) -> str:
    was_over = before.status is CaseStatus.RESOLVED and after.status is not CaseStatus.RESOLVED
    return "risk_case.reopen" if was_over else "risk_case.add"


def _stops_of(groups: Mapping[str, Sequence[Finding]], around: "_Surroundings") -> dict[str, list[str]]:
    """Tell the lines of which classes findings are to stop: an empty list is everybody's."""
    stops: dict[str, list[str]] = {}
    for finding in (finding for found in groups.values() for finding in found):
        if finding.severity is not Severity.HOLD:
            continue
        if finding.class_id is not None:
            by_class = {finding.class_id: sorted(finding.lines)}
        else:
            by_class = around.by_class(finding.lines)
        for class_id, lines in by_class.items():
            if class_id not in around.heads:
                continue
            before = stops.get(class_id)
            stops[class_id] = [] if not lines or before == [] else sorted({*(before or ()), *lines})
    return stops


def _is_to_hold(case: RiskCase, head: ClassHead) -> bool:
    """Tell whether a case stops payment in a class now: each grave one, unless a policy waits.

    A policy that waits does so for what only looks like cheating (`patterns_stop_payment` off).
    """
    if case.outcome is Outcome.CONFIRMED or case.rule not in ONLY_ALIKE:
        return True
    return current_program(head.program_id).policy.patterns_stop_payment


def _follow_holds(
    context: Context, case: RiskCase, stops: Mapping[str, Sequence[str]], around: "_Surroundings"
) -> list[str]:
    """Hold what a case stops, or let go what is left of one that holds nothing any more.

    What only looks like cheating holds nothing yet before it is decided on. What it held when it was opened
    again stays held until then.
    """
    too_late: list[str] = []
    if not case.holds_stand:
        _lift_attendance(context, case)
    for class_id, whom in stops.items():
        held = _held(around.heads[class_id], case)
        if not case.holds_stand:
            lift_from_class(context, held, reason=str(case.resolution))
        elif _is_to_hold(case, around.heads[class_id]):
            placed = hold_class(context, held, whom, stands=lambda: _stands(case.id))
            too_late += placed.too_late if placed is not None else []
    return too_late


def _lift_attendance(context: Context, case: RiskCase) -> None:
    """Lift what attendance itself holds for what a case was decided not to be: one decision, not two."""
    if case.rule == OF_ATTENDANCE and case.outcome is not None:
        reason = f"{_LIFTED[case.outcome]}：{case.resolution}"
        for class_id in case.class_ids:
            lift_attendance(context, class_id, case.lines_in(class_id), OF_ATTENDANCE, reason=reason)


def _stands(case_id: str) -> Check | None:
    case = store.find_case(case_id)
    return store.stands_check(case) if case is not None and case.holds_stand else None


def _held(head: ClassHead, case: RiskCase) -> HeldClass:
    return HeldClass(id=head.id, institution=head.institution, division=head.division, case_id=case.id)


@dataclass(frozen=True)
class _Surroundings:
    """What findings are of: their classes and institutions, read a hundred a call."""

    heads: Mapping[str, ClassHead]
    institutions: Mapping[str, str]
    classes: Mapping[str, str]
    divisions: Mapping[str, str]

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> "_Surroundings":
        loose = {line for found in findings if found.class_id is None for line in found.lines}
        loose |= {found.subject.id for found in findings if is_id(found.subject.id, "enr")}
        enrolments = find_enrolments(sorted(loose)) if loose else []
        classes: dict[str, str] = {e.id: str(e.class_id) for e in enrolments if e.class_id is not None}
        named = {found.class_id for found in findings if found.class_id is not None}
        usccs = {found.institution for found in findings if found.institution is not None}
        return cls(
            heads={head.id: head for head in heads_by_id({*named, *classes.values()})},
            institutions={uscc: i.division for uscc, i in find_institutions(usccs).items()} if usccs else {},
            classes=classes,
            divisions={e.id: e.division for e in enrolments},
        )

    def by_class(self, lines: Iterable[str]) -> dict[str, list[str]]:
        """Sort enrolments by the class they are in; those in none have no line to stop."""
        sorted_out: dict[str, list[str]] = {}
        for line in lines:
            if line in self.classes:
                sorted_out.setdefault(self.classes[line], []).append(line)
        return sorted_out

    def division_of(self, groups: Mapping[str, Sequence[Finding]]) -> str:
        """Give the smallest division that covers what findings are of; the province where nothing tells."""
        areas = [self._division(finding) for found in groups.values() for finding in found]
        area = areas[0]
        for other in areas[1:]:
            area = common_area(area, other)
        return area

    def _division(self, finding: Finding) -> str:
        if finding.class_id in self.heads:
            return self.heads[str(finding.class_id)].division
        if finding.institution in self.institutions:
            return self.institutions[str(finding.institution)]
        places = [
            self.divisions[line] for line in (finding.subject.id, *finding.lines) if line in self.divisions
        ]
        area = places[0] if places else PROVINCE
        for other in places[1:]:
            area = common_area(area, other)
        return area


# --------------------------------------------------------------------------- toleration ends


def reopen_tolerated(
    context: Context, queue: str, until: datetime, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Open the cases of one list again whose toleration is over, and hold what they held: a page of them."""
    keys = store.tolerated_cases(queue, until=until, after=after)
    for key in keys.keys:
        case = _reopen(context, key.key[0])
        if case is not None:
            _hold_all(context, case)
    return keys.after


def hold_again(context: Context, division: str) -> None:
    """Open the cases of a division again whose toleration is over, before what they held is sealed."""
    for queue in queues_of(division):
        after: Mapping[str, Any] | None = None
        while True:
            after = reopen_tolerated(context, queue, context.now, after)
            if after is None:
                break


def _hold_all(context: Context, case: RiskCase) -> list[str]:
    """Hold everything that a case is to stop; gives the lines that the bank has already."""
    heads: dict[str, ClassHead] = {head.id: head for head in heads_by_id(case.stops)}
    stops = {class_id: whom for class_id, whom in case.stops.items() if class_id in heads}
    return _follow_holds(context, case, stops, _Surroundings(heads, {}, {}, {}))


def _reopen(context: Context, case_id: str) -> RiskCase | None:
    def attempt() -> RiskCase | None:
        case = store.find_case(case_id)
        if case is None or case.outcome is not Outcome.TOLERATED or not toleration_over(case, context.now):
            return None
        return store.move(case, reopened(case, context.now), change_of(context, "risk_case.reopen"))

    return until_written(attempt, tries=_TRIES)


# --------------------------------------------------------------------------- deciding


def take(context: Context, case_id: str, *, version: int) -> RiskCase:
    """Take a case up, from whoever had it; one that was confirmed may be looked at again by another person.

    Raises:
        NotFound: there is none in the caller's area.
        Forbidden: the role may not, or `self_approval`: the caller had a hand in what it is about, or
            confirmed it.
        Refused: another version, or it is over.

    """
    change = change_of(context, "risk_case.take")

    def attempt() -> RiskCase:
        case = _required(context, "risk_case.take", case_id)
        refuse(_stands_against(context, "take", case, hands_in([case]), version=version))
        return store.move(case, taken(case, by=context.principal.actor, now=context.now), change)

    return until_written(attempt)


def resolve(
    context: Context, case_id: str, *, version: int, outcome: Outcome, reason: str, until: date | None
) -> RiskCase:
    """Decide on a case with a reason: what was no fraud, or is tolerated until a day, is let go at once.

    What was confirmed is held until its consequence, whichever rule found it: also the lines that only a
    warning named. What was done about a confirmed case stays done if it is decided otherwise: each of these
    actions is taken back by itself, where it can be. A repeat of the same decision answers like the first,
    and completes what a lost one left undone.

    Raises:
        NotFound, Forbidden, Refused: see `take`.
        Malformed: a last day is missing, or was not asked for.

    """
    rights.admit(context.principal, "risk_case.resolve")
    refuse(why_not_until(outcome, until, shanghai_date(context.now)))
    change = change_of(context, "risk_case.resolve", reason=reason)

    def attempt() -> RiskCase:
        case = _required(context, "risk_case.resolve", case_id)
        if _is_repeat(context, case, version=version, outcome=outcome, until=until):
            return case
        hands = hands_in([case])
        refuse(_stands_against(context, "resolve", case, hands, version=version, outcome=outcome))
        after = resolved(
            case, outcome, by=context.principal.actor, reason=reason, until=until, now=context.now
        )
        if outcome is Outcome.CONFIRMED:
            after = with_stops(after, _named_in(case))
        return store.move(case, after, change)

    case = until_written(attempt)
    if outcome is Outcome.CONFIRMED:
        too_late = _hold_all(context, case)
        log("case_confirmed", case=case.id, too_late=len(too_late))
    else:
        _lift_attendance(context, case)
        for head in heads_by_id(case.stops):
            lift_from_class(context, _held(head, case), reason=f"{_LIFTED[outcome]}：{reason}")
    return case


def _named_in(case: RiskCase) -> dict[str, list[str]]:
    """Tell the lines of which classes a case's findings name, grave or not; an empty list is everybody's."""
    loose = {line for finding in case.findings if finding.class_id is None for line in finding.lines}
    enrolments = find_enrolments(sorted(loose)) if loose else []
    named: dict[str, list[str]] = {}
    for enrolment in enrolments:
        if enrolment.class_id is not None:
            named.setdefault(str(enrolment.class_id), []).append(str(enrolment.id))
    for class_id in {finding.class_id for finding in case.findings if finding.class_id is not None}:
        named[class_id] = case.lines_in(class_id)
    return named


def _is_repeat(
    context: Context, case: RiskCase, *, version: int, outcome: Outcome, until: date | None
) -> bool:
    told = (CaseStatus.RESOLVED, outcome, until, version + 1)
    return (
        case.status,
        case.outcome,
        case.tolerated_until,
        case.version,
    ) == told and case.resolved_by in context.principal.own


def _required(context: Context, action: str, case_id: str) -> RiskCase:
    rights.admit(context.principal, action)
    case = store.find_case(case_id) if is_id(case_id, "rsk") else None
    if case is None:
        raise error("not_found")
    rights.require(context.principal, action, division=case.division)
    return case


def _stands_against(
    context: Context,
    action: str,
    case: RiskCase,
    hands: Mapping[str, set[str]],
    *,
    version: int | None = None,
    outcome: Outcome | None = None,
) -> DomainError | None:
    in_it = hands.get(case.id, set())
    return why_not(action, case, context.principal, hands_in_it=in_it, version=version, outcome=outcome)


def hands_in(cases: Sequence[RiskCase]) -> dict[str, set[str]]:
    """Tell for each case who found it, and who prepared or decided on the classes and claims it is about."""
    class_ids = {class_id for case in cases for class_id in case.class_ids}
    if not class_ids:
        return {case.id: case.found_by for case in cases}
    want_claims(claim_id_of(class_id) for class_id in class_ids)
    heads: dict[str, ClassHead] = {head.id: head for head in heads_with_trainees(class_ids)}
    claims: dict[str, Claim] = {
        claim.class_id: claim for claim in find_claims([claim_id_of(class_id) for class_id in class_ids])
    }
    return {case.id: _hands(case, heads, claims) for case in cases}


def _hands(case: RiskCase, heads: Mapping[str, ClassHead], claims: Mapping[str, Claim]) -> set[str]:
    hands: set[str | None] = {*case.found_by}
    for class_id in case.class_ids:
        if (head := heads.get(class_id)) is not None:
            hands |= {*prepared_by(head), head.approved_by, head.completion_approved_by}
        if (claim := claims.get(class_id)) is not None:
            hands |= hands_in_claim(claim)
    return {actor for actor in hands if actor is not None}


# --------------------------------------------------------------------------- reading


def read_case(context: Context, case_id: str) -> RiskCase:
    """Read a case of the caller's area.

    Raises:
        NotFound: there is none.

    """
    return _required(context, "risk_case.read", case_id)


@dataclass(frozen=True, kw_only=True)
class CaseFilter:
    """Which cases to list."""

    rule: str | None = None
    severity: Severity | None = None
    status: CaseStatus | None = None
    institution: str | None = None
    division: str | None = None


def list_cases(context: Context, request: PageRequest, wanted: CaseFilter) -> Page[RiskCase]:
    """List the cases of the caller's area, state by state, the oldest first."""
    area = wanted.division or context.principal.division
    rights.require(context.principal, "risk_case.read", division=area)
    if wanted.institution is not None:
        page = store.cases_about(
            wanted.institution, request, status=wanted.status, rule=wanted.rule, severity=wanted.severity
        )
        reached = [case for case in page.items if _is_in(context, area, case)]
        return Page(items=reached, after=page.after)
    states = [wanted.status] if wanted.status is not None else list(CaseStatus)
    lists = [store.listing_of(group, status) for group in groups_below(area) for status in states]
    county = area if is_part_of_group(area) else None
    return page_over(
        lists,
        request,
        lambda name, part: store.cases_in(
            name, part, division=county, rule=wanted.rule, severity=wanted.severity
        ),
    )


def cases_of_area(area: str, status: CaseStatus) -> Iterator[RiskCase]:
    """Go through the cases of an area in one state: whoever asks has looked at the rights."""
    for group in groups_below(area):
        cases = store.all_cases_in(store.listing_of(group, status))
        yield from (case for case in cases if common_area(area, case.division) == area)


def cases_about(institution: str) -> Iterator[RiskCase]:
    """Go through all cases about an institution: whoever asks has looked at the rights."""
    yield from store.all_cases_about(institution)


def _is_in(context: Context, area: str, case: RiskCase) -> bool:
    inside = common_area(area, case.division) == area
    return inside and rights.reaches(context.principal, "risk_case.read", division=case.division)


def allowed_on(context: Context, cases: Sequence[RiskCase]) -> dict[str, list[str]]:
    """List for each case what this caller may do with it now; the hands in all are read at once."""
    mine = [case for case in cases if rights.may(context.principal, "risk_case.resolve")]
    hands = hands_in([case for case in mine if case.status is not CaseStatus.RESOLVED or case.holds_stand])
    return {
        case.id: rights.offered(
            context.principal,
            {"take": "risk_case.take", "resolve": "risk_case.resolve"},
            lambda action, case=case: _stands_against(context, action, case, hands),  # type: ignore[misc]
            division=case.division,
        )
        for case in cases
    }
