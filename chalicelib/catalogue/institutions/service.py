"""Use cases of institutions: list, change, suspend, reinstate, propose an account (step 2 of the notice)."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import disclose
from chalicelib.accounts.service import take_along
from chalicelib.aws.writes import ConditionFailed
from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import (
    ROOMS_USUAL,
    BankAccount,
    Institution,
    InstitutionEntry,
    InstitutionStatus,
    Suspender,
    is_taken_over,
    listed_payee_id,
    names_to_fit,
    rooms_before,
    rooms_raised,
    suspender_of,
    why_not,
)
from chalicelib.catalogue.institutions.paying import listed_text, payee_in_force
from chalicelib.catalogue.institutions.reading import forget_institutions, read_institution
from chalicelib.catalogue.model import SaveOutcome
from chalicelib.catalogue.payees import service as proposing
from chalicelib.catalogue.payees.model import PayeeAccount, Payees
from chalicelib.catalogue.payees.service import Proposal
from chalicelib.catalogue.payees.store import find_payees
from chalicelib.catalogue.projects.reading import program_exists, project_exists
from chalicelib.kernel.divisions import is_known, plausible
from chalicelib.kernel.errors import Fault, NotFound, Refused
from chalicelib.kernel.identity import (
    InvalidIdentity,
    parse_account_number,
    parse_contact_phone,
    parse_uscc,
)
from chalicelib.kernel.ids import ProgramId, ProjectId, Uscc
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.kernel.territory import in_province
from chalicelib.programs.model import Policy
from chalicelib.programs.service import read_program

ACTIONS = {"suspend": "institution.suspend", "reinstate": "institution.reinstate"}
"""What may be done with a listed institution, and the right to it."""


PROPOSED_WITH_ENTRY = "随机构信息提交"
"""The reason of an account that came with an institution's entry."""


@dataclass(frozen=True)
class SavedInstitution:
    """An institution as stored, with what the clerk should look at again."""

    institution: Institution
    outcome: SaveOutcome
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What is stored of many institutions, read at once."""

    institutions: Mapping[str, Institution]
    payees: Mapping[str, Payees]


# --------------------------------------------------------------------------- an entry


def save_institution(
    context: Context,
    uscc: str,
    entry: InstitutionEntry,
    *,
    version: int | None,
    dry_run: bool = False,
    known: Known | None = None,
) -> SavedInstitution:
    """List an institution, or change its entry; a dry run only judges.

    An account that is not known yet is put forward with it: it counts once a finance officer has confirmed
    it. An entry without one leaves the account as it is. `known` is what the caller has read; else it is
    read here.

    Raises:
        Malformed: with every field that is wrong.
        NotFound: the division, old or new, is outside the caller's area.
        Refused: `version_conflict`, or `payee_waiting`: another account waits to be confirmed.

    """
    faults, number = _faults_of(uscc, entry)
    if faults:
        raise error("malformed", faults=tuple(faults))
    rights.require(context.principal, "institution.write", division=entry.division)
    old = store.find_institution(uscc) if known is None else known.institutions.get(uscc)
    if old is not None:
        rights.require(context.principal, "institution.write", division=old.division)
    payees = find_payees(uscc) if known is None else known.payees.get(uscc)
    new = _institution_of(context, uscc, entry, old)
    warnings = _doubts_about(new, context.now)
    proposal = _new_account(context, new, _Known(old, payees), entry.bank_account, number)
    if proposal is not None:
        warnings += ("payee_proposed", *proposing.told_of(proposal))
    elif entry.bank_account is not None:
        warnings += proposing.told_of_waiting(payees, context.now)
    same = old is not None and _says_the_same(old, new)
    if old is not None and same and proposal is None:
        if known is None and not dry_run:
            take_along(context, uscc, old.division)  # a repeat ends what a first call may have left
        return SavedInstitution(old, store.outcome_of_unchanged(old), warnings)
    outcome = _outcome_of(old, same=same)
    if dry_run:
        return SavedInstitution(new, outcome, warnings)
    saved = old
    if saved is None or not same:
        saved = store.save_institution(new, version=version, change=change_of(context, "institution.write"))
    _follow(context, old, saved)
    if proposal is not None:
        proposing.propose(context, proposal)
    forget_institutions()
    return SavedInstitution(saved, outcome, warnings)


def _outcome_of(old: Institution | None, *, same: bool) -> SaveOutcome:
    """Tell what saving does; an earlier run of this call may have listed it and not come to its account."""
    listed = old is None or (same and store.outcome_of_unchanged(old) is SaveOutcome.CREATED)
    return SaveOutcome.CREATED if listed else SaveOutcome.CHANGED


def _doubts_about(institution: Institution, now: datetime) -> tuple[str, ...]:
    """Name what may be true and is to be looked at again."""
    doubts = {
        "far_from_division": not plausible(institution.division, institution.location.point),
        "rooms_many": institution.rooms is not None and institution.rooms > ROOMS_USUAL,
        "rooms_raised": rooms_raised(institution, now),
    }
    return tuple(code for code, told in doubts.items() if told)


def _follow(context: Context, old: Institution | None, saved: Institution) -> None:
    """Let its accounts act where it moved; tell who decides on an account to be paid of its new name."""
    if old is not None and old.division != saved.division:
        take_along(context, saved.uscc, saved.division)
    if old is not None and old.name != saved.name:
        proposing.tell_renamed(context, saved.uscc, names_to_fit(saved, context.now))


def _institution_of(
    context: Context, uscc: str, entry: InstitutionEntry, old: Institution | None
) -> Institution:
    former, renamed_at = (old.former_name, old.renamed_at) if old is not None else (None, None)
    if old is not None and old.name != entry.name:
        former, renamed_at = old.name, context.now
    rooms = entry.rooms if entry.rooms is not None or old is None else old.rooms
    return Institution(
        uscc=Uscc(uscc),
        name=entry.name,
        division=entry.division,
        address=entry.address,
        phone=parse_contact_phone(entry.phone),
        location=entry.location,
        programs=[ProgramId(program) for program in dict.fromkeys(entry.programs)],
        projects=[ProjectId(project) for project in dict.fromkeys(entry.projects)],
        status=InstitutionStatus.LISTED,
        rooms=rooms,
        rooms_before=rooms_before(old, rooms, context.now),
        former_name=former,
        renamed_at=renamed_at,
    )


@dataclass(frozen=True)
class _Known:
    """What is stored of one institution."""

    institution: Institution | None
    payees: Payees | None


def _new_account(
    context: Context,
    institution: Institution,
    stored: _Known,
    account: BankAccount | None,
    number: str,
) -> Proposal | None:
    """Tell what an entry puts forward; None if it names no account, or one that is known already.

    Raises:
        Refused: `payee_waiting`.

    """
    if account is None:
        return None
    old, payees = stored.institution, stored.payees
    known = proposing.known_accounts(payees, context.now)
    digests = proposing.digests_of(number)
    if any(proposing.is_account(payee, account.holder, account.bank, digests) for payee in known):
        return None
    if old is not None and payee_in_force(old, payees, context.now) == listed_payee_id(old.uscc):
        listed = (old.bank_holder, old.bank) == (account.holder, account.bank)
        if listed and _listed_number(context, old) == number:
            return None
    refuse(proposing.why_not_propose(known, context.now))
    return _proposal_of(context, institution, account, number, reason=PROPOSED_WITH_ENTRY, old=old)


def _listed_number(context: Context, old: Institution) -> str:
    purpose = "compare with a repeated entry"
    opened = disclose(context, [listed_text(old)], subject=old.uscc, division=old.division, purpose=purpose)
    return opened[0].decode()


def _proposal_of(
    context: Context,
    institution: Institution,
    account: BankAccount,
    number: str,
    *,
    reason: str,
    old: Institution | None,
) -> Proposal:
    """Put an account forward for an institution as it is listed: no entry renames it to fit its account."""
    listed = old or institution
    programs = dict.fromkeys([*institution.programs, *listed.programs])
    policies = [read_program(program_id).policy for program_id in programs]
    return Proposal(
        institution=institution.uscc,
        division=institution.division,
        registered_names=names_to_fit(listed, context.now),
        holder=account.holder,
        bank=account.bank,
        number=number,
        reason=reason,
        wait_days=max((policy.payee_wait_days for policy in policies), default=Policy().payee_wait_days),
    )


def propose_payee(
    context: Context, uscc: str, account: BankAccount, *, version: int, reason: str
) -> PayeeAccount:
    """Put another account of an institution forward, with the reason.

    Raises:
        NotFound: the institution is not listed, or outside the caller's area.
        Malformed: the number is none.
        Refused: `version_conflict`, or `payee_waiting`: another one waits to be confirmed.

    """
    institution = read_institution(uscc)
    rights.require(context.principal, "payee.propose", division=institution.division)
    try:
        number = parse_account_number(account.number)
    except InvalidIdentity as failure:
        raise error("malformed", faults=(Fault(failure.code, field="number"),)) from None
    if institution.version != version:
        raise error("version_conflict", version=institution.version)
    proposal = _proposal_of(context, institution, account, number, reason=reason, old=institution)
    return proposing.propose(context, proposal, also=[store.unchanged_check(institution)])


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
        if entry.bank_account is not None:
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


_NOT_IN_ENTRIES = (
    "status",
    "bank_holder",
    "bank",
    "sealed_bank_account",
    "masked_bank_account",
    "suspended_at",
    "suspended_for",
    "suspended_as",
    "suspended_by",
    "former_name",
    "renamed_at",
    "stops",
    "version",
    "last_change",
)


def _says_the_same(old: Institution, new: Institution) -> bool:
    """Tell whether a repeated entry changes nothing."""
    beside = {name: getattr(new, name) for name in _NOT_IN_ENTRIES}
    return msgspec.structs.replace(old, **beside) == new


# --------------------------------------------------------------------------- its state


def move_institution(context: Context, uscc: str, action: str, *, version: int, reason: str) -> Institution:
    """Suspend or reinstate an institution, with the reason.

    A supervisor's suspension takes the place of a clerk's, who could lift their own.

    Raises:
        NotFound: it is not listed, or outside the caller's area.
        Refused: another version, it is in that state already, or `suspended_above`: not by a clerk.

    """
    institution = read_institution(uscc)
    rights.require(context.principal, ACTIONS[action], division=institution.division)
    role = context.principal.role
    refuse(why_not(action, institution, role=role, version=version))
    change = change_of(context, f"institution.{action}", reason=reason)
    step = "take_over" if is_taken_over(action, institution, role) else action
    try:
        moved = store.move_institution(uscc, step, acts_as=suspender_of(role), version=version, change=change)
    except ConditionFailed:
        raise error("suspended_above") from None
    forget_institutions()
    return moved


@dataclass(frozen=True)
class AccountInForce:
    """The account an institution is paid to now, with its number masked."""

    id: str
    holder: str
    bank: str
    number: str


@dataclass(frozen=True)
class AccountsShown:
    """The account in force, and those that wait to be confirmed or to count."""

    in_force: AccountInForce | None
    waiting: list[PayeeAccount]


def sees_payees(context: Context, institution: Institution) -> bool:
    """Tell whether the caller may see an institution's accounts, masked."""
    return rights.reaches(
        context.principal, "payee.read", division=institution.division, institution=institution.uscc
    )


def accounts_shown(context: Context, institution: Institution) -> AccountsShown:
    """Read the accounts of an institution that are of interest now."""
    payees = find_payees(institution.uscc)
    known = proposing.known_accounts(payees, context.now)
    current = payee_in_force(institution, payees, context.now)
    in_force = None
    if current == listed_payee_id(institution.uscc):
        in_force = AccountInForce(
            current,
            str(institution.bank_holder),
            str(institution.bank),
            str(institution.masked_bank_account),
        )
    waiting = sorted((payee for payee in known if payee.id != current), key=lambda payee: payee.proposed_at)
    for payee in known:
        if payee.id == current:
            in_force = AccountInForce(payee.id, payee.holder, payee.bank, payee.masked_number)
    return AccountsShown(in_force, waiting)


def allowed_actions(context: Context, institution: Institution) -> list[str]:
    """List what this caller may do with an institution now."""
    return rights.offered(
        context.principal,
        ACTIONS,
        lambda action: why_not(action, institution, role=context.principal.role),
        division=institution.division,
    )


def suspend_by_rule(context: Context, uscc: str, *, reason: str) -> bool:
    """Suspend an institution because a rule says so, whoever set it off, also in the place of a clerk.

    False if it is not listed, or suspended by who stands above a clerk.
    """
    change = change_of(context, "institution.suspend", reason=reason)
    for step in ("suspend", "take_over"):
        with contextlib.suppress(NotFound, Refused, ConditionFailed):
            store.move_institution(uscc, step, acts_as=Suspender.RULE, version=None, change=change)
            forget_institutions()
            return True
    return False


# --------------------------------------------------------------------------- for other steps


def division_of_institution(uscc: str) -> str | None:
    """Tell the division an institution belongs to; None if it is not listed."""
    institution = store.find_institution(uscc)
    return institution.division if institution is not None else None


def institution_stands(uscc: str) -> bool:
    """Tell whether an institution is listed and not suspended."""
    institution = store.find_institution(uscc)
    return institution is not None and institution.status is not InstitutionStatus.SUSPENDED
