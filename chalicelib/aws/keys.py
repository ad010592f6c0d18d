"""Keys: derived from secrets that only the service can read, cached a bounded time.

Two secrets hold random seeds, and of both the current and the previous version are live. `signing` may be
rotated at any time. After rotating `index`, which keys the look-up of people, `reencrypt_people` is to be run
to its end before the next rotation. Every key is derived from a seed with HKDF and a purpose, so no two
purposes share one.
"""

import functools
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client
from chalicelib.aws.settings import settings

CACHE_SECONDS = 300
SETTLING_SECONDS = 3 * CACHE_SECONDS
"""So long after a rotation some process may still work with the key before."""
_KEY_BYTES = 32


@dataclass(frozen=True)
class SigningKeys:
    """The live seeds, newest first, each with its key id."""

    seeds: tuple[tuple[str, bytes], ...]

    def derive(self, purpose: str) -> tuple[tuple[str, bytes], ...]:
        """Give (key id, 32 key bytes) of every live seed for a purpose, newest first."""
        return tuple((kid, derive(seed, purpose)) for kid, seed in self.seeds)


def derive(seed: bytes, purpose: str) -> bytes:
    """Derive the 32-byte key of one purpose from a seed (HKDF-SHA256)."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - not part of a start
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(seed)


def _epoch() -> int:
    return int(time.monotonic() // CACHE_SECONDS)


def signing_keys() -> SigningKeys:
    """Give the live signing seeds, read at most every five minutes."""
    return _signing_keys(_epoch())


@functools.lru_cache(maxsize=2)
def _signing_keys(_: int) -> SigningKeys:
    seeds = [seed for seed, _ in _live_seeds(settings().signing_secret_id)]
    return SigningKeys(tuple((_kid_of(seed), seed) for seed in dict.fromkeys(seeds)))


def partner_keys(partner: str) -> dict[str, Any]:
    """Give the public keys of the social-card platform (`card`) or the national one (`platform`): a JWK set.

    Four RSA keys of each do not fit into a function's environment (4,096 bytes), so they lie where the seeds
    do; a partner's new keys are believed within five minutes, without a deployment.
    """
    keys: dict[str, Any] = _partner_keys(_epoch()).get(partner, {})
    return keys


@functools.lru_cache(maxsize=2)
def _partner_keys(_: int) -> dict[str, Any]:
    secret = client("secretsmanager").get_secret_value(SecretId=settings().partners_secret_id)
    found: dict[str, Any] = json.loads(secret["SecretString"])
    return found


def _kid_of(seed: bytes) -> str:
    return hashlib.sha256(b"kid" + seed).hexdigest()[:12]


def _live_seeds(secret_id: str) -> list[tuple[bytes, datetime]]:
    """Read the current and, if there is one, the previous seed, each with its day of birth."""
    live = [_read_seed(secret_id, "AWSCURRENT")]
    try:
        live.append(_read_seed(secret_id, "AWSPREVIOUS"))
    except ClientError as failure:
        if failure.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    return live


def _read_seed(secret_id: str, stage: str) -> tuple[bytes, datetime]:
    secret = client("secretsmanager").get_secret_value(SecretId=secret_id, VersionStage=stage)
    return str(json.loads(secret["SecretString"])["seed"]).encode(), secret["CreatedDate"]


# --------------------------------------------------------------------------- keyed digests


@dataclass(frozen=True)
class _IndexSeeds:
    live: tuple[bytes, ...]
    born: datetime


def _index_seeds() -> _IndexSeeds:
    return _index_seeds_in(_epoch())


@functools.lru_cache(maxsize=2)
def _index_seeds_in(_: int) -> _IndexSeeds:
    live = _live_seeds(settings().index_secret_id)
    return _IndexSeeds(tuple(dict.fromkeys(seed for seed, _ in live)), live[0][1])


@functools.lru_cache(maxsize=16)
def _derived(seed: bytes, purpose: str) -> bytes:
    return derive(seed, purpose)


def keyed_digests(purpose: str, text: str) -> tuple[bytes, ...]:
    """Give the keyed HMAC-SHA256 of a text under every live index key, the current one first."""
    return tuple(
        hmac.new(_derived(seed, purpose), text.encode(), hashlib.sha256).digest()
        for seed in _index_seeds().live
    )


def keyed_digest(purpose: str, text: str) -> bytes:
    """Give the keyed HMAC-SHA256 of a text: for look-up and uniqueness of personal data."""
    return keyed_digests(purpose, text)[0]


def index_key_born() -> datetime:
    """Tell when the current index key was made."""
    return _index_seeds().born


def index_key_id() -> str:
    """Name the current index key without telling it."""
    return _kid_of(_index_seeds().live[0])


def forget_keys() -> None:
    """Drop every cached key (after a rotation in a test)."""
    _signing_keys.cache_clear()
    _partner_keys.cache_clear()
    _index_seeds_in.cache_clear()
