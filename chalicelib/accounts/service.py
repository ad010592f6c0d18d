"""Use cases of accounts: sign in, activate, enrol, make, disable, reset; and the guard of every request."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.accounts import attempts_store as attempts
from chalicelib.accounts import rights, store
from chalicelib.accounts.model import (
    ACTIVATION,
    STAFF_ROLES,
    TOTP_ROLES,
    Account,
    AccountStatus,
    Session,
    account_id_of,
    is_weak,
    principal_of,
    stands,
)
from chalicelib.aws import crypto, tokens
from chalicelib.aws.keys import keyed_digest, person_key_of
from chalicelib.aws.settings import settings
from chalicelib.aws.table import ConditionFailed
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, Malformed, NotFound, Refused, Unauthenticated
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
TOTP_DIGITS = 6
TOTP_SECONDS = 30
_TOTP_SECRET_BYTES = 20
_STANDING_MAX = 2048


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
        principal, issued_at = _principal_in(claims)
        good = _is_trainee(principal) if principal.role is Role.TRAINEE else _stands(principal, issued_at)
        if not good:
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


def _principal_in(claims: Mapping[str, Any]) -> tuple[Principal, float]:
    """Read who a token of ours is for, and since when."""
    try:
        principal = Principal(
            actor=str(claims["sub"]),
            role=Role(claims["role"]),
            division=str(claims.get("division", "")),
            institution=claims.get("institution"),
            person_key=claims.get("person_key"),
        )
        return principal, float(claims["iat"])
    except (KeyError, ValueError, TypeError, OverflowError):
        raise Unauthenticated("unauthenticated") from None


def _is_trainee(principal: Principal) -> bool:
    """Tell whether a principal is a person and nothing else: staff have accounts instead."""
    return principal == Principal(actor=principal.actor, role=Role.TRAINEE, person_key=principal.actor)


_standing: dict[str, tuple[float, Account | None]] = {}


def _stands(principal: Principal, issued_at: float) -> bool:
    """Tell whether the token's account is on and still has the role and area that the token says.

    Accounts are believed for `STATUS_CACHE_SECONDS`; one that contradicts its token is read again, so that
    a sign-in right after a reset or a change of role works at once.
    """
    until, account = _standing.get(principal.actor, (0.0, None))
    now = time.monotonic()
    if until > now and stands(account, principal, issued_at):
        return True
    account = store.find_account(principal.actor)
    if len(_standing) >= _STANDING_MAX:
        _standing.clear()
    _standing[principal.actor] = (now + STATUS_CACHE_SECONDS, account)
    return stands(account, principal, issued_at)


def forget_statuses() -> None:
    """Drop the cached accounts."""
    _standing.clear()


# --------------------------------------------------------------------------- signing in


@dataclass(frozen=True)
class Credentials:
    """What somebody says to be let in, and from where (`source` is their address)."""

    account: str
    password: str
    totp: str | None = None
    source: str = ""


def sign_in_with_password(given: Credentials, *, now: datetime) -> SignedIn:
    """Sign a staff member in.

    A wrong password or code, an unknown, resting, disabled or not yet activated account answer alike and
    take alike: the same reads, one hash, the same writes.

    Raises:
        Unauthenticated: `sign_in_failed`; `totp_needed` to who proved the password of an account that has
            to have a second factor and has none.
        TooMany: too many failures from this source.

    """
    account = _prove(given, now)
    if settings().totp_required and account.role in TOTP_ROLES and not account.totp_on:
        raise Unauthenticated("totp_needed")
    return _begin_session(principal_of(account), now)


def _prove(given: Credentials, now: datetime) -> Account:
    account_id = account_id_of(given.account)
    with _counted(given.source, now):
        found = store.find_account(account_id)
        before = attempts.read(account_id, now)
        matches = _verify_password(found.password_hash if found is not None else None, given.password)
        open_to_all = found is not None and found.status is AccountStatus.ACTIVE and not before.rests(now)
        if found is None or not (matches and open_to_all) or not _second_factor_holds(found, given.totp, now):
            if not before.rests(now):
                attempts.note_failure(before, attempts.ACCOUNT, now)
            raise Unauthenticated("sign_in_failed")
    if before.failures:
        attempts.forget(account_id)
    return found


@contextmanager
def _counted(source: str, now: datetime) -> Iterator[None]:
    """Count what fails against the address it comes from, which is kept as a keyed digest."""
    key = _source_key(source)
    attempts.require_room(key, now)
    try:
        yield
    except Unauthenticated:
        attempts.note_failure(attempts.read(key, now), attempts.SOURCE, now)
        raise


def _source_key(source: str) -> str:
    return "src_" + base64.b32encode(keyed_digest("source", source)[:15]).decode().lower()


# --------------------------------------------------------------------------- the second factor


def _second_factor_holds(account: Account, code: str | None, now: datetime) -> bool:
    """Tell whether the code is good and unspent (RFC 6238, one step of tolerance), and spend it."""
    if not account.totp_on:
        return code is None
    assert account.sealed_totp is not None
    return code is not None and _spend_code(account, code, now)


def _spend_code(account: Account, code: str, now: datetime) -> bool:
    from cryptography.hazmat.primitives.twofactor import InvalidToken  # noqa: PLC0415 - only with TOTP

    totp = _totp_of(account)
    step = int(now.timestamp()) // TOTP_SECONDS
    for near in (step, step - 1, step + 1):
        try:
            totp.verify(code.encode(), near * TOTP_SECONDS)
        except InvalidToken:
            continue
        spent_until = now + timedelta(seconds=10 * TOTP_SECONDS)
        return attempts.spend(f"totp:{account.id}:{near}", until=spent_until)
    return False


def _totp_of(account: Account) -> Any:
    assert account.sealed_totp is not None
    secret = crypto.open_sealed(account.sealed_totp, item=f"totp:{account.id}", purpose="check one-time code")
    return _totp(secret)


def _totp(secret: bytes) -> Any:
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415
    from cryptography.hazmat.primitives.twofactor.totp import TOTP  # noqa: PLC0415

    return TOTP(secret, TOTP_DIGITS, SHA1(), TOTP_SECONDS)  # noqa: S303 - what authenticator apps know


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
    account = _prove(given, now)
    secret = secrets.token_bytes(_TOTP_SECRET_BYTES)
    sealed = crypto.seal(secret, item=f"totp:{account.id}")
    try:
        store.offer_totp(account, sealed=sealed, change=_own_change(account, "offer_totp", now, request_id))
    except ConditionFailed:
        raise Refused("totp_already_on") from None
    uri = _totp(secret).get_provisioning_uri(account.account, tokens.STAFF_ISSUER)
    return TotpOffer(base64.b32encode(secret).decode(), uri)


def confirm_totp(given: Credentials, *, now: datetime, request_id: str) -> None:
    """Switch the second factor on for whoever proves password and the offered secret.

    Raises:
        Unauthenticated: `sign_in_failed`.

    """
    code = given.totp
    account = _prove(Credentials(given.account, given.password, source=given.source), now)
    with _counted(given.source, now):
        if account.sealed_totp is None or code is None or not _spend_code(account, code, now):
            attempts.note_failure(attempts.read(account.id, now), attempts.ACCOUNT, now)
            raise Unauthenticated("sign_in_failed")
        try:
            store.switch_totp_on(account, change=_own_change(account, "switch_totp_on", now, request_id))
        except ConditionFailed:
            raise Unauthenticated("sign_in_failed") from None


def _own_change(account: Account, action: str, now: datetime, request_id: str) -> Change:
    return Change(
        actor=account.id, role=account.role, action=f"account.{action}", request_id=request_id, at=now
    )


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
        raise Unauthenticated("unauthenticated") from None
    key = person_key_of(id_number)
    return _begin_session(Principal(actor=key, role=Role.TRAINEE, person_key=key), real_now())


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
    begun = session.begun_at.timestamp() if session.begun_at is not None else 0.0
    if account is None or not stands(account, principal_of(account), begun):
        raise Unauthenticated("unauthenticated")
    return principal_of(account)


def _begin_session(principal: Principal, now: datetime) -> SignedIn:
    secret = secrets.token_urlsafe(32)
    session = Session(
        id=new_id("ses"),
        actor=principal.actor,
        role=principal.role,
        current_hash=_digest(secret),
        expires=int((now + REFRESH).timestamp()),
        begun_at=now,
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

    Only the province makes bureau accounts of other divisions; nobody makes one above themselves. An
    account of an institution is made by whoever the institution itself belongs to.

    Raises:
        Malformed: with the field that is wrong.
        NotFound: the division or institution is outside the caller's area.
        Refused: `already_exists`.

    """
    if role not in STAFF_ROLES:
        raise Malformed("malformed", faults=(Fault("wrong_type", field="role"),))
    if not is_known(division):
        raise Malformed("malformed", faults=(Fault("unknown_division", field="division"),))
    if (role is Role.INSTITUTION) != (institution is not None):
        raise Malformed("malformed", faults=(Fault("wrong_type", field="institution"),))
    _require_not_above(context.principal, role)
    rights.require(context.principal, "account.create", division=division)
    if institution is not None:
        of_institution = _find_division_of[0](institution)
        if of_institution is None:
            raise Malformed("malformed", faults=(Fault("unknown_institution", field="institution"),))
        rights.require(context.principal, "account.create", division=of_institution)
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
        activation_until=context.now + ACTIVATION,
    )
    store.create_account(made, change_of(context, "account.create"))
    return Invitation(made, code)


_find_division_of: list[Callable[[str], str | None]] = [lambda _: None]


def use_institutions(find_division_of: Callable[[str], str | None]) -> None:
    """Install the look-up of an institution's division: the catalogue is a later step, `app.py` knows it."""
    _find_division_of[:] = [find_division_of]


def _require_not_above(principal: Principal, role: Role) -> None:
    """Keep the province's own accounts to the province: a clerk who reset one would hold it.

    Raises:
        NotFound: the account is above the caller.

    """
    if role is Role.PROVINCE and principal.role is not Role.PROVINCE:
        raise NotFound


def activate(given: Credentials, activation_code: str, *, now: datetime, request_id: str) -> None:
    """Set the first password with the one-time activation code, within `ACTIVATION` of its making.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.
        Malformed: `weak_password`, whoever asks.
        TooMany: too many failures from this source.

    """
    if is_weak(given.account, given.password):
        raise Malformed("malformed", faults=(Fault("weak_password", field="password"),))
    account_id = account_id_of(given.account)
    code_hash = _digest(activation_code)
    with _counted(given.source, now):
        found = store.find_account(account_id)
        password_hash = hash_password(given.password)
        good = (
            found is not None
            and found.status is AccountStatus.PENDING
            and hmac.compare_digest(found.activation_hash or "", code_hash)
            and (found.activation_until is None or now < found.activation_until)
        )
        if found is None or not good:
            raise Unauthenticated("sign_in_failed")
        try:
            store.set_password(
                account_id,
                password_hash=password_hash,
                sources=(AccountStatus.PENDING,),
                code_hash=code_hash,
                change=_own_change(found, "activate", now, request_id),
            )
        except Refused:  # another activation or a reset was first
            raise Unauthenticated("sign_in_failed") from None
    attempts.forget(account_id)


def read_account(context: Context, account_id: str, action: str = "account.read") -> Account:
    """Read an account of the caller's area."""
    found = store.find_account(account_id)
    if found is None:
        raise NotFound
    rights.require(context.principal, action, division=found.division)
    if action != "account.read":
        _require_not_above(context.principal, found.role)
    return found


def allowed_actions(principal: Principal, account: Account) -> list[str]:
    """List what this caller may do with an account now."""
    if account.role is Role.PROVINCE and principal.role is not Role.PROVINCE:
        return []
    open_ones = ["reset"] if account.status is AccountStatus.DISABLED else ["disable", "reset"]
    return [
        action
        for action in open_ones
        if rights.reaches(principal, f"account.{action}", division=account.division)
    ]


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
    """Take an account's password and second factor away and give a new activation code, once."""
    read_account(context, account_id, "account.reset")
    code = secrets.token_urlsafe(12)
    change = change_of(context, "account.reset")
    account = store.await_activation(
        account_id, code_hash=_digest(code), until=context.now + ACTIVATION, version=version, change=change
    )
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


_installed_hasher: list[Any] = []


def _hasher() -> Any:
    if not _installed_hasher:
        from argon2 import PasswordHasher  # noqa: PLC0415 - loaded only where someone signs in
        from argon2.profiles import RFC_9106_LOW_MEMORY  # noqa: PLC0415

        _installed_hasher.append(PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY))
    return _installed_hasher[0]


def hash_password(password: str) -> str:
    """Hash a password with argon2id (RFC 9106, second recommended option)."""
    return str(_hasher().hash(password))


DECOY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$ReCNQKDIyCH8WsN0iimfhQ$zVlzyEa9DJDW1FopF8n1oBdZWpASo6fQkD4tKnXLQao"
)
"""The hash of a password nobody knows, verified where there is no account: it stands here ready-made, since
hashing one first would make a process's first unknown account answer later than a known one."""


def _verify_password(password_hash: str | None, password: str) -> bool:
    from argon2.exceptions import VerificationError  # noqa: PLC0415

    try:
        verified = _hasher().verify(password_hash or DECOY_HASH, password)
    except VerificationError:
        return False
    return bool(verified) and password_hash is not None


def real_now() -> datetime:
    """Tell the real time: sign-in never believes a travelling clock."""
    return datetime.now(UTC)
