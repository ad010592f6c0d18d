"""What a rule is: how it is named and explained, and the function that finds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import Finding, FindingKind, FindingSubject, Severity
from chalicelib.supervision.rules.dossier import Dossier, VoucherDossier

EVIDENCE_IDS_MAX = 20

D = TypeVar("D", Dossier, VoucherDossier)


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[D]):
    """One rule, as the document shows it.

    `thresholds` are fields of `Policy.supervision`, or others of the policy as `policy.<field>`; `spares` are
    the honest look-alikes that it does not hold up, each with what tells them apart. What is `only_alike`
    looks like cheating and proves none: it stops payment until a supervisor has decided, or only once it is
    confirmed where a policy says so (`patterns_stop_payment` off).
    """

    name: str
    pattern: str
    source: str
    evaluate: Callable[[D, Policy, datetime], Iterable[Finding]]
    thresholds: Sequence[str]
    spares: Sequence[str]
    weak: str = ""
    only_alike: bool = False


def finding(
    dossier: Dossier,
    rule: str,
    severity: Severity,
    subject: tuple[FindingKind, str],
    *,
    evidence: Mapping[str, Any],
    at: datetime,
    lines: Iterable[str] = (),
) -> Finding:
    """Say what is wrong with a class or something of it; the ids of `evidence` are kept to 20."""
    kind, subject_id = subject
    return Finding(
        rule=rule,
        severity=severity,
        subject=FindingSubject(kind=kind, id=subject_id),
        class_id=dossier.head.id,
        institution=dossier.head.institution,
        lines=sorted(set(lines)),
        evidence=_kept(evidence),
        at=at.astimezone(SHANGHAI),
    )


def _kept(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the ids of all lists together to twenty: the longest list is cut first."""
    lists = {name: list(told) for name, told in evidence.items() if isinstance(told, list)}
    while sum(map(len, lists.values())) > EVIDENCE_IDS_MAX:
        max(lists.values(), key=len).pop()
    return {name: lists.get(name, told) for name, told in evidence.items()}


def ids(records: Iterable[str]) -> list[str]:
    """Give the ids of records for the evidence: each once, in order, the first twenty."""
    return sorted(set(records))[:EVIDENCE_IDS_MAX]
