"""The first password of an account: with its code, and with the card of the person whose account it is."""

import hmac
from datetime import datetime

from chalicelib.accounts import store
from chalicelib.accounts.model import REPEAT_VALIDITY, Account, AccountStatus, account_id_of
from chalicelib.accounts.passwords import hash_password, is_weak, secret_digest, verify_password
from chalicelib.accounts.refusals.store import keep_refusal
from chalicelib.accounts.sign_in.credentials import Credentials, counted, welcome
from chalicelib.accounts.sign_in.social_card import person_of
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.errors import Fault, Refused, Unauthenticated
from chalicelib.kernel.principal import Change, Role
from chalicelib.kernel.reasons import error


def activate(
    credentials: Credentials, activation_code: str, assertion: str, *, now: datetime, request_id: str
) -> None:
    """Set the first password with the one-time activation code, within `ACTIVATION_VALIDITY` of its making.

    The social card proves that it is the very person whose account it is: who made the account has the
    code, never the card. A right code with another's card leaves a record. Who did not hear the answer may
    send the same again within `REPEAT_VALIDITY`.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.
        Malformed: `weak_password`, whoever asks.
        TooMany: too many failures from this source.

    """
    if is_weak(credentials.account, credentials.password):
        raise error("malformed", faults=(Fault("weak_password", field="password"),))
    account_id = account_id_of(credentials.account)
    code_hash = secret_digest(activation_code)
    with counted(credentials.source, now):
        person = person_or_none(assertion)
        account = store.find_account(account_id)
        if account is not None and _was_activated(account, code_hash, now):
            same = verify_password(account.password_hash, credentials.password)
            if not same or person is None or person != account.person_key:
                raise error("sign_in_failed")
            return
        password_hash = hash_password(credentials.password)  # always: a hash takes time that can be seen
        if account is None or not _waits_for(account, code_hash, now):
            raise error("sign_in_failed")
        if person is None or person != account.person_key:
            keep_evidence(account, person, "activate", now, request_id)
            raise error("sign_in_failed")
        try:
            store.activate_account(
                account.id,
                password_hash=password_hash,
                code_hash=code_hash,
                change=own_change(account, "activate", now, request_id),
            )
        except (Refused, ConditionFailed):  # another activation or a reset was first
            raise error("sign_in_failed") from None
    welcome(account_id, credentials.source, now)


def person_or_none(assertion: str) -> str | None:
    """Give the person key of a social-card assertion; None if it is not good."""
    try:
        return person_of(assertion)
    except Unauthenticated:
        return None


def _waits_for(account: Account, code_hash: str, now: datetime) -> bool:
    return (
        account.status is AccountStatus.PENDING
        and hmac.compare_digest(account.activation_hash or "", code_hash)
        and (account.activation_until is None or now < account.activation_until)
    )


def _was_activated(account: Account, code_hash: str, now: datetime) -> bool:
    return (
        account.status is AccountStatus.ACTIVE
        and hmac.compare_digest(account.activated_hash or "", code_hash)
        and account.password_set_at is not None
        and now < account.password_set_at + REPEAT_VALIDITY
    )


def keep_evidence(account: Account, person: str | None, action: str, now: datetime, request_id: str) -> None:
    """Keep that somebody had the code or password of an account and not the card of its person."""
    change = Change(
        actor=person or "unknown",
        role=Role.PUBLIC,
        action=f"account.refuse_{action}",
        request_id=request_id,
        at=now,
        reason="other_person",
    )
    keep_refusal(account.id, division=account.division, code="other_person", change=change)


def own_change(account: Account, action: str, now: datetime, request_id: str) -> Change:
    """Word a change that an account's holder makes to it themselves."""
    return Change(
        actor=account.id, role=account.role, action=f"account.{action}", request_id=request_id, at=now
    )
