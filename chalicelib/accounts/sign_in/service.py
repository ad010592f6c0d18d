"""Use cases of signing in: by password, by social card, by refresh token."""

import base64
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.accounts import store
from chalicelib.accounts.attempts import store as attempts
from chalicelib.accounts.credentials import Credentials, counted, own_change
from chalicelib.accounts.guard import ACCESS
from chalicelib.accounts.model import (
    TOTP_ROLES,
    Account,
    AccountStatus,
    Session,
    account_id_of,
    principal_of,
    stands,
)
from chalicelib.accounts.passwords import secret_digest, verify_password
from chalicelib.accounts.sign_in import store as sign_in_store
from chalicelib.accounts.sign_in.second_factor import (
    TOTP_SECRET_BYTES,
    new_totp,
    second_factor_holds,
    spend_code,
)
from chalicelib.aws import crypto
from chalicelib.aws.keys import person_key_of
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed
from chalicelib.edge import tokens
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error

ACCESS_SECONDS = 1800
REFRESH = timedelta(hours=12)
CARD_ALGORITHM = "ES256"


@dataclass(frozen=True)
class SignedIn:
    """What a good sign-in gives."""

    access_token: str
    refresh_token: str
    principal: Principal


def sign_in_with_password(given: Credentials, *, now: datetime) -> SignedIn:
    """Sign a staff member in.

    A wrong password or code, an unknown, resting, disabled or not yet activated account answer alike and
    take alike: the same reads, one hash, the same writes.

    Raises:
        Unauthenticated: `sign_in_failed`; `totp_needed` to who proved the password of an account that has
            to have a second factor and has none.
        TooMany: too many failures from this source.

    """
    account = prove(given, now)
    if settings().totp_required and account.role in TOTP_ROLES and not account.totp_on:
        raise error("totp_needed")
    return _begin_session(principal_of(account), now)


def prove(given: Credentials, now: datetime) -> Account:
    """Prove name, password and one-time code; a failure counts against source and account.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.
        TooMany: too many failures from this source.

    """
    account_id = account_id_of(given.account)
    with counted(given.source, now):
        found = store.find_account(account_id)
        before = attempts.read(account_id, now)
        matches = verify_password(found.password_hash if found is not None else None, given.password)
        open_to_all = found is not None and found.status is AccountStatus.ACTIVE and not before.rests(now)
        if found is None or not (matches and open_to_all) or not second_factor_holds(found, given.totp, now):
            if not before.rests(now):
                attempts.note_failure(before, attempts.ACCOUNT, now)
            raise error("sign_in_failed")
    if before.failures:
        attempts.forget(account_id)
    return found


@dataclass(frozen=True)
class TotpOffer:
    """A new secret, shown once: for typing (base32) and as a link for authenticator apps."""

    secret: str
    uri: str


def offer_totp(given: Credentials, *, now: datetime, request_id: str) -> TotpOffer:
    """Make a TOTP secret for whoever proves the account's password; it counts once `confirm_totp` was called.

    Raises:
        Unauthenticated: `sign_in_failed`.
        Refused: `totp_already_on`; a lost authenticator needs a reset of the account.

    """
    account = prove(given, now)
    secret = secrets.token_bytes(TOTP_SECRET_BYTES)
    sealed = crypto.seal(secret, item=f"totp:{account.id}")
    try:
        store.offer_totp(account, sealed=sealed, change=own_change(account, "offer_totp", now, request_id))
    except ConditionFailed:
        raise error("totp_already_on") from None
    uri = new_totp(secret).get_provisioning_uri(account.account, tokens.STAFF_ISSUER)
    return TotpOffer(base64.b32encode(secret).decode(), uri)


def confirm_totp(given: Credentials, *, now: datetime, request_id: str) -> None:
    """Switch the second factor on for whoever proves password and the offered secret.

    Raises:
        Unauthenticated: `sign_in_failed`.

    """
    code = given.totp
    account = prove(Credentials(given.account, given.password, source=given.source), now)
    with counted(given.source, now):
        if account.sealed_totp is None or code is None or not spend_code(account, code, now):
            attempts.note_failure(attempts.read(account.id, now), attempts.ACCOUNT, now)
            raise error("sign_in_failed")
        try:
            store.switch_totp_on(account, change=own_change(account, "switch_totp_on", now, request_id))
        except ConditionFailed:
            raise error("sign_in_failed") from None


# --------------------------------------------------------------------------- other grants


def sign_in_with_card(assertion: str) -> SignedIn:
    """Sign a trainee in with the assertion of the electronic social security card.

    Raises:
        Unauthenticated: the assertion is not the card platform's, is stale, or names nobody.

    """
    current = settings()
    claims = tokens.verify_foreign(
        assertion,
        current.card_jwks,
        algorithm=CARD_ALGORITHM,
        issuer=current.card_issuer,
        audience=current.card_audience,
    )
    try:
        id_number = parse_id_number(str(claims["sub"]))
    except (KeyError, InvalidIdentity):
        raise error("unauthenticated") from None
    key = person_key_of(id_number)
    return _begin_session(Principal(actor=key, role=Role.TRAINEE, person_key=key), real_now())


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
    expires = int((datetime.now(UTC) + REFRESH).timestamp())
    if not good or not sign_in_store.rotate_session(
        session, next_hash=secret_digest(following), expires=expires
    ):
        sign_in_store.end_session(session.id)
        raise error("unauthenticated")
    principal = _principal_of_session(session)
    return SignedIn(_access_token(principal), f"{session.id}.{following}", principal)


def _principal_of_session(session: Session) -> Principal:
    if session.role is Role.TRAINEE:
        return Principal(actor=session.actor, role=Role.TRAINEE, person_key=session.person_key)
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
        expires=int((now + REFRESH).timestamp()),
        begun_at=now,
        person_key=principal.person_key,
    )
    sign_in_store.create_session(session)
    return SignedIn(_access_token(principal), f"{session.id}.{secret}", principal)


def _access_token(principal: Principal) -> str:
    claims = {
        "iss": tokens.STAFF_ISSUER,
        "aud": tokens.STAFF_AUDIENCE,
        "sub": principal.actor,
        "role": principal.role.value,
        "division": principal.division,
        "institution": principal.institution,
        "person_key": principal.person_key,
    }
    return tokens.sign(
        ACCESS,
        {name: value for name, value in claims.items() if value is not None},
        lifetime_seconds=ACCESS_SECONDS,
    )


def real_now() -> datetime:
    """Tell the real time: sign-in never believes a travelling clock."""
    return datetime.now(UTC)
