"""Use cases of projects."""

from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights
from chalicelib.catalogue.projects import store as projects_store
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.reading import forget_catalogue
from chalicelib.catalogue.saving import Outcome
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Fault, NotFound
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program


@dataclass(frozen=True)
class SavedProject:
    """A project as stored."""

    project: Project
    outcome: Outcome
    warnings: tuple[str, ...] = ()


def program_exists(program_id: str) -> bool:
    """Tell whether there is such a program."""
    try:
        current_program(program_id)
    except NotFound:
        return False
    return True


def save_project(
    context: Context, project: Project, *, version: int | None, dry_run: bool = False
) -> SavedProject:
    """List a project, or change its entry; a dry run only judges."""
    rights.require(context.principal, "project.write", division=PROVINCE)
    faults = [
        Fault("unknown_program", field=f"programs[{place}]")
        for place, program_id in enumerate(project.programs)
        if not program_exists(program_id)
    ]
    if faults:
        raise error("malformed", faults=tuple(faults))
    old = projects_store.find_project(project.id)
    if old is not None and msgspec.structs.replace(old, version=1, last_change=None) == project:
        return SavedProject(old, Outcome.UNCHANGED)
    outcome = Outcome.CREATED if old is None else Outcome.CHANGED
    if dry_run:
        return SavedProject(project, outcome)
    saved = projects_store.save_project(project, version=version, change=change_of(context, "project.write"))
    forget_catalogue()
    return SavedProject(saved, outcome)
