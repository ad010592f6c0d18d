"""Risk cases (风险案件): one for each rule and subject, with its findings and what became of it.

Evaluations run again and again over the same records, so what is new has to be told apart. The findings of
one run about one class are one *group*; a case keeps the newest group of each class, and by its digest knows
it again:

    night 1   rule shared_device, class A: phone d1, four people      the case is opened
    night 2   the same                                                 nothing changes
    night 3   class A: phone d1, five people                           the group of class A is replaced
    night 3   class B of the same trainer                              a second group is appended

What was judged a false alarm stays so on what was judged, and is opened again on anything else. What is
tolerated until a day comes back after it, and before on what is worse than what was tolerated: findings that
hold a class of which nobody saw any, or of which only warnings were there. More of the same stays tolerated.
What was confirmed may be taken up again, for people err, and is changed by another person than who decided.
Whatever a case was resolved with stays in its decisions, and what was confirmed still counts until somebody
has decided otherwise.

    甲 confirms           her decision is the first
    乙 takes it up        甲's stands, and what it holds
    甲 takes it over      she may, and confirm it again; no other outcome is hers to give
    乙 was it no fraud?   false_alarm: his is the second, and what the case holds is let go
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.kernel.calendar import shanghai_date, start_of_day
from chalicelib.kernel.divisions import PROVINCE, covers, parent_of
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.ids import derived_id
from chalicelib.kernel.principal import Change, Hands, Principal
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.supervision.records.model import Finding, FindingKind, Severity


class CaseStatus(StrEnum):
    """Where a case is in its life."""

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    RESOLVED = "resolved"


_C = CaseStatus
CASE_TRANSITIONS: Transitions[CaseStatus] = Transitions(
    "risk_case",
    {
        "take": Step((_C.OPEN, _C.UNDER_REVIEW, _C.RESOLVED), _C.UNDER_REVIEW),
        "resolve": Step((_C.UNDER_REVIEW,), _C.RESOLVED),
        "reopen": Step((_C.RESOLVED,), _C.OPEN),
    },
)


class Outcome(StrEnum):
    """What a supervisor makes of a case."""

    FALSE_ALARM = "false_alarm"
    CONFIRMED = "confirmed"
    TOLERATED = "tolerated"


TOLERATED_DAYS_MAX = 366
"""Nothing is tolerated for longer than a year at once. No source fixes it."""
FINDINGS_MAX = 20
"""So many findings of a case are kept whole, the newest; of others only that they were seen."""
LINES_MAX = 100
"""A class has at most so many trainees."""
IDS_MAX = 20
EVIDENCE_BYTES_MAX = 4_000
FOUND_BY = "found_by"
"""In the evidence of what people found: their accounts. Whoever found something does not judge it."""
SEEN_MAX = 500
JUDGED_MAX = 200
DECISIONS_MAX = 50
"""Together these keep a case far below the 400 KB of an item."""


class CaseFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of a case; `group` is what it belongs to (see above)."""

    at: datetime
    group: str
    severity: Severity
    class_id: str | None
    institution: str | None
    lines: list[str]
    evidence: dict[str, Any]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody once made of a case; it stays, whatever is decided later."""

    outcome: Outcome
    reason: str
    decided_by: str
    decided_at: datetime
    until: date | None = None


class RiskCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case. `division` covers all that its findings are of; `class_id` is that of the newest.

    `seen` is the digest of the newest group of each class, `judged` those on which it was ever resolved.
    `stops` are the lines to stop, whether they are stopped yet or not: by class which trainees, all if none.
    `decisions` are all there were, the newest last; of cases of before those since then.
    `queue` is the list in which it waits, `queued_at` since when, and of one that is tolerated until when.
    """

    id: str
    rule: str
    severity: Severity
    status: CaseStatus
    subject_kind: FindingKind
    subject_id: str
    division: str
    opened_at: datetime
    institution: str | None = None
    class_id: str | None = None
    findings: list[CaseFinding] = []
    seen: dict[str, str] = {}
    judged: list[str] = []
    stops: dict[str, list[str]] = {}
    taken_by: str | None = None
    taken_at: datetime | None = None
    outcome: Outcome | None = None
    resolution: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    tolerated_until: date | None = None
    decisions: list[Decision] = []
    queue: str | None = None
    queued_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def holds_stand(self) -> bool:
        """Tell whether what it holds stays held: unless it was a false alarm or is tolerated."""
        return self.outcome in (None, Outcome.CONFIRMED)

    @property
    def decided(self) -> list[Decision]:
        """List what was made of it, the newest last; a case of before tells what it was resolved with."""
        if self.outcome is None or self.resolved_by is None or self.resolved_at is None:
            return self.decisions
        newest = Decision(
            outcome=self.outcome,
            reason=self.resolution or "",
            decided_by=self.resolved_by,
            decided_at=self.resolved_at,
            until=self.tolerated_until,
        )
        return self.decisions if newest in self.decisions else [*self.decisions, newest]

    @property
    def standing(self) -> Decision | None:
        """Give the decision that counts until another is taken, also while it is looked at again."""
        return self.decided[-1] if self.decided else None

    @property
    def lines(self) -> list[str]:
        """List the enrolments that its findings concern."""
        return sorted({line for finding in self.findings for line in finding.lines})

    def lines_in(self, class_id: str) -> list[str]:
        """List the enrolments that its findings about a class concern; none at all is everybody."""
        named = [finding.lines for finding in self.findings if finding.class_id == class_id]
        if not all(named):
            return []
        return sorted({*self.stops.get(class_id, ()), *(line for lines in named for line in lines)})

    @property
    def found_by(self) -> set[str]:
        """Name the people who entered what the findings say; what rules find of records is nobody's."""
        return {actor for finding in self.findings for actor in finding.evidence.get(FOUND_BY, ())}

    @property
    def class_ids(self) -> list[str]:
        """List the classes that it is about."""
        named = {finding.class_id for finding in self.findings if finding.class_id is not None}
        return sorted({*named, *self.stops})


def case_id_of(finding: Finding) -> str:
    """Give the id of the one case of a rule and a subject."""
    return case_id_of_rule(finding.rule, finding.subject.kind, finding.subject.id)


def case_id_of_rule(rule: str, kind: FindingKind, subject: str) -> str:
    """Give the id of the case that what a rule finds of a subject belongs to."""
    return derived_id("rsk", rule, str(kind), subject)


# --------------------------------------------------------------------------- what was found


def group_of_finding(finding: Finding) -> str:
    """Name what a finding is told together with: its class, else its institution, else its subject alone."""
    return finding.class_id or finding.institution or "-"


def digest_of(findings: Iterable[Finding]) -> str:
    """Tell a group by what it says. When it was found says nothing: the same evidence is the same."""
    said = sorted(
        msgspec.json.encode([str(found.severity), sorted(found.lines), found.evidence], order="deterministic")
        for found in findings
    )
    return hashlib.sha256(b"\n".join(said)).hexdigest()[:24]


def by_case(findings: Iterable[Finding]) -> dict[str, dict[str, list[Finding]]]:
    """Sort what one run has found by case and group."""
    sorted_out: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        groups = sorted_out.setdefault(case_id_of(finding), {})
        groups.setdefault(group_of_finding(finding), []).append(finding)
    return sorted_out


def common_area(first: str, second: str) -> str:
    """Give the smallest division that covers both."""
    area: str | None = first
    while area is not None and not covers(area, second):
        area = parent_of(area)
    return area or PROVINCE


def opened(
    case_id: str, groups: Mapping[str, Sequence[Finding]], *, division: str, now: datetime
) -> RiskCase:
    """Open a case with its first findings."""
    first = next(iter(groups.values()))[0]
    empty = RiskCase(
        id=case_id,
        rule=first.rule,
        severity=first.severity,
        status=CaseStatus.OPEN,
        subject_kind=first.subject.kind,
        subject_id=first.subject.id,
        division=division,
        opened_at=now,
        queued_at=now,
    )
    return msgspec.structs.replace(_with_groups(empty, groups), version=1)


def followed(
    case: RiskCase,
    groups: Mapping[str, Sequence[Finding]],
    *,
    division: str,
    now: datetime,
    stopped: Collection[str] = (),
) -> RiskCase | None:
    """Give a case as it is with what was found now; None if that changes nothing.

    A group that says what it said adds nothing. One that says something else takes the place of the earlier;
    on a resolved case it opens it again, unless it was judged before, or is tolerated still. `stopped` are
    the classes of which the findings stop lines.
    """
    digests = {group: digest_of(found) for group, found in groups.items()}
    fresh = {group: groups[group] for group, digest in digests.items() if case.seen.get(group) != digest}
    back = _comes_back(case, fresh, {digests[group] for group in fresh}, stopped, now)
    if not fresh and not back:
        return None
    after = _with_groups(case, fresh)
    after = msgspec.structs.replace(after, division=common_area(case.division, division))
    return reopened(after, now) if back else after


def _comes_back(
    case: RiskCase,
    fresh: Mapping[str, Sequence[Finding]],
    said: set[str],
    stopped: Collection[str],
    now: datetime,
) -> bool:
    if case.status is not CaseStatus.RESOLVED:
        return False
    if case.outcome is Outcome.TOLERATED:
        return toleration_over(case, now) or _is_worse(case, fresh, stopped)
    return bool(said - set(case.judged))


def _is_worse(case: RiskCase, fresh: Mapping[str, Sequence[Finding]], stopped: Collection[str]) -> bool:
    """Tell whether what holds now is more than was tolerated: another class, or what was only a warning.

    What holds in another class opens the case, so what it has seen since was tolerated or warnings. A group
    without a class may name people of several: there the classes that it stops tell.
    """
    holding = [group for group, found in fresh.items() if any(_holds(finding) for finding in found)]
    if holding and set(stopped) - case.stops.keys():
        return True
    return any(group not in case.seen or not _held_before(case, group) for group in holding)


def _held_before(case: RiskCase, group: str) -> bool:
    kept = [finding for finding in case.findings if finding.group == group]
    return any(_holds(finding) for finding in kept) if kept else group in case.stops


def _holds(finding: Finding | CaseFinding) -> bool:
    return finding.severity is Severity.HOLD


def toleration_over(case: RiskCase, now: datetime) -> bool:
    """Tell whether what was tolerated is so no more: after its last day in Shanghai."""
    return case.tolerated_until is not None and shanghai_date(now) > case.tolerated_until


def reopened(case: RiskCase, now: datetime) -> RiskCase:
    """Give a case as it is once it is opened again; what it was resolved with stays in its history."""
    return msgspec.structs.replace(
        case,
        decisions=case.decided,
        status=CASE_TRANSITIONS.target("reopen"),
        taken_by=None,
        taken_at=None,
        outcome=None,
        resolution=None,
        resolved_by=None,
        resolved_at=None,
        tolerated_until=None,
        queued_at=now,
    )


def _with_groups(case: RiskCase, fresh: Mapping[str, Sequence[Finding]]) -> RiskCase:
    kept = [finding for finding in case.findings if finding.group not in fresh]
    added = [_kept(finding, group) for group, found in fresh.items() for finding in found]
    findings = sorted([*kept, *added], key=_newest_last)[-FINDINGS_MAX:]
    seen = {**case.seen, **{group: digest_of(found) for group, found in fresh.items()}}
    holding = Severity.HOLD in {case.severity, *(finding.severity for finding in added)}
    newest = findings[-1]
    return msgspec.structs.replace(
        case,
        severity=Severity.HOLD if holding else Severity.WARN,
        findings=findings,
        seen=dict(list(seen.items())[-SEEN_MAX:]),
        institution=newest.institution or case.institution,
        class_id=newest.class_id or case.class_id,
        version=case.version + 1,
    )


def _newest_last(finding: CaseFinding) -> tuple[datetime, str, bytes]:
    return finding.at, finding.group, msgspec.json.encode(finding.evidence, order="deterministic")


def _kept(finding: Finding, group: str) -> CaseFinding:
    return CaseFinding(
        at=finding.at,
        group=group,
        severity=finding.severity,
        class_id=finding.class_id,
        institution=finding.institution,
        lines=sorted(finding.lines)[:LINES_MAX],
        evidence=bounded(finding.evidence),
    )


def bounded(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Give evidence as it is kept: lists of up to 20, and of what is still too large only its digest."""
    shorter = {name: _shortened(value) for name, value in evidence.items()}
    raw = msgspec.json.encode(shorter, order="deterministic")
    if len(raw) <= EVIDENCE_BYTES_MAX:
        return shorter
    return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _shortened(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shortened(part) for part in list(value)[:IDS_MAX]]
    return value


# --------------------------------------------------------------------------- what is held


def with_stops(case: RiskCase, stops: Mapping[str, Sequence[str]]) -> RiskCase:
    """Add the classes of which a case is to stop lines, with whose; an empty list is everybody's.

    What is held is never narrowed by another run: a supervisor decides that.
    """
    after = dict(case.stops)
    for class_id, lines in stops.items():
        before = after.get(class_id)
        after[class_id] = [] if not lines or before == [] else sorted({*(before or ()), *lines})
    return msgspec.structs.replace(case, stops=after)


# --------------------------------------------------------------------------- what a supervisor does


def why_not(
    action: str,
    case: RiskCase,
    principal: Principal,
    *,
    hands_in_it: Hands,
    version: int | None = None,
    outcome: Outcome | None = None,
) -> DomainError | None:
    """Tell what stands against taking up or resolving a case.

    `hands_in_it` are those who prepared or decided on what it is about: they do not judge it. A case that was
    resolved is taken up again only if it was confirmed, and by another than who confirmed it; who did gives
    it no other `outcome` either, should new findings have opened it again. One that is under review is taken
    by another than who has it, also by somebody who is tied to them: a tie takes no case over.
    `store.move` holds state and version under races.
    """
    if not principal.hands.isdisjoint(hands_in_it):
        return error("self_approval")
    changes_it = case.status is CaseStatus.RESOLVED or outcome not in (None, Outcome.CONFIRMED)
    if changes_it and _confirmed_by(case, principal.hands):
        return error("self_approval")
    refusal = CASE_TRANSITIONS.why_not(action, case, version=version)
    is_over = case.status is CaseStatus.RESOLVED and case.outcome is not Outcome.CONFIRMED
    under_review = action == "take" and case.status is CaseStatus.UNDER_REVIEW
    has_it = under_review and case.taken_by in principal.own
    if refusal is None and (is_over or has_it):
        return error("wrong_state", status=case.status.value)
    return refusal


def _confirmed_by(case: RiskCase, hands: Hands) -> bool:
    """Tell whether the decision that counts is one of these hands, and says that it was fraud."""
    standing = case.standing
    return standing is not None and standing.outcome is Outcome.CONFIRMED and standing.decided_by in hands


def why_not_until(outcome: Outcome, until: date | None, today: date) -> DomainError | None:
    """Tell whether a last day is given where, and only where, something is tolerated until it."""
    if outcome is not Outcome.TOLERATED:
        return error("malformed", faults=(Fault("until_not_asked", field="until"),)) if until else None
    if until is not None and today < until <= today + timedelta(days=TOLERATED_DAYS_MAX):
        return None
    return error(
        "malformed", faults=(Fault("until_needed", field="until", facts={"days": TOLERATED_DAYS_MAX}),)
    )


def taken(case: RiskCase, *, by: str, now: datetime) -> RiskCase:
    """Give a case as it is once a supervisor looks into it."""
    fresh = reopened(case, now) if case.status is CaseStatus.RESOLVED else case
    return msgspec.structs.replace(
        fresh,
        status=CASE_TRANSITIONS.target("take"),
        taken_by=by,
        taken_at=now,
        queued_at=now,
        version=case.version + 1,
    )


def resolved(
    case: RiskCase, outcome: Outcome, *, by: str, reason: str, until: date | None, now: datetime
) -> RiskCase:
    """Give a case as it is once it is decided on. What is tolerated waits for the day after its last."""
    waits = start_of_day(until) + timedelta(days=1) if until is not None else None
    judged = dict.fromkeys([*case.judged, *case.seen.values()])
    decision = Decision(outcome=outcome, reason=reason, decided_by=by, decided_at=now, until=until)
    return msgspec.structs.replace(
        case,
        status=CASE_TRANSITIONS.target("resolve"),
        outcome=outcome,
        resolution=reason,
        resolved_by=by,
        resolved_at=now,
        tolerated_until=until,
        decisions=[*case.decided, decision][-DECISIONS_MAX:],
        judged=list(judged)[-JUDGED_MAX:],
        queued_at=waits,
        version=case.version + 1,
    )
