"""Use cases of classes: read, apply, change an application (step 6 of the notice)."""

import functools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import crypto
from chalicelib.aws.keys import person_key_of
from chalicelib.catalogue.model import Institution
from chalicelib.catalogue.service import (
    find_project,
    read_institution,
    read_project,
)
from chalicelib.classes import occupancy_store, store
from chalicelib.classes.change_model import ClassChange
from chalicelib.classes.evidence import Evidence, evidence_of
from chalicelib.classes.model import (
    ACTION_RIGHTS,
    DECISIONS,
    NOT_YET_APPROVED,
    OCCUPYING,
    SITES_MAX,
    ClassHead,
    ClassPlan,
    ClassStatus,
    Lesson,
    Site,
    Trainer,
    TrainingClass,
    also_prepared,
    last_lesson_ends_at,
    lesson_id_of,
    possible_now,
    prepared_by,
)
from chalicelib.classes.plan_model import (
    Breach,
    FieldChange,
    breaches_of,
    changes_between,
    overlap_breaches,
    rooms_of,
    sought_by,
)
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, Impossible, Malformed, NotFound, Refused
from chalicelib.kernel.identity import InvalidIdentity, mask_id_number, mask_name, parse_id_number
from chalicelib.kernel.ids import ClassId, ProgramId, ProjectId, is_id, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.programs.model import Policy
from chalicelib.programs.service import current_program, policy_at, read_program


@dataclass(frozen=True)
class TrainerGiven:
    """A trainer as the institution writes them down."""

    name: str
    id_number: str
    qualification: str


@dataclass(frozen=True)
class LessonGiven:
    """A lesson as the institution plans it."""

    starts_at: datetime
    ends_at: datetime
    hours: int
    topic: str
    trainer: int
    site: "SiteGiven | None"


@dataclass(frozen=True)
class CatalogueSite:
    """The institution's own place, as it stands in the catalogue, or a room of it."""

    room: str | None
    radius_m: int | None


SiteGiven = Site | CatalogueSite


@dataclass(frozen=True)
class PlanGiven:
    """An application as the institution writes it."""

    project_id: str
    program_id: str | None
    name: str
    planned_size: int
    site: SiteGiven
    trainers: Sequence[TrainerGiven]
    lessons: Sequence[LessonGiven]


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
        raise NotFound
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
                raise Malformed("malformed", faults=(Fault("unknown_division", field="division"),))
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
        city=store.city_of(training_class.division),
        opens_at=training_class.opens_at,
        ends_at=training_class.ends_at,
    )
    others = store.heads_and_plans(sorted(named - {training_class.id}))
    return overlap_breaches(training_class, [plan for head, plan in others if head.status in OCCUPYING])


# --------------------------------------------------------------------------- applying


def create_class(context: Context, given: PlanGiven) -> Shown:
    """Write down an application as a draft (step 6 of the notice).

    Raises:
        Malformed: fields that cannot be.
        Refused: `project_not_covered` if institution and project share no program.

    """
    principal = context.principal
    assert principal.institution is not None
    institution = read_institution(principal.institution)
    rights.require(principal, "class.write", institution=institution.uscc)
    class_id = ClassId(new_id("cls"))
    head, plan = _parts(class_id, given, institution, version=1, now=context.now)
    head = msgspec.structs.replace(head, also_prepared_by=[principal.actor])
    store.create_class(head, plan, change_of(context, "class.write"))
    return shown_parts(context, read_parts(class_id))


def edit_class(context: Context, class_id: str, given: PlanGiven, *, version: int) -> Shown:
    """Replace an application that is not filed; after a return it stays returned until filed again."""
    old = require_parts(context, "class.write", class_id)
    institution = read_institution(old.head.institution)
    head, plan = _parts(old.head.id, given, institution, version=version + 1, now=context.now)
    if old.head.version != version:
        raise Refused("version_conflict", version=old.head.version)
    head = msgspec.structs.replace(head, also_prepared_by=also_prepared(old.head, context.principal.actor))
    store.replace_plan(
        head,
        plan,
        version=version,
        returned=old.plan if old.head.returned_version == old.head.version else None,
        change=change_of(context, "class.write"),
    )
    return shown_parts(context, read_parts(class_id))


def _parts(
    class_id: ClassId, given: PlanGiven, institution: Institution, *, version: int, now: datetime
) -> tuple[ClassHead, ClassPlan]:
    faults = _plan_faults(given)
    if faults:
        raise Malformed("no_lessons" if not given.lessons else "malformed", faults=tuple(faults))
    program_id = _program_for(given, institution)
    lessons = [
        Lesson(
            id=lesson_id_of(class_id, number),
            starts_at=lesson.starts_at,
            ends_at=lesson.ends_at,
            hours=lesson.hours,
            topic=lesson.topic,
            trainer=lesson.trainer,
            site=site_of(lesson.site, institution) if lesson.site is not None else None,
        )
        for number, lesson in enumerate(given.lessons, start=1)
    ]
    plan = ClassPlan(
        id=class_id,
        division=institution.division,
        site=site_of(given.site, institution),
        trainers=sealed_trainers(class_id, given.trainers, field="trainers"),
        lessons=lessons,
        program_id=program_id,
        project_id=given.project_id,
        name=given.name,
        planned_size=given.planned_size,
        lesson_numbers=len(lessons),
        version=version,
    )
    if len(rooms_of(plan)) > SITES_MAX:
        raise Malformed("malformed", faults=(Fault("too_many_sites", field="lessons"),))
    head = ClassHead(
        id=class_id,
        institution=institution.uscc,
        division=institution.division,
        city=store.city_of(institution.division),
        program_id=program_id,
        project_id=ProjectId(given.project_id),
        name=given.name,
        planned_size=given.planned_size,
        status=ClassStatus.DRAFT,
        policy_version=read_program(program_id).policy_version,
        created_at=now,
        opens_at=min(lesson.starts_at for lesson in lessons),
        ends_at=last_lesson_ends_at(lessons),
        lesson_count=len(lessons),
        lesson_hours=sum(lesson.hours for lesson in lessons),
        plan_digest=store.plan_digest_of(plan),
    )
    return head, plan


def site_of(given: SiteGiven, institution: Institution) -> Site:
    """Give a place as it is kept: the institution's own one is taken from the catalogue."""
    if isinstance(given, Site):
        return given
    return Site(
        name=institution.name,
        address=institution.address,
        location=institution.location,
        radius_m=given.radius_m,
        room=given.room,
    )


def _plan_faults(given: PlanGiven) -> list[Fault]:
    if not given.lessons:
        return [Fault("no_lessons", field="lessons")]
    return lesson_faults(given.lessons, trainers=len(given.trainers))


def lesson_faults(lessons: Sequence[LessonGiven], *, trainers: int) -> list[Fault]:
    """List what cannot be in a timetable: lessons that end before they start, trainers that are not there."""
    faults = []
    for place, lesson in enumerate(lessons):
        if lesson.ends_at <= lesson.starts_at or (lesson.ends_at - lesson.starts_at).days >= 1:
            faults.append(Fault("wrong_type", field=f"lessons[{place}].ends_at"))
        if lesson.trainer >= trainers:
            faults.append(Fault("wrong_type", field=f"lessons[{place}].trainer"))
    return faults


def _program_for(given: PlanGiven, institution: Institution) -> ProgramId:
    """Find the one program under which this institution may teach this project."""
    project = find_project(given.project_id)
    if project is None:
        facts = {"project_id": given.project_id}
        raise Malformed("unknown_project", faults=(Fault("unknown_project", field="project_id"),), **facts)
    shared = [program for program in project.programs if program in institution.programs]
    if project.id not in institution.projects or not shared:
        raise Refused("project_not_covered")
    if given.program_id is not None:
        if given.program_id not in shared:
            raise Refused("project_not_covered")
        return ProgramId(given.program_id)
    if len(shared) > 1:
        fault = Fault("program_ambiguous", field="program_id")
        raise Malformed("program_ambiguous", faults=(fault,))
    return shared[0]


def sealed_trainers(class_id: str, given: Sequence[TrainerGiven], *, field: str) -> list[Trainer]:
    """Seal who the trainers are; what is shown of them are masks.

    Raises:
        Impossible: with every ID number that fails its check.

    """
    trainers, faults = [], []
    for place, trainer in enumerate(given):
        try:
            number = parse_id_number(trainer.id_number)
        except InvalidIdentity as invalid:
            faults.append(Fault(invalid.code, field=f"{field}[{place}].id_number"))
            continue
        key = person_key_of(number)
        name = trainer.name.strip()
        plain = msgspec.json.encode({"name": name, "id_number": number})
        trainers.append(
            Trainer(
                name=mask_name(name),
                id_number=mask_id_number(number),
                person_key=key,
                qualification=trainer.qualification,
                sealed=crypto.seal(plain, item=f"trainer:{class_id}:{key}"),
            )
        )
    if faults:
        raise Impossible(faults[0].code, faults=tuple(faults))
    return trainers
