"""Public keys that programs prove themselves by: JWKs of RSA and the NIST curves, each for one algorithm.

The algorithm is fixed when the key is registered and never read from what it signed. Private parts are no
fields of the form, so they are refused like any unknown field, and nothing of them is kept.
"""

import base64
from datetime import datetime
from typing import Any

from chalicelib.accounts.model import SoftwareKey
from chalicelib.aws.jose import ECKey, JoseError, RSAKey
from chalicelib.kernel.reasons import error

RSA_BITS = (2048, 4096)
RSA_EXPONENT = "AQAB"
"""65,537, as every library makes it."""
CURVES = {"ES256": "P-256", "ES384": "P-384"}
COORDINATE_BYTES = {"ES256": 32, "ES384": 48}
RSA_ALGORITHMS = ("RS256", "PS256")
ALGORITHMS = (*RSA_ALGORITHMS, *CURVES)


def registered(kid: str, alg: str, parts: dict[str, str], now: datetime) -> SoftwareKey:
    """Give a key as it is kept; `parts` are those of RFC 7518 that were sent, with `kty`.

    Raises:
        Impossible: `key_unusable`, the parts are no such key, or it is a weak one.

    """
    key: RSAKey | ECKey
    try:
        if alg in RSA_ALGORITHMS and set(parts) == {"kty", "n", "e"} and parts["kty"] == "RSA":
            if not RSA_BITS[0] <= _number(parts["n"]).bit_length() <= RSA_BITS[1]:
                raise ValueError("too short or too long")
            if _number(parts["n"]) % 2 == 0 or _number(parts["e"]) != _number(RSA_EXPONENT):
                raise ValueError("no modulus, or an exponent that no library makes")
            key = RSAKey.import_key(_only(parts, "kty", "n", "e"))
        elif set(parts) == {"kty", "crv", "x", "y"} and parts["crv"] == CURVES.get(alg):
            if any(len(_raw(parts[name])) != COORDINATE_BYTES[alg] for name in "xy"):
                raise ValueError("coordinates of another length (RFC 7518, 6.2.1.2)")
            key = ECKey.import_key(_only(parts, "kty", "crv", "x", "y"))
        else:
            raise ValueError("parts of another kind of key")
        public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        raise error("key_unusable") from None
    jwk = {name: public[name] for name in parts}
    if jwk["kty"] == "RSA":  # the same number is the same key, however many zeros stand before it
        jwk |= {"n": _canonical(jwk["n"]), "e": RSA_EXPONENT}
    return SoftwareKey(kid=kid, alg=alg, jwk=jwk, added_at=now)


def is_same(one: SoftwareKey, other: SoftwareKey) -> bool:
    """Tell whether two keys are the same numbers, under whatever name."""
    return one.jwk == other.jwk


def jwk_set(keys: list[SoftwareKey]) -> dict[str, list[dict[str, Any]]]:
    """Give keys as a JWK set, each with its name and its algorithm."""
    return {"keys": [{**key.jwk, "kid": key.kid, "alg": key.alg, "use": "sig"} for key in keys]}


def _only(parts: dict[str, str], *names: str) -> Any:
    return {name: parts[name] for name in names}


def _raw(number: str) -> bytes:
    return base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_raw(text), "big")


def _canonical(text: str) -> str:
    """Write a number with no more bytes than it needs (RFC 7518, 6.3.1.1)."""
    number = _number(text)
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
