"""Use cases of looking at classes: lists, one with all that a decision needs, what is offered to whom."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.cards import may_open_no_class
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus
from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import current_project
from chalicelib.classes import store
from chalicelib.classes.evidence import ClassEvidence, evidence_of, undecided_by_class
from chalicelib.classes.lists import store as lists
from chalicelib.classes.model import (
    DECISIONS,
    NOT_WHILE_SUSPENDED,
    NOT_YET_APPROVED,
    ClassChange,
    ClassHead,
    ClassStatus,
    FieldChange,
    TrainingClass,
    sources_of,
    why_not,
)
from chalicelib.classes.occupancy.service import days_taken_by_others
from chalicelib.classes.plans.model import (
    Breach,
    breaches_of,
    changes_between,
    far_breaches,
    names_no_room,
    overlap_breaches,
    radius_breaches,
    timetable_breaches,
)
from chalicelib.classes.service import complete, project_of, require_parts
from chalicelib.classes.showing.model import ACTION_RIGHTS
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of
from chalicelib.kernel.closing import OpenDecision
from chalicelib.kernel.divisions import covers, is_known
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program

_why_not_close: Port[[str, datetime], DomainError | None] = Port("why_not_close_class")
"""Tells that somebody is payable in a scored class: subsidies are a later step."""
_why_not_claim: Port[[str, datetime], DomainError | None] = Port("why_not_claim_class")
"""Tells what stands against claiming for a scored class."""
_ASKED_OF_SUBSIDIES: Mapping[str, Port[[str, datetime], DomainError | None]] = {
    "close": _why_not_close,
    "claim": _why_not_claim,
}


@dataclass(frozen=True)
class ShownChange:
    """A change with the version of its class, what it collides with, and what the caller may do with it."""

    change: ClassChange
    version: int
    breaches: Sequence[Breach]
    allowed_actions: Sequence[str] = ()


@dataclass(frozen=True)
class ShownClass:
    """A class with what it still breaks and what the caller may do with it.

    `project` is that by which it is judged and paid. `changes` are those made since it was last returned,
    `open_change` is the one that waits for a decision, `evidence` what the records say of a class that is
    over, until its completion is approved. It was looked at `closely` if all these were read.
    """

    training_class: TrainingClass
    project: Project
    breaches: Sequence[Breach]
    changes: Sequence[FieldChange] = ()
    open_change: ShownChange | None = None
    evidence: ClassEvidence | None = None
    closely: bool = True


# --------------------------------------------------------------------------- what is offered


def actions_on(
    context: Context,
    training_class: TrainingClass | ClassHead,
    undecided: Sequence[OpenDecision] | None = (),
    *,
    closely: bool = True,
) -> list[str]:
    """List what this caller may do with a class now; `undecided` is what waits in its evidence.

    What depends on reads of its own is not offered where these are not made: closing above what waits, where
    `undecided` is not known; and what subsidies are asked about, unless it is looked at `closely`. Lists
    would read a whole class for each of their rows; its own page offers it.
    """
    hands, now = context.principal.hands, context.now

    @functools.cache
    def suspended() -> bool:
        return current_institution(training_class.institution).status is InstitutionStatus.SUSPENDED

    def refusal(action: str) -> DomainError | None:
        refused = why_not(action, training_class, hands=hands, now=now, undecided=undecided or ())
        if refused is None and action in NOT_WHILE_SUSPENDED and suspended():  # read only where it decides
            return error("institution_suspended")
        if refused is None and action in _ASKED_OF_SUBSIDIES:
            return _ASKED_OF_SUBSIDIES[action](training_class.id, now)
        return refused

    unknown = set(_CLOSING if undecided is None else ()) | set(() if closely else _ASKED_OF_SUBSIDIES)
    return rights.offered(
        context.principal,
        {action: right for action, right in ACTION_RIGHTS.items() if action not in unknown},
        refusal,
        division=training_class.division,
        institution=training_class.institution,
    )


_CLOSING = ("completion_submit", "completion_approve")


def undecided_in_list(context: Context, heads: Sequence[ClassHead]) -> Mapping[str, Sequence[OpenDecision]]:
    """Name what waits in the evidence of those classes in a list that their caller might close above it."""
    offered = {head.id: actions_on(context, head, closely=False) for head in heads}
    closing = [head for head in heads if not set(_CLOSING).isdisjoint(offered[head.id])]
    return undecided_by_class(closing) if closing else {}


def actions_on_change(context: Context, training_class: TrainingClass) -> list[str]:
    """List what this caller may do with the change for which a class waits."""
    actions = actions_on(context, training_class, closely=False)
    return [action.removeprefix("change_") for action in actions if action.startswith("change_")]


# --------------------------------------------------------------------------- lists


def list_classes(
    context: Context,
    request: PageRequest,
    *,
    division: str | None,
    picked: lists.Picked,
    institution: str | None = None,
) -> Page[ClassHead]:
    """List the caller's classes: an institution's own, a trainee's, or those of a division and below.

    Of one `institution` a bureau sees those classes that lie in its area, newest first.
    """
    page = _listed(context, request, division=division, picked=picked, institution=institution)
    actions = [action for action in _NOT_FOR_TRAINEES if rights.may(context.principal, ACTION_RIGHTS[action])]
    statuses = {status for action in actions for status in sources_of(action)}
    return Page(store.with_trainees(page.items, statuses), page.after)


_NOT_FOR_TRAINEES = (*DECISIONS, "scores")
"""What nobody does in a class that they are taught in: whose list offers it knows the rosters."""


def _listed(
    context: Context,
    request: PageRequest,
    *,
    division: str | None,
    picked: lists.Picked,
    institution: str | None,
) -> Page[ClassHead]:
    principal = context.principal
    match principal.role:
        case Role.TRAINEE:
            return _classes_of_trainee(principal, request, picked)
        case Role.INSTITUTION:
            assert principal.institution is not None
            return lists.heads_at(principal.institution, request, picked=picked)
        case _:
            area = division or principal.division
            if not is_known(area):
                raise error("malformed", faults=(Fault("unknown_division", field="division"),))
            rights.require(principal, "class.read", division=area)
            if institution is None:
                return lists.heads_in(area, request, picked=picked)
            page = lists.heads_at(institution, request, picked=picked)
            return Page([head for head in page.items if covers(area, head.division)], page.after)


def _classes_of_trainee(principal: Principal, request: PageRequest, picked: lists.Picked) -> Page[ClassHead]:
    assert principal.person_key is not None
    page = enrolments_of(principal.person_key, request)
    taught = (
        EnrolmentStatus.ROSTERED,
        EnrolmentStatus.PASSED,
        EnrolmentStatus.FAILED,
        EnrolmentStatus.WITHDRAWN,
    )
    ids = {e.class_id for e in page.items if e.class_id is not None and e.status in taught}
    heads = [head for head in store.heads_by_id(ids) if picked.holds_for(head)]
    return Page(items=sorted(heads, key=lambda head: head.created_at, reverse=True), after=page.after)


# --------------------------------------------------------------------------- one class

_EVIDENCE_SHOWN = (ClassStatus.COMPLETION_SUBMITTED, ClassStatus.COMPLETION_RETURNED)


def show_class(context: Context, class_id: str, *, closely: bool = True) -> ShownClass:
    """Read a class as this caller sees it; not `closely`, without what a decision on it needs besides."""
    return show_parts(context, require_parts(context, "class.read", class_id), closely=closely)


def show_parts(context: Context, parts: store.ClassParts, *, closely: bool = True) -> ShownClass:
    """Show a class with all that a decision on it needs."""
    training_class = complete(parts)
    project = project_of(training_class)
    is_trainee = context.principal.role is Role.TRAINEE
    evidence = None
    ended = training_class.status is ClassStatus.APPROVED and training_class.ends_at <= context.now
    if (training_class.status in _EVIDENCE_SHOWN or ended) and not is_trainee and closely:
        evidence = evidence_of(training_class, context.now)
    waiting = None
    if training_class.status is ClassStatus.APPROVED and not is_trainee and closely:
        waiting = _open_change(parts)
    return ShownClass(
        training_class=training_class,
        project=project,
        breaches=_breaches_told(training_class, project, context.now) if closely else (),
        changes=_changes_since_return(parts) if training_class.status in NOT_YET_APPROVED else (),
        open_change=show_change(context, training_class, waiting) if waiting is not None else None,
        evidence=evidence,
        closely=closely,
    )


def _open_change(parts: store.ClassParts) -> ClassChange | None:
    if parts.head.open_change is None:
        return None
    return next(iter(store.changes_by_key([(parts.head.id, parts.head.open_change)])), None)


def show_decided(
    training_class: TrainingClass,
    head: ClassHead,
    *,
    evidence: ClassEvidence | None = None,
) -> ShownClass:
    """Show a class as a decision left it, without reading it again.

    Of one that is not approved the newest project that this process knows is shown: it pins nothing.
    """
    decided = msgspec.structs.replace(training_class, **store.facts_of(head))
    is_pinned = decided.approved_at is not None
    project = project_of(decided) if is_pinned else current_project(decided.project_id)
    return ShownClass(training_class=decided, project=project, breaches=(), evidence=evidence)


def show_change(context: Context, training_class: TrainingClass, change: ClassChange) -> ShownChange:
    """Show a change that waits, with what its class would break or collide with."""
    return ShownChange(
        change,
        training_class.version,
        breaches_if_changed(
            training_class.as_planned(change), project_hours=project_of(training_class).hours
        ),
        actions_on_change(context, training_class),
    )


def breaches_if_changed(changed: TrainingClass, *, project_hours: int) -> list[Breach]:
    """List what a running class would break or collide with as a change would leave it."""
    own = timetable_breaches(changed.lessons, changed.policy, project_hours=project_hours)
    own += radius_breaches(changed)
    institution = current_institution(changed.institution)
    own += far_breaches(changed, institution)
    return own + _overlaps(changed, institution)


def _overlaps(training_class: TrainingClass, institution: Institution) -> list[Breach]:
    days = days_taken_by_others(training_class)
    return overlap_breaches(days, unknown_room=names_no_room(training_class, institution))


def _changes_since_return(parts: store.ClassParts) -> Sequence[FieldChange]:
    return changes_between(parts.returned, parts.plan) if parts.returned is not None else ()


def _breaches_told(training_class: TrainingClass, project: Project, now: datetime) -> list[Breach]:
    """List what the plan breaks, until it is approved; a filed one is judged as of its filing."""
    if training_class.status not in NOT_YET_APPROVED:
        return []
    filed_at = training_class.submitted_at if training_class.status is ClassStatus.SUBMITTED else None
    institution = current_institution(training_class.institution)
    own = breaches_of(
        training_class,
        kind=current_program(training_class.program_id).kind,
        institution=institution,
        project=project,
        now=filed_at or now,
        barred=may_open_no_class(training_class.institution, training_class.policy, now),
    )
    return own + _overlaps(training_class, institution)
