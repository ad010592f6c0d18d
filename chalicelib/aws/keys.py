"""Keys: derived from secrets that only the service can read, cached a bounded time.

Two secrets hold random seeds. `signing` may be rotated at any time (its current and previous versions
are both live); `index` keys the look-up of people and changes only with a re-encryption job. Every key
is derived from a seed with HKDF and a purpose, so no two purposes share one.
"""

import base64
import functools
import hashlib
import hmac
import json
import time
from dataclasses import dataclass

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chalicelib.aws.clients import client
from chalicelib.aws.settings import settings
from chalicelib.kernel.ids import PersonKey

CACHE_SECONDS = 300
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
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(seed)


def _epoch() -> int:
    return int(time.monotonic() // CACHE_SECONDS)


def signing_keys() -> SigningKeys:
    """Give the live signing seeds, read at most every five minutes."""
    return _signing_keys(_epoch())


@functools.lru_cache(maxsize=2)
def _signing_keys(_: int) -> SigningKeys:
    secret_id = settings().signing_secret_id
    seeds = [_read_seed(secret_id, "AWSCURRENT")]
    try:
        seeds.append(_read_seed(secret_id, "AWSPREVIOUS"))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    return SigningKeys(tuple((_kid_of(seed), seed) for seed in dict.fromkeys(seeds)))


def _kid_of(seed: bytes) -> str:
    return hashlib.sha256(b"kid" + seed).hexdigest()[:12]


def _read_seed(secret_id: str, stage: str) -> bytes:
    found = client("secretsmanager").get_secret_value(SecretId=secret_id, VersionStage=stage)
    return str(json.loads(found["SecretString"])["seed"]).encode()


@functools.lru_cache(maxsize=1)
def _index_seed() -> bytes:
    return _read_seed(settings().index_secret_id, "AWSCURRENT")


def keyed_digest(purpose: str, text: str) -> bytes:
    """Give the keyed HMAC-SHA256 of a text: for look-up and uniqueness of personal data."""
    return hmac.new(derive(_index_seed(), purpose), text.encode(), hashlib.sha256).digest()


def person_key_of(id_number: str) -> PersonKey:
    """Give the key under which a person is known everywhere: a keyed HMAC of the ID number."""
    text = base64.b32encode(keyed_digest("person", id_number)[:15]).decode().lower()
    return PersonKey(f"prs_{text}")


def forget_keys() -> None:
    """Drop every cached key (after a rotation in a test)."""
    _signing_keys.cache_clear()
    _index_seed.cache_clear()
