"""Use cases of classes: apply, file, decide, cancel, complete (steps 6 and 9 of the notice)."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import crypto
from chalicelib.aws.keys import person_key_of
from chalicelib.catalogue.model import Institution, Project
from chalicelib.catalogue.service import (
    current_institution,
    current_project,
    find_project,
    read_institution,
    read_project,
)
from chalicelib.classes import store
from chalicelib.classes.model import (
    ACTION_RIGHTS,
    CLASS_TRANSITIONS,
    NOT_YET_APPROVED,
    Breach,
    ClassHead,
    ClassPlan,
    ClassStatus,
    Lesson,
    Site,
    Trainer,
    TrainingClass,
    breaches_of,
    last_lesson_ends_at,
    lesson_id_of,
    overlap_breaches,
    possible_now,
)
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of, find_enrolments
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, Impossible, Malformed, NotFound, Refused
from chalicelib.kernel.identity import InvalidIdentity, mask_id_number, mask_name, parse_id_number
from chalicelib.kernel.ids import ClassId, ProgramId, ProjectId, is_id, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error, first_of, sentence
from chalicelib.programs.model import Policy
from chalicelib.programs.service import current_program, policy_at, read_program
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers


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
    site: Site | None


@dataclass(frozen=True)
class PlanGiven:
    """An application as the institution writes it."""

    project_id: str
    program_id: str | None
    name: str
    planned_size: int
    site: Site
    trainers: Sequence[TrainerGiven]
    lessons: Sequence[LessonGiven]


@dataclass(frozen=True)
class Shown:
    """A class with what it still breaks and what the caller may do with it."""

    training_class: TrainingClass
    breaches: Sequence[Breach]
    allowed_actions: Sequence[str]


# --------------------------------------------------------------------------- reading


def read_class(class_id: str) -> TrainingClass:
    """Read a whole class.

    Raises:
        NotFound: there is none.

    """
    parts = store.find_parts(class_id) if is_id(class_id, "cls") else None
    if parts is None:
        raise NotFound
    return complete(parts)


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


def forget_policies() -> None:
    """Drop the cached policies."""
    _policy_at.cache_clear()


def require_class(context: Context, action: str, class_id: str) -> TrainingClass:
    """Read a class on which the caller may do this.

    Raises:
        Forbidden: the role may not.
        NotFound: there is none in the caller's area.

    """
    rights.admit(context.principal, action)
    found = read_class(class_id)
    principal = context.principal
    rights.require(
        principal,
        action,
        division=found.division,
        institution=found.institution,
        person_key=principal.person_key if principal.person_key in found.roster else None,
    )
    return found


def show_class(context: Context, class_id: str) -> Shown:
    """Read a class as this caller sees it."""
    return _shown(context, require_class(context, "class.read", class_id))


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
    own_work = {
        "approve": training_class.submitted_by,
        "return": training_class.submitted_by,
        "completion_approve": training_class.completion_submitted_by,
        "completion_return": training_class.completion_submitted_by,
    }
    return [
        action
        for action in actions
        if own_work.get(action) != principal.actor
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
    possible = possible_now(found.status, ends_at=found.ends_at, enrolled=enrolled, now=context.now)
    return _allowed_to(context.principal, found, possible)


def _shown(context: Context, training_class: TrainingClass) -> Shown:
    return Shown(
        training_class=training_class,
        breaches=_warnings(training_class, context.now),
        allowed_actions=actions_on(context, training_class),
    )


def _warnings(training_class: TrainingClass, now: datetime) -> list[Breach]:
    """List what the plan breaks, until it is approved; a filed one is judged as of its filing."""
    if training_class.status not in NOT_YET_APPROVED:
        return []
    institution = read_institution(training_class.institution)
    project = read_project(training_class.project_id)
    filed = training_class.submitted_at if training_class.status is ClassStatus.SUBMITTED else None
    return _breaches(training_class, institution=institution, project=project, now=filed or now)


def _breaches(
    training_class: TrainingClass, *, institution: Institution, project: Project, now: datetime
) -> list[Breach]:
    own = breaches_of(
        training_class, institution=institution, project=project, policy=training_class.policy, now=now
    )
    return own + overlap_breaches(training_class, store.plans_beside(training_class))


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
    store.create_class(head, plan, change_of(context, "class.write"))
    return _shown(context, read_class(class_id))


def edit_class(context: Context, class_id: str, given: PlanGiven, *, version: int) -> Shown:
    """Replace an application that is not filed; after a return it stays returned until filed again."""
    old = require_class(context, "class.write", class_id)
    institution = read_institution(old.institution)
    head, plan = _parts(old.id, given, institution, version=version + 1, now=context.now)
    store.replace_plan(head, plan, version=version, change=change_of(context, "class.write"))
    return _shown(context, read_class(class_id))


def _parts(
    class_id: ClassId, given: PlanGiven, institution: Institution, *, version: int, now: datetime
) -> tuple[ClassHead, ClassPlan]:
    faults = list(_plan_faults(given))
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
            site=lesson.site,
        )
        for number, lesson in enumerate(given.lessons, start=1)
    ]
    plan = ClassPlan(
        id=class_id,
        division=institution.division,
        site=given.site,
        trainers=_sealed_trainers(class_id, given.trainers),
        lessons=lessons,
        version=version,
    )
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
        plan_digest=store.digest_of(given),
    )
    return head, plan


def _plan_faults(given: PlanGiven) -> list[Fault]:
    if not given.lessons:
        return [Fault("no_lessons", field="lessons")]
    faults = []
    for place, lesson in enumerate(given.lessons):
        if lesson.ends_at <= lesson.starts_at or (lesson.ends_at - lesson.starts_at).days >= 1:
            faults.append(Fault("wrong_type", field=f"lessons[{place}].ends_at"))
        if lesson.trainer >= len(given.trainers):
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


def _sealed_trainers(class_id: str, given: Sequence[TrainerGiven]) -> list[Trainer]:
    trainers, faults = [], []
    for place, trainer in enumerate(given):
        try:
            number = parse_id_number(trainer.id_number)
        except InvalidIdentity as invalid:
            faults.append(Fault(invalid.code, field=f"trainers[{place}].id_number"))
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


# --------------------------------------------------------------------------- decisions


def submit_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """File an application; what was a warning on the draft is a refusal now.

    Raises:
        Refused: the first rule broken in the documented order, all of them in `faults`.

    """
    found = require_class(context, "class.submit", class_id)
    _require(found, "submit", version)
    institution, project = read_institution(found.institution), read_project(found.project_id)
    breaches = breaches_of(
        found, institution=institution, project=project, policy=found.policy, now=context.now
    )
    _refuse_breaches(breaches)
    head = store.submit(
        found.id,
        version=version,
        by=context.principal.actor,
        policy_version=found.policy_version,
        now=context.now,
        change=change_of(context, "class.submit", reason=comment),
    )
    return _shown(context, _with_head(found, head))


def _refuse_breaches(breaches: Sequence[Breach]) -> None:
    refusing = [breach for breach in breaches if breach.refuses]
    if not refusing:
        return
    code = first_of([breach.code for breach in refusing])
    facts = next(breach.facts for breach in refusing if breach.code == code)
    raise error(
        code, faults=tuple(Fault(b.code, detail=sentence(b.code, dict(b.facts))) for b in refusing), **facts
    )


def approve_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Approve an application; the policy of this moment is pinned to the class.

    The rules are asked once more: the institution may have been suspended, or the policy changed, since.
    """
    found = require_class(context, "class.approve", class_id)
    _require(found, "approve", version)
    _refuse_own_work(context, found.submitted_by)
    _refuse_breaches(
        breaches_of(
            found,
            institution=current_institution(found.institution),
            project=current_project(found.project_id),
            policy=found.policy,
            now=found.submitted_at or context.now,
        )
    )
    head = store.approve(
        found.id,
        version=version,
        by=context.principal.actor,
        policy_version=found.policy_version,
        now=context.now,
        change=change_of(context, "class.approve", reason=comment),
    )
    return _shown(context, _with_head(found, head))


def return_class(context: Context, class_id: str, *, version: int, reason: str) -> Shown:
    """Return an application to the institution with the reason."""
    found = require_class(context, "class.return", class_id)
    _require(found, "return", version)
    _refuse_own_work(context, found.submitted_by)
    change = change_of(context, "class.return", reason=reason)
    head = store.give_back(
        found.id, version=version, reason=reason, by=context.principal.actor, change=change
    )
    return _shown(context, _with_head(found, head))


def _require(training_class: TrainingClass, action: str, version: int) -> None:
    """Refuse what the state or a newer version forbids; the write's condition decides again."""
    if training_class.version != version:
        raise Refused("version_conflict", version=training_class.version)
    CLASS_TRANSITIONS.require(action, training_class.status)


def _with_head(training_class: TrainingClass, head: ClassHead) -> TrainingClass:
    """Give the class as a decision left it, without reading it again."""
    fields = (name for name in TrainingClass.__struct_fields__ if name in ClassHead.__struct_fields__)
    return msgspec.structs.replace(training_class, **{name: getattr(head, name) for name in fields})


def _refuse_own_work(context: Context, author: str | None) -> None:
    if author == context.principal.actor:
        raise error("self_approval")


# --------------------------------------------------------------------------- cancelling


def cancel_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Cancel a class that is not complete; its trainees get their vouchers back.

    A repeat by the same call's version goes on where a crash stopped releasing and answers like the first.
    """
    found = require_class(context, "class.cancel", class_id)
    change = change_of(context, "class.cancel", reason=comment)
    if found.status is ClassStatus.CANCELLED and version in (found.version, found.version - 1):
        store.release_trainees(found.id, _still_enrolled(found), now=context.now, change=change)
        return _shown(context, found)
    _require(found, "cancel", version)
    store.cancel(found.id, _still_enrolled(found), version=version, now=context.now, change=change)
    return _shown(context, read_class(class_id))


def _still_enrolled(training_class: TrainingClass) -> list[tuple[Enrolment, Voucher | None]]:
    rostered = [
        enrolment
        for enrolment in find_enrolments(training_class.enrolment_ids)
        if enrolment.status is EnrolmentStatus.ROSTERED and enrolment.class_id == training_class.id
    ]
    vouchers = {voucher.id: voucher for voucher in find_vouchers([e.voucher_id for e in rostered])}
    return [(enrolment, vouchers.get(enrolment.voucher_id)) for enrolment in rostered]


# --------------------------------------------------------------------------- completion


def submit_completion(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Apply for completion once every lesson is over (step 9 of the notice).

    Raises:
        Refused: `lessons_open`, `roster_empty`, or the state.

    """
    found = require_class(context, "completion.submit", class_id)
    _require(found, "completion_submit", version)
    ends_at = last_lesson_ends_at(found.lessons)
    if ends_at > context.now:
        raise error("lessons_open", ends_at=format_moment(ends_at))
    if not found.roster:
        raise error("roster_empty")
    change = change_of(context, "completion.submit", reason=comment)
    head = store.submit_completion(found.id, version=version, by=context.principal.actor, change=change)
    return _shown(context, _with_head(found, head))


def approve_completion(context: Context, class_id: str, *, version: int, comment: str | None) -> Shown:
    """Approve that the class was taught, never on one's own application."""
    found = require_class(context, "completion.approve", class_id)
    _require(found, "completion_approve", version)
    _refuse_own_work(context, found.completion_submitted_by)
    change = change_of(context, "completion.approve", reason=comment)
    head = store.approve_completion(
        found.id, version=version, by=context.principal.actor, now=context.now, change=change
    )
    return _shown(context, _with_head(found, head))


def return_completion(context: Context, class_id: str, *, version: int, reason: str) -> Shown:
    """Return the completion application with the reason."""
    found = require_class(context, "completion.return", class_id)
    _require(found, "completion_return", version)
    _refuse_own_work(context, found.completion_submitted_by)
    change = change_of(context, "completion.return", reason=reason)
    head = store.return_completion(
        found.id, version=version, reason=reason, by=context.principal.actor, change=change
    )
    return _shown(context, _with_head(found, head))
