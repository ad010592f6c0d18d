"""Use cases of evaluation: a class, the vouchers that wait for one, and which classes a night looks at.

Whatever asks for it, a class is evaluated here and nowhere else, so every path finds the same. What is found
goes to the risk cases, which know what they have already.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.aws import queues
from chalicelib.aws.logs import log, measure
from chalicelib.aws.metrics import RULES_FAILED
from chalicelib.aws.settings import settings
from chalicelib.aws.waiting import queues_of
from chalicelib.classes.store import parts_by_class
from chalicelib.enrolments.store import find_enrolment, find_enrolments, waiting_enrolments
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.vault.store import find_people
from chalicelib.programs.service import current_program
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.claims.store import due_claims
from chalicelib.supervision.cases.service import record_findings
from chalicelib.supervision.dossiers.model import phones_of
from chalicelib.supervision.dossiers.service import Gathered, gather
from chalicelib.supervision.dossiers.store import add_sightings
from chalicelib.supervision.records.keys import keyed
from chalicelib.supervision.records.model import Finding
from chalicelib.supervision.records.translation import class_record, enrolment_record, voucher_record
from chalicelib.supervision.rules.dossier import VoucherDossier
from chalicelib.supervision.rules.evaluation import Failure, findings_about_class, findings_about_voucher
from chalicelib.supervision.touches import store
from chalicelib.supervision.touches.model import PATIENCE, day_of, day_shards, touch
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers

EVALUATED_IN_A_CALL_MAX = 25
"""A class takes a fifth of a second, and a call may take sixteen in all."""


@dataclass(frozen=True)
class Evaluated:
    """What came of an evaluation: what was found, which rules failed, and whom the class newly met."""

    findings: Sequence[Finding] = ()
    failures: Sequence[Failure] = ()
    met: Sequence[str] = field(default_factory=list)


def evaluate_class(context: Context, class_id: str) -> Evaluated:
    """Evaluate every rule over a class and record what is found; a class that is gone is nothing.

    Classes that it newly shares somebody with are evaluated too, soon: theirs are the same neighbours.

    Raises:
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    gathered = gather(context, class_id, also={store.TouchedRow: [{"class_id": class_id}]})
    if gathered is None:
        return Evaluated()
    _count_attempts(gathered)
    evaluation = findings_about_class(gathered.dossier, gathered.policy, context.now)
    findings = [_with_what_was_left_out(finding, gathered.left_out) for finding in evaluation.findings]
    record_findings(findings, now=context.now, request_id=context.request_id)
    _tell_failures(evaluation.failures)
    ask_for(context, gathered.met)
    return Evaluated(findings, evaluation.failures, gathered.met)


def _count_attempts(gathered: Gathered) -> None:
    """Keep how many attempts there were and how many were refused, where that is news."""
    made = [attempt for attempt in gathered.dossier.check_ins if not attempt.made_up]
    refused = sum(attempt.outcome == "refused" for attempt in made)
    for touched in gathered.beside[store.TouchedRow]:
        if (touched.attempts, touched.refused) != (len(made), refused):
            store.note_attempts(touched.class_id, attempts=len(made), refused=refused)


def evaluate_waiting(
    context: Context, queue: str, after: Mapping[str, Any] | None
) -> tuple[Evaluated, Mapping[str, Any] | None]:
    """Evaluate the vouchers of a page of enrolments in no class; gives where the next page begins."""
    page = waiting_enrolments(queue, until=context.now, after=after)
    enrolments = find_enrolments([waiting.key[0] for waiting in page.keys]) if page.keys else []
    vouchers = {voucher.enrolment_id: voucher for voucher in _vouchers_of(enrolments)}
    named = {enrolment.class_id for enrolment in enrolments if enrolment.class_id is not None}
    classes = parts_by_class(sorted(named)) if named else {}
    findings: list[Finding] = []
    failures: list[Failure] = []
    for enrolment in sorted(enrolments, key=lambda enrolment: enrolment.id):
        voucher = vouchers.get(enrolment.id)
        if voucher is None:
            continue
        parts = classes.get(str(enrolment.class_id))
        dossier = VoucherDossier(
            voucher=voucher_record(voucher, keyed),
            enrolment=enrolment_record(enrolment, keyed),
            training_class=class_record(parts.head, parts.plan, keyed) if parts is not None else None,
        )
        policy = current_program(voucher.program_id).policy
        evaluation = findings_about_voucher(dossier, policy, context.now)
        findings += evaluation.findings
        failures += evaluation.failures
    if findings:
        record_findings(findings, now=context.now, request_id=context.request_id)
    _tell_failures(failures)
    return Evaluated(findings, failures), page.after


def _vouchers_of(enrolments: Sequence[Any]) -> list[Any]:
    return find_vouchers(sorted({enrolment.voucher_id for enrolment in enrolments})) if enrolments else []


def _with_what_was_left_out(finding: Finding, left_out: int) -> Finding:
    """Say in the evidence that more neighbours share somebody than were read."""
    if not left_out:
        return finding
    return msgspec.structs.replace(finding, evidence={**finding.evidence, "neighbours_left_out": left_out})


def _tell_failures(failures: Iterable[Failure]) -> None:
    for failure in failures:
        kind = failure.error.partition(":")[0]  # its text may hold what it was about
        log("rule_failed", rule=failure.rule, about=failure.about, error=kind)
        measure(RULES_FAILED, rule=failure.rule)


# --------------------------------------------------------------------------- as records arrive


def touch_classes(context: Context, class_ids: Iterable[str], *, at_once: Iterable[str] = ()) -> int:
    """Have classes evaluated in which something happened: soon, or at once; gives how many were asked for.

    While one is asked for already, more of the same costs a write that fails and nothing else.
    """
    hurried = sorted(set(at_once))
    now = context.now
    noted = {one for one in sorted({*class_ids, *hurried}) if store.note_touched(touch(one, now), now)}
    later = sorted(noted - set(hurried))
    ask_for(context, hurried)
    ask_for(context, later, delay_seconds=int(PATIENCE.total_seconds()))
    return len(hurried) + len(later)


def touch_class_of(context: Context, voucher: Voucher) -> None:
    """Have the class evaluated in which a voucher is used, soon: a list says something of its holder.

    A list of thousands asks once for each class, and not again while it is asked for.
    """
    enrolment = find_enrolment(voucher.enrolment_id) if voucher.enrolment_id is not None else None
    if enrolment is not None and enrolment.class_id is not None:
        touch_classes(context, [str(enrolment.class_id)])


def ask_for(context: Context, class_ids: Iterable[str], *, delay_seconds: int = 0) -> None:
    """Ask for the evaluation of classes."""
    bodies = [{"class_id": class_id} for class_id in class_ids]
    if bodies:
        queues.send(settings().supervision_queue_url, bodies, now=context.now, delay_seconds=delay_seconds)


def note_phones(context: Context, person_keys: Iterable[str]) -> None:
    """List the phones of people who have just enrolled, so that whoever shares one meets them."""
    people = find_people(sorted(set(person_keys)))
    if people:
        add_sightings(phones_of(people), change_of(context, "sighting.add"))


# --------------------------------------------------------------------------- in the night


def begin_night(context: Context) -> dict[str, int]:
    """Ask for the evaluation of what the day touched, of what is due to be paid, and of what waits.

    A message each for a shard of the day, a city's due claims, a list of enrolments in no class, and a group
    of areas whose figures are kept.
    """
    day = day_of(context.now) - timedelta(days=1)
    bodies: list[dict[str, Any]] = [{"touched": shard} for shard in day_shards(day)]
    asked_at = format_moment(context.now)
    bodies += [{"due": city, "asked_at": asked_at} for city in cities_of(PROVINCE)[0]]
    bodies += [{"waiting": queue} for queue in queues_of(PROVINCE)]
    bodies += [{"figures": group} for group in groups_below(PROVINCE)]
    queues.send(settings().supervision_queue_url, bodies, now=context.now)
    return {"messages": len(bodies)}


def ask_for_touched(context: Context, day_shard: str, after: Mapping[str, Any] | None) -> None:
    """Ask for the classes of a page of a day's list, and for the next page."""
    class_ids, rest = store.touched_on(day_shard, after)
    ask_for(context, class_ids)
    if rest is not None:
        again = {"touched": day_shard, "after": rest}
        queues.send(settings().supervision_queue_url, [again], now=context.now)


def ask_for_due(context: Context, city: str, *, at: datetime | None = None) -> None:
    """Ask for the classes whose claims the night may pay: it seals after midnight what is due that day.

    `at` is the moment that is to be answered: that of the night, however often its message comes.
    """
    claims = due_claims(city, on=day_of(context.now))
    ask_before_payment(context, {str(claim.class_id) for claim in claims}, at=at or context.now)


def ask_before_payment(context: Context, class_ids: Iterable[str], *, at: datetime) -> None:
    """Ask for the evaluation of classes that are to be paid for: `at` is the moment that is to be answered.

    Each is noted first, so a message that is lost leaves a class that is asked for and not answered.
    """
    asked = {class_id: store.ask(class_id, at) for class_id in sorted(set(class_ids))}
    bodies = [{"class_id": class_id, "asked_at": format_moment(moment)} for class_id, moment in asked.items()]
    if bodies:
        queues.send(settings().supervision_queue_url, bodies, now=context.now)
