"""How a program proves itself: a short assertion signed with its private key (RFC 7523), good once.

    {"alg": "ES256", "kid": "2026-autumn"} . {"iss": "cli_…", "sub": "cli_…", "aud": "https://…/v1/auth/client-tokens",
     "iat": 1790000000, "exp": 1790000120, "jti": "one of its own for each"} . signature

Who has not proved the key learns nothing but that it was not accepted. Who has, is told what is wrong.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalicelib.accounts.clients import store
from chalicelib.accounts.clients.keys import jwk_set
from chalicelib.accounts.model import CLIENT, Account, SoftwareKey
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.aws.jose import JoseError, KeySet, jws, jwt
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.reasons import error

LIVES_SECONDS_MAX = 300
SKEW_SECONDS = 60
"""So far a program's clock may be from ours."""
ASSERTION_CHARS_MAX = 4096
JTI_CHARS_MAX = 128
_MOMENT_MAX = 2**40


@dataclass(frozen=True)
class Proof:
    """Which program signed an assertion and by which key; `mark` is what it is used up by, `until` when."""

    client: Account
    key: SoftwareKey
    mark: str
    until: datetime


def prove(assertion: str, *, audience: str, now: datetime) -> Proof:
    """Prove which program signed an assertion; `now` is the real clock. It is not used up yet.

    Raises:
        Unauthenticated: `client_unproven`; `assertion_claim`, with what is wrong, to who proved the key.

    """
    claimed, kid = _named(assertion)
    client = store.find(claimed) if is_id(claimed, CLIENT) else None
    keys = [key for key in _keys_of(client) if key.kid == kid]
    if client is None or not keys:
        raise error("client_unproven")
    claims = _verified(assertion, jwk_set(keys), keys[0].alg)
    _refuse_claims(claims, client, audience, now.timestamp())
    digest = hashlib.sha256(claims["jti"].encode()).hexdigest()
    until = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=2 * SKEW_SECONDS)
    return Proof(client, keys[0], f"jti:{client.id}:{digest}", until)


def use_up(proof: Proof) -> None:
    """Use an assertion up, as the last thing before a token: what failed before may be sent again.

    Raises:
        Unauthenticated: `assertion_claim`, it was used before, or another one with its `jti`.

    """
    if not attempts.spend(proof.mark, until=proof.until):
        raise error("assertion_claim", claim="jti")


def _keys_of(client: Account | None) -> list[SoftwareKey]:
    return list(client.software.keys) if client is not None and client.software is not None else []


_UNREADABLE: Final = (
    JoseError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What the library raises of a text that is no assertion: parts that are no objects, too deep, too large."""


def _named(assertion: str) -> tuple[str, str]:
    """Read which program and key an assertion names, unproven."""
    try:
        if len(assertion) > ASSERTION_CHARS_MAX:
            raise ValueError("too long")
        unproven = jws.extract_compact(assertion.encode())
        payload, header = json.loads(unproven.payload), unproven.headers()
        return str(payload["iss"]), str(header["kid"])
    except _UNREADABLE:
        raise error("client_unproven") from None


def _verified(assertion: str, keys: Mapping[str, Any], algorithm: str) -> dict[str, Any]:
    try:
        # The library's own type of a key set is private.
        known = KeySet.import_key_set(dict(keys))  # type: ignore[arg-type]
        decoded = jwt.decode(assertion, known, algorithms=[algorithm])
    except _UNREADABLE:
        raise error("client_unproven") from None
    return dict(decoded.claims)


def _refuse_claims(claims: Mapping[str, Any], client: Account, audience: str, now: float) -> None:
    """Refuse what an assertion says wrongly, the first of it in this order."""
    jti, audiences = claims.get("jti"), (audience, [audience])
    issued, expires = _moment_of(claims, "iat"), _moment_of(claims, "exp")
    starts = _moment_of(claims, "nbf") if "nbf" in claims else now
    soon, latest = now + SKEW_SECONDS, now + SKEW_SECONDS + LIVES_SECONDS_MAX
    is_right = {
        "iss": claims.get("iss") == client.id,
        "sub": claims.get("sub") == client.id,
        "aud": bool(audience) and claims.get("aud") in audiences,
        "iat": issued <= soon,
        "exp": now - SKEW_SECONDS < expires <= min(issued + LIVES_SECONDS_MAX, latest),
        "nbf": starts <= soon,
        "jti": isinstance(jti, str) and 0 < len(jti) <= JTI_CHARS_MAX and jti.isprintable(),
    }
    wrong = next((claim for claim, right in is_right.items() if not right), None)
    if wrong is not None:
        raise error("assertion_claim", claim=wrong)


def _moment_of(claims: Mapping[str, Any], name: str) -> float:
    """Read a moment (RFC 7519, NumericDate); what is none never comes to be right."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOMENT_MAX:
        return math.nan
    return value
