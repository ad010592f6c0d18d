"""Bodies travel sealed: whoever stands between the service and the platform reads who was told of, not what.

A compact JWE for the platform's encryption key, the one of its published set with `use: enc`. The key of a
message is agreed on anew each time, so two copies of one message never look alike.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jwe
from joserfc.jwk import ECKey

from chalicelib.aws.keys import partner_keys

ALGORITHM = "ECDH-ES+A256KW"
CONTENT = "A256GCM"


class NoKeyToSealFor(LookupError):
    """The platform has published no key to seal for: nothing is sent until it does."""


def sealed(body: Mapping[str, Any]) -> str:
    """Seal a body for the platform.

    Raises:
        NoKeyToSealFor: it has no key for that.

    """
    key = _platform_key()
    header = {"alg": ALGORITHM, "enc": CONTENT, "kid": key.kid, "cty": "json"}
    told: str = jwe.encrypt_compact(header, msgspec.json.encode(body), key, algorithms=[ALGORITHM, CONTENT])
    return told


def _platform_key() -> ECKey:
    for key in partner_keys("platform").get("keys", []):
        if key.get("use") == "enc":
            return _key(json.dumps(key, sort_keys=True))
    raise NoKeyToSealFor


@functools.lru_cache(maxsize=4)
def _key(told: str) -> ECKey:
    return ECKey.import_key(json.loads(told))
