"""Keys of the two foreign issuers, made anew for each test process."""

import hashlib
import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from joserfc import jwe, jwt
from joserfc.jwk import ECKey

CARD_ISSUER = "https://card.example"
CARD_AUDIENCE = "voucher-service"
CARD_KEY = ECKey.generate_key("P-256", {"kid": "card-1", "alg": "ES256", "use": "sig"})
PLATFORM_KEY = ECKey.generate_key("P-256", {"kid": "platform-1", "alg": "ES256", "use": "sig"})
SEALING_KEY = ECKey.generate_key("P-256", {"kid": "platform-seal-1", "use": "enc"})
"""For which bodies of messages are sealed; the platform opens them with it."""


def jwks(*keys: ECKey) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]})


def opened(sealed_body: str) -> Any:
    algorithms = ["ECDH-ES+A256KW", "A256GCM"]
    plain = jwe.decrypt_compact(sealed_body, SEALING_KEY, algorithms=algorithms).plaintext
    assert plain is not None
    return json.loads(plain)


def sign(key: ECKey, claims: dict[str, Any]) -> str:
    now = int(time.time())
    header = {"alg": "ES256", "kid": key.kid}
    return jwt.encode(header, {"iat": now, "exp": now + 300, **claims}, key, algorithms=["ES256"])


ACKNOWLEDGEMENTS = "/v1/exchange/acknowledgements"


def signed_by_platform(raw: bytes, path: str = ACKNOWLEDGEMENTS, **claims: Any) -> str:
    """Sign a post as the platform does: each message has an id of its own."""
    full = {"iss": "national-platform", "aud": "voucher-service", "jti": uuid.uuid4().hex, **call_of(path)}
    return sign(PLATFORM_KEY, {**full, "body_sha256": hashlib.sha256(raw).hexdigest(), **claims})


def call_of(path: str, method: str = "POST") -> dict[str, Any]:
    """Give the claims by which a signature names its call: path below the address, query decoded."""
    parts = urlsplit(path)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {"method": method, "path": unquote(parts.path), "query": query}


def card_assertion(id_number: str, name: str = "测试", **claims: Any) -> str:
    full = {"iss": CARD_ISSUER, "aud": CARD_AUDIENCE, "sub": id_number, "name": name, **claims}
    return sign(CARD_KEY, full)
