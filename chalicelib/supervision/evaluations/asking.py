"""Asking for the evaluation of classes that are to be paid for, and telling which were evaluated.

Nothing is sealed unseen. What is due is asked for before it is sealed, by a moment that travels with the
message; an evaluation that every rule came through answers with that moment (`touches.model`). What sealing
takes has the answer in the condition of its write. What is not answered waits for the next night, is counted,
and goes to a supervisor where that is no accident: a rule failed on it, or it is not the first night. The
supervisor looks at the class, and lets it go with a case that is a false alarm or tolerated; or holds it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum

from chalicelib.aws import queues
from chalicelib.aws.logs import log, measure
from chalicelib.aws.metrics import RULES_FAILED
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import Check
from chalicelib.classes.model import ClassHead
from chalicelib.classes.store import heads_by_id
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.principal import Context
from chalicelib.supervision.cases.model import CaseStatus, Outcome, RiskCase, case_id_of, toleration_over
from chalicelib.supervision.cases.service import record_findings
from chalicelib.supervision.cases.store import find_cases, stands_check
from chalicelib.supervision.evaluations import service
from chalicelib.supervision.evaluations.service import ask_before_payment
from chalicelib.supervision.records.model import Finding, FindingKind, FindingSubject, Severity
from chalicelib.supervision.rules.register import NOT_EVALUATED
from chalicelib.supervision.touches import store
from chalicelib.supervision.touches.model import (
    Touched,
    has_failed,
    is_answered,
    is_asked,
    is_to_be_told,
)

_TRIES = 2


def ask_again(context: Context, class_ids: Collection[str], since: datetime, *, lost: bool) -> None:
    """Ask for classes that are due and not answered; with `lost`, also for those that are asked for already.

    Those whose evaluation may still be on its way are asked for with the same moment: whichever message
    comes first answers it.
    """
    known = {touched.class_id: touched for touched in store.find_touched(class_ids)}
    fresh = [class_id for class_id in class_ids if not is_asked(known.get(class_id), since)]
    ask_before_payment(context, fresh, at=context.now)
    if lost:
        open_ones = (known[class_id] for class_id in sorted(set(class_ids) - set(fresh)))
        for touched in open_ones:
            if touched.asked_at is not None and not has_failed(touched, since):
                ask_before_payment(context, [touched.class_id], at=touched.asked_at)


def evaluate_asked(context: Context, class_id: str, at: datetime) -> bool:
    """Evaluate a class for what was asked, and answer if every rule was carried out.

    What is found is recorded before that: whoever reads the answer reads the holds as well. A class on which
    a rule failed has what the others found, and no answer. A message of what is answered already costs a
    read: a queue that lags is asked again and again.

    Raises:
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    if any(one.answered_at == at and is_answered(one, at) for one in store.find_touched([class_id])):
        return True
    return _evaluate_for(context, class_id, at) is _Answer.GIVEN


def evaluate_before_sealing(context: Context, class_ids: Iterable[str]) -> frozenset[str]:
    """Evaluate classes that are about to be paid for by hand; gives those that were looked at whole.

    The night asks for what is due and then seals it; who seals in the day has no night before it. A class
    on which a rule failed, or that was too much for this call, is not among them: it stays due.

    Raises:
        Unavailable: DynamoDB did not answer; nothing may be sealed then.

    """
    seen: set[str] = set()
    for place, class_id in enumerate(class_ids):
        if place == service.EVALUATED_IN_A_CALL_MAX:
            break
        if _evaluate_at_once(context, class_id) or class_id in let_go(context, [class_id]):
            seen.add(class_id)
    return frozenset(seen)


def _evaluate_at_once(context: Context, class_id: str) -> bool:
    """Evaluate a class now; once more where something has happened in it meanwhile."""
    for _ in range(_TRIES):
        answer = _evaluate_for(context, class_id, store.ask(class_id, context.now))
        if answer is not _Answer.TOO_OLD:
            return answer is _Answer.GIVEN
    return False


class _Answer(Enum):
    """What came of an evaluation that was asked for."""

    GIVEN = 1
    TOO_OLD = 2
    A_RULE_FAILED = 3


def _evaluate_for(context: Context, class_id: str, at: datetime) -> _Answer:
    evaluated = service.evaluate_class(context, class_id)
    if evaluated.failures:
        store.note_failed(class_id, at, [failure.rule for failure in evaluated.failures])
        return _Answer.A_RULE_FAILED
    return _Answer.GIVEN if store.answer(class_id, at) else _Answer.TOO_OLD


# --------------------------------------------------------------------------- what may be sealed


def evaluated_classes(
    context: Context, class_ids: Collection[str], since: datetime, *, last: bool
) -> dict[str, Sequence[Check]]:
    """Give those of some classes that may be paid for, each with what has to hold in the write that seals it.

    They are those that were asked for since a moment and are answered, and those that a supervisor let go
    although a rule fails on them: once it has failed again, or with `last`, when nothing more is waited for.
    """
    touched = {one.class_id: one for one in store.find_touched(class_ids)} if class_ids else {}
    answered = {
        class_id: [store.answered_check(one)] for class_id, one in touched.items() if is_answered(one, since)
    }
    missed = [
        one
        for class_id, one in touched.items()
        if class_id not in answered and one.missed_since and (last or has_failed(one, since))
    ]
    cases = _let_go(context, missed)
    return {
        **answered,
        **{
            one.class_id: [store.asked_check(one), stands_check(cases[one.class_id])]
            for one in missed
            if one.class_id in cases
        },
    }


def let_go(context: Context, class_ids: Collection[str]) -> Collection[str]:
    """Name those of some classes that a supervisor lets be paid though not every rule was carried out."""
    return _let_go(context, [one for one in store.find_touched(class_ids) if one.missed_since])


def _let_go(context: Context, missed: Sequence[Touched]) -> dict[str, RiskCase]:
    """Find the decisions on classes that were missed: what fails now must be what was decided on."""
    if not missed:
        return {}
    cases: Mapping[str, RiskCase] = {case.id: case for case in find_cases([_case_id(one) for one in missed])}
    decided = {one.class_id: cases.get(_case_id(one)) for one in missed}
    return {
        one.class_id: case
        for one in missed
        if (case := decided[one.class_id]) is not None and _lets_go(case, one, context.now)
    }


def _lets_go(case: RiskCase, missed: Touched, now: datetime) -> bool:
    if case.status is not CaseStatus.RESOLVED or toleration_over(case, now):
        return False
    known = {str(rule) for finding in case.findings for rule in finding.evidence.get("rules_failed", [])}
    judged = case.outcome in (Outcome.FALSE_ALARM, Outcome.TOLERATED)
    return judged and set(missed.failed_rules) <= known


# --------------------------------------------------------------------------- what could not be

_TOLD_MAX = 100
"""So many classes are told of in one message."""


def tell_missed(context: Context, class_ids: Collection[str]) -> None:
    """Have it noted that classes are due and stay so: supervision's own worker does (`report_missed`)."""
    named = sorted(class_ids)
    bodies = [{"missed": named[start : start + _TOLD_MAX]} for start in range(0, len(named), _TOLD_MAX)]
    queues.send(settings().supervision_queue_url, bodies, now=context.now)


def report_missed(context: Context, class_ids: Collection[str]) -> None:
    """Note classes that are due and not paid, as nothing was answered; open a case if it is no accident."""
    noted = [store.note_missed(class_id, context.now) for class_id in sorted(class_ids)]
    missed = [one for one in noted if one is not None]
    if missed:
        measure(RULES_FAILED, len(missed), rule=NOT_EVALUATED)
    told = [one for one in missed if is_to_be_told(one, context.now)]
    log("classes_unevaluated", missed=len(missed), told=len(told))
    heads: dict[str, ClassHead] = {head.id: head for head in heads_by_id({one.class_id for one in told})}
    findings = [_finding(one, heads[one.class_id]) for one in told if one.class_id in heads]
    if findings:
        record_findings(findings, now=context.now, request_id=context.request_id)


def _finding(missed: Touched, head: ClassHead | None = None) -> Finding:
    assert missed.missed_since is not None
    return Finding(
        rule=NOT_EVALUATED,
        severity=Severity.WARN,
        subject=FindingSubject(kind=FindingKind.CLASS, id=missed.class_id),
        class_id=missed.class_id,
        institution=str(head.institution) if head is not None else None,
        lines=[],
        evidence={
            **({"rules_failed": list(missed.failed_rules)} if missed.failed_rules else {}),
            "missed_since": format_moment(missed.missed_since),
        },
        at=missed.missed_since,
    )


def _case_id(missed: Touched) -> str:
    return case_id_of(_finding(missed))
