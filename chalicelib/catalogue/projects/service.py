"""Use cases of projects."""

from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights
from chalicelib.catalogue.model import SaveOutcome
from chalicelib.catalogue.projects import store
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import forget_projects, program_exists
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class SavedProject:
    """A project as stored."""

    project: Project
    outcome: SaveOutcome
    warnings: tuple[str, ...] = ()


def save_project(
    context: Context, project: Project, *, version: int | None, dry_run: bool = False
) -> SavedProject:
    """List a project, or change its entry; a dry run only judges. What it was stays kept by its version.

    Raises:
        Malformed: it names a program that does not exist.
        Refused: `version_conflict`.

    """
    rights.require(context.principal, "project.write", division=PROVINCE)
    faults = [
        Fault("unknown_program", field=f"programs[{place}]")
        for place, program_id in enumerate(project.programs)
        if not program_exists(program_id)
    ]
    if faults:
        raise error("malformed", faults=tuple(faults))
    old = store.find_project(project.id)
    if old is not None and msgspec.structs.replace(old, version=1, last_change=None) == project:
        return SavedProject(old, store.outcome_of_unchanged(old))
    outcome = SaveOutcome.CREATED if old is None else SaveOutcome.CHANGED
    if dry_run:
        return SavedProject(project, outcome)
    change = change_of(context, "project.write")
    saved = store.save_project(project, version=version, change=change, before=old)
    forget_projects()
    return SavedProject(saved, outcome)
