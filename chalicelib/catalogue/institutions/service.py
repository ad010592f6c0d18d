"""Use cases of institutions: save, suspend and reinstate, open bank accounts (step 2 of the notice)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, Location
from chalicelib.catalogue.projects.service import program_exists
from chalicelib.catalogue.reading import (
    _institution_at,
    current_project,
    find_institution,
    forget_catalogue,
    read_institution,
)
from chalicelib.catalogue.saving import Outcome
from chalicelib.catalogue.snapshot import forget_snapshot
from chalicelib.kernel.divisions import is_known, plausible
from chalicelib.kernel.errors import Fault, NotFound, Refused
from chalicelib.kernel.identity import (
    InvalidIdentity,
    mask_account,
    parse_account_number,
    parse_contact_phone,
    parse_uscc,
)
from chalicelib.kernel.ids import ProgramId, ProjectId, Uscc
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.kernel.territory import in_province


@dataclass(frozen=True)
class BankAccount:
    """Where an institution is paid."""

    holder: str
    bank: str
    number: str


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
        raise error("malformed", faults=tuple(faults))
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
    except InvalidIdentity as failure:
        faults.append(Fault(failure.code, field="phone"))
    try:
        number = parse_account_number(bank_account.number)
    except InvalidIdentity as failure:
        faults.append(Fault(failure.code, field="bank_account.number"))
    if not is_known(division):
        faults.append(Fault("unknown_division", field="division"))
    elif not in_province(location.point):
        faults.append(Fault("outside_province", field="location"))
    faults += [
        Fault("unknown_program", field=f"programs[{place}]")
        for place, program_id in enumerate(programs)
        if not program_exists(program_id)
    ]
    faults += [
        Fault("unknown_project", field=f"projects[{place}]")
        for place, project_id in enumerate(projects)
        if not _project_exists(project_id)
    ]
    return faults, number


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


def open_bank_accounts(
    context: Context, institutions: Sequence[Institution], *, subject: str, division: str, purpose: str
) -> list[str]:
    """Open institutions' account numbers; one record of the subject tells who looked, and why."""
    sealed = [SealedText(one.sealed_bank_account, f"institution:{one.uscc}") for one in institutions]
    opened = disclose(context, sealed, subject=subject, division=division, purpose=purpose)
    return [number.decode() for number in opened]
