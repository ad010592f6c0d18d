"""Use cases of classes: read, and what is offered to whom."""

import functools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.catalogue.projects.reading import read_project
from chalicelib.classes import store
from chalicelib.classes.changes.model import ClassChange
from chalicelib.classes.evidence import Evidence, evidence_of
from chalicelib.classes.model import (
    ACTION_RIGHTS,
    DECISIONS,
    NOT_YET_APPROVED,
    OCCUPYING,
    ClassHead,
    ClassStatus,
    TrainingClass,
    possible_now,
    prepared_by,
)
from chalicelib.classes.occupancy import store as occupancy_store
from chalicelib.classes.plans.model import (
    Breach,
    FieldChange,
    breaches_of,
    changes_between,
    overlap_breaches,
    sought_by,
)
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of
from chalicelib.kernel.divisions import group_of, is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import Policy
from chalicelib.programs.service import current_program, policy_at, read_program


@dataclass(frozen=True)
class Shown:
    """A class with what it still breaks and what the caller may do with it.

    `changes` are those made since it was last returned, `open_change` is the one that waits for a decision,
    `evidence` what the records say of a class whose completion is applied for.
    """

    training_class: TrainingClass
    breaches: Sequence[Breach]
    allowed_actions: Sequence[str]
    changes: Sequence[FieldChange] = ()
    open_change: ClassChange | None = None
    evidence: Evidence | None = None


# --------------------------------------------------------------------------- reading


def read_class(class_id: str) -> TrainingClass:
    """Read a whole class.

    Raises:
        NotFound: there is none.

    """
    return complete(read_parts(class_id))


def read_parts(class_id: str) -> store.Parts:
    """Read the parts of a class, and remember them for the decision that often follows.

    Raises:
        NotFound: there is none.

    """
    parts = store.find_parts(class_id) if is_id(class_id, "cls") else None
    if parts is None:
        raise error("not_found")
    _recent[class_id] = parts
    _recent.move_to_end(class_id)
    if len(_recent) > _RECENT_MAX:
        _recent.popitem(last=False)
    return parts


_RECENT_MAX = 200
_recent: OrderedDict[str, store.Parts] = OrderedDict()
"""Classes as this process last read them. A version never changes, so what a decision on that very version
needs to know is true; whether the version still stands is left to the write's condition."""


def complete(parts: store.Parts) -> TrainingClass:
    """Put a class together under its policy: the pinned one, or the newest until it is approved."""
    if parts.head.approved_by is not None:
        return parts.whole(_pinned_policy(parts.head.program_id, parts.head.policy_version))
    program = read_program(parts.head.program_id)
    whole = parts.whole(program.policy)
    return msgspec.structs.replace(whole, policy_version=program.policy_version)


def _pinned_policy(program_id: str, version: int) -> Policy:
    """Give a policy version; the newest is at hand, an older one never changes."""
    current = current_program(program_id)
    return current.policy if current.policy_version == version else _policy_at(program_id, version)


@functools.lru_cache(maxsize=64)
def _policy_at(program_id: str, version: int) -> Policy:
    return policy_at(program_id, version)


def forget_classes() -> None:
    """Drop the cached classes and policies of this process."""
    _policy_at.cache_clear()
    _recent.clear()


def require_class(context: Context, action: str, class_id: str) -> TrainingClass:
    """Read a class on which the caller may do this.

    Raises:
        Forbidden: the role may not.
        NotFound: there is none in the caller's area.

    """
    return complete(require_parts(context, action, class_id))


def require_parts(context: Context, action: str, class_id: str) -> store.Parts:
    """Read the parts of a class on which the caller may do this; raises like `require_class`."""
    rights.admit(context.principal, action)
    return _reached(context, action, read_parts(class_id))


def require_version(context: Context, action: str, class_id: str, version: int) -> TrainingClass:
    """Give a class as it is at a version, for a decision on it; raises like `require_class`.

    The clerk has read what they decide on: if this process still knows that version, nothing is read again.
    """
    rights.admit(context.principal, action)
    known = _recent.get(class_id)
    if known is None or known.head.version != version:
        return complete(_reached(context, action, read_parts(class_id)))
    return _at_newest_policy(_reached(context, action, known))


def _reached(context: Context, action: str, parts: store.Parts) -> store.Parts:
    principal = context.principal
    rights.require(
        principal,
        action,
        division=parts.head.division,
        institution=parts.head.institution,
        person_key=principal.person_key if principal.person_key in parts.roster else None,
    )
    return parts


def _at_newest_policy(parts: store.Parts) -> TrainingClass:
    """Put a known class together under a policy that is at most a minute old, and not older than its own."""
    if parts.head.approved_by is not None:
        return complete(parts)
    program = current_program(parts.head.program_id)
    if program.policy_version < parts.head.policy_version:
        return complete(parts)
    return msgspec.structs.replace(parts.whole(program.policy), policy_version=program.policy_version)


def show_class(context: Context, class_id: str) -> Shown:
    """Read a class as this caller sees it."""
    return shown_parts(context, require_parts(context, "class.read", class_id))


def list_classes(
    context: Context, request: PageRequest, *, division: str | None, status: ClassStatus | None
) -> Page[ClassHead]:
    """List the caller's classes: an institution's own, a trainee's, or those of a division and below."""
    principal = context.principal
    match principal.role:
        case Role.TRAINEE:
            return _classes_of_trainee(principal, request, status)
        case Role.INSTITUTION:
            assert principal.institution is not None
            return store.heads_at(principal.institution, request, status=status)
        case _:
            area = division or principal.division
            if not is_known(area):
                raise error("malformed", faults=(Fault("unknown_division", field="division"),))
            rights.require(principal, "class.read", division=area)
            return store.heads_in(area, request, status=status)


def _classes_of_trainee(
    principal: Principal, request: PageRequest, status: ClassStatus | None
) -> Page[ClassHead]:
    assert principal.person_key is not None
    page = enrolments_of(principal.person_key, request)
    on_roster = (EnrolmentStatus.ROSTERED, EnrolmentStatus.PASSED, EnrolmentStatus.FAILED)
    ids = {e.class_id for e in page.items if e.class_id is not None and e.status in on_roster}
    heads = [head for head in store.heads_by_id(ids) if status is None or head.status is status]
    return Page(items=sorted(heads, key=lambda head: head.created_at, reverse=True), after=page.after)


def _allowed_to(
    principal: Principal, training_class: TrainingClass | ClassHead, actions: Sequence[str]
) -> list[str]:
    """Keep the actions that this caller may do: role, area, and not on their own work."""
    own_work = principal.actor in prepared_by(training_class)
    return [
        action
        for action in actions
        if not (own_work and action in DECISIONS)
        and rights.reaches(
            principal,
            ACTION_RIGHTS[action],
            division=training_class.division,
            institution=training_class.institution,
        )
    ]


def actions_on(context: Context, found: TrainingClass | ClassHead) -> list[str]:
    """List what this caller may do with a class now."""
    enrolled = found.enrolled if isinstance(found, ClassHead) else len(found.roster)
    possible = possible_now(
        found.status,
        ends_at=found.ends_at,
        enrolled=enrolled,
        now=context.now,
        change_open=found.open_change is not None,
    )
    return _allowed_to(context.principal, found, possible)


_EVIDENCE_SHOWN = (ClassStatus.COMPLETION_SUBMITTED, ClassStatus.COMPLETION_RETURNED)


def shown_parts(context: Context, parts: store.Parts) -> Shown:
    """Show a class with all that a decision on it needs."""
    training_class = complete(parts)
    trainee = context.principal.role is Role.TRAINEE
    evidence = None
    if training_class.status in _EVIDENCE_SHOWN and not trainee:
        evidence = evidence_of(training_class, context.now)
    waiting = [one for one in parts.changes if one.part == parts.head.open_change]
    running = training_class.status is ClassStatus.APPROVED
    return Shown(
        training_class=training_class,
        breaches=_warnings(training_class, context.now),
        allowed_actions=actions_on(context, training_class),
        changes=_since_return(parts) if training_class.status in NOT_YET_APPROVED else (),
        open_change=waiting[0] if waiting and running and not trainee else None,
        evidence=evidence,
    )


def shown_decided(
    context: Context, training_class: TrainingClass, head: ClassHead, *, with_evidence: bool = False
) -> Shown:
    """Show a class as a decision left it, without reading it again."""
    fields = (name for name in TrainingClass.__struct_fields__ if name in ClassHead.__struct_fields__)
    decided = msgspec.structs.replace(training_class, **{name: getattr(head, name) for name in fields})
    return Shown(
        training_class=decided,
        breaches=(),
        allowed_actions=actions_on(context, decided),
        evidence=evidence_of(decided, context.now) if with_evidence else None,
    )


def _since_return(parts: store.Parts) -> Sequence[FieldChange]:
    return changes_between(parts.returned, parts.plan) if parts.returned is not None else ()


def _warnings(training_class: TrainingClass, now: datetime) -> list[Breach]:
    """List what the plan breaks, until it is approved; a filed one is judged as of its filing."""
    if training_class.status not in NOT_YET_APPROVED:
        return []
    filed = training_class.submitted_at if training_class.status is ClassStatus.SUBMITTED else None
    own = breaches_of(
        training_class,
        kind=current_program(training_class.program_id).kind,
        institution=read_institution(training_class.institution),
        project=read_project(training_class.project_id),
        now=filed or now,
    )
    return own + overlaps_of(training_class)


def overlaps_of(training_class: TrainingClass) -> list[Breach]:
    """List the days on which another class of the city has this one's trainer or room.

    One query for each trainer and room, and one read of the classes that these name.
    """
    named = occupancy_store.classes_that_take(
        sought_by(training_class),
        city=group_of(training_class.division),
        opens_at=training_class.opens_at,
        ends_at=training_class.ends_at,
    )
    others = store.heads_and_plans(sorted(named - {training_class.id}))
    return overlap_breaches(training_class, [plan for head, plan in others if head.status in OCCUPYING])
