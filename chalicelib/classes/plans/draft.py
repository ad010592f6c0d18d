"""Plans as institutions write them, and how a draft becomes the plan that is kept.

Trainers are sealed, the institution's own place is taken from the catalogue, the program is looked up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts.persons.service import person_key_of
from chalicelib.aws import crypto
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.catalogue.projects.reading import find_project
from chalicelib.classes import store
from chalicelib.classes.model import (
    SITES_MAX,
    ClassHead,
    ClassPlan,
    ClassStatus,
    Lesson,
    Site,
    Trainer,
    last_lesson_ends_at,
    lesson_id_of,
)
from chalicelib.classes.occupancy.model import rooms_of
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.free_text import names_person
from chalicelib.kernel.identity import InvalidIdentity, mask_id_number, mask_name, parse_id_number
from chalicelib.kernel.ids import ClassId, LessonId, ProgramId, ProjectId
from chalicelib.kernel.reasons import error
from chalicelib.kernel.territory import in_province
from chalicelib.programs.service import read_program


@dataclass(frozen=True)
class TrainerDraft:
    """A trainer as the institution writes them down."""

    name: str
    id_number: str
    qualification: str


@dataclass(frozen=True)
class LessonDraft:
    """A lesson as the institution plans it."""

    starts_at: datetime
    ends_at: datetime
    hours: int
    topic: str
    trainer: int
    site: "SiteDraft | None"


@dataclass(frozen=True)
class CatalogueSite:
    """The institution's own place, as it stands in the catalogue, or a room of it."""

    room: str | None
    radius_m: int | None


SiteDraft = Site | CatalogueSite


@dataclass(frozen=True)
class PlanDraft:
    """An application as the institution writes it."""

    project_id: str
    program_id: str | None
    name: str
    planned_size: int
    site: SiteDraft
    trainers: Sequence[TrainerDraft]
    lessons: Sequence[LessonDraft]


def parts_of_draft(
    class_id: ClassId, draft: PlanDraft, institution: Institution, *, version: int, now: datetime
) -> tuple[ClassHead, ClassPlan]:
    """Give the head and the plan of a draft, as they are kept.

    Raises:
        Malformed: fields that cannot be.
        Impossible: ID numbers of trainers that fail their check.
        Refused: `project_not_covered` if institution and project share no program.

    """
    faults = _plan_faults(draft)
    if faults:
        told = faults[0].code if faults[0].code in ("no_lessons", "name_in_public_text") else "malformed"
        raise error(told, faults=tuple(faults))
    program_id = _program_for(draft, institution)
    lessons = [
        kept_lesson(lesson_id_of(class_id, number), lesson, institution)
        for number, lesson in enumerate(draft.lessons, start=1)
    ]
    plan = ClassPlan(
        id=class_id,
        division=institution.division,
        site=kept_site(draft.site, institution),
        trainers=sealed_trainers(class_id, draft.trainers, field="trainers"),
        lessons=lessons,
        program_id=program_id,
        project_id=draft.project_id,
        name=draft.name,
        planned_size=draft.planned_size,
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
        project_id=ProjectId(draft.project_id),
        name=draft.name,
        planned_size=draft.planned_size,
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


def kept_lesson(lesson_id: LessonId, draft: LessonDraft, institution: Institution) -> Lesson:
    """Give a lesson as it is kept."""
    return Lesson(
        id=lesson_id,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        hours=draft.hours,
        topic=draft.topic,
        trainer=draft.trainer,
        site=kept_site(draft.site, institution) if draft.site is not None else None,
    )


def kept_site(draft: SiteDraft, institution: Institution) -> Site:
    """Give a place as it is kept: the institution's own one is taken from the catalogue."""
    if isinstance(draft, Site):
        return draft
    return Site(
        name=institution.name,
        address=institution.address,
        location=institution.location,
        radius_m=draft.radius_m,
        room=draft.room,
    )


def _plan_faults(draft: PlanDraft) -> list[Fault]:
    if not draft.lessons:
        return [Fault("no_lessons", field="lessons")]
    named = any(names_person(draft.name, trainer.name) for trainer in draft.trainers)
    faults = [Fault("name_in_public_text", field="name")] if named else []
    faults += site_faults(draft.site, "site")
    return faults + lesson_faults(draft.lessons, trainers=len(draft.trainers))


def lesson_faults(lessons: Sequence[LessonDraft], *, trainers: int) -> list[Fault]:
    """List what cannot be in a timetable.

    Lessons that end before they start, trainers that are not there, places outside the province.
    """
    faults = []
    for place, lesson in enumerate(lessons):
        if lesson.ends_at <= lesson.starts_at or (lesson.ends_at - lesson.starts_at).days >= 1:
            faults.append(Fault("wrong_type", field=f"lessons[{place}].ends_at"))
        if lesson.trainer >= trainers:
            faults.append(Fault("wrong_type", field=f"lessons[{place}].trainer"))
        if lesson.site is not None:
            faults += site_faults(lesson.site, f"lessons[{place}].site")
    return faults


def site_faults(site: SiteDraft, field: str) -> list[Fault]:
    """List what cannot be of a place, by the rule of the catalogue; a place taken from it has been judged."""
    if isinstance(site, CatalogueSite) or in_province(site.location.point):
        return []
    return [Fault("outside_province", field=f"{field}.location")]


def _program_for(draft: PlanDraft, institution: Institution) -> ProgramId:
    """Find the one program under which this institution may teach this project."""
    project = find_project(draft.project_id)
    if project is None:
        raise error("unknown_project", faults=(Fault("unknown_project", field="project_id"),))
    shared = [program for program in project.programs if program in institution.programs]
    if project.id not in institution.projects or not shared:
        raise error("project_not_covered")
    if draft.program_id is not None:
        if draft.program_id not in shared:
            raise error("project_not_covered")
        return ProgramId(draft.program_id)
    if len(shared) > 1:
        fault = Fault("program_ambiguous", field="program_id")
        raise error("program_ambiguous", faults=(fault,))
    return shared[0]


def sealed_trainers(class_id: str, drafts: Sequence[TrainerDraft], *, field: str) -> list[Trainer]:
    """Seal who the trainers are; what is shown of them are masks.

    Raises:
        Impossible: with every ID number that fails its check.

    """
    trainers, faults = [], []
    for place, draft in enumerate(drafts):
        try:
            number = parse_id_number(draft.id_number)
        except InvalidIdentity as invalid:
            faults.append(Fault(invalid.code, field=f"{field}[{place}].id_number"))
            continue
        key = person_key_of(number)
        name = draft.name.strip()
        plain = msgspec.json.encode({"name": name, "id_number": number})
        trainers.append(
            Trainer(
                name=mask_name(name),
                id_number=mask_id_number(number),
                person_key=key,
                qualification=draft.qualification,
                sealed=crypto.seal(plain, item=f"trainer:{class_id}:{key}"),
            )
        )
    if faults:
        raise error(faults[0].code, faults=tuple(faults))
    return trainers
