"""Use cases of signing in: the first password, the grants, the second factor."""

import base64
import hmac
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.accounts import store
from chalicelib.accounts.access_tokens import write_token
from chalicelib.accounts.model import Account, AccountStatus, account_id_of, principal_of, stands
from chalicelib.accounts.passwords import hash_password, is_weak, secret_digest
from chalicelib.accounts.persons.names import moment_of_names, name_digests
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.accounts.sign_in import store as sign_in_store
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.accounts.sign_in.attempts.model import ACCOUNT
from chalicelib.accounts.sign_in.credentials import Credentials, counted, prove
from chalicelib.accounts.sign_in.model import TOTP_ROLES, Session
from chalicelib.accounts.sign_in.one_time_codes import TOTP_SECRET_BYTES, new_totp, spend_code
from chalicelib.aws import crypto
from chalicelib.aws.keys import partner_keys
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed
from chalicelib.edge import tokens
from chalicelib.kernel.errors import Fault, Refused
from chalicelib.kernel.identity import InvalidIdentity, fold_name, parse_id_number
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Change, Principal, Role
from chalicelib.kernel.reasons import error

REFRESH_VALIDITY = timedelta(hours=12)
CARD_ALGORITHM = "ES256"


# --------------------------------------------------------------------------- the first password


def activate(credentials: Credentials, activation_code: str, *, now: datetime, request_id: str) -> None:
    """Set the first password with the one-time activation code, within `ACTIVATION_VALIDITY` of its making.

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
        account = store.find_account(account_id)
        password_hash = hash_password(credentials.password)
        may_activate = (
            account is not None
            and account.status is AccountStatus.PENDING
            and hmac.compare_digest(account.activation_hash or "", code_hash)
            and (account.activation_until is None or now < account.activation_until)
        )
        if account is None or not may_activate:
            raise error("sign_in_failed")
        try:
            store.activate_account(
                account.id,
                password_hash=password_hash,
                code_hash=code_hash,
                change=_own_change(account, "activate", now, request_id),
            )
        except (Refused, ConditionFailed):  # another activation or a reset was first
            raise error("sign_in_failed") from None
    attempts.forget(account_id)


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
        TooMany: too many failures from this source.

    """
    account = prove(credentials, now)
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
    current = settings()
    claims = tokens.verify_foreign(
        assertion,
        partner_keys("card"),
        algorithm=CARD_ALGORITHM,
        issuer=current.card_issuer,
        audience=current.card_audience,
    )
    try:
        id_number, name = parse_id_number(str(claims["sub"])), str(claims["name"])
    except (KeyError, InvalidIdentity):
        raise error("unauthenticated") from None
    if not fold_name(name):
        raise error("unauthenticated")
    key = person_key_of(id_number)
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

    Raises:
        Unauthenticated: the token is none of ours, spent, or its account is off.

    """
    session_id, _, secret = refresh_token.partition(".")
    session = sign_in_store.find_session(session_id) if is_id(session_id, "ses") else None
    if session is None or session.expires <= time.time():
        raise error("unauthenticated")
    following = secrets.token_urlsafe(32)
    good = hmac.compare_digest(session.current_hash, secret_digest(secret))
    expires = int((datetime.now(UTC) + REFRESH_VALIDITY).timestamp())
    if not good or not sign_in_store.rotate_session(
        session, next_hash=secret_digest(following), expires=expires
    ):
        sign_in_store.end_session(session.id)
        raise error("unauthenticated")
    principal = _principal_of_session(session)
    return SignedIn(write_token(principal), f"{session.id}.{following}", principal)


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


def offer_totp(credentials: Credentials, *, now: datetime, request_id: str) -> TotpOffer:
    """Make a TOTP secret for whoever proves the account's password; it counts once `confirm_totp` was called.

    Raises:
        Unauthenticated: `sign_in_failed`.
        Refused: `totp_already_on`; a lost authenticator needs a reset of the account.

    """
    account = prove(credentials, now)
    secret = secrets.token_bytes(TOTP_SECRET_BYTES)
    sealed = crypto.seal(secret, item=f"totp:{account.id}")
    try:
        store.offer_totp(account, sealed=sealed, change=_own_change(account, "offer_totp", now, request_id))
    except ConditionFailed:
        raise error("totp_already_on") from None
    uri = new_totp(secret).get_provisioning_uri(account.account, tokens.STAFF_ISSUER)
    return TotpOffer(base64.b32encode(secret).decode(), uri)


def confirm_totp(credentials: Credentials, *, now: datetime, request_id: str) -> None:
    """Switch the second factor on for whoever proves password and the offered secret.

    Raises:
        Unauthenticated: `sign_in_failed`.

    """
    code = credentials.totp
    account = prove(Credentials(credentials.account, credentials.password, source=credentials.source), now)
    with counted(credentials.source, now):
        if account.sealed_totp is None or code is None or not spend_code(account, code, now):
            attempts.note_failure(attempts.read(account.id, now), ACCOUNT, now)
            raise error("sign_in_failed")
        try:
            store.switch_totp_on(account, change=_own_change(account, "switch_totp_on", now, request_id))
        except ConditionFailed:
            raise error("sign_in_failed") from None


# --------------------------------------------------------------------------- what they share


def _own_change(account: Account, action: str, now: datetime, request_id: str) -> Change:
    """Word a change that an account's holder makes to it themselves."""
    return Change(
        actor=account.id, role=account.role, action=f"account.{action}", request_id=request_id, at=now
    )


def real_now() -> datetime:
    """Tell the real time: sign-in never believes a travelling clock."""
    return datetime.now(UTC)
