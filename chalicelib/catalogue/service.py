"""Use cases of the catalogue: list institutions and projects, suspend, search (step 2 of the notice)."""

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import crypto
from chalicelib.aws.disclosure import Sealed, disclose
from chalicelib.catalogue import store
from chalicelib.catalogue.model import Institution, InstitutionStatus, Location, Project
from chalicelib.catalogue.snapshot import forget_snapshot
from chalicelib.kernel.divisions import PROVINCE, covers, is_known, plausible
from chalicelib.kernel.errors import Fault, Malformed, NotFound, Refused
from chalicelib.kernel.identity import (
    InvalidIdentity,
    mask_account,
    parse_account_number,
    parse_contact_phone,
    parse_uscc,
)
from chalicelib.kernel.ids import ProgramId, ProjectId, Uscc
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.territory import in_province
from chalicelib.programs.service import current_program

CACHE_SECONDS = 30


@dataclass(frozen=True)
class BankAccount:
    """Where an institution is paid."""

    holder: str
    bank: str
    number: str


class Outcome(StrEnum):
    """What saving an entry did, or would do."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class SavedProject:
    """A project as stored."""

    project: Project
    outcome: Outcome
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """An institution as stored, with what the clerk should look at again."""

    institution: Institution
    outcome: Outcome
    warnings: tuple[str, ...] = ()


def save_institution(
    context: Context,
    uscc: str,
    *,
    name: str,
    division: str,
    address: str,
    phone: str,
    location: Location,
    programs: Sequence[str],
    projects: Sequence[str],
    bank_account: BankAccount,
    version: int | None,
    dry_run: bool = False,
    known: Mapping[str, Institution] | None = None,
) -> Saved:
    """List an institution, or change its entry; a dry run only judges.

    `known` holds what is stored of many institutions, read at once by the caller; else it is read here.

    Raises:
        Malformed: with every field that is wrong.
        NotFound: the division, old or new, is outside the caller's area.
        Refused: `version_conflict`.

    """
    faults, number = _institution_faults(
        uscc,
        division=division,
        phone=phone,
        location=location,
        programs=programs,
        projects=projects,
        bank_account=bank_account,
    )
    if faults:
        raise Malformed("malformed", faults=tuple(faults))
    rights.require(context.principal, "institution.write", division=division)
    old = store.find_institution(uscc) if known is None else known.get(uscc)
    if old is not None:
        rights.require(context.principal, "institution.write", division=old.division)
    wanted = Institution(
        uscc=Uscc(uscc),
        name=name,
        division=division,
        address=address,
        phone=phone,
        location=location,
        programs=[ProgramId(program) for program in dict.fromkeys(programs)],
        projects=[ProjectId(project) for project in dict.fromkeys(projects)],
        status=InstitutionStatus.LISTED,
        bank_holder=bank_account.holder,
        bank=bank_account.bank,
        sealed_bank_account=crypto.seal(number.encode(), item=f"institution:{uscc}"),
        masked_bank_account=mask_account(number),
    )
    warnings = () if plausible(division, location.point) else ("far_from_division",)
    if old is not None and _same_entry(context, old, wanted, number):
        return Saved(old, Outcome.UNCHANGED, warnings)
    outcome = Outcome.CREATED if old is None else Outcome.CHANGED
    if dry_run:
        return Saved(wanted, outcome, warnings)
    change = change_of(context, "institution.write")
    saved = store.save_institution(wanted, version=version, change=change)
    _institution_at.cache_clear()
    forget_snapshot()
    return Saved(saved, outcome, warnings)


def _institution_faults(
    uscc: str,
    *,
    division: str,
    phone: str,
    location: Location,
    programs: Sequence[str],
    projects: Sequence[str],
    bank_account: BankAccount,
) -> tuple[list[Fault], str]:
    faults = []
    number = ""
    try:
        if parse_uscc(uscc) != uscc:
            faults.append(Fault("invalid_uscc", field="uscc"))
    except InvalidIdentity:
        faults.append(Fault("invalid_uscc", field="uscc"))
    try:
        parse_contact_phone(phone)
    except InvalidIdentity as error:
        faults.append(Fault(error.code, field="phone"))
    try:
        number = parse_account_number(bank_account.number)
    except InvalidIdentity as error:
        faults.append(Fault(error.code, field="bank_account.number"))
    if not is_known(division):
        faults.append(Fault("unknown_division", field="division"))
    elif not in_province(location.point):
        faults.append(Fault("outside_province", field="location"))
    faults += [
        Fault("unknown_program", field=f"programs[{place}]")
        for place, program_id in enumerate(programs)
        if not _program_exists(program_id)
    ]
    faults += [
        Fault("unknown_project", field=f"projects[{place}]")
        for place, project_id in enumerate(projects)
        if not _project_exists(project_id)
    ]
    return faults, number


def _program_exists(program_id: str) -> bool:
    try:
        current_program(program_id)
    except NotFound:
        return False
    return True


def _project_exists(project_id: str) -> bool:
    try:
        current_project(project_id)
    except NotFound:
        return False
    return True


def _same_entry(context: Context, old: Institution, wanted: Institution, number: str) -> bool:
    same = {"sealed_bank_account": "", "status": wanted.status, "version": 1, "last_change": None}
    if msgspec.structs.replace(old, **same) != msgspec.structs.replace(wanted, **same):
        return False
    purpose = "compare with a repeated entry"
    opened = open_bank_accounts(context, [old], subject=old.uscc, division=old.division, purpose=purpose)
    return opened == [number]


def move_institution(context: Context, uscc: str, action: str, *, version: int, reason: str) -> Institution:
    """Suspend or reinstate an institution, with the reason."""
    old = read_institution(uscc)
    rights.require(context.principal, f"institution.{action}", division=old.division)
    change = change_of(context, f"institution.{action}", reason=reason)
    moved = store.move_institution(uscc, action, version=version, change=change)
    forget_catalogue()
    return moved


def suspend_by_rule(context: Context, uscc: str, *, reason: str) -> bool:
    """Suspend an institution because a rule says so, whoever set it off; False if it is not listed now."""
    change = change_of(context, "institution.suspend", reason=reason)
    try:
        store.move_institution(uscc, "suspend", version=None, change=change)
    except (NotFound, Refused):
        return False
    forget_catalogue()
    return True


def division_of_institution(uscc: str) -> str | None:
    """Tell the division an institution belongs to; None if it is not listed."""
    found = find_institution(uscc)
    return found.division if found is not None else None


def read_institution(uscc: str) -> Institution:
    """Read an institution or raise `NotFound`."""
    found = store.find_institution(uscc)
    if found is None:
        raise NotFound
    return found


def find_institution(uscc: str) -> Institution | None:
    """Read an institution."""
    return store.find_institution(uscc)


def find_institutions(usccs: Iterable[str]) -> dict[str, Institution]:
    """Read many institutions by their numbers, a hundred a call; unknown ones are left out."""
    return {found.uscc: found for found in store.find_institutions(sorted(set(usccs)))}


def current_institution(uscc: str) -> Institution:
    """Read an institution as it was at most half a minute ago: for scans, which are many a second."""
    return _institution_at(uscc, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _institution_at(uscc: str, _: int) -> Institution:
    return read_institution(uscc)


def institutions_in(area: str) -> Iterable[Institution]:
    """Go through the institutions of a division and below."""
    return (found for found in store.all_institutions_in(area) if covers(area, found.division))


def open_bank_accounts(
    context: Context, institutions: Sequence[Institution], *, subject: str, division: str, purpose: str
) -> list[str]:
    """Open institutions' account numbers; one record of the subject tells who looked, and why."""
    sealed = [Sealed(one.sealed_bank_account, f"institution:{one.uscc}") for one in institutions]
    opened = disclose(context, sealed, subject=subject, division=division, purpose=purpose)
    return [number.decode() for number in opened]


def save_project(
    context: Context, project: Project, *, version: int | None, dry_run: bool = False
) -> SavedProject:
    """List a project, or change its entry; a dry run only judges."""
    rights.require(context.principal, "project.write", division=PROVINCE)
    faults = [
        Fault("unknown_program", field=f"programs[{place}]")
        for place, program_id in enumerate(project.programs)
        if not _program_exists(program_id)
    ]
    if faults:
        raise Malformed("malformed", faults=tuple(faults))
    old = store.find_project(project.id)
    if old is not None and msgspec.structs.replace(old, version=1, last_change=None) == project:
        return SavedProject(old, Outcome.UNCHANGED)
    outcome = Outcome.CREATED if old is None else Outcome.CHANGED
    if dry_run:
        return SavedProject(project, outcome)
    saved = store.save_project(project, version=version, change=change_of(context, "project.write"))
    forget_catalogue()
    return SavedProject(saved, outcome)


def read_project(project_id: str) -> Project:
    """Read a project or raise `NotFound`."""
    found = store.find_project(project_id)
    if found is None:
        raise NotFound
    return found


def find_project(project_id: str) -> Project | None:
    """Read a project."""
    return store.find_project(project_id)


def current_project(project_id: str) -> Project:
    """Read a project as it was at most half a minute ago."""
    return _project_at(project_id, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _project_at(project_id: str, _: int) -> Project:
    return read_project(project_id)


def forget_catalogue() -> None:
    """Drop the cached institutions and projects of this process."""
    forget_snapshot()
    _projects_of.cache_clear()
    _institution_at.cache_clear()
    _project_at.cache_clear()


def projects_of_program(program_id: str) -> list[str]:
    """Give the ids of the projects a program covers: of an open one, all."""
    return [project.id for project in _projects_of(program_id, int(time.monotonic() // CACHE_SECONDS))]


@functools.lru_cache(maxsize=32)
def _projects_of(program_id: str, _: int) -> list[Project]:
    found: list[Project] = []
    everything = current_program(program_id).kind.is_open
    after = None
    while True:
        page = store.list_projects(PageRequest(limit=100, after=after))
        found += [one for one in page.items if everything or program_id in one.programs]
        if page.after is None:
            return found
        after = page.after
