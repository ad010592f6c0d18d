"""Findings as rules give them, and what supervisors do with their cases over HTTP."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.supervision.cases.model import case_id_of
from chalicelib.supervision.cases.service import Recorded, record_findings
from chalicelib.supervision.records.model import Finding, FindingKind, FindingSubject, Severity
from tests.subsidies.scored import Money
from tests.support.people import HEFEI_SCHOOL

AT = datetime(2026, 8, 20, 1, 0, tzinfo=UTC)


def finding(
    class_id: str | None,
    *,
    rule: str = "shared_device",
    severity: Severity = Severity.HOLD,
    kind: FindingKind = FindingKind.CLASS,
    subject: str | None = None,
    lines: Sequence[str] = (),
    institution: str | None = HEFEI_SCHOOL,
    at: datetime = AT,
    **evidence: Any,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        subject=FindingSubject(kind=kind, id=subject or str(class_id)),
        class_id=class_id,
        institution=institution,
        lines=list(lines),
        evidence=evidence or {"devices": 1, "people": 4, "threshold": 3},
        at=at,
    )


def record(money: Money, *findings: Finding) -> Recorded:
    return record_findings(findings, now=money.now, request_id="req_test")


def read(money: Money, found: Finding, *, who: Any = "supervisor") -> Any:
    return money.ok(money.api(who).get(f"/v1/risk-cases/{case_id_of(found)}", at=money.now))


def take(money: Money, found: Finding, *, who: Any = "supervisor") -> Any:
    case = read(money, found)
    path = f"/v1/risk-cases/{case['id']}/take"
    return money.ok(money.api(who).post(path, {"version": case["version"]}, at=money.now))


def resolve(money: Money, found: Finding, outcome: str, *, who: Any = "supervisor", **more: Any) -> Any:
    """Take a case up, unless it is theirs already, and decide on it."""
    case = read(money, found, who=who)
    if "resolve" not in case["allowed_actions"] or "take" in case["allowed_actions"]:
        case = take(money, found, who=who)
    body = {"version": case["version"], "outcome": outcome, "reason": "已现场核实", **more}
    return money.api(who).post(f"/v1/risk-cases/{case['id']}/resolve", body, at=money.now)
