"""Keys of the two foreign issuers, made anew for each test process."""

import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

CARD_ISSUER = "https://card.example"
CARD_AUDIENCE = "voucher-service"
CARD_KEY = ECKey.generate_key("P-256", {"kid": "card-1", "alg": "ES256", "use": "sig"})
PLATFORM_KEY = ECKey.generate_key("P-256", {"kid": "platform-1", "alg": "ES256", "use": "sig"})


def jwks(key: ECKey) -> str:
    return json.dumps({"keys": [key.as_dict(private=False)]})


def sign(key: ECKey, claims: dict[str, Any]) -> str:
    now = int(time.time())
    header = {"alg": "ES256", "kid": key.kid}
    return jwt.encode(header, {"iat": now, "exp": now + 300, **claims}, key, algorithms=["ES256"])


def card_assertion(id_number: str, name: str = "测试", **claims: Any) -> str:
    full = {"iss": CARD_ISSUER, "aud": CARD_AUDIENCE, "sub": id_number, "name": name, **claims}
    return sign(CARD_KEY, full)
