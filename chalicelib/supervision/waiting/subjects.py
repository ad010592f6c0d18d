"""What is shown of each thing that waits: by which id it is found, its name, what may be done with it.

Each reader reads the things of one machine at once. What has moved on since its index told of it is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from chalicelib.attendance.check_ins.store import find_check_ins
from chalicelib.attendance.make_ups.service import actions_on as actions_on_make_up
from chalicelib.attendance.make_ups.store import find_make_ups
from chalicelib.attendance.reviews.service import actions_on as actions_on_check_in
from chalicelib.classes.model import ClassHead
from chalicelib.classes.showing.service import actions_on as actions_on_class
from chalicelib.classes.showing.service import undecided_in_list
from chalicelib.classes.store import changes_by_key, heads_by_id
from chalicelib.enrolments.service import allowed_actions as actions_on_enrolments
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.claims.service import allowed_actions as actions_on_claim
from chalicelib.subsidies.claims.store import find_claims
from chalicelib.subsidies.overrides.service import actions_on as actions_on_override
from chalicelib.subsidies.overrides.store import find_overrides
from chalicelib.supervision.cases.service import allowed_on as actions_on_cases
from chalicelib.supervision.cases.store import find_cases
from chalicelib.supervision.waiting.model import WaitingThing
from chalicelib.vouchers.batches.service import allowed_actions as actions_on_batch
from chalicelib.vouchers.batches.store import find_batches


class ShownWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that waits, by its id and a name without personal data, and what the caller may do with it."""

    waiting: WaitingThing
    subject: str
    name: str
    institution: str | None
    division: str
    version: int
    allowed_actions: Sequence[str]


Reader = Callable[[Context, Sequence[WaitingThing]], Iterator[ShownWaiting]]


def read_subjects(context: Context, page: Sequence[WaitingThing]) -> list[ShownWaiting]:
    """Read what is on a page, in its order: one call or two for each machine."""
    by_machine: dict[str, list[WaitingThing]] = {}
    for waiting in page:
        by_machine.setdefault(waiting.machine, []).append(waiting)
    shown = {
        subject.waiting.place: subject
        for machine, of_machine in by_machine.items()
        for subject in _READERS[machine](context, of_machine)
    }
    return [shown[waiting.place] for waiting in page if waiting.place in shown]


def classes_of(class_ids: Iterable[str]) -> dict[str, ClassHead]:
    """Read the heads of these classes."""
    return {head.id: head for head in heads_by_id(set(class_ids))}


def _still_there(
    page: Sequence[WaitingThing], records: Mapping[Any, Any]
) -> Iterator[tuple[WaitingThing, Any]]:
    """Pair what waits with its record, where that is still in the state it was listed with."""
    for waiting in page:
        record = records.get(waiting.key)
        if record is not None and getattr(record, "status", waiting.state) == waiting.state:
            yield waiting, record


def _classes(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = {(head.id, head.part): head for head in heads_by_id([waiting.key[0] for waiting in page])}
    undecided = undecided_in_list(context, list(heads.values()))
    for waiting, head in _still_there(page, heads):
        actions = actions_on_class(context, head, undecided.get(head.id, ()))
        yield _of_class(waiting, head, head.id, actions, version=head.version)


def _changes(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = classes_of(waiting.key[0] for waiting in page)
    changes = {(c.id, c.part): c for c in changes_by_key([_pair(waiting) for waiting in page])}
    for waiting, change in _still_there(page, changes):
        head = heads[change.id]
        actions = [action for action in actions_on_class(context, head) if action.startswith("change_")]
        names = [action.removeprefix("change_") for action in actions]
        yield _of_class(waiting, head, change.change_id, names, version=head.version)


def _check_ins(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    heads = classes_of(waiting.key[0] for waiting in page)
    found = {(c.class_id, c.slot): c for c in find_check_ins([_pair(waiting) for waiting in page])}
    for waiting, check_in in _still_there(page, found):
        if check_in.undecided:
            head = heads[check_in.class_id]
            actions = actions_on_check_in(context, check_in, head)
            yield _of_class(waiting, head, check_in.id, actions, version=check_in.version)


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
        actions = actions_on_override(context, override)
        yield _of_class(waiting, head, override.id, actions, version=override.version)


def _of_class(
    waiting: WaitingThing, head: ClassHead, subject: str, actions: Sequence[str], *, version: int
) -> ShownWaiting:
    return ShownWaiting(
        waiting=waiting,
        subject=subject,
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
    found = {(c.id,): c for c in find_claims([waiting.key[0] for waiting in page])}
    for waiting, claim in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=claim.id,
            name=claim.class_name,
            institution=claim.institution,
            division=claim.division,
            version=claim.version,
            allowed_actions=actions_on_claim(context, claim),
        )


def _batches(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(b.id,): b for b in find_batches([waiting.key[0] for waiting in page])}
    for waiting, batch in _still_there(page, found):
        yield ShownWaiting(
            waiting=waiting,
            subject=batch.id,
            name=batch.program_id,
            institution=None,
            division=PROVINCE,
            version=batch.version,
            allowed_actions=actions_on_batch(context, batch),
        )


def _cases(context: Context, page: Sequence[WaitingThing]) -> Iterator[ShownWaiting]:
    found = {(c.id,): c for c in find_cases([waiting.key[0] for waiting in page])}
    still = list(_still_there(page, found))
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


def _pair(waiting: WaitingThing) -> tuple[str, str]:
    return waiting.key[0], waiting.key[1]


_READERS: Mapping[str, Reader] = {
    "class": _classes,
    "class change": _changes,
    "check_in": _check_ins,
    "make_up": _make_ups,
    "override": _overrides,
    "enrolment": _enrolments,
    "subsidy_claim": _claims,
    "issuance batch": _batches,
    "risk_case": _cases,
}
