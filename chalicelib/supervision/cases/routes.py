"""HTTP of risk cases."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form, Reason, Version
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import OVERSEERS, Role
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.cases import service
from chalicelib.supervision.cases.consequences import consequences_of
from chalicelib.supervision.cases.model import CaseFinding, CaseStatus, Decision, Outcome, RiskCase
from chalicelib.supervision.records.model import FindingKind, Severity

api = Api(__name__)


class CaseQuery(PageQuery):
    """Which risk cases to list."""

    rule: Annotated[str, Meta(max_length=40)] | None = None
    severity: Severity | None = None
    status: CaseStatus | None = None
    institution: Annotated[str, Meta(max_length=18)] | None = None
    division: Annotated[str, Meta(max_length=6)] | None = None


class TakeRequest(Form):
    """A case that a supervisor takes up."""

    version: Version


class ResolveRequest(Form):
    """A decision on a case; `until` is the last day of what is tolerated."""

    version: Version
    outcome: Outcome
    reason: Reason
    until: date | None = None


class CaseSubject(Answer):
    """What is wrong, by an id that names nobody."""

    kind: FindingKind
    id: str


class CaseFindingAnswer(Answer):
    """One thing that a rule found: figures, ids of records, and for who oversees others the thresholds."""

    at: datetime
    severity: Severity
    class_id: str | None = field(name="class")
    institution: str | None
    lines: list[str]
    evidence: dict[str, Any]


class CaseDecisionAnswer(Answer):
    """What somebody once made of a case; it stays, whatever was decided later."""

    outcome: Outcome
    reason: str
    decided_by: str
    decided_at: datetime
    until: date | None


class RiskCaseAnswer(Answer):
    """A risk case; `lines` are the enrolments whose payment it concerns, everybody's in the class if none."""

    id: str
    rule: str
    severity: Severity
    status: CaseStatus
    subject: CaseSubject
    division: str
    institution: str | None
    class_id: str | None = field(name="class")
    lines: list[str]
    findings: list[CaseFindingAnswer]
    opened_at: datetime
    taken_by: str | None
    taken_at: datetime | None
    outcome: Outcome | None
    reason: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    until: date | None
    decisions: list[CaseDecisionAnswer]
    version: int
    allowed_actions: list[str]


class ConsequenceAnswer(Answer):
    """An existing action: its right, where and with which version it is done, by which roles.

    `mine` tells whether the caller has that right.
    """

    action: str
    method: Literal["POST"]
    path: str
    subject: str
    version: int | None
    roles: list[Role]
    mine: bool


class RiskCaseDetail(RiskCaseAnswer):
    """A risk case with what may follow, if it was confirmed."""

    consequences: list[ConsequenceAnswer]


@api.endpoint(
    "GET",
    "/v1/risk-cases",
    action="risk_case.read",
    query=CaseQuery,
    answer=Listing[RiskCaseAnswer],
    summary="List risk cases, the oldest of each state first",
)
def list_risk_cases(call: Call[None, CaseQuery]) -> Listing[RiskCaseAnswer]:
    query = call.query
    wanted = service.CaseFilter(
        rule=query.rule,
        severity=query.severity,
        status=query.status,
        institution=query.institution,
        division=query.division,
    )
    page = service.list_cases(call.context, call.page_request(), wanted)
    offered = service.allowed_on(call.context, page.items)
    return call.listing(page, lambda case: _answer(call, case, offered[case.id]))


@api.endpoint(
    "GET",
    "/v1/risk-cases/{case_id}",
    action="risk_case.read",
    answer=RiskCaseDetail,
    summary="A risk case with its evidence",
)
def read_risk_case(call: Call[None, NoQuery], case_id: str) -> RiskCaseDetail:
    return _shown(call, service.read_case(call.context, case_id))


@api.endpoint(
    "POST",
    "/v1/risk-cases/{case_id}/take",
    action="risk_case.take",
    body=TakeRequest,
    answer=RiskCaseDetail,
    summary="Take a risk case up; a confirmed one is taken up again by another person than who confirmed it",
)
def take_risk_case(call: Call[TakeRequest, NoQuery], case_id: str) -> RiskCaseDetail:
    return _shown(call, service.take(call.context, case_id, version=call.body.version))


@api.endpoint(
    "POST",
    "/v1/risk-cases/{case_id}/resolve",
    action="risk_case.resolve",
    body=ResolveRequest,
    answer=RiskCaseDetail,
    summary="Decide on a risk case; what is confirmed stops payment, anything else lifts it",
)
def resolve_risk_case(call: Call[ResolveRequest, NoQuery], case_id: str) -> RiskCaseDetail:
    body = call.body
    case = service.resolve(
        call.context,
        case_id,
        version=body.version,
        outcome=body.outcome,
        reason=body.reason,
        until=body.until,
    )
    return _shown(call, case)


def _shown(call: Call[Any, Any], case: RiskCase) -> RiskCaseDetail:
    facts = _facts(call, case, service.allowed_on(call.context, [case])[case.id])
    following = [
        ConsequenceAnswer(
            action=consequence.action,
            method="POST",
            path=consequence.path,
            subject=consequence.subject,
            version=consequence.version,
            roles=list(consequence.roles),
            mine=consequence.mine,
        )
        for consequence in consequences_of(call.context, case)
    ]
    return RiskCaseDetail(**facts, consequences=following)


def _answer(call: Call[Any, Any], case: RiskCase, offered: Sequence[str]) -> RiskCaseAnswer:
    return RiskCaseAnswer(**_facts(call, case, offered))


def _facts(call: Call[Any, Any], case: RiskCase, offered: Sequence[str]) -> dict[str, Any]:
    limits_told = call.context.principal.role in OVERSEERS
    return {
        "id": case.id,
        "rule": case.rule,
        "severity": case.severity,
        "status": case.status,
        "subject": CaseSubject(kind=case.subject_kind, id=case.subject_id),
        "division": case.division,
        "institution": case.institution,
        "class_id": case.class_id,
        "lines": case.lines,
        "findings": [_finding(finding, limits_told=limits_told) for finding in case.findings],
        "opened_at": case.opened_at,
        "taken_by": case.taken_by,
        "taken_at": case.taken_at,
        "outcome": case.outcome,
        "reason": case.resolution,
        "resolved_by": case.resolved_by,
        "resolved_at": case.resolved_at,
        "until": case.tolerated_until,
        "decisions": [
            CaseDecisionAnswer(**{name: getattr(decision, name) for name in Decision.__struct_fields__})
            for decision in case.decided
        ],
        "version": case.version,
        "allowed_actions": list(offered),
    }


_LIMITS = frozenset(Thresholds.__struct_fields__)


def _finding(finding: CaseFinding, *, limits_told: bool) -> CaseFindingAnswer:
    told = finding.evidence
    if not limits_told:
        told = {name: value for name, value in told.items() if name not in _LIMITS}
    return CaseFindingAnswer(
        at=finding.at,
        severity=finding.severity,
        class_id=finding.class_id,
        institution=finding.institution,
        lines=finding.lines,
        evidence=told,
    )
