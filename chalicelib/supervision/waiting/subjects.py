"""What is shown of each thing that waits: by which id it is found, its name, what may be done with it.

Each reader reads the things of one machine at once. What has moved on since its index told of it is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.accounts.clients.service import allowed_actions as actions_on_client
from chalicelib.accounts.service import allowed_actions as actions_on_account
from chalicelib.accounts.store import find_accounts
from chalicelib.attendance.check_ins.store import find_check_ins
from chalicelib.attendance.footage.store import find_segments
from chalicelib.attendance.make_ups.service import actions_on as actions_on_make_up
from chalicelib.attendance.make_ups.store import find_make_ups
from chalicelib.attendance.reviews.service import actions_on as actions_on_check_in
from chalicelib.catalogue.institutions.reading import find_institutions
from chalicelib.catalogue.payees.service import allowed_on_payee
from chalicelib.catalogue.payees.store import accounts_of
from chalicelib.classes.model import ClassHead
from chalicelib.classes.showing.service import actions_on as actions_on_class
from chalicelib.classes.store import changes_by_key, heads_by_id, heads_with_trainees
from chalicelib.enrolments.service import allowed_actions as actions_on_enrolments
from chalicelib.enrolments.store import find_enrolments
from chalicelib.exchange.service import allowed_on_delivery
from chalicelib.exchange.store import find_many as find_deliveries
from chalicelib.exchange.webhooks.model import has_webhook
from chalicelib.exchange.webhooks.service import allowed_actions as actions_on_webhook
from chalicelib.exchange.webhooks.store import stopped_of
from chalicelib.kernel.closing import OpenDecision
from chalicelib.kernel.divisions import PROVINCE, name_of
from chalicelib.kernel.ids import AccountId
from chalicelib.kernel.principal import Context
from chalicelib.people.lists.renames.store import find_renames
from chalicelib.people.renaming.service import actions_on as actions_on_rename
from chalicelib.programs.service import current_program
from chalicelib.settlement.batches.service import allowed_on_batch as allowed_on_settlement_batch
from chalicelib.settlement.batches.store import find_batches as find_settlement_batches
from chalicelib.settlement.lines.service import allowed_on_line
from chalicelib.subsidies.claims.facts import is_barred
from chalicelib.subsidies.claims.model import (
    Claim,
    Line,
    claim_of_line,
    waits_for_finance,
)
from chalicelib.subsidies.claims.service import allowed_actions as actions_on_claim
from chalicelib.subsidies.claims.store import find_claims, find_lines
from chalicelib.subsidies.holds.institutions import TO_BE_BATCHED
from chalicelib.subsidies.holds.service import allowed_on_hold, want_claims_held
from chalicelib.subsidies.holds.store import find_holds
from chalicelib.subsidies.overrides.service import actions_on as actions_on_override
from chalicelib.subsidies.overrides.store import find_overrides
from chalicelib.subsidies.publicity.service import allowed_on_objection
from chalicelib.subsidies.publicity.store import find_objections
from chalicelib.supervision.cases.service import allowed_on as actions_on_cases
from chalicelib.supervision.cases.store import find_cases
from chalicelib.supervision.waiting.model import ShownWaiting, WaitingThing
from chalicelib.supervision.waiting.store import may_have_roster
from chalicelib.vouchers.batches.service import allowed_actions as actions_on_batch
from chalicelib.vouchers.batches.store import find_batches
from chalicelib.vouchers.restoring.model import open_restoration
from chalicelib.vouchers.service import ShownVoucher, shown_masked
from chalicelib.vouchers.store import find_vouchers

Reader = Callable[[Context, Sequence[WaitingThing]], Iterator[ShownWaiting]]


def read_subjects(
    context: Context, page: Sequence[WaitingThing], undecided: Mapping[str, Sequence[OpenDecision]] | None
) -> list[ShownWaiting]:
    """Read what is on a page, in its order: one call or two for each machine.

    `undecided` names what waits in the evidence of classes, if known. What may be done is what the list tells
    without a read more for each row: the thing's own page tells the rest.
    """
    by_machine: dict[str, list[WaitingThing]] = {}
    for waiting in page:
        by_machine.setdefault(_READ_WITH.get(waiting.machine, waiting.machine), []).append(waiting)
    shown = {
        subject.waiting.place: subject
        for machine, of_machine in by_machine.items()
        for subject in (
            _classes(context, of_machine, undecided)
            if machine == "class"
            else _READERS[machine](context, of_machine)
        )
    }
    return [shown[waiting.place] for waiting in page if waiting.place in shown]


def classes_of(class_ids: Iterable[str]) -> dict[str, ClassHead]:
    """Read the heads of these classes."""
    return {head.id: head for head in heads_with_trainees(set(class_ids))}


def _firsts(page: Sequence[WaitingThing]) -> list[str]:
    return [waiting.key[0] for waiting in page]


def _still_there(
    page: Sequence[WaitingThing], records: Mapping[Any, Any]
) -> Iterator[tuple[WaitingThing, Any]]:
    """Pair what waits with its record, where that is still in the state it was listed with."""
    for waiting in page:
        record = records.get(waiting.key)
        if record is not None and getattr(record, "status", waiting.state) == waiting.state:
            yield waiting, record


def _classes(
    context: Context, page: Sequence[WaitingThing], undecided: Mapping[str, Sequence[OpenDecision]] | None
) -> Iterator[ShownWaiting]:
    taught = {waiting.key[0] for waiting in page if may_have_roster(waiting.machine, waiting.state)}
    applied_for = [waiting.key[0] for waiting in page if waiting.key[0] not in taught]
    found = [*heads_with_trainees(taught), *heads_by_id(applied_for)]
    heads = {(head.id, head.part): head for head in found}
    for waiting, head in _still_there(page, heads):
        open_below = undecided.get(head.id, ()) if undecided is not None else None
        actions = actions_on_class(context, head, open_below, closely=False)
        yield _of_class(waiting, head, head.id, actions, version=head.version)


def _changes(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = classes_of(waiting.key[0] for waiting in page)
    changes = {(c.id, c.part): c for c in changes_by_key([_pair(waiting) for waiting in page])}
    for waiting, change in _still_there(page, changes):
        head = heads[change.id]
        actions = [
            action
            for action in actions_on_class(context, head, closely=False)
            if action.startswith("change_")
        ]
        names = [action.removeprefix("change_") for action in actions]
        yield _of_class(waiting, head, change.change_id, names, version=head.version, within=head.id)


def _check_ins(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = classes_of(waiting.key[0] for waiting in page)
    found = {(c.class_id, c.slot): c for c in find_check_ins([_pair(waiting) for waiting in page])}
    for waiting, check_in in _still_there(page, found):
        if check_in.undecided:
            head = heads[check_in.class_id]
            actions = actions_on_check_in(context, check_in, head)
            within, version = check_in.lesson_id, check_in.version
            yield _of_class(waiting, head, check_in.id, actions, version=version, within=within)


def _make_ups(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = classes_of(waiting.key[0] for waiting in page)
    found = {(m.class_id, m.slot): m for m in find_make_ups([_pair(waiting) for waiting in page])}
    for waiting, make_up in _still_there(page, found):
        head = heads[make_up.class_id]
        actions = actions_on_make_up(context, make_up, head)
        yield _of_class(waiting, head, make_up.id, actions, version=make_up.version)


def _overrides(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = classes_of(waiting.key[0] for waiting in page)
    found = {(o.class_id, o.id): o for o in find_overrides([_pair(waiting) for waiting in page])}
    for waiting, override in _still_there(page, found):
        head = heads[override.class_id]
        actions = actions_on_override(context, override, head)
        yield _of_class(waiting, head, override.id, actions, version=override.version)


def _footage(_: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    """Show what is awaited: it is announced anew, with another form, and nothing is decided on it."""
    heads = classes_of(waiting.key[0] for waiting in page)
    found = {(s.class_id, s.id): s for s in find_segments([_pair(waiting) for waiting in page])}
    for waiting, segment in _still_there(page, found):
        head = heads[segment.class_id]
        within, version = segment.lesson_id, segment.version
        yield _of_class(waiting, head, segment.id, (), version=version, within=within)


def _of_class(
    waiting: WaitingThing,
    head: ClassHead,
    subject: str,
    actions: Sequence[str],
    *,
    version: int,
    within: str | None = None,
) -> ShownWaiting:
    return ShownWaiting(
        waiting=waiting,
        subject=subject,
        within=within,
        name=head.name,
        institution=head.institution,
        division=head.division,
        version=version,
        allowed_actions=actions,
    )


def _enrolments(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(e.id,): e for e in find_enrolments([waiting.key[0] for waiting in page])}
    still = list(_still_there(page, found))
    offered = actions_on_enrolments(context, [enrolment for _, enrolment in still])
    for (waiting, enrolment), actions in zip(still, offered, strict=True):
        yield ShownWaiting(
            waiting=waiting,
            subject=enrolment.id,
            name=enrolment.trainee_name,
            institution=enrolment.institution,
            division=enrolment.division,
            version=enrolment.version,
            allowed_actions=actions,
        )


def _claims(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found: dict[str, Claim] = {claim.id: claim for claim in find_claims([w.key[0] for w in page])}
    for waiting in page:
        claim = found.get(waiting.key[0])
        if claim is not None and _is_claim_of(waiting, claim):
            yield _of_claim(context, waiting, claim)


def _is_claim_of(waiting: WaitingThing, claim: Claim) -> bool:
    if waiting.machine == "stopped_claim":
        return claim.status in TO_BE_BATCHED and claim.queued_at is not None
    return claim.status == waiting.state


def _of_claim(context: Context, waiting: WaitingThing, claim: Claim) -> ShownWaiting:
    return ShownWaiting(
        waiting=waiting,
        subject=claim.id,
        name=claim.class_name,
        institution=claim.institution,
        division=claim.division,
        version=claim.version,
        allowed_actions=actions_on_claim(context, claim),
    )


def _batches(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(b.id,): b for b in find_batches(_firsts(page))}
    for waiting, batch in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=batch.id,
            within=batch.program_id,
            name=current_program(batch.program_id).name,
            institution=None,
            division=PROVINCE,
            version=batch.version,
            allowed_actions=actions_on_batch(context, batch),
        )


def _cases(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    still = list(_still_there(page, {(c.id,): c for c in find_cases(_firsts(page))}))
    offered = actions_on_cases(context, [case for _, case in still])
    for waiting, case in still:
        yield ShownWaiting(
            waiting=waiting,
            subject=case.id,
            name=case.rule,
            institution=case.institution,
            division=case.division,
            version=case.version,
            allowed_actions=offered[case.id],
        )


def _accounts(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(a.id,): a for a in find_accounts(_firsts(page))}
    for waiting, account in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=account.id,
            name=account.account,
            institution=account.institution,
            division=account.division,
            version=account.version,
            allowed_actions=actions_on_account(context, account),
        )


def _clients(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(a.id,): a for a in find_accounts(_firsts(page))}
    for waiting, client in _still_there(page, found):
        if client.software is not None:
            yield ShownWaiting(
                waiting=waiting,
                subject=client.id,
                name=client.software.name,
                institution=client.institution,
                division=client.division,
                version=client.version,
                allowed_actions=actions_on_client(context, client),
            )


def _payees(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(p.institution, p.id): p for p in accounts_of([_pair(waiting) for waiting in page])}
    names = _names_of(waiting.key[0] for waiting in page)
    for waiting, payee in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=payee.id,
            within=payee.institution,
            name=names.get(payee.institution, payee.institution),
            institution=payee.institution,
            division=payee.division,
            version=payee.version,
            allowed_actions=allowed_on_payee(context.principal, payee, context.now),
        )


def _holds(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(h.id,): h for h in find_holds([waiting.key[0] for waiting in page])}
    want_claims_held(found.values())
    names = _names_of(hold.institution for hold in found.values())
    for waiting, hold in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=hold.id,
            within=hold.subject_id,
            name=names.get(hold.institution, hold.institution),
            institution=hold.institution,
            division=hold.division,
            version=hold.version,
            allowed_actions=allowed_on_hold(context, hold),
        )


def _names_of(institutions: Iterable[str]) -> dict[str, str]:
    return {uscc: institution.name for uscc, institution in find_institutions(institutions).items()}


def _objections(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(o.id,): o for o in find_objections([waiting.key[0] for waiting in page])}
    claims = {claim.id: claim for claim in find_claims(sorted({o.claim_id for o in found.values()}))}
    for waiting, objection in _still_there(page, found):
        claim = claims[objection.claim_id]
        yield ShownWaiting(
            waiting=waiting,
            subject=objection.id,
            within=claim.id,
            name=claim.class_name,
            institution=claim.institution,
            division=objection.division,
            version=objection.version,
            allowed_actions=allowed_on_objection(context.principal, objection, claim),
        )


def institutions_objected_to(objection_ids: Sequence[str]) -> dict[str, str]:
    """Tell about whose claims some objections are."""
    objections = find_objections(objection_ids)
    claims = {claim.id: claim for claim in find_claims(sorted({o.claim_id for o in objections}))}
    return {o.id: claims[o.claim_id].institution for o in objections if o.claim_id in claims}


def _settlement_batches(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(b.id,): b for b in find_settlement_batches([waiting.key[0] for waiting in page])}
    for waiting, batch in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=batch.id,
            name=f"{name_of(batch.division)} {batch.number}",
            institution=None,
            division=batch.division,
            version=batch.version,
            allowed_actions=allowed_on_settlement_batch(context.principal, batch, closely=False),
        )


def _lines(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found: dict[str, Line] = {line.id: line for line in find_lines([waiting.key[0] for waiting in page])}
    for waiting in page:
        line = found.get(waiting.key[0])
        if line is not None and _still_waits(waiting, line):
            yield ShownWaiting(
                waiting=waiting,
                subject=line.id,
                within=claim_of_line(line.id),
                name=line.trainee_name,
                institution=line.institution,
                division=line.division,
                version=line.version,
                allowed_actions=allowed_on_line(context.principal, line),
            )


def _still_waits(waiting: WaitingThing, line: Line) -> bool:
    """Tell whether a line still is what its list said; one that failed waits again if it is stopped."""
    if waiting.machine == "line_request":
        return waits_for_finance(line)
    if waiting.machine == "barred_line" or is_barred(line):
        return waiting.machine == "barred_line" and is_barred(line)
    return line.status == waiting.state


def _renames(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(r.import_id, r.part): r for r in find_renames([_pair(waiting) for waiting in page])}
    for waiting, rename in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=str(rename.row),
            within=rename.import_id,
            name=rename.import_id,
            institution=None,
            division=rename.division,
            version=rename.version,
            allowed_actions=actions_on_rename(context, rename),
        )


def _restorations(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    vouchers = shown_masked(context, find_vouchers([waiting.key[0] for waiting in page]))
    found: dict[str, ShownVoucher] = {shown.voucher.id: shown for shown in vouchers}
    for waiting in page:
        shown = found.get(waiting.key[0])
        if shown is not None and open_restoration(shown.voucher, context.now) is not None:
            yield ShownWaiting(
                waiting=waiting,
                subject=shown.voucher.id,
                name=shown.holder_name,
                institution=shown.voucher.institution,
                division=shown.voucher.division,
                version=shown.voucher.version,
                allowed_actions=shown.allowed_actions,
            )


def _deliveries(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    keys = [(waiting.key[0], int(waiting.key[1])) for waiting in page]
    found = {delivery.key: delivery for delivery in find_deliveries(keys)}
    for waiting, key in zip(page, keys, strict=True):
        delivery = found.get(key)
        if delivery is not None and delivery.state == waiting.state:
            yield ShownWaiting(
                waiting=waiting,
                subject=delivery.message_id,
                within=delivery.subject,
                name=delivery.event,
                institution=None,
                division=delivery.division,
                version=delivery.version,
                allowed_actions=allowed_on_delivery(context.principal, delivery),
            )


def _webhooks(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {a.id: a for a in find_accounts(_firsts(page)) if has_webhook(a, context.now)}
    stopped = {box.subject for box in stopped_of(_firsts(page))}
    for waiting in page:
        client = found.get(AccountId(waiting.key[0]))
        if client is not None and client.software is not None and client.id in stopped:
            yield ShownWaiting(
                waiting=waiting,
                subject=client.id,
                name=client.software.name,
                institution=client.institution,
                division=client.division,
                version=client.version,
                allowed_actions=actions_on_webhook(context, client),
            )


def _pair(waiting: WaitingThing) -> tuple[str, str]:
    return waiting.key[0], waiting.key[1]


_READ_WITH = {"stopped_claim": "subsidy_claim"}
"""Machines whose things are rows of another one's: they cost no call of their own."""
_READERS: Mapping[str, Reader] = {
    "class change": _changes,
    "webhook": _webhooks,
    "check_in": _check_ins,
    "make_up": _make_ups,
    "override": _overrides,
    "enrolment": _enrolments,
    "subsidy_claim": _claims,
    "issuance batch": _batches,
    "risk_case": _cases,
    "account": _accounts,
    "client": _clients,
    "payee_account": _payees,
    "hold": _holds,
    "objection": _objections,
    "settlement_batch": _settlement_batches,
    "claim_line": _lines,
    "barred_line": _lines,
    "line_request": _lines,
    "rename": _renames,
    "restoration": _restorations,
    "footage": _footage,
    "delivery": _deliveries,
}
