"""The guard of every request: whose token it is, and whether that account still stands."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from cachetools import LRUCache

from chalicelib.accounts import rights, store
from chalicelib.accounts.access_tokens import read_token
from chalicelib.accounts.model import CLIENT, DECIDERS, Account, stands
from chalicelib.aws.keys import partner_keys
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.targets import Target

STATUS_CACHE_SECONDS = 30
SIGNATURE_HEADER = "x-message-signature"
PLATFORM_ALGORITHM = "ES256"
MESSAGE_SECONDS_MAX = 300
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_STANDING_MAX = 2048
_holders: LRUCache[str, tuple[str, ...]] = LRUCache(_STANDING_MAX)
"""Whose an account is, and to whom they were tied when it was read last: on a page account and duties are one
read by that. What holds is read each time."""
_standing: dict[str, tuple[float, Account | None, frozenset[str], frozenset[str]]] = {}


class RequestGuard:
    """Proves the caller of every request and admits roles by the table of rights."""

    def authenticate(
        self, headers: Mapping[str, str], raw_body: bytes, *, target: Target | None, changes: bool = False
    ) -> Principal:
        """Prove the caller by a bearer token, or the platform by its signature over call and body."""
        signature = headers.get(SIGNATURE_HEADER)
        if signature is not None:
            return _platform(signature, raw_body, target)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise error("unauthenticated")
        principal, issued_at = read_token(token.strip())
        if principal.role is Role.TRAINEE:
            if not _is_trainee(principal):
                raise error("unauthenticated")
            return principal
        fresh = changes and (principal.role in DECIDERS or is_id(principal.actor, CLIENT))
        return _standing_holder(principal, issued_at, fresh=fresh)

    def on_behalf_of(
        self, principal: Principal, action: str, name: str | None, *, request_id: str
    ) -> Principal:
        """See `clients.naming.on_behalf_of`."""
        from chalicelib.accounts.clients.naming import on_behalf_of  # noqa: PLC0415 - not part of a start

        return on_behalf_of(principal, action, name, request_id=request_id)

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


def _platform(signature: str, raw_body: bytes, target: Target | None) -> Principal:
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
    if target is None or not target.is_named_by(claims):
        raise error("signature_invalid")
    digest = str(claims.get("body_sha256", ""))
    if not hmac.compare_digest(digest, tokens.body_digest(raw_body)):
        raise error("signature_invalid")
    _refuse_replay(signature, expires=float(claims["exp"]))
    return Principal(actor="platform:national", role=Role.PLATFORM, division="34")


def _refuse_replay(signature: str, *, expires: float) -> None:
    """Take each signed message once: who has seen one pass cannot send it again.

    Who signs the same anew is another matter: of ES256 the signature then is another one. But each has
    a second right form, which anybody can make of it (s and order - s); the two count as one.
    """
    from chalicelib.edge.idempotency.store import is_first  # noqa: PLC0415 - not part of a start

    signed, _, encoded = signature.rpartition(".")
    bits = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    half = len(bits) // 2
    second = int.from_bytes(bits[half:])
    mark = hashlib.sha256(signed.encode() + bits[:half] + min(second, _P256_ORDER - second).to_bytes(half))
    if not is_first(mark.hexdigest(), until=int(expires) + 1):
        raise error("message_replayed")


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
    `fresh`: an account that was switched off or reset a moment ago decides nothing more; nor does software.
    That of an institution stands as long as the institution is not suspended.
    """
    from chalicelib.accounts.duties.service import hands_of  # noqa: PLC0415 - not part of a start
    from chalicelib.accounts.duties.store import want_duties  # noqa: PLC0415 - as above

    until, account, own, hands = _standing.get(principal.actor, (0.0, None, frozenset(), frozenset()))
    now = time.monotonic()
    if fresh or until <= now or not stands(account, principal, issued_at):
        want_duties(_holders.get(principal.actor, ()))
        account = _unless_suspended(store.find_account(principal.actor))
        found = hands_of(account, datetime.now(UTC)) if account is not None else None
        if account is not None and found is not None:
            _holders[principal.actor] = (account.holder, *found.tied)
        own, hands = (found.own, found.all) if found is not None else (frozenset(), frozenset())
        if len(_standing) >= _STANDING_MAX:
            _standing.clear()
        _standing[principal.actor] = (now + STATUS_CACHE_SECONDS, account, own, hands)
    if not stands(account, principal, issued_at):
        raise error("unauthenticated")
    software = account.software if account is not None else None
    scopes = frozenset(software.scopes) if software is not None else None
    if scopes is not None and principal.scopes is not None:  # its token asked for less than it has
        scopes &= principal.scopes
    return msgspec.structs.replace(principal, hands=hands, own=own, scopes=scopes)


def _unless_suspended(account: Account | None) -> Account | None:
    """Give an account, but no software of an institution that is suspended."""
    if account is None or account.software is None or account.institution is None:
        return account
    from chalicelib.accounts.clients.service import is_suspended  # noqa: PLC0415 - not part of a start

    return None if is_suspended(account.institution) else account


def forget_statuses() -> None:
    """Drop the cached accounts."""
    _standing.clear()
