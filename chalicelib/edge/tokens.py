"""Signed tokens: access tokens of staff, assertions of the social card, messages of the platform.

JWT through joserfc; the algorithm is pinned per issuer and never read from the token. Staff tokens and
our messages to the platform are signed with Ed25519 keys derived from the signing secret, so two keys
are live at once and a rotation signs nobody out.
"""

import functools
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib.aws.jose import JoseError, KeySet, OKPKey, jws, jwt
from chalicelib.aws.keys import forget_keys, signing_keys
from chalicelib.kernel.reasons import error

_OWN_ALGORITHM = "Ed25519"
STAFF_ISSUER = "training-voucher"
STAFF_AUDIENCE = "training-voucher-api"
SERVICE_ISSUER = "voucher-service"
PLATFORM_ISSUER = "national-platform"
_LEEWAY_SECONDS = 30
_REREAD_SECONDS = 10
_TOKEN_CHARS_MAX = 4096


@functools.lru_cache(maxsize=16)
def _own_key(purpose: str, kid: str, raw: bytes) -> OKPKey:
    pem = Ed25519PrivateKey.from_private_bytes(raw).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return OKPKey.import_key(pem, {"kid": f"{purpose}-{kid}", "alg": _OWN_ALGORITHM, "use": "sig"})


def _own_keys(purpose: str) -> list[OKPKey]:
    return [_own_key(purpose, kid, raw) for kid, raw in signing_keys().derive(f"{purpose}-ed25519")]


def public_keys(purpose: str) -> dict[str, Any]:
    """Give the public halves of our own keys for a purpose as a JWK set."""
    return {"keys": [key.as_dict(private=False) for key in _own_keys(purpose)]}


def sign(purpose: str, claims: Mapping[str, Any], *, lifetime_seconds: int) -> str:
    """Sign claims with our newest key; `iat`, `nbf` and `exp` come from the real clock."""
    now = int(time.time())
    key = _own_keys(purpose)[0]
    header = {"alg": _OWN_ALGORITHM, "kid": key.kid, "typ": "JWT"}
    full = {**claims, "iat": now, "nbf": now, "exp": now + lifetime_seconds}
    return jwt.encode(header, full, key, algorithms=[_OWN_ALGORITHM])


def sign_bytes(purpose: str, content: bytes) -> list[bytes]:
    """Sign bytes with every live key of ours for a purpose, the newest first."""
    return [
        Ed25519PrivateKey.from_private_bytes(raw).sign(content)
        for _, raw in signing_keys().derive(f"{purpose}-ed25519")
    ]


def verify_own(purpose: str, token: str, *, issuer: str, audience: str) -> dict[str, Any]:
    """Verify a token of our own and give its claims.

    Raises:
        Unauthenticated: `token_stale` if it was good once, else `unauthenticated`.

    """
    known = _own_keys(purpose)
    if _names_unknown_key(token, known):
        known = _own_keys_again(purpose)
    keys = KeySet(list(known))
    return _verify(token, keys, algorithm=_OWN_ALGORITHM, issuer=issuer, audience=audience)


_reread_at: list[float] = [-_REREAD_SECONDS]


def _names_unknown_key(token: str, known: list[OKPKey]) -> bool:
    """Tell whether a token names a key of ours that this process has not read (another one signed newer)."""
    try:
        header = jws.extract_compact(token.encode()).headers() if len(token) <= _TOKEN_CHARS_MAX else {}
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return False
    return header.get("kid") not in [key.kid for key in known]


def _own_keys_again(purpose: str) -> list[OKPKey]:
    """Read the signing secret anew, at most every `_REREAD_SECONDS`: strangers can name any key."""
    now = time.monotonic()
    if now - _reread_at[0] >= _REREAD_SECONDS:
        _reread_at[0] = now
        forget_keys()
    return _own_keys(purpose)


def verify_foreign(
    token: str, jwks: Mapping[str, Any], *, algorithm: str, issuer: str, audience: str
) -> dict[str, Any]:
    """Verify a token of a partner (its JWK set and algorithm are known beforehand) and give its claims.

    Raises:
        Unauthenticated: see `verify_own`.

    """
    if not jwks.get("keys"):
        raise error("unauthenticated")
    keys = KeySet.import_key_set({"keys": list(jwks["keys"])})
    return _verify(token, keys, algorithm=algorithm, issuer=issuer, audience=audience)


def _verify(token: str, keys: KeySet, *, algorithm: str, issuer: str, audience: str) -> dict[str, Any]:
    try:
        if len(token) > _TOKEN_CHARS_MAX:
            raise ValueError("token too long")
        decoded = jwt.decode(token, keys, algorithms=[algorithm])
        header, claims = decoded.header, decoded.claims
        if not isinstance(header.get("kid"), str):
            raise TypeError("no kid")
        now = time.time()
        expires, starts = float(claims["exp"]), float(claims.get("nbf", 0))
        if claims["iss"] != issuer or claims["aud"] != audience:
            raise ValueError("not for us")
        if not starts <= now + _LEEWAY_SECONDS:
            raise ValueError("not yet valid")
    except (
        JoseError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as failure:
        raise error("unauthenticated") from failure
    if not expires > now:
        raise error("token_stale")
    return dict(claims)


def body_digest(body: bytes) -> str:
    """Give the digest by which a signed message names its body."""
    return hashlib.sha256(body).hexdigest()
