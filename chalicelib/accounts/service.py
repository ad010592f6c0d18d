"""Use cases of accounts: sign in, activate, make, disable, reset; and the guard of every request."""

import base64
import functools
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.accounts import rights, store
from chalicelib.accounts.model import (
    STAFF_ROLES,
    Account,
    AccountStatus,
    Session,
    account_id_of,
    is_locked,
    locked_until_after,
    principal_of,
)
from chalicelib.aws import crypto, tokens
from chalicelib.aws.keys import person_key_of
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, Malformed, NotFound, Unauthenticated
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Context, Principal, Role, change_of

ACCESS_SECONDS = 1800
REFRESH = timedelta(hours=12)
STATUS_CACHE_SECONDS = 30
SIGNATURE_HEADER = "x-message-signature"
CARD_ALGORITHM = "ES256"
PLATFORM_ALGORITHM = "ES256"
MESSAGE_SECONDS_MAX = 300
_ACCESS = "access"


@dataclass(frozen=True)
class SignedIn:
    """What a good sign-in gives."""

    access_token: str
    refresh_token: str
    principal: Principal


@dataclass(frozen=True)
class Invitation:
    """A new or reset account with its activation code, shown once."""

    account: Account
    activation_code: str


# --------------------------------------------------------------------------- the guard


class RequestGuard:
    """Proves the caller of every request and admits roles by the table of rights."""

    def authenticate(self, headers: Mapping[str, str], raw_body: bytes) -> Principal:
        """Prove the caller by a bearer token, or the platform by its signature over the body."""
        signature = headers.get(SIGNATURE_HEADER)
        if signature is not None:
            return _platform(signature, raw_body)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("unauthenticated")
        claims = tokens.verify_own(
            _ACCESS, token.strip(), issuer=tokens.STAFF_ISSUER, audience=tokens.STAFF_AUDIENCE
        )
        principal = _principal_in(claims)
        if principal.role is not Role.TRAINEE and not _is_active(principal.actor):
            raise Unauthenticated("unauthenticated")
        return principal

    def admit(self, principal: Principal, action: str) -> None:
        """See `rights.admit`."""
        rights.admit(principal, action)

    def knows(self, action: str) -> bool:
        """See `rights.knows`."""
        return rights.knows(action)


def _platform(signature: str, raw_body: bytes) -> Principal:
    claims = tokens.verify_foreign(
        signature,
        settings().platform_jwks,
        algorithm=PLATFORM_ALGORITHM,
        issuer=tokens.PLATFORM_ISSUER,
        audience=tokens.SERVICE_ISSUER,
    )
    try:
        lives_seconds = float(claims["exp"]) - float(claims["iat"])
    except (KeyError, TypeError, ValueError):
        raise Unauthenticated("signature_invalid") from None
    if not lives_seconds <= MESSAGE_SECONDS_MAX:  # a message that lives long can be replayed long
        raise Unauthenticated("signature_invalid")
    digest = str(claims.get("body_sha256", ""))
    if not hmac.compare_digest(digest, tokens.body_digest(raw_body)):
        raise Unauthenticated("signature_invalid")
    return Principal(actor="platform:national", role=Role.PLATFORM, division="34")


def _principal_in(claims: Mapping[str, Any]) -> Principal:
    try:
        return Principal(
            actor=str(claims["sub"]),
            role=Role(claims["role"]),
            division=str(claims.get("division", "")),
            institution=claims.get("institution"),
            person_key=claims.get("person_key"),
        )
    except (KeyError, ValueError):
        raise Unauthenticated("unauthenticated") from None


def _is_active(account_id: str) -> bool:
    return _status_at(account_id, int(time.monotonic() // STATUS_CACHE_SECONDS)) is AccountStatus.ACTIVE


@functools.lru_cache(maxsize=2048)
def _status_at(account_id: str, _: int) -> AccountStatus | None:
    found = store.find_account(account_id)
    return found.status if found is not None else None


def forget_statuses() -> None:
    """Drop the cached account statuses."""
    _status_at.cache_clear()


# --------------------------------------------------------------------------- signing in


def sign_in_with_password(account: str, password: str, *, now: datetime, request_id: str) -> SignedIn:
    """Sign a staff member in.

    A wrong password, an unknown, locked, disabled or not yet activated account answer alike and take
    alike: a hash is always verified.

    Raises:
        Unauthenticated: `sign_in_failed`.

    """
    found = store.find_account(account_id_of(account))
    matches = _verify_password(found.password_hash if found is not None else None, password)
    if found is None:
        raise Unauthenticated("sign_in_failed")
    change = Change(actor=found.id, role=found.role, action="account.sign_in", request_id=request_id, at=now)
    if is_locked(found, now) or found.status is not AccountStatus.ACTIVE:
        raise Unauthenticated("sign_in_failed")
    if not matches:
        store.record_failure(found, locked_until=locked_until_after(found.failures + 1, now), change=change)
        raise Unauthenticated("sign_in_failed")
    if found.failures:
        store.forget_failures(found, change)
    return _begin_session(principal_of(found))


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
        raise Unauthenticated("unauthenticated") from None
    key = person_key_of(id_number)
    return _begin_session(Principal(actor=key, role=Role.TRAINEE, person_key=key))


def refresh(refresh_token: str) -> SignedIn:
    """Trade a refresh token for a new pair; a spent one ends its whole family.

    Raises:
        Unauthenticated: the token is none of ours, spent, or its account is off.

    """
    session_id, _, secret = refresh_token.partition(".")
    session = store.find_session(session_id) if is_id(session_id, "ses") else None
    if session is None or session.expires <= time.time():
        raise Unauthenticated("unauthenticated")
    following = secrets.token_urlsafe(32)
    good = hmac.compare_digest(session.current_hash, _digest(secret))
    expires = int((datetime.now(UTC) + REFRESH).timestamp())
    if not good or not store.rotate_session(session, next_hash=_digest(following), expires=expires):
        store.end_session(session.id)
        raise Unauthenticated("unauthenticated")
    principal = _principal_of_session(session)
    return SignedIn(_access_token(principal), f"{session.id}.{following}", principal)


def _principal_of_session(session: Session) -> Principal:
    if session.role is Role.TRAINEE:
        return Principal(actor=session.actor, role=Role.TRAINEE, person_key=session.person_key)
    account = store.find_account(session.actor)
    if account is None or account.status is not AccountStatus.ACTIVE:
        raise Unauthenticated("unauthenticated")
    return principal_of(account)


def _begin_session(principal: Principal) -> SignedIn:
    secret = secrets.token_urlsafe(32)
    session = Session(
        id=new_id("ses"),
        actor=principal.actor,
        role=principal.role,
        current_hash=_digest(secret),
        expires=int((datetime.now(UTC) + REFRESH).timestamp()),
        person_key=principal.person_key,
    )
    store.create_session(session)
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
        _ACCESS,
        {name: value for name, value in claims.items() if value is not None},
        lifetime_seconds=ACCESS_SECONDS,
    )


# --------------------------------------------------------------------------- accounts


def create_account(
    context: Context, *, account: str, name: str, role: Role, division: str, institution: str | None
) -> Invitation:
    """Make an account in the caller's area and give its activation code, once (step 2 of the notice).

    Only the province makes bureau accounts of other divisions; nobody makes one above themselves.
    """
    if role not in STAFF_ROLES:
        raise Malformed("malformed", faults=(Fault("wrong_type", field="role"),))
    if not is_known(division):
        raise Malformed("malformed", faults=(Fault("unknown_division", field="division"),))
    if (role is Role.INSTITUTION) != (institution is not None):
        raise Malformed("malformed", faults=(Fault("wrong_type", field="institution"),))
    if role is Role.PROVINCE and context.principal.role is not Role.PROVINCE:
        raise NotFound
    rights.require(context.principal, "account.create", division=division)
    code = secrets.token_urlsafe(12)
    made = Account(
        id=account_id_of(account),
        account=account.strip().lower(),
        sealed_name=seal_name(account_id_of(account), name),
        role=role,
        division=division,
        institution=institution,
        status=AccountStatus.PENDING,
        activation_hash=_digest(code),
    )
    store.create_account(made, change_of(context, "account.create"))
    return Invitation(made, code)


def activate(account: str, activation_code: str, password: str, *, now: datetime, request_id: str) -> None:
    """Set the first password with the one-time activation code.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.

    """
    account_id = account_id_of(account)
    found = store.find_account(account_id)
    password_hash = hash_password(password)
    code_hash = _digest(activation_code)
    if found is None or found.status is not AccountStatus.PENDING or found.activation_hash != code_hash:
        raise Unauthenticated("sign_in_failed")
    store.set_password(
        account_id,
        password_hash=password_hash,
        sources=(AccountStatus.PENDING,),
        code_hash=code_hash,
        change=Change(
            actor=account_id, role=found.role, action="account.activate", request_id=request_id, at=now
        ),
    )


def read_account(context: Context, account_id: str, action: str = "account.read") -> Account:
    """Read an account of the caller's area."""
    found = store.find_account(account_id)
    if found is None:
        raise NotFound
    rights.require(context.principal, action, division=found.division)
    return found


def list_accounts(context: Context, division: str | None, request: PageRequest) -> Page[Account]:
    """List the accounts of one division of the caller's area (by default the caller's own)."""
    wanted = division or context.principal.division
    rights.require(context.principal, "account.read", division=wanted)
    return store.list_accounts(wanted, request)


def disable(context: Context, account_id: str, *, version: int, reason: str) -> Account:
    """Switch an account off; within `STATUS_CACHE_SECONDS` its tokens stop working everywhere."""
    read_account(context, account_id, "account.disable")
    change = change_of(context, "account.disable", reason=reason)
    return store.disable_account(account_id, version=version, change=change)


def reset(context: Context, account_id: str, *, version: int) -> Invitation:
    """Take an account's password away and give a new activation code, once."""
    read_account(context, account_id, "account.reset")
    code = secrets.token_urlsafe(12)
    change = change_of(context, "account.reset")
    account = store.await_activation(account_id, code_hash=_digest(code), version=version, change=change)
    return Invitation(account, code)


# --------------------------------------------------------------------------- secrets


def seal_name(account_id: str, name: str) -> str:
    """Seal the holder's name for the account."""
    return crypto.seal(name.encode(), item=account_id)


def name_of(account: Account) -> str:
    """Open the holder's name."""
    return crypto.open_sealed(account.sealed_name, item=account.id, purpose="show account").decode()


def _digest(secret: str) -> str:
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


@functools.cache
def _hasher() -> Any:
    from argon2 import PasswordHasher  # noqa: PLC0415 - loaded only where someone signs in
    from argon2.profiles import RFC_9106_LOW_MEMORY  # noqa: PLC0415

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """Hash a password with argon2id (RFC 9106, second recommended option)."""
    return str(_hasher().hash(password))


@functools.cache
def _decoy_hash() -> str:
    return hash_password(secrets.token_urlsafe(16))


def _verify_password(password_hash: str | None, password: str) -> bool:
    from argon2.exceptions import VerificationError  # noqa: PLC0415

    try:
        verified = _hasher().verify(password_hash or _decoy_hash(), password)
    except VerificationError:
        return False
    return bool(verified) and password_hash is not None


def real_now() -> datetime:
    """Tell the real time: sign-in never believes a travelling clock."""
    return datetime.now(UTC)
