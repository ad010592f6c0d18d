"""Use cases of signing in: the grants and the second factor. The first password: see `activation`."""

import base64
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.accounts import store
from chalicelib.accounts.access_tokens import write_token
from chalicelib.accounts.model import account_id_of, principal_of, stands
from chalicelib.accounts.passwords import secret_digest
from chalicelib.accounts.persons.names import moment_of_names, name_digests
from chalicelib.accounts.sign_in import store as sign_in_store
from chalicelib.accounts.sign_in.activation import keep_evidence, own_change, person_or_none
from chalicelib.accounts.sign_in.credentials import Credentials, counted, prove
from chalicelib.accounts.sign_in.model import TOTP_ROLES, Session, is_unheard, successor_of
from chalicelib.accounts.sign_in.one_time_codes import TOTP_SECRET_BYTES, new_totp, spend_code
from chalicelib.accounts.sign_in.social_card import holder_of
from chalicelib.aws import crypto
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed
from chalicelib.edge import tokens
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error

REFRESH_VALIDITY = timedelta(hours=12)


# --------------------------------------------------------------------------- grants


@dataclass(frozen=True)
class SignedIn:
    """What a good sign-in gives."""

    access_token: str
    refresh_token: str
    principal: Principal


def sign_in_with_password(credentials: Credentials, *, now: datetime) -> SignedIn:
    """Sign a staff member in.

    A wrong password or code, an unknown, resting, disabled or not yet activated account answer alike and
    take alike: the same reads, one hash, the same writes.

    Raises:
        Unauthenticated: `sign_in_failed`; `totp_needed` to who proved the password of an account that has
            to have a second factor and has none.
        Refused: `duty_not_begun`, to who proved it: a change of duty works from the next day.
        TooMany: too many failures from this source.

    """
    account = prove(credentials, now)
    if account.works_from is not None and shanghai_date(now) < account.works_from:
        raise error("duty_not_begun", starts_on=account.works_from.isoformat())
    if settings().totp_required and account.role in TOTP_ROLES and not account.totp_on:
        raise error("totp_needed")
    return _begin_session(principal_of(account), now)


def sign_in_with_card(assertion: str) -> SignedIn:
    """Sign a trainee in with the assertion of the electronic social security card.

    The name that the card signed goes along as a digest: it is compared with the list's when a voucher is
    used.

    Raises:
        Unauthenticated: the assertion is not the card platform's, is stale, or names nobody.

    """
    key, name = holder_of(assertion)
    return _begin_session(_trainee(key, name_digests(name)), real_now())


_is_named: Port[[str, Collection[str]], bool] = Port("name_on_list")
"""Tells whether lists know a person under one of these names: lists are a later step."""


def _trainee(person_key: str, signed_names: Sequence[str]) -> Principal:
    asked_at = moment_of_names()
    return Principal(
        actor=person_key,
        role=Role.TRAINEE,
        person_key=person_key,
        signed_names=tuple(signed_names),
        name_proven_at=asked_at if _is_named(person_key, signed_names) else None,
    )


def refresh(refresh_token: str) -> SignedIn:
    """Trade a refresh token for a new pair; a spent one ends its whole family.

    A client that did not hear the answer gets the same successor again, once, within `UNHEARD_FOR`.

    Raises:
        Unauthenticated: the token is none of ours, spent, or its account is off.

    """
    session_id, _, secret = refresh_token.partition(".")
    session = sign_in_store.find_session(session_id) if is_id(session_id, "ses") else None
    now = real_now()
    if session is None or session.expires <= now.timestamp():
        raise error("unauthenticated")
    following = _successor(session, secret, now)
    if following is None:
        sign_in_store.end_session(session.id)
        raise error("unauthenticated")
    principal = _principal_of_session(session)
    return SignedIn(write_token(principal), f"{session.id}.{following}", principal)


def sign_out(refresh_token: str) -> None:
    """End the session that a refresh token belongs to; one that is none of ours ends nothing."""
    session_id, _, secret = refresh_token.partition(".")
    session = sign_in_store.find_session(session_id) if is_id(session_id, "ses") else None
    if session is not None and hmac.compare_digest(session.current_hash, secret_digest(secret)):
        sign_in_store.end_session(session.id)


def _successor(session: Session, secret: str, now: datetime) -> str | None:
    """Give the secret that follows a good one, or once more the one that just did; None for a spent one."""
    secret_hash = secret_digest(secret)
    if hmac.compare_digest(session.current_hash, secret_hash):
        seed = secrets.token_urlsafe(32)
        following = successor_of(secret, seed)
        expires = int((now + REFRESH_VALIDITY).timestamp())
        if sign_in_store.rotate_session(
            session, next_hash=secret_digest(following), seed=seed, expires=expires, now=now
        ):
            return following
        after = sign_in_store.find_session(session.id)  # the same client, by another call, was first
        if after is None:
            return None
        session = after
    if not is_unheard(session, secret_hash, now) or not sign_in_store.repeat_successor(session):
        return None
    assert session.successor_seed is not None
    return successor_of(secret, session.successor_seed)


def _principal_of_session(session: Session) -> Principal:
    if session.role is Role.TRAINEE:
        if not session.signed_names:  # begun before names were compared: the card signs in again
            raise error("unauthenticated")
        return _trainee(session.actor, session.signed_names)
    account = store.find_account(session.actor)
    begun = session.begun_at.timestamp() if session.begun_at is not None else 0.0
    if account is None or not stands(account, principal_of(account), begun):
        raise error("unauthenticated")
    return principal_of(account)


def _begin_session(principal: Principal, now: datetime) -> SignedIn:
    secret = secrets.token_urlsafe(32)
    session = Session(
        id=new_id("ses"),
        actor=principal.actor,
        role=principal.role,
        current_hash=secret_digest(secret),
        expires=int((now + REFRESH_VALIDITY).timestamp()),
        begun_at=now,
        person_key=principal.person_key,
        signed_names=list(principal.signed_names),
    )
    sign_in_store.create_session(session)
    return SignedIn(write_token(principal), f"{session.id}.{secret}", principal)


# --------------------------------------------------------------------------- the second factor


@dataclass(frozen=True)
class TotpOffer:
    """A new secret, shown once: for typing (base32) and as a link for authenticator apps."""

    secret: str
    uri: str


def offer_totp(credentials: Credentials, assertion: str, *, now: datetime, request_id: str) -> TotpOffer:
    """Make a TOTP secret for whoever proves the account's password and, by their card, to be its person.

    It counts once `confirm_totp` was called.

    Raises:
        Unauthenticated: `sign_in_failed`.
        Refused: `totp_already_on`; a lost authenticator needs a reset of the account.

    """
    account = prove(credentials, now)
    with counted(credentials.source, now):
        person = person_or_none(assertion)
        if person is None or person != account.person_key:
            keep_evidence(account, person, "offer_totp", now, request_id)
            raise error("sign_in_failed")
    secret = secrets.token_bytes(TOTP_SECRET_BYTES)
    sealed = crypto.seal(secret, item=f"totp:{account.id}")
    try:
        store.offer_totp(account, sealed=sealed, change=own_change(account, "offer_totp", now, request_id))
    except ConditionFailed:
        raise error("totp_already_on") from None
    uri = new_totp(secret).get_provisioning_uri(account.account, tokens.STAFF_ISSUER)
    return TotpOffer(base64.b32encode(secret).decode(), uri)


def confirm_totp(credentials: Credentials, *, now: datetime, request_id: str) -> None:
    """Switch the second factor on for whoever proves password and the offered secret.

    Who did not hear the answer may send the same again within `REPEAT_VALIDITY`.

    Raises:
        Unauthenticated: `sign_in_failed`.

    """
    code = credentials.totp or ""
    proof_hash = secret_digest(f"{account_id_of(credentials.account)} {code}")
    password_only = Credentials(credentials.account, credentials.password, source=credentials.source)
    account = prove(password_only, now, just_proved_hash=proof_hash)
    if account.totp_on:
        return
    with counted(credentials.source, now):
        if account.sealed_totp is None or not spend_code(account, code, now):
            raise error("sign_in_failed")
        change = own_change(account, "switch_totp_on", now, request_id)
        try:
            store.switch_totp_on(account, proof_hash=proof_hash, change=change)
        except ConditionFailed:
            raise error("sign_in_failed") from None


def real_now() -> datetime:
    """Tell the real time: sign-in never believes a travelling clock."""
    return datetime.now(UTC)
