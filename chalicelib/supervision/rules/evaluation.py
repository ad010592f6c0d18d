"""Evaluate a dossier: every rule over it, each by itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import Finding
from chalicelib.supervision.rules.attempts import stands
from chalicelib.supervision.rules.dossier import Dossier, VoucherDossier
from chalicelib.supervision.rules.register import CLASS_RULES, VOUCHER_RULES
from chalicelib.supervision.rules.rule import D, Rule


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A rule that could not be carried out on a dossier: what it was about, and why."""

    rule: str
    about: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the rules found in one dossier, in a fixed order, and which of them failed."""

    findings: Sequence[Finding]
    failures: Sequence[Failure]


def findings_about_class(
    dossier: Dossier, policy: Policy, as_of: datetime, *, rules: Sequence[Rule[Dossier]] = CLASS_RULES
) -> Evaluation:
    """Evaluate a class: the findings as of a moment, under the newest policy of its program.

    A class that was never approved, or was cancelled, has none.
    """
    if not stands(dossier.head):
        return Evaluation(findings=[], failures=[])
    return _evaluate(rules, dossier, policy, as_of, about=dossier.head.id)


def findings_about_voucher(
    dossier: VoucherDossier,
    policy: Policy,
    as_of: datetime,
    *,
    rules: Sequence[Rule[VoucherDossier]] = VOUCHER_RULES,
) -> Evaluation:
    """Evaluate a voucher that is in no approved class."""
    return _evaluate(rules, dossier, policy, as_of, about=dossier.voucher.id)


def _evaluate(
    rules: Iterable[Rule[D]], dossier: D, policy: Policy, as_of: datetime, *, about: str
) -> Evaluation:
    findings: list[Finding] = []
    failures: list[Failure] = []
    for rule in rules:
        try:
            findings += rule.evaluate(dossier, policy, as_of)
        except Exception as error:  # noqa: BLE001 - a rule that fails stops no other, and is told
            failures.append(Failure(rule=rule.name, about=about, error=f"{type(error).__name__}: {error}"))
    findings.sort(key=_place_of)
    return Evaluation(findings=findings, failures=failures)


def _place_of(finding: Finding) -> tuple[str, str, str, str]:
    subject = finding.subject
    return finding.rule, subject.kind.value, subject.id, repr((finding.severity, finding.evidence))
