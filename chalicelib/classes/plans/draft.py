"""Use cases of applications: apply for a class, change an application (step 6 of the notice)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.aws import crypto
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.catalogue.projects.reading import find_project
from chalicelib.classes import store
from chalicelib.classes.applications import store as plans_store
from chalicelib.classes.model import (
    SITES_MAX,
    ClassHead,
    ClassPlan,
    ClassStatus,
    Lesson,
    Site,
    Trainer,
    also_prepared,
    last_lesson_ends_at,
    lesson_id_of,
)
from chalicelib.classes.plans.model import rooms_of
from chalicelib.classes.service import Shown, read_parts, require_parts, shown_parts
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.identity import InvalidIdentity, mask_id_number, mask_name, parse_id_number
from chalicelib.kernel.ids import ClassId, ProgramId, ProjectId, new_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import read_program


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
    plans_store.create_class(head, plan, change_of(context, "class.write"))
    return shown_parts(context, read_parts(class_id))


def edit_class(context: Context, class_id: str, given: PlanGiven, *, version: int) -> Shown:
    """Replace an application that is not filed; after a return it stays returned until filed again."""
    old = require_parts(context, "class.write", class_id)
    institution = read_institution(old.head.institution)
    head, plan = _parts(old.head.id, given, institution, version=version + 1, now=context.now)
    if old.head.version != version:
        raise error("version_conflict", version=old.head.version)
    head = msgspec.structs.replace(head, also_prepared_by=also_prepared(old.head, context.principal.actor))
    plans_store.replace_plan(
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
        raise error("no_lessons" if not given.lessons else "malformed", faults=tuple(faults))
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
        raise error("malformed", faults=(Fault("too_many_sites", field="lessons"),))
    head = ClassHead(
        id=class_id,
        institution=institution.uscc,
        division=institution.division,
        city=group_of(institution.division),
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
        raise error("unknown_project", faults=(Fault("unknown_project", field="project_id"),))
    shared = [program for program in project.programs if program in institution.programs]
    if project.id not in institution.projects or not shared:
        raise error("project_not_covered")
    if given.program_id is not None:
        if given.program_id not in shared:
            raise error("project_not_covered")
        return ProgramId(given.program_id)
    if len(shared) > 1:
        fault = Fault("program_ambiguous", field="program_id")
        raise error("program_ambiguous", faults=(fault,))
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
        raise error(faults[0].code, faults=tuple(faults))
    return trainers
