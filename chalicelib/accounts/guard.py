"""The guard of every request: whose token it is, and whether that account still stands."""

import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from chalicelib.accounts import rights, store
from chalicelib.accounts.access_tokens import read_token
from chalicelib.accounts.model import DECIDERS, Account, stands
from chalicelib.aws.keys import partner_keys
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error

STATUS_CACHE_SECONDS = 30
SIGNATURE_HEADER = "x-message-signature"
PLATFORM_ALGORITHM = "ES256"
MESSAGE_SECONDS_MAX = 300
_STANDING_MAX = 2048
_standing: dict[str, tuple[float, Account | None, frozenset[str], frozenset[str]]] = {}


class RequestGuard:
    """Proves the caller of every request and admits roles by the table of rights."""

    def authenticate(
        self, headers: Mapping[str, str], raw_body: bytes, *, changes: bool = False
    ) -> Principal:
        """Prove the caller by a bearer token, or the platform by its signature over the body."""
        signature = headers.get(SIGNATURE_HEADER)
        if signature is not None:
            return _platform(signature, raw_body)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise error("unauthenticated")
        principal, issued_at = read_token(token.strip())
        if principal.role is Role.TRAINEE:
            if not _is_trainee(principal):
                raise error("unauthenticated")
            return principal
        fresh = changes and principal.role in DECIDERS
        return _standing_holder(principal, issued_at, fresh=fresh)

    def admit(self, principal: Principal, action: str) -> None:
        """See `rights.admit`."""
        rights.admit(principal, action)

    def note_refused(self, context: Context, action: str, *, subject: str, failure: Forbidden) -> None:
        """See `refusals.service.note_refused`."""
        from chalicelib.accounts.refusals.service import note_refused  # noqa: PLC0415 - not part of a start

        note_refused(context, action, subject=subject, failure=failure)

    def note_left_out(self, context: Context, count: int) -> None:
        """See `refusals.service.note_left_out`."""
        from chalicelib.accounts.refusals.service import note_left_out  # noqa: PLC0415 - not part of a start

        note_left_out(context, count)

    def is_watched(self, action: str) -> bool:
        """See `rights.WATCHED_READING`."""
        return action in rights.WATCHED_READING

    def knows(self, action: str) -> bool:
        """See `rights.knows`."""
        return rights.knows(action)


def _platform(signature: str, raw_body: bytes) -> Principal:
    from chalicelib.edge import tokens  # noqa: PLC0415 - not part of a start

    claims = tokens.verify_foreign(
        signature,
        partner_keys("platform"),
        algorithm=PLATFORM_ALGORITHM,
        issuer=tokens.PLATFORM_ISSUER,
        audience=tokens.SERVICE_ISSUER,
    )
    try:
        lives_seconds = float(claims["exp"]) - float(claims["iat"])
    except (KeyError, TypeError, ValueError):
        raise error("signature_invalid") from None
    if not lives_seconds <= MESSAGE_SECONDS_MAX:  # a message that lives long can be replayed long
        raise error("signature_invalid")
    digest = str(claims.get("body_sha256", ""))
    if not hmac.compare_digest(digest, tokens.body_digest(raw_body)):
        raise error("signature_invalid")
    return Principal(actor="platform:national", role=Role.PLATFORM, division="34")


def _is_trainee(principal: Principal) -> bool:
    """Tell whether a principal is a person and nothing else: staff have accounts instead."""
    return principal == Principal(
        actor=principal.actor,
        role=Role.TRAINEE,
        person_key=principal.actor,
        signed_names=principal.signed_names,
        name_proven_at=principal.name_proven_at,
    )


def _standing_holder(principal: Principal, issued_at: float, *, fresh: bool) -> Principal:
    """Give the token's holder, with all their hands, if the account is on and still is what the token says.

    Accounts are believed for `STATUS_CACHE_SECONDS`; one that contradicts its token is read again, so that
    a sign-in right after a reset or a change of role works at once. What decides on money and rights is
    `fresh`: an account that was switched off or reset a moment ago decides nothing more.
    """
    from chalicelib.accounts.duties.service import hands_of  # noqa: PLC0415 - not part of a start

    until, account, own, hands = _standing.get(principal.actor, (0.0, None, frozenset(), frozenset()))
    now = time.monotonic()
    if fresh or until <= now or not stands(account, principal, issued_at):
        account = store.find_account(principal.actor)
        found = hands_of(account, datetime.now(UTC)) if account is not None else None
        own, hands = (found.own, found.all) if found is not None else (frozenset(), frozenset())
        if len(_standing) >= _STANDING_MAX:
            _standing.clear()
        _standing[principal.actor] = (now + STATUS_CACHE_SECONDS, account, own, hands)
    if not stands(account, principal, issued_at):
        raise error("unauthenticated")
    return msgspec.structs.replace(principal, hands=hands, own=own)


def forget_statuses() -> None:
    """Drop the cached accounts."""
    _standing.clear()
