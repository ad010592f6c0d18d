"""Use cases of accounts: ask for, confirm, read, disable, reset. Holders activate theirs: see `sign_in`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights, store
from chalicelib.accounts.disclosures.service import disclose
from chalicelib.accounts.duties import service as duties_service
from chalicelib.accounts.duties import store as duties_store
from chalicelib.accounts.duties.model import why_not_take, works_from
from chalicelib.accounts.model import (
    ACTIVATION_VALIDITY,
    DECIDERS,
    PROPOSAL_VALIDITY,
    STAFF_ROLES,
    Account,
    AccountStatus,
    account_id_of,
    is_confirmed,
    may_hold,
    why_not,
)
from chalicelib.accounts.passwords import secret_digest
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.accounts.refusals.store import keep_refusal
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.writes import ConditionFailed, transact, until_written
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import DomainError, Fault, Refused
from chalicelib.kernel.identity import InvalidIdentity, mask_id_number, parse_id_number
from chalicelib.kernel.ids import new_secret
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error, refuse

_division_of_institution: Port[[str], str | None] = Port("division_of_institution")
"""Tells the division of an institution, None if it is not listed: the catalogue is a later step."""

ACTION_RIGHTS = {
    "confirm": "account.confirm",
    "disable": "account.disable",
    "reset": "account.reset",
}


@dataclass(frozen=True)
class Invitation:
    """A new or reset account with its activation code, shown once."""

    account: Account
    activation_code: str


@contextmanager
def _evidence(context: Context, account_id: str, division: str, action: str) -> Iterator[None]:
    """Keep a record of what somebody may not do to an account; what was only too late leaves none."""
    try:
        yield
    except DomainError as failure:
        if failure.code in _KEPT:
            change = change_of(context, f"account.refuse_{action}", reason=failure.code)
            keep_refusal(account_id, division=division, code=failure.code, change=change)
            failure.is_recorded = True
        raise


_KEPT = frozenset({"self_approval", "duty_held", "other_person", "not_found"})


# --------------------------------------------------------------------------- asking for one


def create_account(
    context: Context,
    *,
    account: str,
    name: str,
    id_number: str,
    role: Role,
    division: str,
    institution: str | None,
) -> Invitation:
    """Make a person's account in the caller's area and give its activation code, once (step 2 of the notice).

    Accounts of who decides wait for a second person (`confirm`). Only the province makes bureau accounts of
    other divisions; nobody makes one above themselves. An account of an institution is made by whoever the
    institution itself belongs to, and stays with it wherever it moves.

    Raises:
        Malformed: with the field that is wrong.
        NotFound: the division or institution is outside the caller's area.
        Refused: `already_exists`, or `duty_held`, the person has another duty over the same place.

    """
    if role not in STAFF_ROLES:
        raise error("malformed", faults=(Fault("wrong_type", field="role"),))
    if not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    if (role is Role.INSTITUTION) != (institution is not None):
        raise error("malformed", faults=(Fault("wrong_type", field="institution"),))
    number = _id_number(id_number)
    account_id = account_id_of(account)
    with _evidence(context, account_id, division, "create"):
        if not may_hold(context.principal, role):
            raise error("not_found")
        rights.require(context.principal, "account.create", division=division)
        if institution is not None:
            division = _require_institution(context.principal, institution)
        asked_for = Account(
            id=account_id,
            account=account.strip().lower(),
            sealed_name=seal_name(account_id, name),
            role=role,
            division=division,
            institution=institution,
            status=AccountStatus.PENDING,
            person_key=person_key_of(number),
            masked_id_number=mask_id_number(number),
        )
        code = new_secret("activation")
        return Invitation(until_written(lambda: _create(context, _asked(context, asked_for, code))), code)


def _require_institution(principal: Principal, institution: str) -> str:
    """Give the division of an institution of the caller's area."""
    division = _division_of_institution(institution)
    if division is None:
        raise error("malformed", faults=(Fault("unknown_institution", field="institution"),))
    rights.require(principal, "account.create", division=division)
    return division


def _id_number(text: str) -> str:
    try:
        return parse_id_number(text)
    except InvalidIdentity:
        raise error("malformed", faults=(Fault("invalid_id_number", field="id_number"),)) from None


def _asked(context: Context, account: Account, code: str) -> Account:
    """Give an account that waits for its activation, or first for a second person's word."""
    decides = account.role in DECIDERS
    return msgspec.structs.replace(
        account,
        status=AccountStatus.PROPOSED if decides else AccountStatus.PENDING,
        proposed_by=context.principal.actor,
        proposed_until=context.now + PROPOSAL_VALIDITY if decides else None,
        activation_hash=secret_digest(code),
        activation_until=None if decides else context.now + ACTIVATION_VALIDITY,
    )


def _create(context: Context, account: Account) -> Account:
    duties = duties_store.read(account.holder)
    refuse(why_not_take(duties, account))
    account = msgspec.structs.replace(
        account, works_from=works_from(duties, account, shanghai_date(context.now))
    )
    maker = store.find_account(context.principal.actor)
    beside = duties_service.taking_writes(duties, account, maker=maker, now=context.now)
    store.create_account(account, beside, change_of(context, "account.create"))
    stored = store.find_account(account.id)  # a repeat's answer is of what the first call made
    assert stored is not None
    return stored


def confirm(context: Context, account_id: str, *, version: int) -> Account:
    """Confirm as a second person that somebody is to have an account, or have it again; once.

    Raises:
        NotFound: see `read_account`; also of an account above the caller.
        Forbidden: `self_approval`, by who asked for it or is to have it, under whatever account.
        Refused: `version_conflict`, or `wrong_state`: it does not wait, or waited too long.

    """
    account = read_account(context, account_id, "account.confirm")
    principal = context.principal
    if is_confirmed(account, principal, version):
        return account
    with _evidence(context, account.id, account.division, "confirm"):
        refuse(why_not("confirm", account, principal, now=context.now, version=version))
        _tie_again(context, account)
        try:
            return store.confirm_account(
                account.id,
                version=version,
                by=principal.actor,
                hands=principal.hands,
                until=context.now + ACTIVATION_VALIDITY,
                change=change_of(context, "account.confirm"),
            )
        except ConditionFailed:
            raise error("self_approval") from None


def _tie_again(context: Context, account: Account) -> None:
    """Count the days for which its maker has a hand in what a decider's account does, and note who confirms.

    Before the confirmation: a tie that comes to nothing takes nobody's right, one that is missing gives one.
    """
    change = change_of(context, "account.confirm")

    def attempt() -> None:
        wanted = [one for one in (account.proposed_by, context.principal.actor) if one is not None]
        found: dict[str, Account] = {one.id: one for one in store.find_accounts(wanted)}
        maker, confirmer = found.get(str(account.proposed_by)), found.get(context.principal.actor)
        writes = duties_service.confirming_writes(account, maker=maker, confirmer=confirmer, now=context.now)
        if writes:
            transact(writes, change=change)

    until_written(attempt)


# --------------------------------------------------------------------------- reading


def read_account(context: Context, account_id: str, action: str = "account.read") -> Account:
    """Read an account of the caller's area.

    Raises:
        NotFound: there is none, or it is outside the area.

    """
    account = store.find_account(account_id)
    if account is None or account.software is not None:
        raise error("not_found")
    rights.require(context.principal, action, division=account.division)
    return account


def allowed_actions(context: Context, account: Account) -> list[str]:
    """List what this caller may do with an account now."""
    return rights.offered(
        context.principal,
        ACTION_RIGHTS,
        lambda action: why_not(action, account, context.principal, now=context.now),
        division=account.division,
    )


def list_accounts(context: Context, division: str | None, request: PageRequest) -> Page[Account]:
    """List the accounts of a division of the caller's area and below it (by default the caller's own)."""
    area = division or context.principal.division
    rights.require(context.principal, "account.read", division=area)
    return store.list_accounts(area, request)


# --------------------------------------------------------------------------- switching off, and on again


def disable(context: Context, account_id: str, *, version: int, reason: str) -> Account:
    """Switch an account off, whoever's it is in the area: one person's word is enough to take a right away.

    From then on it decides nothing; what it still reads, it reads for `guard.STATUS_CACHE_SECONDS` at most.
    A clerk may switch off the account of a supervisor: to have it back takes two (`reset`, `confirm`), and
    the audit tells who did it and why. Any version since it was made or reset will do: whoever has its
    password cannot hold this up by using it.

    Raises:
        NotFound: see `read_account`; also of an account above the caller.
        Refused: `version_conflict`, it was reset since; or `wrong_state` where it is off already.

    """
    change = change_of(context, "account.disable", reason=reason)

    def attempt() -> Account:
        account = read_account(context, account_id, "account.disable")
        with _evidence(context, account.id, account.division, "disable"):
            refuse(why_not("disable", account, context.principal, now=context.now, version=version))
        beside = [duties_service.ending_write(account, context.now)]
        store.end_account(account.id, "disable", version=version, beside=beside, change=change)
        return read_account(context, account_id, "account.disable")

    return until_written(attempt)


def reset(context: Context, account_id: str, *, version: int, id_number: str | None = None) -> Invitation:
    """Take an account's password and second factor away and give a new activation code, once.

    The account of one who decides waits for a second person again. It stays the same person's;
    `id_number` tells whose it is where it was made before accounts were persons'. While it is active any
    version since it was made or reset will do, as for `disable`; what is not active only its last version
    resets.

    Raises:
        NotFound: see `read_account`; also of an account above the caller.
        Malformed: `id_number` is wrong, or missing where it is needed.
        Refused: `version_conflict`, also where it was switched off meanwhile; `other_person`, or `duty_held`.

    """
    number = _id_number(id_number) if id_number is not None else None
    code = new_secret("activation")

    def attempt() -> Account:
        account = read_account(context, account_id, "account.reset")
        with _evidence(context, account.id, account.division, "reset"):
            refuse(why_not("reset", account, context.principal, now=context.now, version=version))
            after = _asked(context, _of_person(account, number), code)
            duties = duties_store.read(after.holder)
            refuse(why_not_take(duties, after))
        first = works_from(duties, after, shanghai_date(context.now))
        after = msgspec.structs.replace(after, works_from=first)
        maker = store.find_account(context.principal.actor)
        store.reset_account(
            after,
            "propose_reset" if after.role in DECIDERS else "reset",
            version=version,
            beside=duties_service.taking_writes(duties, after, maker=maker, now=context.now),
            change=change_of(context, "account.reset"),
        )
        return read_account(context, account_id, "account.reset")

    return Invitation(until_written(attempt), code)


def _of_person(account: Account, number: str | None) -> Account:
    """Give the account with its person, who never becomes another."""
    if number is None:
        if account.person_key is None:
            raise error("malformed", faults=(Fault("missing_field", field="id_number"),))
        return account
    key = person_key_of(number)
    if account.person_key not in (None, key):
        raise error("other_person")
    return msgspec.structs.replace(account, person_key=key, masked_id_number=mask_id_number(number))


def take_along(context: Context, institution: str, division: str) -> int:
    """Take an institution's staff along to the division it belongs to now; gives how many.

    Their tokens of before end; a refresh gives them new ones. What they did stays where it was done.
    """
    change = change_of(context, "account.move")

    def attempt() -> int:
        left = [account for account in store.accounts_of(institution) if account.division != division]
        for account in left:
            store.move_account(account, division, change)
        return len(left)

    return until_written(attempt)


def lapse_proposals(context: Context) -> int:
    """Let accounts lapse that nobody confirmed in time; gives how many.

    That they are over is a condition of confirming them; this only writes it down.
    """
    lapsed = 0
    for account_id in store.proposals_over(context.now):
        account = store.find_account(account_id)
        if account is None or account.status is not AccountStatus.PROPOSED:
            continue
        beside = [] if account.software else [duties_service.ending_write(account, context.now)]
        change = change_of(context, "client.lapse" if account.software else "account.lapse")
        try:
            store.end_account(account.id, "lapse", version=account.version, beside=beside, change=change)
        except (Refused, ConditionFailed):  # somebody was faster
            continue
        lapsed += 1
    return lapsed


# --------------------------------------------------------------------------- names


def seal_name(account_id: str, name: str) -> str:
    """Seal the holder's name for the account."""
    return crypto.seal(name.encode(), item=account_id)


def names_of(context: Context, accounts: Sequence[Account], *, subject: str) -> list[str]:
    """Open the holders' names; one record of the subject (an account, a division's list) tells who looked."""
    sealed = [SealedText(account.sealed_name, account.id) for account in accounts]
    division = accounts[0].division if len(accounts) == 1 else subject
    opened = disclose(context, sealed, subject=subject, division=division, purpose="show accounts")
    return [name.decode() for name in opened]
