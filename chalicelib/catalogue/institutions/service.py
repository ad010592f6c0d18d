"""Use cases of institutions: list, change, suspend, reinstate, open bank accounts (step 2 of the notice)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import disclose
from chalicelib.accounts.service import take_along
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import (
    Institution,
    InstitutionEntry,
    InstitutionStatus,
    why_not,
)
from chalicelib.catalogue.institutions.reading import forget_institutions, read_institution
from chalicelib.catalogue.model import SaveOutcome
from chalicelib.catalogue.projects.reading import program_exists, project_exists
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
from chalicelib.kernel.reasons import error, refuse
from chalicelib.kernel.territory import in_province

ACTIONS = {"suspend": "institution.suspend", "reinstate": "institution.reinstate"}
"""What may be done with a listed institution, and the right to it."""


@dataclass(frozen=True)
class SavedInstitution:
    """An institution as stored, with what the clerk should look at again."""

    institution: Institution
    outcome: SaveOutcome
    warnings: tuple[str, ...] = ()


# --------------------------------------------------------------------------- an entry


def save_institution(
    context: Context,
    uscc: str,
    entry: InstitutionEntry,
    *,
    version: int | None,
    dry_run: bool = False,
    known: Mapping[str, Institution] | None = None,
) -> SavedInstitution:
    """List an institution, or change its entry; a dry run only judges.

    `known` holds what is stored of many institutions, read at once by the caller; else it is read here.

    Raises:
        Malformed: with every field that is wrong.
        NotFound: the division, old or new, is outside the caller's area.
        Refused: `version_conflict`.

    """
    faults, number = _faults_of(uscc, entry)
    if faults:
        raise error("malformed", faults=tuple(faults))
    rights.require(context.principal, "institution.write", division=entry.division)
    old = store.find_institution(uscc) if known is None else known.get(uscc)
    if old is not None:
        rights.require(context.principal, "institution.write", division=old.division)
    new = _institution_of(uscc, entry, number)
    warnings = () if plausible(entry.division, entry.location.point) else ("far_from_division",)
    if old is not None and _says_the_same(context, old, new, number):
        if known is None and not dry_run:
            take_along(context, uscc, old.division)  # a repeat ends what a first call may have left
        return SavedInstitution(old, store.outcome_of_unchanged(old), warnings)
    outcome = SaveOutcome.CREATED if old is None else SaveOutcome.CHANGED
    if dry_run:
        return SavedInstitution(new, outcome, warnings)
    saved = store.save_institution(new, version=version, change=change_of(context, "institution.write"))
    if old is not None and old.division != saved.division:
        take_along(context, uscc, saved.division)
    forget_institutions()
    return SavedInstitution(saved, outcome, warnings)


def _institution_of(uscc: str, entry: InstitutionEntry, number: str) -> Institution:
    return Institution(
        uscc=Uscc(uscc),
        name=entry.name,
        division=entry.division,
        address=entry.address,
        phone=entry.phone,
        location=entry.location,
        programs=[ProgramId(program) for program in dict.fromkeys(entry.programs)],
        projects=[ProjectId(project) for project in dict.fromkeys(entry.projects)],
        status=InstitutionStatus.LISTED,
        bank_holder=entry.bank_account.holder,
        bank=entry.bank_account.bank,
        sealed_bank_account=crypto.seal(number.encode(), item=_item_of(uscc)),
        masked_bank_account=mask_account(number),
    )


def _faults_of(uscc: str, entry: InstitutionEntry) -> tuple[list[Fault], str]:
    """List what is wrong with an entry; give the account number in its one form beside."""
    faults = []
    number = ""
    try:
        if parse_uscc(uscc) != uscc:
            faults.append(Fault("invalid_uscc", field="uscc"))
    except InvalidIdentity:
        faults.append(Fault("invalid_uscc", field="uscc"))
    try:
        parse_contact_phone(entry.phone)
    except InvalidIdentity as failure:
        faults.append(Fault(failure.code, field="phone"))
    try:
        number = parse_account_number(entry.bank_account.number)
    except InvalidIdentity as failure:
        faults.append(Fault(failure.code, field="bank_account.number"))
    if not is_known(entry.division):
        faults.append(Fault("unknown_division", field="division"))
    elif not in_province(entry.location.point):
        faults.append(Fault("outside_province", field="location"))
    faults += [
        Fault("unknown_program", field=f"programs[{place}]")
        for place, program_id in enumerate(entry.programs)
        if not program_exists(program_id)
    ]
    faults += [
        Fault("unknown_project", field=f"projects[{place}]")
        for place, project_id in enumerate(entry.projects)
        if not project_exists(project_id)
    ]
    return faults, number


def _says_the_same(context: Context, old: Institution, new: Institution, number: str) -> bool:
    """Tell whether a repeated entry changes nothing; an account number is sealed anew each time."""
    beside = {"sealed_bank_account": "", "status": new.status, "version": 1, "last_change": None}
    if msgspec.structs.replace(old, **beside) != msgspec.structs.replace(new, **beside):
        return False
    purpose = "compare with a repeated entry"
    opened = open_bank_accounts(context, [old], subject=old.uscc, division=old.division, purpose=purpose)
    return opened == [number]


# --------------------------------------------------------------------------- its state


def move_institution(context: Context, uscc: str, action: str, *, version: int, reason: str) -> Institution:
    """Suspend or reinstate an institution, with the reason.

    Raises:
        NotFound: it is not listed, or outside the caller's area.
        Refused: another version, or it is in that state already.

    """
    institution = read_institution(uscc)
    rights.require(context.principal, ACTIONS[action], division=institution.division)
    refuse(why_not(action, institution, version=version))
    change = change_of(context, f"institution.{action}", reason=reason)
    moved = store.move_institution(uscc, action, version=version, change=change)
    forget_institutions()
    return moved


def allowed_actions(context: Context, institution: Institution) -> list[str]:
    """List what this caller may do with an institution now."""
    return rights.offered(
        context.principal,
        ACTIONS,
        lambda action: why_not(action, institution),
        division=institution.division,
    )


def suspend_by_rule(context: Context, uscc: str, *, reason: str) -> bool:
    """Suspend an institution because a rule says so, whoever set it off; False if it is not listed now."""
    change = change_of(context, "institution.suspend", reason=reason)
    try:
        store.move_institution(uscc, "suspend", version=None, change=change)
    except (NotFound, Refused):
        return False
    forget_institutions()
    return True


# --------------------------------------------------------------------------- for other steps


def division_of_institution(uscc: str) -> str | None:
    """Tell the division an institution belongs to; None if it is not listed."""
    institution = store.find_institution(uscc)
    return institution.division if institution is not None else None


def open_bank_accounts(
    context: Context, institutions: Sequence[Institution], *, subject: str, division: str, purpose: str
) -> list[str]:
    """Open institutions' account numbers; one record of the subject tells who looked, and why."""
    sealed = [
        SealedText(institution.sealed_bank_account, _item_of(institution.uscc))
        for institution in institutions
    ]
    opened = disclose(context, sealed, subject=subject, division=division, purpose=purpose)
    return [number.decode() for number in opened]


def _item_of(uscc: str) -> str:
    """Name the item that an institution's account number is sealed for."""
    return f"institution:{uscc}"
