"""Key pairs of the two parties that the local stack plays: the social-card platform and the national one."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from infra.local.layout import KEYS_FILE, write_private

ALGORITHM: Final = "ES256"
CARD_ISSUER: Final = "https://card.example"
CARD_AUDIENCE: Final = "voucher-service"
_ASSERTION_SECONDS: Final = 300
_PARTIES: Final = ("card", "platform", "platform_sealing")
"""The last is the key for which what the platform alone may read is sealed."""


@dataclass(frozen=True)
class KeyPair:
    """One party's signing key."""

    kid: str
    private_key_pem: str

    @property
    def key(self) -> ECKey:
        """Give the key, for signing."""
        return ECKey.import_key(self.private_key_pem, {"kid": self.kid, "alg": ALGORITHM, "use": "sig"})

    @property
    def sealing_key(self) -> ECKey:
        """Give the key, for opening what is sealed for it."""
        return ECKey.import_key(self.private_key_pem, {"kid": self.kid, "use": "enc"})


def key_set(*keys: ECKey) -> str:
    """Give the public halves as a JWK set, for the service's settings."""
    told: list[dict[str, Any]] = [dict(key.as_dict(private=False)) for key in keys]
    return json.dumps({"keys": told}, sort_keys=True)


def card_assertion(card: KeyPair, *, id_number: str, name: str) -> str:
    """Sign what the social-card platform says of a person, good for five minutes."""
    now = int(time.time())
    claims = {"iss": CARD_ISSUER, "aud": CARD_AUDIENCE, "iat": now, "exp": now + _ASSERTION_SECONDS}
    claims |= {"sub": id_number, "name": name, "jti": uuid.uuid4().hex}
    return jwt.encode({"alg": ALGORITHM, "kid": card.kid}, claims, card.key)


def key_pairs() -> dict[str, KeyPair]:
    """Give the key pair of each party, made once and kept in `.local/`."""
    known: dict[str, dict[str, str]] = json.loads(KEYS_FILE.read_text()) if KEYS_FILE.exists() else {}
    fresh = {
        party: {
            "kid": f"{party}-local",
            "private_key_pem": ECKey.generate_key("P-256").as_pem(private=True).decode(),
        }
        for party in _PARTIES
        if party not in known
    }
    if fresh:
        known |= fresh
        write_private(KEYS_FILE, json.dumps(known, indent=1))
    return {party: KeyPair(**pair) for party, pair in known.items()}
